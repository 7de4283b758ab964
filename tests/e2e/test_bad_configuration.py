"""A wrong configuration ends the start with exit code 78 and a line that names file, line and remedy: before any
connection is made and before any port is opened."""

import subprocess

import pytest
from support.paths import SLUICED
from support.ports import free_port

pytestmark = pytest.mark.sanitizers

GOOD = """\
kafka:
  bootstrap.servers: 127.0.0.1:1
consumers:
  orders:
    group.id: orders
    topics: [orders]
http:
  listen: [127.0.0.1:{data}]
admin:
  listen: 127.0.0.1:{admin}
"""

# (name, what is replaced, by what, the line, what the message names)
BAD = [
    ("misspelt section", "kafka:", "kafkaa:", 1, "kafka"),
    ("misspelt setting", "group.id", "group.ids", 5, "group.id"),
    ("no topics", "    topics: [orders]\n", "", None, "topics"),
    ("a topic with a space", "[orders]", '["or ders"]', 6, "or ders"),
    ("a number as a duration", "topics: [orders]", "topics: [orders]\n    lease.ms: soon", 7, "lease.ms"),
    ("a lease beyond an hour", "topics: [orders]", "topics: [orders]\n    lease.ms: 2h", 7, "lease.ms"),
    ("an unknown order", "topics: [orders]", "topics: [orders]\n    order: random", 7, "order"),
    ("its own dead letters", "topics: [orders]", "topics: [orders]\n    dead.letter.topic: orders", 7, "dead.letter.topic"),
    ("heartbeats slower than the session", "topics: [orders]", "topics: [orders]\n    session.timeout.ms: 6s\n    heartbeat.interval.ms: 7s", None, "heartbeat.interval.ms"),
    ("a setting twice", "topics: [orders]", "topics: [orders]\n    topics: [others]", 7, "topics"),
    ("not YAML", "kafka:", "kafka: [", None, None),
    ("an open port for all the world", "listen: [127.0.0.1:", "listen: [0.0.0.0:", 8, "0.0.0.0"),
    ("a variable that is not set", "127.0.0.1:1", "${NO_SUCH_VARIABLE}", 2, "NO_SUCH_VARIABLE"),
    ("a server without a port", "127.0.0.1:1", "localhost", 2, "localhost"),
]


def run(path, *options):
    return subprocess.run([SLUICED, "--config", path, *options], capture_output=True, text=True, timeout=20)


def write(directory, text):
    path = directory / "sluice.yaml"
    path.write_text(text.format(data=free_port(), admin=free_port()).replace("{{", "{").replace("}}", "}"))
    return path


@pytest.mark.parametrize("name, old, new, line, named", BAD, ids=[row[0] for row in BAD])
@pytest.mark.parametrize("option", ["--check-config", None])
def test_bad_configuration(directory, option, name, old, new, line, named):
    assert old in GOOD
    path = write(directory, GOOD.replace(old, new.replace("{", "{{").replace("}", "}}"), 1))
    done = run(path, *([option] if option else []))
    said = done.stdout + done.stderr

    assert done.returncode == 78, said
    assert "sluice.yaml" in said
    if line:
        assert f"sluice.yaml:{line}" in said, said
    if named:
        assert named in said, said


def test_good_configuration(directory):
    done = run(write(directory, GOOD), "--check-config")

    assert done.returncode == 0, done.stderr


def test_missing_file(directory):
    done = run(directory / "nowhere.yaml")

    assert done.returncode == 78
    assert "nowhere.yaml" in done.stdout + done.stderr


def test_a_port_that_is_taken_is_named(directory):
    import socket

    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        path = directory / "sluice.yaml"
        path.write_text(GOOD.format(data=port, admin=free_port()))
        done = run(path)

    assert done.returncode != 0
    assert str(port) in done.stdout + done.stderr


def test_print_config_shows_what_variables_became(directory, monkeypatch):
    monkeypatch.setenv("KAFKA_OF_THIS_TEST", "127.0.0.1:9")
    path = write(directory, GOOD.replace("127.0.0.1:1\n", "${{KAFKA_OF_THIS_TEST}}\n", 1))
    done = run(path, "--print-config")

    assert done.returncode == 0, done.stderr
    assert "127.0.0.1:9" in done.stdout


def test_environment_overrides_the_file(directory, monkeypatch):
    monkeypatch.setenv("SLUICE_CONFIG", str(write(directory, GOOD)))
    done = subprocess.run([SLUICED, "--check-config"], capture_output=True, text=True, timeout=20)

    assert done.returncode == 0, done.stderr


def test_version_and_help():
    for option in ("--version", "--help"):
        done = subprocess.run([SLUICED, option], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0 and done.stdout
