"""Where things are in the tree, and one working directory per run below build/."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "build"
KAFKA_LIBS = BUILD / "kafka" / "libs"
KAFKA_NODE = ROOT / "deploy" / "setup" / "kafka-node.sh"
SLUICED = Path(os.environ.get("SLUICED", BUILD / "release" / "sluiced")).resolve()
PROMTOOL = BUILD / "tools" / "promtool"
JAVA_SOURCES = ROOT / "tests" / "e2e" / "java"

_work = None


def work_dir() -> Path:
    """This run's own directory. Removed at exit unless keep_work_dir() was called."""
    global _work
    if _work is None:
        parent = BUILD / "e2e"
        parent.mkdir(parents=True, exist_ok=True)
        _work = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
        atexit.register(_remove)
    return _work


_keep = False


def keep_work_dir():
    global _keep
    _keep = True


def _remove():
    if _keep:
        print(f"\nlogs and configurations of this run are kept in {_work}")
    else:
        shutil.rmtree(_work, ignore_errors=True)
