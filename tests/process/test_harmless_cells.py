"""Whether an operator may write is asked of the classes of what a run can meet, wherever that is at home."""

from collections import defaultdict
from typing import Any

import pytest

from share import Share, plain


class Odd:
    """Counts who compares it."""

    def __init__(self) -> None:
        self.n = 0

    def __eq__(self, other: object) -> bool:
        self.n += 1
        return False

    __hash__ = object.__hash__


class Key:
    def __init__(self, name: str) -> None:
        self.name, self.n = name, 0

    def __eq__(self, other: object) -> bool:
        self.n += 1
        return isinstance(other, Key) and self.name == other.name

    def __hash__(self) -> int:
        return 1


class Looks:
    def __init__(self) -> None:
        self.items: list[Any] = []
        self.others: list[Any] = [defaultdict(list)]

    def has(self, x: Any) -> bool:
        return x in self.items

    def count(self, x: Any) -> int:
        return self.items.count(x)

    def has_in(self, where: Any, x: Any) -> bool:
        return any(x == item for item in where)


@pytest.mark.parametrize("look", ["has", "count"])
def test_elements_that_count_who_asks(shared: Share, look: str) -> None:
    """They come when the method has run many times, so that it is not looked at closely any more."""
    shared.looks = Looks()
    ask = getattr(shared.looks, look)
    for _ in range(9):
        ask(3)
    shared.looks.items.append(Odd())
    for _ in range(6):
        ask(3)
    assert shared.looks.items[0].n == plain(shared.looks).items[0].n == 6


def test_a_part_of_another_object_as_argument(shared: Share) -> None:
    shared.looks, shared.odd = Looks(), [[1], 2]
    for _ in range(9):
        assert not shared.looks.has_in(shared.odd, 3)
    shared.odd.append(Odd())
    for _ in range(6):
        assert not shared.looks.has_in(shared.odd, 3)
    assert plain(shared.odd)[2].n == 6


def test_elements_that_are_at_home_elsewhere(shared: Share) -> None:
    shared.odd, shared.rows = [Odd()], []
    shared.rows.append(shared.odd[0])
    for _ in range(3):
        assert 3 not in shared.rows
    assert plain(shared.odd)[0].n == 3


def test_a_class_that_an_object_gets_later(shared: Share) -> None:
    shared.looks = Looks()
    for _ in range(9):
        assert not shared.looks.has(3)
    for _ in range(200):  # until what is there is written anew
        shared.looks.items[:] = [[i] for i in range(30)]
    assert not shared.looks.has(3)
    shared.looks.items[0] = Odd()
    assert not shared.looks.has(3)
    assert plain(shared.looks).items[0].n == 1


def test_keys_that_count_who_asks(shared: Share) -> None:
    shared.table = {Key("a"): 1, Key("b"): [2]}
    before = [key.n for key in plain(shared.table)]
    assert shared.table[Key("b")] == [2]
    shared.table[Key("b")].append(3)
    assert Key("a") in shared.table
    assert shared.table.get(Key("c"), 5) == 5
    assert shared.table.get(Key("c")) is None
    with pytest.raises(KeyError):
        shared.table[Key("c")]
    assert shared.table.setdefault(Key("b"), 9) == [2, 3]
    assert sum(key.n for key in plain(shared.table)) > sum(before)
    seen = [key.n for key in shared.table]
    assert seen == [key.n for key in plain(shared.table)]
    values = shared.table.values()
    assert [2, 3] in values
    assert (Key("b"), [2, 3]) in shared.table.items()
    assert (Key("b"), [2]) not in shared.table.items()
