"""The kill matrix; only in a build with test points (``SHARE_TESTPOINTS=1``)."""

import logging
import os
import time
from collections import Counter

import matrix
import pytest
from arena import report

from share._control import TESTPOINTS

pytestmark = [
    pytest.mark.skipif(not TESTPOINTS, reason="this build has no test points"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def test_killed_anywhere_nothing_lost() -> None:
    logging.getLogger("share").setLevel(logging.ERROR)
    seed = int(os.environ.get("CRASH_SEED", time.time_ns() % 1000000))
    print(f"seed {seed}")
    kills = int(os.environ.get("CRASH_MATRIX", "2000"))
    table: Counter[tuple[str, str, str]] = Counter()
    try:
        matrix.run(kills, seed, table)
    finally:
        print("\n".join(report(table)))
    assert sum(n for (_, _, action), n in table.items() if action == "kill") >= kills
