"""Just enough reading of C++ for the rules: comments and literals blanked out, balanced brackets, lambdas, functions."""

import re

_OPEN = {"(": ")", "[": "]", "{": "}"}
_NOISE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^()\\\s]{0,16})\((?:.*?)\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-zA-Z_])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL,
)


def code_only(text: str) -> str:
    """The text with comments, strings and characters replaced by spaces; every offset and line stays."""

    def blank(match):
        found = match.group(0)
        if found[0] == '"' and re.search(r"#\s*include\s*$", text[max(0, match.start() - 20) : match.start()]):
            return found
        return re.sub(r"[^\n]", " ", found)

    return _NOISE.sub(blank, text)


def line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def closing(code: str, at: int) -> int:
    """The offset of the bracket that closes the one at `at`; len(code) when there is none."""
    opening, end = code[at], _OPEN[code[at]]
    depth = 0
    for offset in range(at, len(code)):
        if code[offset] == opening:
            depth += 1
        elif code[offset] == end:
            depth -= 1
            if depth == 0:
                return offset
    return len(code)


def conditions(code: str):
    """(offset, text) of what stands in the parentheses of if, while, switch and for, less what is allowed to wait
    there: an if's or switch's init-statement and the range of a range-for."""
    for match in re.finditer(r"\b(if|while|switch|for)\b\s*(?:constexpr\s*)?\(", code):
        start = match.end() - 1
        inner = code[start + 1 : closing(code, start)]
        keyword = match.group(1)
        if keyword in ("if", "switch"):
            inner_start, inner = _after_last_semicolon(inner)
        elif keyword == "for" and ";" not in inner:
            inner_start, inner = 0, inner.split(" : ")[0]
        else:
            inner_start = 0
        yield start + 1 + inner_start, inner


def _after_last_semicolon(inner: str):
    cut = inner.rfind(";") + 1
    return cut, inner[cut:]


_LAMBDA = re.compile(r"(?<![\w\])\"])\[(?!\[)")


def lambdas(code: str):
    """(offset, captures, body) of each lambda expression."""
    for match in _LAMBDA.finditer(code):
        at = match.start()
        end = closing(code, at)
        position = _skip_space(code, end + 1)
        if position < len(code) and code[position] == "<":
            position = _skip_space(code, code.find(">", position) + 1)
        if position < len(code) and code[position] == "(":
            position = closing(code, position) + 1
        brace = re.compile(r"[^;{}()=]*(?:\([^()]*\)[^;{}()=]*)*\{").match(code, position)
        if not brace:
            continue
        start = brace.end() - 1
        yield at, code[at + 1 : end].strip(), code[start + 1 : closing(code, start)]


def _skip_space(code: str, at: int) -> int:
    while at < len(code) and code[at].isspace():
        at += 1
    return at


def without_lambda_bodies(code: str) -> str:
    """The code with the bodies of the lambdas inside it blanked out."""
    for _, _, body in lambdas(code):
        if body.strip():
            code = code.replace(body, re.sub(r"[^\n]", " ", body))
    return code


_SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")


def functions(code: str):
    """(offset of the name's line, lines) of each function body that stands in a namespace or class."""
    at, intro_start = 0, 0
    while at < len(code):
        character = code[at]
        if character in ";}":
            intro_start = at + 1
        elif character == "#":
            at = code.find("\n", at)
            if at < 0:
                return
            intro_start = at + 1
        elif character == "{":
            intro = code[intro_start:at]
            if intro.rstrip().endswith(("(", "=", ",", "return")):
                at = closing(code, at)  # an initialiser: data, of any length
            elif _SCOPE.search(intro.split("(")[0]) or "(" not in intro:
                intro_start = at + 1
            else:
                end = closing(code, at)
                start = intro_start + (len(intro) - len(intro.lstrip()))
                yield start, code.count("\n", start, end) + 1
                at = end
                intro_start = at + 1
        at += 1
