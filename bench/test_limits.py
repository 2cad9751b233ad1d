"""The ratios that ``share`` promises; only these make the benchmarks fail.

A ratio is the median over interleaved rounds. A machine that is busy with something else can still spoil a whole
measurement, so one that misses is repeated; a real regression misses every time.
"""

import pytest
from bench import cases
from bench.measure import measure

ATTEMPTS = 3
# operation, instead of what, and how many times as long as share that takes at least
LIMITS = [
    (cases.READ, "plain attribute", 1 / 4),
    (cases.QUEUED, "mp.Queue.put", 1 / 2),
    (cases.ONE, "BaseManager", 15),
]


@pytest.mark.parametrize(
    ("operation", "peer", "least"), LIMITS, ids=[operation for operation, _, _ in LIMITS]
)
def test_ratio(names, operation, peer, least):
    both = [case for case in cases.groups()[operation] if case.name in ("share", peer)]
    found = []
    while len(found) < ATTEMPTS:
        found.append(measure(both, names, rounds=51).times[peer])
        if found[-1] >= least:
            return
    pytest.fail(
        f"{operation}: {peer} takes {max(found):.3g} times as long as share, not the {least:.3g} it should"
    )
