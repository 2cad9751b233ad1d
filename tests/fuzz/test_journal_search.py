"""The search of journal.py, on one file at a time."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("seed", [9000, 107])
def test_a_share_with_a_journal_is_as_the_model_says(seed: int) -> None:
    program = Path(__file__).with_name("journal.py")
    done = subprocess.run([sys.executable, program, "0", str(seed)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
    assert "as the model says" in done.stdout
