"""Times cases in turns, so that a disturbance of the machine meets all of them alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.cases import Case


@dataclass(frozen=True)
class Figures:
    """Medians of one group of cases; ``share`` is the first."""

    group: str
    seconds: dict[str, float]  # per operation
    # how many times as long as share each takes: the median of the rounds' ratios
    times: dict[str, float]
    rounds: dict[str, list[float]]  # seconds per operation in each round


def measure(cases: Sequence[Case], names: dict[str, Any], rounds: int) -> Figures:
    """Runs the cases of one group in turns, after one round that does not count.

    The ratio of two cases is formed within each round; what is reported is the median over the rounds, which a
    disturbed round does not move. Peers that are not installed are left out.
    """
    cases = [case for case in cases if not case.needs or case.needs in names]
    seconds: dict[str, list[float]] = {case.name: [] for case in cases}
    for _ in range(min(rounds, *(case.rounds for case in cases)) + 1):
        for case in cases:
            case.prepare(names)
            seconds[case.name].append(case.run(names) / case.n)
    kept = {name: values[1:] for name, values in seconds.items()}
    ours = kept[cases[0].name]
    times = {
        name: median(theirs / mine for mine, theirs in zip(ours, values, strict=True))
        for name, values in kept.items()
    }
    return Figures(cases[0].group, {name: median(values) for name, values in kept.items()}, times, kept)
