"""Snapshots: private copies, made of what the process has of the state already."""

from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

import pytest

from share import Share, plain


class Slots:
    __slots__ = ("__own", "kids")

    def __init__(self, own: int) -> None:
        self.__own, self.kids = own, [own]

    def own(self) -> int:
        return self.__own


@dataclass(frozen=True)
class Key:
    name: str
    tags: list[str] = field(default_factory=list, compare=False)


class Words(list[Any]):
    pass


class Holder:
    def __init__(self) -> None:
        self.lists: list[Any] = [1, "a", 2.5, None, True, [2], (3, [4], (5,))]
        self.tables = {"a": {1: [2]}, "b": OrderedDict([("y", 1), ("x", [2])])}
        self.counts = Counter("aab")
        self.ready: dict[str, Any] = defaultdict(list, {"k": [1]})
        self.queue = deque([1, [2]], 5)
        self.members = {1, "b", (2, 3)}
        self.data = bytearray(b"abc")
        self.slots = [Slots(7)]
        self.keys = {Key("k", ["t"]): [Key("v", ["u"])]}
        self.words = Words([[1]])
        self.again = self.lists
        self.itself: Any = None
        self.lists.append(self.lists)


def shown(value: Any, seen: tuple[int, ...] = ()) -> Any:
    """The types and contents of a plain object."""
    if id(value) in seen:
        return "again"
    seen = (*seen, id(value))
    cls = type(value)
    if isinstance(value, dict):
        return cls, [(shown(k, seen), shown(v, seen)) for k, v in value.items()]
    if isinstance(value, (list, tuple, deque)):
        return cls, [shown(item, seen) for item in value]
    if cls is Slots:
        return cls, value.own(), shown(value.kids, seen)
    if hasattr(value, "__dict__"):
        return cls, [(name, shown(item, seen)) for name, item in vars(value).items()]
    return value


def holder(share: Share) -> Any:
    share.holder = Holder()
    share.holder.itself = share.holder
    return share.holder


def test_a_snapshot_is_as_the_plain_object(shared: Share) -> None:
    wanted = Holder()
    wanted.itself = wanted
    made = shared.snapshot(holder(shared))
    assert shown(made) == shown(wanted)
    assert made.itself is made
    assert made.again is made.lists is made.lists[-1]
    assert made.queue.maxlen == 5
    assert made.ready.default_factory is list


@pytest.mark.parametrize("looked", [False, True])
def test_what_is_done_to_a_snapshot_stays_there(shared: Share, looked: bool) -> None:
    """Also where this process has what it was copied from, and where that changes later."""
    found = holder(shared)
    if looked:
        found.lists[6][1].append(5)
        assert list(found.lists[6][1]) == [4, 5]
        assert found.tables["a"][1] == [2]
    first = shared.snapshot(found)
    first.lists[6][1].append(6)
    first.tables["a"][1].append(6)
    first.members.add(6)
    first.data[0] = 0
    first.slots[0].kids.append(6)
    second = shared.snapshot(found)
    assert second.lists[6][1] == ([4, 5] if looked else [4])
    assert second.tables["a"] == {1: [2]}
    assert second.members == {1, "b", (2, 3)}
    assert second.data == b"abc"
    assert second.slots[0].kids == [7]
    found.tables["a"][1].append(7)
    found.data.append(100)
    third = shared.snapshot(found)
    assert second.tables["a"] == {1: [2]}
    assert third.tables["a"] == {1: [2, 7]}
    assert third.data == b"abcd"


def test_parts_and_objects_together(shared: Share) -> None:
    found = holder(shared)
    tables, inner, whole = shared.snapshot(found.tables, found.tables["a"], found)
    assert tables["a"] is inner
    assert whole.tables is tables
    assert plain(found.slots[0]).own() == 7
    shared.other = [found, found.lists]
    other = shared.snapshot(shared.other)
    assert other[0] == found  # not asked for: it stays what it is
    assert other[1][:5] == [1, "a", 2.5, None, True]
    both = shared.snapshot(shared.other, found)
    assert both[0][0] is both[1]
    assert both[0][1] is both[1].lists
    assert found.itself == found  # copies are met only in copies


class Locked:
    """Taken whole, for it says how it travels."""

    def __init__(self, kept: list[int]) -> None:
        self.kept = kept

    def __reduce__(self) -> Any:
        return Locked, (self.kept,)


def test_what_is_taken_whole_is_copied_as_well(shared: Share) -> None:
    shared.rows = [[1], Locked([2])]
    first = shared.snapshot(shared.rows)
    assert first[1].kept == [2]
    first[1].kept.append(3)
    first[0].append(3)
    assert [list(shared.rows[0]), shared.snapshot(shared.rows)[1].kept] == [[1], [2]]


def test_a_long_chain(shared: Share) -> None:
    chain: list[Any] = []
    for _ in range(5000):
        chain = [chain]
    shared.rows = []
    for _ in range(300):  # built where it is shared: nothing has to be encoded in one piece
        shared.rows = [shared.rows]
    made, depth = shared.snapshot(shared.rows), 0
    while made:
        made, depth = made[0], depth + 1
    assert depth == 300
