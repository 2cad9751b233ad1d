"""The suite's own check for leftovers: what a test leaves behind is reported, and removed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

CLEAN = """
from share import Share

def test_leaves_nothing():
    with Share() as shared:
        shared.x = 1
        assert shared.x == 1
"""
LEAKS_A_SEGMENT = """
from pathlib import Path

def test_leaks():
    Path("/dev/shm/share_leaked_by_a_test").write_bytes(b"x")

def test_is_not_blamed():
    assert not Path("/dev/shm/share_leaked_by_a_test").exists()
"""
LEAKS_A_SHARE = """
from share import Share

kept = []

def test_leaks():
    kept.append(Share())
    kept[0].x = 1

def test_is_not_blamed():
    pass
"""


def run(folder: Path, body: str) -> "subprocess.CompletedProcess[str]":
    (folder / "conftest.py").write_text(CONFTEST.read_text().replace("PATIENCE = 10.0", "PATIENCE = 2.0"))
    (folder / "test_body.py").write_text(body)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    testpoints\n    slow\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


def test_a_clean_test_passes(tmp_path: Path) -> None:
    result = run(tmp_path, CLEAN)
    assert result.returncode == 0, result.stdout
    assert "1 passed" in result.stdout


@pytest.mark.parametrize(
    ("body", "what"),
    [
        pytest.param(LEAKS_A_SEGMENT, "left behind: share_leaked_by_a_test", id="segment"),
        pytest.param(LEAKS_A_SHARE, "left behind: coordinator ", id="share"),
    ],
)
def test_a_leak_is_reported_once_and_removed(tmp_path: Path, body: str, what: str) -> None:
    result = run(tmp_path, body)
    assert "2 passed, 1 error" in result.stdout, result.stdout + result.stderr
    assert what in result.stdout
