"""The suite's own check for leftovers: what a test leaves behind is reported, and removed."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from share import Share

CONFTEST = Path(__file__).parents[1] / "conftest.py"

CLEAN = """
from share import Share

def test_leaves_nothing():
    with Share() as shared:
        shared.x = 1
        assert shared.x == 1
"""
LEAKS_A_SEGMENT = """
import os
from pathlib import Path

LEAKED = Path(f"/dev/shm/share_leaked_by_a_test_of_{os.getpid()}")

def test_leaks():
    LEAKED.write_bytes(b"x")

def test_is_not_blamed():
    assert not LEAKED.exists()
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

MEETS_ANOTHER = """
import time
from pathlib import Path

def test_during_which_another_program_makes_a_share():
    Path("begun").touch()
    while not Path("made").exists():
        time.sleep(0.01)
"""

DIES = """
import os, signal
from share import Share

shared = Share()
shared.x = 1
shared.flush()
print(shared.session_of().name, shared.health().coordinator, flush=True)
os.kill(shared.health().coordinator, signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)
"""


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def run(folder: Path, body: str) -> "subprocess.CompletedProcess[str]":
    (folder / "conftest.py").write_text(CONFTEST.read_text().replace("PATIENCE = 60.0", "PATIENCE = 2.0"))
    (folder / "test_body.py").write_text(body)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    testpoints\n    slow\n")
    command = [sys.executable, "-m", "pytest", "-q", "-pno:cacheprovider", "-pno:warnings", str(folder)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=folder)


def test_a_clean_test_passes(tmp_path: Path) -> None:
    result = run(tmp_path, CLEAN)
    assert result.returncode == 0, result.stdout
    assert "1 passed" in result.stdout


@pytest.mark.parametrize(
    ("body", "what"),
    [
        pytest.param(LEAKS_A_SEGMENT, "left behind: share_leaked_by_a_test_of_", id="segment"),
        pytest.param(LEAKS_A_SHARE, "left behind: coordinator ", id="share"),
    ],
)
def test_a_leak_is_reported_once_and_removed(tmp_path: Path, body: str, what: str) -> None:
    result = run(tmp_path, body)
    assert "2 passed, 1 error" in result.stdout, result.stdout + result.stderr
    assert what in result.stdout


def test_shares_of_other_programs_are_let_alone(tmp_path: Path, not_beside_gc: None) -> None:
    """Neither a test that meets them is blamed, nor are their segments removed, be they in use at the moment or not."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, tmp_path, MEETS_ANOTHER)
        while not (tmp_path / "begun").exists():
            assert not running.done(), running.result().stdout
            time.sleep(0.01)
        with Share(f"test-{os.getpid()}") as shared:
            shared.text = "x" * 100_000
            assert len(shared.text) == 100_000
            kept = Path(
                f"/dev/shm/{shared.session_of().name}_s9_9"
            )  # as the arguments of a large command are
            kept.touch()
            said = subprocess.run(
                [sys.executable, "-c", DIES], check=False, capture_output=True, text=True
            ).stdout
            name, coordinator = said.split()
            while lives(int(coordinator)):
                time.sleep(0.01)
            (tmp_path / "made").touch()
            result = running.result()
            dead = list(Path("/dev/shm").glob(f"{name}*"))
            for path in [kept, *dead]:
                path.unlink()
            assert dead and len(shared.text) == 100_000
    assert result.returncode == 0 and "1 passed" in result.stdout, result.stdout
