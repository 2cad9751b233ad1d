"""Methods that are reads only while what they look at is plain: lists are iterated in the caller, iterators not."""

import os
from collections import defaultdict

import pytest

from share import Share


class Held:
    """Holds what it is given, of which the analysis cannot know anything; methods tell in which process they ran."""

    def __init__(self, value):
        self.value = value

    def replace(self, value):
        self.value = value

    def taken(self):
        for item in self.value:
            return os.getpid(), item
        return os.getpid(), None

    def got(self, key):
        return os.getpid(), self.value[key]

    @property
    def one(self):
        return os.getpid(), 1 in self.value


@pytest.fixture
def shared():
    with Share() as share:
        yield share


def test_a_plain_value_is_read_in_the_caller(shared) -> None:
    shared.held = Held([1, 2, 3])
    assert shared.held.taken() == (os.getpid(), 1)
    assert shared.held.got(2) == (os.getpid(), 3)
    assert shared.held.one == (os.getpid(), True)


def test_an_iterator_moves_on_for_all(shared) -> None:
    shared.held = Held(iter([1, 2, 3]))
    where, item = shared.held.taken()
    assert where != os.getpid() and item == 1
    assert [shared.held.taken()[1] for _ in range(3)] == [2, 3, None]


def test_an_iterator_within_a_list_moves_on_for_all(shared) -> None:
    class Inner(Held):
        def taken(self):
            return os.getpid(), [item for inner in self.value for item in inner]

    shared.held = Inner([iter([1, 2]), [3]])
    where, items = shared.held.taken()
    assert where != os.getpid() and items == [1, 2, 3]
    assert shared.held.taken()[1] == [3]


def test_a_defaultdict_inserts_for_all(shared) -> None:
    shared.held = Held(defaultdict(list))
    where, item = shared.held.got("k")
    assert where != os.getpid() and item == []
    assert shared.held.replace(shared.held.value) is None
    assert list(shared.held.value) == ["k"]


def test_each_value_decides_anew(shared) -> None:
    shared.held = Held([1])
    for _ in range(3):
        assert shared.held.taken() == (os.getpid(), 1)
        shared.held.replace(iter([2, 3]))
        assert [shared.held.taken()[1] for _ in range(2)] == [2, 3]
        shared.held.value = (1,)
        assert shared.held.taken() == (os.getpid(), 1)


def test_a_nested_object_decides_by_its_own_value(shared) -> None:
    shared.outer = Held(None)
    shared.outer.value = Held([1, 2])
    inner = shared.outer.value
    assert inner.taken() == (os.getpid(), 1)
    inner.replace(iter([5, 6]))
    assert [inner.taken()[1] for _ in range(2)] == [5, 6]


def test_a_long_value_is_left_to_the_coordinator(shared) -> None:
    shared.held = Held(list(range(100_000)))
    where, item = shared.held.taken()
    assert where != os.getpid() and item == 0
