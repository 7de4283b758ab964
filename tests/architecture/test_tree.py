"""The rules hold for every file of this tree."""

import subprocess
from pathlib import Path

import pytest
import rules

ROOT = Path(__file__).resolve().parents[2]
TEXT = {".cpp", ".hpp", ".txt", ".cmake", ".md", ".py", ".sh", ".java", ".yaml", ".yml", ".json", ".xml", ".service", ""}
HERE = "tests/architecture/"


def tracked_files():
    """Files of the tree as Git would commit them, with their text."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        file = ROOT / name
        if file.suffix in TEXT and file.is_file() and not name.startswith(HERE) and name != "LICENSE":
            yield name, file.read_text(errors="replace")


FILES = dict(tracked_files())


def ratchet():
    lines = (Path(__file__).parent / "ratchet.txt").read_text().splitlines()
    return {name: int(limit) for name, limit in (line.split() for line in lines if line and not line.startswith("#"))}


NAMES = {
    "reads_the_wall_clock": rules.reads_the_wall_clock,
    "reads_the_steady_clock": rules.reads_the_steady_clock,
    "now_in_pure_code": rules.now_in_pure_code,
    "asio_in_pure_code": rules.asio_in_pure_code,
    "threads": rules.threads,
    "detached": rules.detached,
    "experimental": rules.experimental,
    "randomness": rules.randomness,
}


def name_of(rule):
    return next((name for name, known in NAMES.items() if known is rule), rule.__name__)


@pytest.mark.parametrize("rule", rules.RULES, ids=name_of)
def test_tree_keeps(rule):
    found = []
    for path, text in FILES.items():
        arguments = (path, text, ratchet()) if rule is rules.file_too_long else (path, text)
        found += [str(violation) for violation in rule(*arguments)]
    assert not found, "\n" + "\n".join(found)


def test_ratchet_names_only_existing_files():
    assert set(ratchet()) <= set(FILES)


def test_tree_was_found():
    assert any(path.startswith("daemon/") for path in FILES)
