"""A method gives a name of the share to what is in the state: it is the same object, not a copy."""

import os
import signal
from collections import deque
from typing import Any

import pytest

from share import Share, plain


class Row:
    """A part."""

    def __init__(self) -> None:
        self.n = 1
        self.items: list[int] = []


class Holder:
    """Its parts get names."""

    def __init__(self) -> None:
        self.row = Row()
        self.table: Any = {"a": [1]}
        self.items: Any = [[1]]
        self.queue: Any = deque([1])
        self.marks: Any = {1}

    def name_it(self, share: Any, attribute: str) -> bool:
        share.part = getattr(self, attribute)
        return share.part is getattr(self, attribute)

    def name_an_item(self, share: Any) -> bool:
        self.items.append(self.row)
        share.part = self.items[-1]
        share.part.n = 5
        list.append(share.part.items, 6)
        return share.part is self.row

    def name_a_new_one(self, share: Any) -> Any:
        new = Row()
        share.part = new
        self.items.append(new)
        new.n = 7
        return share.part.n, share.part is new

    def same(self, share: Any) -> bool:
        return share.part is self.items[-1]


def kill(share: Share) -> None:
    share.flush()
    os.kill(share.health().coordinator, signal.SIGKILL)
    share.mark = 1


@pytest.mark.parametrize("attribute", ["table", "items", "queue", "marks"])
def test_a_container_is_the_same_under_its_name(attribute: str, shared: Share) -> None:
    shared.holder = holder = Holder()
    assert shared.holder.name_it.call(shared, attribute)
    for _ in range(2):
        assert plain(shared.part) == getattr(holder, attribute)
        assert type(plain(shared.part)) is type(getattr(holder, attribute))
        kill(shared)
    assert getattr(shared.holder, attribute) is shared.part


def test_an_object_is_the_same_under_its_name(shared: Share) -> None:
    shared.holder = Holder()
    assert shared.holder.name_an_item.call(shared)
    assert (shared.part.n, shared.holder.row.n, plain(shared.holder).row.items) == (5, 5, [6])
    kill(shared)
    shared.part.n = 8
    assert (shared.holder.row.n, shared.holder.same.call(shared)) == (8, True)


def test_a_new_object_is_the_same_under_its_name(shared: Share) -> None:
    shared.holder = Holder()
    assert shared.holder.name_a_new_one.call(shared) == (7, True)
    assert (shared.part.n, shared.holder.items[-1].n) == (7, 7)
    assert shared.holder.same.call(shared)
    kill(shared)
    assert shared.holder.same.call(shared)
