"""Segments that the garbage collector finds in a cycle."""

import subprocess
import sys

PROGRAM = """
import gc, os
from share._segment import Segment, unlink
gc.disable()
for number in range(50):
    name = f"share_test_{os.getpid()}_{number}"
    cycle = [Segment.create(name, 4096)]
    unlink(name)
    cycle.append(cycle)
    del cycle
    gc.collect()
"""


def test_a_segment_in_a_cycle_is_collected_without_a_crash() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
