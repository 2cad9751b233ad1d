"""Methods of users' classes change containers: what is published of it, and what it costs."""

import copy
import os
import random
import signal
from collections import deque
from typing import Any

import pytest
from programs import wait_for
from tracked_classes import LARGE, METHODS, Everything, state

from share import NotShareableError, Share, plain


@pytest.fixture
def method() -> str:
    """How the other process was started makes no difference here; one that has inherited nothing proves most."""
    return "spawn"


def same(name: str, shared: Any, twin: Any, number: int) -> None:
    """Calls a method of both; they must do the same."""
    try:
        expected = getattr(twin, name)(number)
    except ValueError:
        with pytest.raises(ValueError):
            getattr(shared, name).call(number)
        return
    found = getattr(shared, name)(number)
    assert found == expected


def follow(connection: Any, shared: Share) -> None:
    """Another process: sends what it sees, each time it is asked."""
    while connection.recv():
        connection.send(state(plain(shared.thing)))


@pytest.fixture
def other(context: Any, shared: Share) -> Any:
    """Asks another process what it sees."""
    here, there = context.Pipe()
    process = context.Process(target=follow, args=(there, shared))
    process.start()

    def ask() -> Any:
        here.send(True)
        return here.recv()

    yield ask
    here.send(False)
    process.join()


@pytest.mark.parametrize("name", METHODS)
def test_each_way_to_change_a_container_is_published(shared: Share, name: str) -> None:
    shared.thing, twin = Everything(), Everything()
    thing = shared.thing
    assert state(plain(thing)) == state(twin)
    for number in (3, LARGE + 1, 7, 7, 2):
        if name == "unsee":
            thing.unsee(number)
            assert LARGE - 5 <= len(thing.seen) < LARGE
            continue
        same(name, thing, twin, number)
        assert state(plain(thing)) == state(twin)
    assert [error for error in shared.errors if "plan does not say" in str(error)] == []


def test_any_order_of_changes_is_published(shared: Share, other: Any) -> None:
    randomly = random.Random(3)
    shared.thing, twin = Everything(), Everything()
    for step in range(400):
        for _ in range(randomly.choice((1, 1, 1, 5))):
            name = randomly.choice([each for each in METHODS if each != "unsee"])
            same(name, shared.thing, twin, randomly.randrange(-5, LARGE))
        assert state(plain(shared.thing)) == state(twin), name
        if step % 50 == 0:
            assert other() == state(twin)
    assert other() == state(twin)


def test_a_new_coordinator_goes_on_tracking(shared: Share) -> None:
    randomly = random.Random(4)
    shared.thing, twin = Everything(), Everything()
    for _ in range(4):
        for _ in range(30):
            name = randomly.choice([each for each in METHODS if each != "unsee"])
            same(name, shared.thing, twin, randomly.randrange(LARGE))
        shared.flush()
        pid = shared.health().coordinator
        os.kill(pid, signal.SIGKILL)
        shared.thing.append(1)
        twin.append(1)
        assert state(plain(shared.thing)) == state(twin)
        wait_for(lambda pid=pid: shared.health().coordinator != pid, "a new coordinator")


def test_commands_and_methods_mix(shared: Share) -> None:
    shared.thing, twin = Everything(), Everything()
    for number in range(60):
        for each in (shared.thing, twin):
            each.items.append(number)
            each.append_row(number)
            each.rows[-1].append("outside")
            each.rows[number].append("outside")
            each.lists[number].append("outside")
            each.list_of(number)
            each.table[number] += "x"
            each.jobs[3].notes.append(number)
            each.jobs[3].number += 1
            each.work(number)
            each.groups[number] = [number]
            each.group(number)
            each.queue.append(number)
            each.enqueue(number)
            each.seen.discard(number)
            each.see(number)
            each.lists[number + 1][0] += 5
        assert state(plain(shared.thing)) == state(twin)


class Odd:
    """A method that cannot publish what it leaves, and one that can."""

    def __init__(self) -> None:
        self.rows = [[i] for i in range(LARGE)]

    def spoil(self) -> None:
        self.rows.append([open("/dev/null")])  # noqa: SIM115

    def grow(self) -> None:
        self.rows.append([0])


def test_what_cannot_be_published_is_undone_and_blamed_on_its_command(shared: Share) -> None:
    shared.odd = Odd()
    for _ in range(3):
        shared.odd.grow()
        with pytest.raises(NotShareableError, match="rows"):
            shared.odd.spoil.call()
        shared.odd.grow()
    assert plain(shared.odd).rows == [[i] for i in range(LARGE)] + [[0]] * 6


class Kinds:
    """What a method sees of its containers."""

    def __init__(self) -> None:
        self.items = list(range(LARGE))
        self.table = dict.fromkeys(range(LARGE), 0)
        self.seen = set(range(LARGE))
        self.queue = deque(range(LARGE), LARGE + 5)

    def look(self) -> Any:
        import json
        import pickle

        self.items.append(1)
        self.table["k"] = 1
        self.seen.add(-1)
        self.queue.append(1)
        assert type(self.items) is not list
        every = (self.items, self.table, self.seen, self.queue)
        assert [isinstance(each, cls) for each, cls in zip(every, (list, dict, set, deque), strict=True)]
        made = [type(each)(each) for each in every]
        made += [copy.copy(each) for each in every]
        made += [copy.deepcopy(each) for each in every]
        made += [pickle.loads(pickle.dumps(each)) for each in every]
        made += [each.copy() for each in every]
        made += [
            self.seen | {1},
            self.seen.union([2]),
            self.items[:],
            [].__add__(self.items),
            self.table | {1: 2},
        ]
        assert {type(each) for each in made} == {list, dict, set, deque}
        assert json.loads(json.dumps(self.items)) == list(self.items)
        assert repr(self.seen).startswith("{")
        assert repr(self.queue) == repr(self.queue.copy())
        return made


def test_what_methods_see_is_what_they_expect(shared: Share) -> None:
    shared.kinds = Kinds()
    shared.kinds.look.call()
    twin = Kinds()
    twin.items.append(1)
    twin.table["k"] = 1
    made = shared.kinds.look.call()
    assert made[0] == [*twin.items, 1]
    assert plain(shared.kinds).table == twin.table
    assert plain(shared.kinds).queue.maxlen == LARGE + 5
