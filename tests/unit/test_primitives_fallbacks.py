"""Runs the suites of the primitives again without futex and without pidfd: both are chosen at import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SUITES = {
    "SHARE_NO_FUTEX": [
        "test_wait.py",
        "test_primitives_rings.py",
        "test_primitives_mpsc.py",
        "test_flags.py",
        "test_primitives_slots.py",
    ],
    "SHARE_NO_PIDFD": ["test_primitives_death.py", "test_primitives_mpsc.py"],
}


@pytest.mark.parametrize("variable", SUITES)
@pytest.mark.skipif(
    "SHARE_NO_FUTEX" in os.environ or "SHARE_NO_PIDFD" in os.environ, reason="this is that run"
)
def test_the_suites_pass_without(variable: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command + [str(HERE / name) for name in SUITES[variable]],
        env={**os.environ, variable: "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
