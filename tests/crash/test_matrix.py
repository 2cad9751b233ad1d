"""The kill matrix; only in a build with test points (``SHARE_TESTPOINTS=1``)."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import matrix
import pytest
from arena import kills_in, report

pytestmark = [pytest.mark.testpoints, pytest.mark.slow]


def test_killed_anywhere_nothing_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``CRASH_MATRIX`` is the number of kills, ``CRASH_SEED`` repeats a run (schedules still differ)."""
    seed = int(os.environ.get("CRASH_SEED", time.time_ns() % 1_000_000))
    kills = int(os.environ.get("CRASH_MATRIX", "2000"))
    # Two shares at once: each round waits a lot for starts and ends of processes.
    files = [tmp_path / f"{i}.json" for i in range(2)]
    runs = [
        subprocess.Popen(
            [sys.executable, matrix.__file__, str(-(-kills // 2)), str(seed + 1000 * i), str(file)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for i, file in enumerate(files)
    ]  # fmt: skip
    outputs = [run.communicate()[0] for run in runs]
    for run, output in zip(runs, outputs, strict=True):
        assert run.returncode == 0, output
    table: matrix.Table = Counter()
    for file in files:
        for role, point, action, count in json.loads(file.read_text()):
            table[role, point, action] += count
    with capsys.disabled():
        print("\n" + "\n".join(report(table)))
    assert kills_in(table) >= kills
    assert not matrix.unmet(table), "points where nobody died"
