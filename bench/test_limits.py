"""The ratios of bench/targets.toml; only these make the benchmarks fail, beyond twice the target.

A ratio is the median over interleaved rounds. A machine that is busy with something else can still spoil a whole
measurement, so one that misses is repeated; a real regression misses every time.
"""

import pytest
from bench import cases
from bench.measure import measure
from bench.targets import targets

ATTEMPTS = 3


@pytest.mark.parametrize("target", [target for target in targets() if target.gate], ids=str)
def test_ratio(names, target):
    both = [case for case in cases.groups()[target.operation] if case.name in ("share", target.peer)]
    found = []
    while len(found) < ATTEMPTS:
        found.append(1 / measure(both, names, rounds=51).times[target.peer])
        if not target.fails(found[-1]):
            return
    pytest.fail(f"{target}: share takes {min(found):.3g} times as long, the target is {target.most:.3g}")


def test_targets_are_of_operations_that_are_measured():
    for target in targets():
        assert target.peer in {case.name for case in cases.groups()[target.operation]}
        assert target.gate or target.why
