"""The rules themselves: each finds a planted violation and leaves the allowed form alone."""

import pytest
import rules

LONG = "int x;\n" * 401
LONG_FUNCTION = "namespace a {\nint f(int x) {\n" + "  x++;\n" * 80 + "  return x;\n}\n}\n"

PLANTED = [
    (rules.include_directions, "protocol/a.cpp", '#include "daemon/core/types.hpp"\n'),
    (rules.include_directions, "daemon/core/a.cpp", '#include "daemon/net/dial.hpp"\n'),
    (rules.include_directions, "daemon/net/a.cpp", '#include "daemon/core/types.hpp"\n'),
    (rules.include_directions, "daemon/engine/a.cpp", '#include "daemon/http/server.hpp"\n'),
    (rules.include_directions, "daemon/metrics/a.cpp", '#include "daemon/http/server.hpp"\n'),
    (rules.include_directions, "daemon/http/a.cpp", '#include "config/options.hpp"\n'),
    (rules.include_directions, "config/a.cpp", '#include "protocol/error.hpp"\n'),
    (rules.include_directions, "daemon/core/a.hpp", '#include "types.hpp"\n'),
    (rules.include_directions, "daemon/core/a.hpp", "#include <boost/asio.hpp>\n"),
    (rules.include_directions, "daemon/net/a.hpp", "  # include <yaml-cpp/yaml.h>\n"),
    (rules.reads_the_steady_clock, "daemon/http/a.cpp", "auto t = std::chrono::steady_clock::now();"),
    (rules.reads_the_wall_clock, "daemon/net/a.cpp", "auto t = std::chrono::system_clock::now();"),
    (rules.reads_the_wall_clock, "daemon/http/a.cpp", "clock_gettime(CLOCK_REALTIME, &t);"),
    (rules.now_in_pure_code, "daemon/core/a.cpp", "const auto t = clock.now();"),
    (rules.asio_in_pure_code, "daemon/core/a.hpp", "void f(boost::asio::io_context&);"),
    (rules.asio_in_pure_code, "protocol/a.hpp", "void f(asio::io_context&);"),
    (rules.threads, "daemon/engine/a.cpp", "#include <thread>\n"),
    (rules.threads, "daemon/http/a.cpp", "std::mutex guard;"),
    (rules.detached, "daemon/net/a.cpp", "co_spawn(ex, run(), asio::detached);"),
    (rules.experimental, "daemon/net/a.cpp", "#include <boost/asio/experimental/channel.hpp>\n"),
    (rules.randomness, "daemon/core/a.cpp", "std::random_device luck;"),
    (rules.awaits_in_condition, "daemon/net/a.cpp", "if (co_await next(n)) run();"),
    (rules.awaits_in_condition, "daemon/net/a.cpp", "while (\n    (co_await read()).ok()) {}"),
    (rules.awaits_in_condition, "daemon/net/a.cpp", "switch (co_await f(x)) {}"),
    (rules.awaits_in_condition, "daemon/net/a.cpp", "for (int i = 0; i < co_await n(); ++i) {}"),
    (rules.awaits_in_condition, "tests/unit/net/a.cpp", "do { x(); } while (co_await more());"),
    (rules.capturing_coroutine_lambda, "daemon/net/a.cpp", "auto f = [this]() -> awaitable<void> { co_await g(); };"),
    (rules.capturing_coroutine_lambda, "daemon/net/a.cpp", "spawn([&, x = 1] { co_return; });"),
    (rules.capturing_coroutine_lambda, "daemon/net/a.cpp", "f([=](int a) mutable noexcept -> T<int> { co_yield a; });"),
    (rules.file_too_long, "daemon/net/a.cpp", LONG),
    (rules.file_too_long, "tests/unit/a.cpp", LONG * 2),
    (rules.function_too_long, "daemon/net/a.cpp", LONG_FUNCTION),
    (rules.unfinished_work, "deploy/a.sh", "# TO" + "DO: later"),
    (rules.unfinished_work, "daemon/net/a.cpp", "// FIX" + "ME"),
    (rules.machine_path, "tests/a.py", "open('/ho" + "me/someone/x')"),
]

ALLOWED = [
    (rules.include_directions, "daemon/core/a.cpp", '#include "protocol/error.hpp"\n#include "daemon/core/types.hpp"\n'),
    (rules.include_directions, "daemon/engine/a.cpp", '#include "daemon/net/dial.hpp"\n#include <boost/asio.hpp>\n'),
    (rules.include_directions, "daemon/app.cpp", '#include "config/load.hpp"\n#include "daemon/http/server.hpp"\n'),
    (rules.include_directions, "tests/unit/a.cpp", '#include "anything.hpp"\n'),
    (rules.reads_the_steady_clock, "daemon/engine/clock.cpp", "return std::chrono::steady_clock::now();"),
    (rules.reads_the_steady_clock, "daemon/net/a.cpp", "if (deadline < steady_clock::now()) close();"),
    (rules.reads_the_wall_clock, "daemon/http/a.cpp", "// system_clock::now() is not called here"),
    (rules.now_in_pure_code, "daemon/core/a.cpp", "void poll(TimePoint now); // now()"),
    (rules.threads, "daemon/net/worker.cpp", "#include <thread>\n"),
    (rules.detached, "daemon/net/task_group.cpp", "co_spawn(ex, run(), asio::detached);"),
    (rules.awaits_in_condition, "daemon/net/a.cpp", "if (auto ec = co_await f(n); !ec) run();"),
    (rules.awaits_in_condition, "daemon/net/a.cpp", "const bool more = co_await f();\nif (more) co_await g();"),
    (rules.awaits_in_condition, "daemon/net/a.cpp", "for (auto& x : co_await list()) use(x);"),
    (rules.awaits_in_condition, "daemon/net/a.cpp", 'if (text == "co_await (") {}'),
    (rules.awaits_in_condition, "daemon/net/a.cpp", "while (open) { co_await f(); }"),
    (rules.capturing_coroutine_lambda, "daemon/net/a.cpp", "auto f = []() -> awaitable<void> { co_await g(); };"),
    (rules.capturing_coroutine_lambda, "daemon/net/a.cpp", "auto f = [this] { start(); };\nco_await g();"),
    (rules.capturing_coroutine_lambda, "daemon/net/a.cpp", "values[index] = 1;\nvoid f() { co_await g(); }"),
    (rules.file_too_long, "tests/unit/a.cpp", LONG),
    (rules.function_too_long, "daemon/net/a.cpp", "namespace a {\nclass B {\n" + "  int x();\n" * 90 + "};\n}\n"),
    (rules.function_too_long, "config/a.cpp", "constexpr auto kTable = to_array<T>({\n" + "  {f(1), 2},\n" * 90 + "});\n"),
    (rules.unfinished_work, "daemon/net/a.cpp", "// kTodoist is a name"),
    (rules.machine_path, "deploy/a.sh", 'cd "$ROOT/work/x" && ls ./home/y build/root/z'),
]


@pytest.mark.parametrize("rule, path, text", PLANTED)
def test_finds_planted_violation(rule, path, text):
    found = list(rule(path, text))
    assert found and all(violation.remedy for violation in found)


@pytest.mark.parametrize("rule, path, text", ALLOWED)
def test_leaves_allowed_form_alone(rule, path, text):
    assert list(rule(path, text)) == []


def test_ratchet_lets_a_listed_file_be_long_but_not_longer():
    listed = {"daemon/net/a.cpp": 401}
    assert list(rules.file_too_long("daemon/net/a.cpp", LONG, listed)) == []
    assert list(rules.file_too_long("daemon/net/a.cpp", LONG + "\n", listed))


def test_ratchet_must_follow_a_file_that_shrank():
    assert list(rules.file_too_long("daemon/net/a.cpp", "int x;\n", {"daemon/net/a.cpp": 401}))


def test_planted_violation_names_its_line():
    found = list(rules.detached("daemon/net/a.cpp", "int a;\n/* two\nlines */\nspawn(asio::detached);\n"))
    assert [violation.line for violation in found] == [4]
