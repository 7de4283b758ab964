"""One small chart as SVG: lines over the seconds of a run, readable on light and on dark pages."""

from pathlib import Path

_WIDTH, _HEIGHT = 760, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 64, 44, 44
_STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #57606a; }
  .title { font-size: 14px; font-weight: 600; fill: #24292f; }
  .grid { stroke: #8c959f; stroke-opacity: .3; }
  .a { stroke: #0969da; } text.a { fill: #0969da; stroke: none; }
  .b { stroke: #bc4c00; } text.b { fill: #bc4c00; stroke: none; }
  polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
  polyline.b { stroke-dasharray: 6 4; }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1; } .title { fill: #e6edf3; }
    .a { stroke: #58a6ff; } text.a { fill: #58a6ff; }
    .b { stroke: #ff9b50; } text.b { fill: #ff9b50; }
  }
"""


def _ceiling(value: float) -> float:
    """The next round number: 1, 2, 4, 5 or 8 times a power of ten."""
    step = 1.0
    while step * 10 < value:
        step *= 10
    return next(step * factor for factor in (1, 2, 4, 5, 8, 10) if step * factor >= value)


def write_chart(path: Path, title: str, left: tuple, right: tuple, seconds: float):
    """left, right: (label, [(second, value)]), each with an axis of its own that begins at 0."""
    inner_width, inner_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    tops = [_ceiling(max(value for _, value in points)) for _, points in (left, right)]

    def x(second):
        return _LEFT + inner_width * second / seconds

    def y(value, top):
        return _TOP + inner_height * (1 - value / top)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{title}">',
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="{_LEFT}" y="20">{title}</text>',
        f'<text class="a" x="{_LEFT}" y="37">{left[0]}</text>',
        f'<text class="b" x="{_WIDTH - _RIGHT}" y="37" text-anchor="end">{right[0]}</text>',
    ]
    for part in range(5):
        height = y(part, 4)
        out.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height:g}" y2="{height:g}"/>')
        labels = [f"{top * part / 4:,g}" for top in tops]
        out.append(f'<text class="a" x="{_LEFT - 8}" y="{height + 4:g}" text-anchor="end">{labels[0]}</text>')
        out.append(f'<text class="b" x="{_WIDTH - _RIGHT + 8}" y="{height + 4:g}">{labels[1]}</text>')
    for second in range(0, int(seconds) + 1, 10):
        out.append(f'<text x="{x(second):g}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{second}</text>')
    out.append(f'<text x="{_WIDTH / 2:g}" y="{_HEIGHT - 8}" text-anchor="middle">seconds</text>')
    for name, (_, points), top in (("b", right, tops[1]), ("a", left, tops[0])):
        line = " ".join(f"{x(second):.1f},{y(value, top):.1f}" for second, value in _corners(points))
        out.append(f'<polyline class="{name}" points="{line}"/>')
    path.write_text("\n".join([*out, "</svg>", ""]))


def _corners(points: list) -> list:
    """Steps instead of slopes, and nothing where the value stays."""
    found = [points[0]]
    for before, point in zip(points, points[1:]):
        if point[1] != before[1]:
            found += [(point[0], before[1]), point]
    return [*found, (points[-1][0], points[-1][1])]
