"""The Prometheus text format, read for asserting: names, labels, values."""

import re

_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


class Metrics:
    def __init__(self, text: str):
        self.text = text
        self.samples = []
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            name, labels, value = _SAMPLE.match(line).groups()
            self.samples.append((name, dict(_LABEL.findall(labels or "")), float(value)))

    def all(self, name: str, **labels) -> list:
        """[(labels, value)] of the samples that carry all the given labels."""
        wanted = labels.items()
        return [(found, value) for sample, found, value in self.samples if sample == name and wanted <= found.items()]

    def sum(self, name: str, **labels) -> float:
        return sum(value for _, value in self.all(name, **labels))

    def one(self, name: str, **labels) -> float:
        found = self.all(name, **labels)
        assert len(found) == 1, f"{name}{labels}: {len(found)} samples"
        return found[0][1]
