"""Changes past recording, in what a command reaches through the share that it is given."""

import heapq
import io
import os
import signal
import struct
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import pytest

from share import Share, plain


class Inner:
    """A part of the state."""

    def __init__(self) -> None:
        self.n = 1
        self.items: Any = [1]


class Outer:
    """Everything of it is reached through the share."""

    def __init__(self) -> None:
        self.data = bytearray(b"abc")
        self.inner = Inner()
        self.items = [3, 1, 2]
        self.table = {"k": 1}
        self.order = OrderedDict(a=1)

    def content(self) -> Any:
        return self.data, vars(self.inner), self.items, self.table, self.order


class Reacher:
    """Its method changes another object."""

    def __init__(self) -> None:
        self.n = 0

    def extend(self, share: Any) -> None:
        self.n += 1
        list.append(share.items, 8)
        share.items[-1] = 5


class Ordered(Counter, OrderedDict):  # type: ignore[misc,type-arg]
    """Counts, and keeps an order."""


class Both:
    """It has one."""

    def __init__(self) -> None:
        self.counts = Ordered("aab")

    def change(self) -> Any:
        self.counts["z"] += 3
        self.counts.move_to_end("a")
        self.counts.update("bb")
        return self.counts.popitem(last=False)


class Viewer:
    """Changes bytes through a view of them."""

    def __init__(self) -> None:
        self.data = bytearray(b"abc")

    def view(self) -> None:
        memoryview(self.data)[1] = 66


def pack(share: Any) -> None:
    struct.pack_into("B", share.outer.data, 0, 65)


def read_into(share: Any) -> None:
    io.BytesIO(b"XYZ").readinto(share.outer.data)


def set_in_vars(share: Any) -> None:
    vars(share.outer.inner)["n"] = 5


def update_the_dict(share: Any) -> None:
    share.outer.inner.__dict__.update(n=6, items=[1, 2])


def set_past_the_class(share: Any) -> None:
    object.__setattr__(share.outer.inner, "n", 7)


def sort_unbound(share: Any) -> None:
    list.sort(share.outer.items)


def update_unbound(share: Any) -> None:
    dict.update(share.outer.table, z=1)
    OrderedDict.move_to_end(share.outer.order, "a")


def push(share: Any) -> None:
    heapq.heappush(share.outer.items, 0)


WAYS = [pack, read_into, set_in_vars, update_the_dict, set_past_the_class, sort_unbound, update_unbound, push]


class Plain:
    """What the same function is given without a share."""


@pytest.mark.parametrize("change", WAYS)
def test_what_a_transaction_reaches_through_the_share(change: Callable[[Any], None], shared: Share) -> None:
    expected: Any = Plain()
    expected.outer = Outer()
    change(expected)
    shared.outer, shared.n = Outer(), 1
    shared.transact(change, shared)
    assert plain(shared.outer).content() == expected.outer.content()


def test_an_unbound_call_and_a_recorded_change_together(shared: Share) -> None:
    shared.reacher, shared.items, shared.other = Reacher(), [9, 4], {"kept": 1}
    shared.reacher.extend(shared)
    assert shared.items == [9, 4, 5]
    os.kill(shared.health().coordinator, signal.SIGKILL)
    shared.n = 1
    assert (shared.items, shared.other, shared.n) == ([9, 4, 5], {"kept": 1}, 1)


def test_a_class_of_two_containers(shared: Share) -> None:
    shared.both, twin = Both(), Both()
    assert shared.both.change() == twin.change()
    assert list(plain(shared.both).counts.items()) == list(twin.counts.items())
    os.kill(shared.health().coordinator, signal.SIGKILL)
    assert shared.both.change() == twin.change()
    assert list(plain(shared.both).counts.items()) == list(twin.counts.items())


def test_bytes_changed_through_a_view(shared: Share) -> None:
    shared.viewer = Viewer()
    shared.viewer.view()
    assert shared.viewer.data == b"aBc"


class Filled:
    """Keeps what it makes in its `__dict__`."""

    def __init__(self) -> None:
        self.made = 0

    def put(self, name: str) -> None:
        self.__dict__[name] = [name]

    def put_all(self, **given: int) -> None:
        vars(self).update(given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        self.made += 1
        self.__dict__[name] = value = [name]
        return value


def test_attributes_stored_in_the_dict_of_a_part(shared: Share) -> None:
    shared.top, shared.rows = Filled(), [Filled()]
    for filled in (shared.top, shared.rows[0]):
        filled.put("a")
        filled.put_all(b=2)
        assert list(filled.a) == ["a"]
        assert [list(filled.c), list(filled.c)] == [["c"], ["c"]]
        filled.c.append(1)
        assert vars(plain(filled)) == {"made": 1, "a": ["a"], "b": 2, "c": ["c", 1]}
