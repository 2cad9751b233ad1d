"""Every case under pytest-benchmark, grouped by operation: ``python -m pytest bench``."""

import pytest
from bench.cases import CASES
from bench.peers import PEERS


@pytest.mark.parametrize("case", CASES, ids=str)
def test_speed(benchmark, names, case):
    if case.needs and case.needs not in names:
        pytest.skip(f"needs {PEERS.get(case.needs, case.needs)}")
    benchmark.group = case.group
    benchmark.extra_info["operations in a round"] = case.n
    benchmark.pedantic(
        case.run,
        args=(names,),
        setup=lambda: case.prepare(names),
        rounds=min(21, case.rounds),
        warmup_rounds=1,
    )
