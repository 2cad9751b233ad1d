"""Containers are published as a base and a log: what readers see, and what it costs."""

import random
from collections import deque
from typing import Any

import pytest
from nested_classes import Bag, Two, grow_both
from programs import wait_for

from share import Share, plain

LARGE = 2000


@pytest.fixture
def method() -> str:
    """How the other process was started makes no difference here; one that has inherited nothing proves most."""
    return "spawn"


def reader(shared: Share, connection: Any) -> None:
    """Another process: sends what it sees of a name, each time it is asked."""
    while (name := connection.recv()) is not None:
        connection.send(plain(shared[name]))


@pytest.fixture
def other(context: Any, shared: Share) -> Any:
    """Asks another process what it sees."""
    here, there = context.Pipe()
    process = context.Process(target=reader, args=(shared, there))
    process.start()

    def ask(name: str) -> Any:
        here.send(name)
        return here.recv()

    yield ask
    here.send(None)
    process.join()


STARTS: list[Any] = [
    list(range(LARGE)),
    {i: i for i in range(LARGE)},
    set(range(LARGE)),
    deque(range(LARGE), LARGE),
]


def change(container: Any, number: int) -> None:
    """One change that goes into a log."""
    if isinstance(container, dict):
        container[number] = (number, "x" * 50)
        container.pop(number - 3, None)
    elif isinstance(container, set):
        container.add(-number)
        container.discard(number)
    else:
        container.append(number)
        container[7] = number
        container.pop(0) if isinstance(container, list) else container.popleft()


@pytest.mark.parametrize("start", STARTS, ids=lambda start: type(start).__name__)
def test_every_process_sees_each_change(shared: Share, other: Any, start: Any) -> None:
    shared.c, twin = (
        start,
        type(start)(start, start.maxlen) if isinstance(start, deque) else type(start)(start),
    )
    for number in range(200):
        change(shared.c, number)
        change(twin, number)
        if number % 20 == 0:
            assert shared.c == twin
            assert other("c") == twin
    assert shared.c == twin
    assert other("c") == twin


def test_a_log_is_compacted_and_memory_stays_bounded(shared: Share) -> None:
    shared.d = dict.fromkeys(range(LARGE), 0)
    shared.flush()
    memory = shared.health().memory
    for i in range(20_000):
        shared.d[i % LARGE] = i
    shared.flush()
    assert shared.d == {i: 18_000 + i for i in range(LARGE)}
    assert shared.health().memory < memory + 2_000_000


def test_a_failed_change_leaves_readers_and_state_as_one(shared: Share, other: Any) -> None:
    shared.d = {i: [i] for i in range(LARGE)}
    shared.d["x"] = 1
    with pytest.raises(KeyError):
        shared.d.pop("y")
    with shared.waiting(), pytest.raises(TypeError):
        shared.d.update([(1, 2), ([], 3)])
    assert shared.d[1] == 2
    assert other("d") == plain(shared.d)


def test_a_change_inside_an_element_is_seen(shared: Share, other: Any) -> None:
    shared.l = [[i] for i in range(LARGE)]
    shared.l.append(["new"])
    shared.l[3].append("inside")
    shared.l.append("end")
    shared.l[-2].append("too")
    assert shared.l[3] == [3, "inside"]
    assert other("l")[-2:] == [["new", "too"], "end"]


def test_the_same_element_twice_stays_the_same(shared: Share) -> None:
    element: list[int] = []
    shared.d = {i: i for i in range(LARGE)}
    shared.d.update({"a": element, "b": element})
    shared.d["a"].append(1)
    assert shared.d["b"] == [1]


def test_what_is_looked_at_does_not_move(shared: Share) -> None:
    shared.l = list(range(LARGE))
    assert shared.l[0] == 0
    iterator, snapshot = iter(shared.l), shared.snapshot(shared.l)
    next(iterator)
    for _ in range(100):
        shared.l.pop(0)
        assert len(shared.l) == len(plain(shared.l))
    assert list(iterator) == list(range(101, LARGE))  # it is an index into the list
    assert snapshot == list(range(LARGE))


def test_containers_of_objects_have_logs_too(shared: Share, other: Any) -> None:
    shared.bag = Bag()
    shared.bag.items = list(range(LARGE))
    for i in range(50):
        shared.bag.items.append(i)
        shared.bag.items[0] += 1
    assert shared.bag.items == [50, *range(1, LARGE), *range(50)]
    assert other("bag").items == plain(shared.bag.items)
    shared.bag.items = ["other"]
    shared.bag.items.append("one")
    assert shared.bag.items == ["other", "one"]


def test_references_in_a_container_are_counted(shared: Share) -> None:
    shared.d = {i: i for i in range(LARGE)}
    shared.bag = Bag()
    shared.bag.n = 1
    bag = shared.bag
    shared.d["bag"] = bag
    shared.d["more"] = 1
    del shared.bag
    shared.flush()
    assert shared.d["bag"].n == 1
    assert shared.d["bag"] is bag


def test_a_new_coordinator_goes_on_with_the_log(shared: Share, other: Any) -> None:
    import os
    import signal

    shared.l, twin = list(range(LARGE)), list(range(LARGE))
    randomly = random.Random(5)
    for round_ in range(3):
        for _ in range(30):
            value = randomly.randrange(LARGE)
            shared.l.append(value)
            twin.append(value)
        shared.flush()
        pid = shared.health().coordinator
        os.kill(pid, signal.SIGKILL)
        shared.l.append(round_)
        twin.append(round_)
        assert shared.l == twin
        wait_for(lambda pid=pid: shared.health().coordinator != pid, "a new coordinator")
        assert other("l") == twin


def test_a_reader_beside_a_writer_never_sees_a_change_twice_or_not_at_all(
    context: Any, shared: Share
) -> None:
    shared.two, more = Two(LARGE), 1500
    two = shared.two
    writer = context.Process(target=grow_both, args=(two, LARGE, more))
    writer.start()
    seen = (0, 0, True)
    while seen[:2] != (LARGE + more, LARGE + more):
        found = two.ends()
        assert found[2]
        assert 0 <= found[0] - found[1] <= 1
        assert found[:2] >= seen[:2]
        count = len(two.items)
        assert count >= found[0]
        assert two.items[-1] >= count - 1
        seen = found
    writer.join()
    assert writer.exitcode == 0
