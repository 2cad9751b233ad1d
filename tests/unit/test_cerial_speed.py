"""cerial against pickle in the same run, with generous margins: a lost fast path shows, a busy machine does not."""

import argparse
import pickle
import time

import pytest

from share import cerial

SMALL = {
    "int": 5,
    "float": 1.5,
    "str": "hello",
    "small tuple": (1, "a", 2.5),
    "small object": argparse.Namespace(name="words", count=3),
}
LARGE = {
    "list of 1k ints": list(range(1000)),
    "list of 100k ints": list(range(100_000)),
    "nested dicts": {str(i): {"id": i, "tags": ["a", "b"], "at": {"x": 1.5}} for i in range(100)},
    "1 MB bytes": bytes(1_000_000),
}


def ratio(value):
    """Round trips, cerial : pickle, from the best of many short rounds in turn."""
    pickled, encoded = pickle.dumps(value, 5), cerial.dumps(value)
    best = {"pickle": float("inf"), "cerial": float("inf")}
    repeat = max(1, 20_000 // (20 + len(pickled)))
    for _ in range(40):
        for name, dumps, loads, data in (
            ("pickle", lambda: pickle.dumps(value, 5), pickle.loads, pickled),
            ("cerial", lambda: cerial.dumps(value), cerial.loads, encoded),
        ):
            start = time.thread_time()
            for _ in range(repeat):
                dumps()
                loads(data)
            best[name] = min(best[name], time.thread_time() - start)
    return best["cerial"] / best["pickle"]


@pytest.mark.parametrize("name", SMALL)
def test_small_values_are_much_faster_than_pickled(name):
    assert ratio(SMALL[name]) < 0.75  # measured: 0.3 to 0.5


@pytest.mark.parametrize("name", LARGE)
def test_large_values_are_not_slower_than_pickled(name):
    assert ratio(LARGE[name]) < 1.15  # measured: 0.1 to 0.75


def test_arrays_are_not_slower_than_pickled():
    numpy = pytest.importorskip("numpy")
    assert ratio(numpy.arange(10)) < 0.5
    assert ratio(numpy.arange(125_000)) < 1.15


def test_a_class_that_travels_by_value_is_pickled_once():
    cloudpickle = pytest.importorskip("cloudpickle")

    class Local:
        def __init__(self):
            self.x = 1

        def method(self):
            return self.x

    value = Local()
    cerial.dumps(value)
    count = 300
    start = time.thread_time()
    for _ in range(count):
        cerial.loads(cerial.dumps(value))
    ours = time.thread_time() - start
    start = time.thread_time()
    for _ in range(count):
        pickle.loads(cloudpickle.dumps(value))
    assert ours < 0.2 * (time.thread_time() - start)  # measured: 0.01
