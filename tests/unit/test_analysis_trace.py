"""Tracing: what real calls did, against the plan."""

from collections.abc import Iterator
from typing import Any

import pytest

from share.analysis import trace, writes
from share.analysis._encode import fingerprint
from share.errors import AnalysisError


class Box:
    def __init__(self) -> None:
        self.items: list[Any] = []
        self.n = 0

    def put(self, x: Any) -> None:
        self.items.append(x)

    def size(self) -> int:
        return len(self.items)

    def maybe(self, x: Any) -> None:
        if x:
            self.n = x

    def each(self) -> Iterator[Any]:
        for x in self.items:
            self.n += 1
            yield x

    @property
    def total(self) -> int:
        return self.n

    @total.setter
    def total(self, value: int) -> None:
        self.n = value


def test_changes_in_place_are_observed() -> None:
    with trace(Box) as seen:
        box = Box()
        box.put(1)
        assert box.size() == 1
    assert seen.methods["put"].writes == {"items"} and seen.methods["put"].reads == {"items"}
    assert seen.methods["size"].writes == set() and seen.methods["size"].reads == {"items"}
    assert seen.methods["put"].calls == 1
    assert seen.misses == []
    assert "put: 1 calls, read items, wrote items" in str(seen)


def test_generators_and_properties_are_observed() -> None:
    with trace(Box) as seen:
        box = Box()
        box.put(1)
        assert list(box.each()) == [1]
        box.total = 5
        assert box.total == 5
    assert seen.methods["each"].writes == {"n"}
    assert seen.methods["total.setter"].writes == {"n"} and seen.methods["total"].reads == {"n"}


def test_false_alarms_are_named() -> None:
    with trace(Box) as seen:
        Box().maybe(0)
    assert seen.false_alarms == ["maybe"]


def test_a_wrong_plan_is_caught() -> None:
    class Lying:
        def __init__(self) -> None:
            self.a: list[int] = []

        @writes()
        def put(self) -> None:
            self.a.append(1)

    with trace(Lying) as seen:
        Lying().put()
    assert seen.misses == [f"{Lying.__qualname__}.put wrote 'a', which its plan does not say"]


def test_the_class_is_as_before() -> None:
    before = dict(vars(Box))
    with pytest.raises(ZeroDivisionError), trace(Box):
        assert vars(Box)["put"] is not before["put"]
        raise ZeroDivisionError
    assert dict(vars(Box)) == before


def test_opaque_classes_are_observed_as_a_whole() -> None:
    class Items(list[int]):
        def double(self) -> None:
            self.extend(self)

    with trace(Items) as seen:
        items = Items([1])
        items.double()
        items.append(1)
        assert len(items) == 3
    assert seen.methods["double"].writes == seen.methods["append"].writes == {"*"}
    assert seen.methods["__len__"].writes == set() and seen.misses == []


def test_built_in_types_cannot_be_traced() -> None:
    with pytest.raises(AnalysisError, match="subclass"), trace(list):
        pass


def test_fingerprints_tell_values_apart() -> None:
    loop: list[Any] = []
    loop.append(loop)
    shared = [1]
    values = [1, 1.0, True, "1", b"1", [1], (1,), {1}, {1: 2}, {2: 1}, loop, iter([1]), object, len, [shared, shared],
              [[1], [1]], bytearray(b"1"), Box()]  # fmt: skip
    prints = [fingerprint(value) for value in values]
    assert all(one != two for place, one in enumerate(prints) for two in prints[:place])
    assert prints == [fingerprint(value) for value in values]


def test_fingerprints_see_an_iterator_move() -> None:
    steps = iter([1, 2])
    before = fingerprint(steps)
    next(steps)
    assert fingerprint(steps) != before
