"""``shared.changes``: each change tells what has become of it, and replaying them gives the state."""

import asyncio
import random
import threading
from collections import deque
from email.message import EmailMessage
from typing import Any

import pytest
from classes import Pair
from forked import all_well, in_child

from share import Change, DeletedObjectError, Share, ShareClosedError, ShareTimeoutError, plain


class Garden:
    """Attributes of many kinds, of which two may be the same list, and some come and go."""

    def __init__(self) -> None:
        self.n, self.m = 0, 0
        self.rows: list[Any] = []
        self.same = self.rows
        self.by_name: dict[str, Any] = {}
        self.queue: deque[int] = deque()
        self.pair = Pair()

    def step(self, chance: random.Random) -> None:
        self.n += 1
        self.m += 1
        what = chance.randrange(7)
        if what == 0:
            self.rows.append([self.n])
        elif what == 1:
            self.by_name[f"k{self.n % 5}"] = {"deep": [self.n]}
        elif what == 2:
            self.queue.append(self.n)
            self.queue.rotate(1)
        elif what == 3:
            self.pair.left = self.n
        elif what == 4:
            self.late = self.n
        elif what == 5 and hasattr(self, "late"):
            del self.late
        elif self.rows:
            self.rows[0].append(self.n)


def drained(changes: Any) -> list[Change]:
    found = []
    try:
        while True:
            found.append(changes.next(timeout=0.001))
    except ShareTimeoutError:
        return found


def state(garden: Any) -> dict[str, Any]:
    return {name: vars(value) if name == "pair" else value for name, value in vars(garden).items()}


def test_replaying_them_gives_the_state(shared: Share) -> None:
    shared.garden, shared.rest = Garden(), [0]
    garden = shared.garden
    changes, in_part, deep = shared.changes(garden), shared.changes(garden.rows), shared.changes(garden.pair)
    count, late = shared.changes(garden, "n"), shared.changes(garden, "late")

    def work() -> None:
        chance = random.Random(7)
        for i in range(400):
            garden.step(chance)
            shared.rest[0] = i
            if i % 20 == 0:
                shared.flush()

    child = in_child(work)
    copies: list[Any] = [None] * 5
    watched = [changes, in_part, deep, count, late]
    copies[3:] = {}, {}
    positions = [0] * 5
    while positions[0] == 0 or copies[0].n < 400:
        for i, one in enumerate(watched):
            for change in [one.next(timeout=60)] if i == 0 else drained(one):
                assert change.position > positions[i]
                positions[i] = change.position
                copies[i] = change.apply(copies[i])
        assert copies[0].n == copies[0].m
    assert all_well([child])
    for i, one in enumerate(watched[1:], 1):
        for change in drained(one):
            copies[i] = change.apply(copies[i])
    last = plain(garden)
    assert state(copies[0]) == state(last)
    assert copies[1] == last.rows
    assert vars(copies[2]) == vars(last.pair)
    assert copies[3] == {"n": 400}
    assert copies[4] == ({"late": last.late} if hasattr(last, "late") else {})


def test_an_object_that_refers_to_other_cells(shared: Share) -> None:
    """What a look did not find at once is found with the next try."""
    shared.mail = EmailMessage()
    changes, copy = shared.changes(shared.mail), plain(shared.mail)
    for i in range(2):
        shared.mail.set_content(f"{i}")
        copy = changes.next(timeout=60).apply(copy)
        del shared.mail["X-A"]  # makes a new list of what there is
        copy = changes.next(timeout=60).apply(copy)
    assert copy.as_string() == shared.mail.as_string()


def test_only_what_is_watched(shared: Share) -> None:
    shared.pair, shared.table = Pair(), {"a": [1]}
    left, key = shared.changes(shared.pair, "left"), shared.changes(shared.table, "a")
    assert (next(left).value, next(key).value) == (0, [1])
    with shared.waiting():
        shared.pair.right = 5
        shared.table["b"] = 1
    assert drained(left) == drained(key) == []
    with shared.waiting():
        shared.pair.left = 6
        shared.table["a"].append(2)
    assert (next(left).value, next(key).value) == (6, [1, 2])
    with shared.waiting():
        del shared.table["a"]
    (gone,) = drained(key)
    assert (gone.changed, gone.gone, gone.value) == ({}, (("a",),), None)
    assert gone.apply({"a": 1, "c": 2}) == {"c": 2}


def test_one_commit_is_one_change(shared: Share) -> None:
    shared.pair = Pair()
    changes = shared.changes(shared.pair)
    next(changes)
    for i in range(1, 4):
        with shared.waiting():
            shared.update(shared.pair, left=i, right=i)
        (change,) = drained(changes)
        assert change.changed == {("left",): i, ("right",): i}
        assert not change.gap
        with pytest.raises(ValueError, match="2 things"):
            _ = change.value


def test_who_is_slow_is_told_that_there_was_more(shared: Share) -> None:
    shared.pair = Pair()
    changes = shared.changes(shared.pair)
    next(changes)
    for i in range(100):
        with shared.waiting():
            shared.pair.left = i
    (change,) = drained(changes)
    assert (change.changed, change.gap) == ({("left",): 99}, True)


def test_it_waits(shared: Share) -> None:
    shared.pair = Pair()
    changes = shared.changes(shared.pair, "left")
    next(changes)
    timer = threading.Timer(0.05, setattr, (shared.pair, "left", 9))
    timer.start()
    assert next(changes).value == 9
    timer.join()
    with pytest.raises(ShareTimeoutError):
        changes.next(timeout=0.01)


def test_in_an_event_loop(shared: Share) -> None:
    shared.pair = Pair()

    async def follow(name: str) -> list[int]:
        found = []
        async for change in shared.changes(shared.pair, name):
            found.append(change.value)
            if change.value == 30:
                return found
        raise AssertionError

    async def main() -> None:
        followers = [asyncio.ensure_future(follow(name)) for name in ("left", "right", "left")]
        for i in range(1, 31):
            shared.pair.left = shared.pair.right = i
            await asyncio.sleep(0)
        for found in await asyncio.wait_for(asyncio.gather(*followers), 60):
            assert found == sorted(set(found))
        rest = shared.changes(shared.pair)
        await anext(rest)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(rest)
        shared.pair.left = 31
        assert (await anext(rest)).changed == {("left",): 31}

    asyncio.run(main())


def test_what_ends_them(shared: Share) -> None:
    shared.pair, shared.table, shared.rest = Pair(), {"part": [1]}, []
    pair, part, rest = (
        shared.changes(shared.pair),
        shared.changes(shared.table["part"]),
        shared.changes(shared.rest),
    )
    next(pair), next(part), next(rest)
    del shared.table
    del shared.pair
    for _ in range(2):  # who asks again does not wait for ever
        with pytest.raises(DeletedObjectError):
            pair.next(timeout=60)
        with pytest.raises(DeletedObjectError):
            part.next(timeout=60)
    timer = threading.Timer(0.05, shared.close)
    timer.start()
    with pytest.raises(ShareClosedError):
        next(rest)
    timer.join()


def test_what_cannot_be_watched(shared: Share) -> None:
    shared.pair = Pair()
    with pytest.raises(TypeError, match="wait_for"):
        shared.changes(5)
    with pytest.raises(TypeError, match="is a str"):
        shared.changes(shared.pair, 5)
    with Share() as other:
        other.pair = Pair()
        with pytest.raises(ValueError, match="of share"):
            shared.changes(other.pair)
