"""share.cerial beside pickle (protocol 5) on the same values, in one run.

    python bench/bench_cerial.py [--rounds 15] [--seconds 0.02] [--json FILE]      the whole table
    pytest bench/bench_cerial.py --benchmark-only                                  round trips, some rows

In each round every operation is timed once, pickle and cerial one after the other, so that both see the same
machine; the medians over the rounds are compared. What is measured is CPU time, so that other programs disturb
less. An instance of a class of this very program is compared with cloudpickle, because pickle would send only its
name. Times are in ns; a ratio below 1 means cerial is faster.
"""

import argparse
import collections
import json
import pickle
import statistics
import time
from collections.abc import Callable
from typing import Any

import cloudpickle
import pytest

from share import cerial


class OfMain:
    """An instance of this travels by value when the benchmark is run as a program."""

    def __init__(self) -> None:
        self.name, self.count = "words", 3

    def add(self, n: int) -> None:
        self.count += n


def values() -> dict[str, Any]:
    """The benchmark table: name -> value."""
    table: dict[str, Any] = {
        "int": 5,
        "int of 40 bits": 10**12,
        "float": 1.5,
        "str": "hello",
        "small tuple": (1, "a", 2.5),
        "small object": argparse.Namespace(name="words", count=3),
        "object of __main__": OfMain(),
        "list of 1k ints": list(range(1000)),
        "list of 100k ints": list(range(100_000)),
        "list of 1k floats": [i / 7 for i in range(1000)],
        "list of 1k str": [f"word {i}" for i in range(1000)],
        "nested dicts": {
            str(i): {"id": i, "tags": ["a", "b"], "at": {"x": 1.5, "y": 2.5}} for i in range(100)
        },
        "1k small objects": [argparse.Namespace(name="words", count=i) for i in range(1000)],
        "1 MB bytes": bytes(1_000_000),
        "deque (by pickle)": collections.deque(range(100)),
    }
    try:
        import numpy
    except ImportError:
        return table
    table["numpy, 10 int64"] = numpy.arange(10)
    table["numpy, 1 MB"] = numpy.arange(125_000)
    table["numpy, 1 MB (dates, by pickle)"] = numpy.zeros(125_000, "M8[s]")
    return table


def timer(call: Callable[[], Any], seconds: float) -> Callable[[], float]:
    """A function that says how many ns one call takes, by as many calls as fill about ``seconds``."""
    repeat, spent = 1, 0.0
    while spent < seconds / 2:
        repeat *= 2
        spent = _spent(call, repeat)
    return lambda: _spent(call, repeat) / repeat * 1e9


def _spent(call: Callable[[], Any], repeat: int) -> float:
    start = time.thread_time()
    for _ in range(repeat):
        call()
    return time.thread_time() - start


def compare(name: str, value: Any, rounds: int, seconds: float) -> dict[str, Any]:
    """One row of the table: medians in ns, sizes in bytes, ratios cerial / pickle."""
    peer = cloudpickle.dumps if name == "object of __main__" else pickle.dumps
    pickled, encoded = peer(value, 5), cerial.dumps(value)
    timers = {
        "pickle dumps": timer(lambda: peer(value, 5), seconds),
        "cerial dumps": timer(lambda: cerial.dumps(value), seconds),
        "pickle loads": timer(lambda: pickle.loads(pickled), seconds),
        "cerial loads": timer(lambda: cerial.loads(encoded), seconds),
    }
    samples = [{key: measure() for key, measure in timers.items()} for _ in range(rounds)]
    row: dict[str, Any] = {key: statistics.median(sample[key] for sample in samples) for key in timers}
    row["dumps"] = row["cerial dumps"] / row["pickle dumps"]
    row["loads"] = row["cerial loads"] / row["pickle loads"]
    row["both"] = (row["cerial dumps"] + row["cerial loads"]) / (row["pickle dumps"] + row["pickle loads"])
    return {"value": name, **row, "pickle bytes": len(pickled), "cerial bytes": len(encoded)}


QUICK = ("int", "str", "small tuple", "small object", "list of 1k ints", "nested dicts", "1 MB bytes")


@pytest.mark.parametrize("library", ["pickle", "cerial"])
@pytest.mark.parametrize("name", QUICK)
@pytest.mark.benchmark(max_time=0.2, min_rounds=5)
def test_round_trip(benchmark: Any, name: str, library: str) -> None:
    value = values()[name]
    benchmark.group = name
    if library == "pickle":
        benchmark(lambda: pickle.loads(pickle.dumps(value, 5)))
    else:
        benchmark(lambda: cerial.loads(cerial.dumps(value)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.02, help="of each measurement")
    parser.add_argument("--json", help="also write the rows to this file")
    options = parser.parse_args()
    rows = []
    print(f"{'':34}{'pickle':>20}{'cerial':>22}{'ratio':>24}{'bytes':>20}")
    print(
        f"{'value':34}{'dumps':>10}{'loads':>10}{'dumps':>12}{'loads':>10}{'dumps':>10}{'loads':>7}{'both':>7}"
    )
    for name, value in values().items():
        row = compare(name, value, options.rounds, options.seconds)
        rows.append(row)
        print(
            f"{name:34}{row['pickle dumps']:10.0f}{row['pickle loads']:10.0f}"
            f"{row['cerial dumps']:12.0f}{row['cerial loads']:10.0f}"
            f"{row['dumps']:10.2f}{row['loads']:7.2f}{row['both']:7.2f}"
            f"{row['pickle bytes']:12}{row['cerial bytes']:10}",
            flush=True,
        )
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
