"""What the compiler does not check about this tree. Each rule takes a path (from the root) and its text, and yields
Violation values whose remedy says what to do instead."""

import re
from dataclasses import dataclass

import cpp_text

PRODUCT = ("protocol/", "config/", "daemon/")
FILE_LINES_MAX = 400
TEST_FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70


@dataclass(frozen=True)
class Violation:
    path: str
    line: int
    what: str
    remedy: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.what}; {self.remedy}"


def is_cpp(path: str) -> bool:
    return path.endswith((".cpp", ".hpp"))


def is_product(path: str) -> bool:
    return is_cpp(path) and path.startswith(PRODUCT)


# ------------------------------------------------------------------------------------------- include directions

# Each room and the rooms it may see. The most specific prefix wins; "daemon/" is the composition root.
ROOMS = {
    "protocol/": {"protocol/"},
    "config/": {"config/"},
    "daemon/core/": {"daemon/core/", "protocol/"},
    "daemon/net/": {"daemon/net/", "protocol/"},
    "daemon/engine/": {"daemon/engine/", "daemon/core/", "daemon/net/", "protocol/"},
    "daemon/metrics/": {"daemon/metrics/", "daemon/engine/", "daemon/core/", "protocol/"},
    "daemon/http/": {"daemon/http/", "daemon/metrics/", "daemon/engine/", "daemon/core/", "daemon/net/", "protocol/"},
    "daemon/": {"daemon/", "protocol/", "config/"},
}

# Third-party headers that only some rooms may see.
LIBRARIES = {
    "boost/": ("daemon/net/", "daemon/engine/", "daemon/http/", "daemon/app", "daemon/main"),
    "yaml-cpp/": ("config/",),
    "nlohmann/": ("config/", "daemon/http/"),
    "prometheus/": ("daemon/metrics/",),
    "spdlog/": ("daemon/engine/", "daemon/app", "daemon/main", "daemon/log"),
    "openssl/": ("daemon/net/", "daemon/http/", "protocol/sasl/"),
}

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def room_of(path: str):
    for room in sorted(ROOMS, key=len, reverse=True):
        if path.startswith(room):
            return room
    return None


def include_directions(path, text):
    if not is_product(path):
        return
    room = room_of(path)
    for match in _INCLUDE.finditer(text):
        header, line = match.group(2), cpp_text.line_of(text, match.start())
        target = room_of(header) if match.group(1) == '"' else None
        if match.group(1) == '"' and target is None:
            yield Violation(path, line, f'"{header}" is not a path from the root', "write it from the repository root")
        elif target and room != "daemon/" and target not in ROOMS[room]:
            allowed = ", ".join(sorted(ROOMS[room]))
            yield Violation(path, line, f"{room} includes {header}", f"it may see only {allowed}")
        for library, rooms in LIBRARIES.items():
            if match.group(1) == "<" and header.startswith(library) and not path.startswith(rooms):
                yield Violation(path, line, f"{room} includes <{header}>", f"{library} belongs to {', '.join(rooms)}")


# ------------------------------------------------------------------------------------------- the ban list


def _banned(pattern, allowed, what, remedy, only=PRODUCT):
    expression = re.compile(pattern)

    def rule(path, text):
        if not is_product(path) or not path.startswith(only) or (allowed and path.startswith(allowed)):
            return
        code = cpp_text.code_only(text)
        for match in expression.finditer(code):
            yield Violation(path, cpp_text.line_of(code, match.start()), what, remedy)

    return rule


reads_the_wall_clock = _banned(
    r"\b(system|high_resolution|utc|file)_clock\s*::\s*now\s*\(|\bclock_gettime\b|\bgettimeofday\b|\bstd::time\s*\(",
    ("daemon/engine/clock",),
    "reads a clock that may jump",
    "take the time as an argument, or ask engine::Clock",
)
reads_the_steady_clock = _banned(
    r"\bsteady_clock\s*::\s*now\s*\(",
    ("daemon/engine/clock", "daemon/net/"),
    "reads the steady clock",
    "ask engine::Clock; only sockets in daemon/net keep deadlines of their own",
)
now_in_pure_code = _banned(
    r"\bnow\s*\(",
    (),
    "calls now()",
    "take a TimePoint as an argument: pure code has no clock",
    only=("protocol/", "daemon/core/", "config/"),
)
asio_in_pure_code = _banned(
    r"\basio\s*::|\bboost\s*::",
    (),
    "uses Asio or Boost",
    "keep I/O in daemon/net and daemon/engine",
    only=("protocol/", "daemon/core/", "config/"),
)
threads = _banned(
    r"#\s*include\s*<(thread|mutex|shared_mutex|condition_variable|future|semaphore)>|\bstd::(jthread|thread|mutex)\b",
    ("daemon/net/worker",),
    "uses threads or locks",
    "all state belongs to the loop; long pure work goes through daemon/net/worker",
)
detached = _banned(
    r"\bdetached\b",
    ("daemon/net/task_group",),
    "starts a detached coroutine",
    "start it through a TaskGroup, whose owner waits for it",
)
experimental = _banned(r"\bexperimental\b", (), "uses an experimental part", "use AsyncEvent or a stable facility")
randomness = _banned(
    r"\bstd::(random_device|mt19937)\b|\brand\s*\(",
    ("daemon/engine/", "daemon/app", "daemon/main"),
    "draws its own luck",
    "take a core::Random by reference, so that a seed repeats a run",
)


def awaits_in_condition(path, text):
    if not is_cpp(path):
        return
    code = cpp_text.code_only(text)
    for offset, inner in cpp_text.conditions(code):
        if re.search(r"\bco_await\b", cpp_text.without_lambda_bodies(inner)):
            line = cpp_text.line_of(code, offset)
            yield Violation(path, line, "co_await in a condition", "bind the result to a name first")


def capturing_coroutine_lambda(path, text):
    if not is_cpp(path):
        return
    code = cpp_text.code_only(text)
    for offset, captures, body in cpp_text.lambdas(code):
        if captures and re.search(r"\bco_(await|return|yield)\b", cpp_text.without_lambda_bodies(body)):
            line = cpp_text.line_of(code, offset)
            yield Violation(path, line, "a coroutine lambda with captures", "make it a named function with parameters")


# ------------------------------------------------------------------------------------------- sizes and words


def file_too_long(path, text, ratchet=None):
    if not is_cpp(path):
        return
    usual = FILE_LINES_MAX if is_product(path) else TEST_FILE_LINES_MAX
    limit = (ratchet or {}).get(path, usual)
    lines = text.count("\n")
    if lines > limit:
        yield Violation(path, lines, f"{lines} lines, at most {limit}", "split it: one idea per file")
    elif ratchet and path in ratchet and lines < limit:
        yield Violation(path, lines, f"{lines} lines, but the ratchet still says {limit}", "lower it in ratchet.txt")


def function_too_long(path, text):
    if not is_product(path):
        return
    code = cpp_text.code_only(text)
    for offset, lines in cpp_text.functions(code):
        if lines > FUNCTION_LINES_MAX:
            line = cpp_text.line_of(code, offset)
            yield Violation(path, line, f"a function of {lines} lines", f"at most {FUNCTION_LINES_MAX}: take a step out")


_UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|WIP)\b")


def unfinished_work(path, text):
    for match in _UNFINISHED.finditer(text):
        line = cpp_text.line_of(text, match.start())
        yield Violation(path, line, f"the word {match.group(1)}", "finish it, or say plainly what is so and why")


_MACHINE_PATH = re.compile(r"(?<![\w.$}/~-])/(work|root|home|Users)/[\w.]")


def machine_path(path, text):
    for match in _MACHINE_PATH.finditer(text):
        line = cpp_text.line_of(text, match.start())
        yield Violation(path, line, "a path of one machine", "derive it from the script's place or an option")


RULES = (
    include_directions,
    reads_the_wall_clock,
    reads_the_steady_clock,
    now_in_pure_code,
    asio_in_pure_code,
    threads,
    detached,
    experimental,
    randomness,
    awaits_in_condition,
    capturing_coroutine_lambda,
    file_too_long,
    function_too_long,
    unfinished_work,
    machine_path,
)
