"""CPython's own tests of heapq and bisect, with lists of a live share: functions that change, or look at, a list."""

import bisect
import heapq

import pytest

heaps = pytest.importorskip("test.test_heapq")
bisects = pytest.importorskip("test.test_bisect")
pytestmark = pytest.mark.slow

from factories import Elsewhere, OnAShare, except_for  # noqa: E402

LOCAL = "its comparison changes the test's own list, while the functions work on the shared one"
MUTATING = dict.fromkeys(
    (
        "test_comparison_operator_modifiying_heap",
        "test_comparison_operator_modifiying_heap_two_heaps",
        "test_heappush_mutating_heap",
    ),
    LOCAL,
)


@except_for({"test_merge_stability": "not run: 20,000 steps of a generator in the coordinator"})
class TestHeapInAMethod(OnAShare, heaps.TestHeap, heaps.TestCase):  # type: ignore[name-defined,misc]
    """A method calls the functions, which are those written in C for whoever passes them."""

    module = Elsewhere(heapq, methods=True)


STEPS = "not run: each of some 50,000 steps is a command, which waits"


@except_for({"test_heapify": STEPS, "test_heapsort": STEPS, "test_merge_stability": STEPS})
class TestHeapOfAProxy(OnAShare, heaps.TestHeap, heaps.TestCase):  # type: ignore[name-defined,misc]
    """The functions written in Python get the proxy of a part."""

    module = Elsewhere(heaps.py_heapq, methods=False)


@except_for(MUTATING)
class TestHeapErrorsInAMethod(OnAShare, heaps.TestErrorHandling, heaps.TestCase):  # type: ignore[name-defined,misc]
    module = Elsewhere(heapq, methods=True)


@except_for(MUTATING)
class TestHeapErrorsOfAProxy(OnAShare, heaps.TestErrorHandling, heaps.TestCase):  # type: ignore[name-defined,misc]
    module = Elsewhere(heaps.py_heapq, methods=False)


class TestBisectInAMethod(OnAShare, bisects.TestBisect, heaps.TestCase):  # type: ignore[name-defined,misc]
    module = Elsewhere(bisect, methods=True)


class TestBisectOfAProxy(OnAShare, bisects.TestBisect, heaps.TestCase):  # type: ignore[name-defined,misc]
    module = Elsewhere(bisect, methods=False)


class TestInsortInAMethod(OnAShare, bisects.TestInsort, heaps.TestCase):  # type: ignore[name-defined,misc]
    module = Elsewhere(bisect, methods=True)


class TestInsortOfAProxy(OnAShare, bisects.TestInsort, heaps.TestCase):  # type: ignore[name-defined,misc]
    module = Elsewhere(bisect, methods=False)


class TestBisectErrorsInAMethod(OnAShare, bisects.TestErrorHandling, heaps.TestCase):  # type: ignore[name-defined,misc]
    module = Elsewhere(bisect, methods=True)


class TestBisectErrorsOfAProxy(OnAShare, bisects.TestErrorHandling, heaps.TestCase):  # type: ignore[name-defined,misc]
    module = Elsewhere(bisect, methods=False)


class TestBisectExamples(OnAShare, bisects.TestDocExample, heaps.TestCase):  # type: ignore[name-defined,misc]
    module = Elsewhere(bisect, methods=False)
