"""Transactions on several objects, which may make one refer to another: who waits for whom, then and afterwards."""

import os
import threading
import time
from pathlib import Path
from typing import Any

from forked import all_well, in_child

from share import Share


class Part:
    """Writes what it has a reference to."""

    def __init__(self) -> None:
        self.other: Any = None
        self.seen: list[tuple[int, bool]] = []
        self.log: list[int] = []

    def touch(self, number: int) -> None:
        self.seen.append((number, self.other is not None))
        if self.other is not None:
            self.other.log.append(number)

    def append_when(self, path: str) -> None:
        while not os.path.exists(path):
            time.sleep(0.001)
        self.log.append(2)


def link(a: Part, b: Part) -> None:
    a.other = b


def change(a: Part, b: Part) -> None:
    a.log.append(1)
    b.log.append(1)


def test_after_it_reads_wait_for_no_more_than_before(shared: Share, tmp_path: Path) -> None:
    shared.a, shared.b, shared.c = Part(), Part(), Part()
    shared.transact(change, shared.a, shared.b)
    try:
        shared.transact(lambda a, b: 1 // 0, shared.a, shared.b)
    except ZeroDivisionError:
        pass
    else:
        raise AssertionError
    shared.a.append_when(str(tmp_path / "open"))  # queued; does not end before the reads have
    assert list(shared.b.log) == [1]
    assert list(shared.c.log) == []
    (tmp_path / "open").touch()
    assert list(shared.a.log) == [1, 2]


def test_one_that_makes_a_reference_lets_reads_wait(shared: Share) -> None:
    shared.a, shared.b = Part(), Part()
    shared.transact(link, shared.a, shared.b)
    for i in range(200):
        shared.a.touch(i)
        assert len(shared.b.log) == i + 1


def test_a_write_through_a_reference_that_is_just_being_made_is_seen(shared: Share) -> None:
    """Whether a call comes before or after the transaction: what it has written is there when it has returned."""
    rounds = 40
    for i in range(rounds):
        shared[f"a{i}"], shared[f"b{i}"] = Part(), Part()
    pairs = [(shared[f"a{i}"], shared[f"b{i}"]) for i in range(rounds)]
    shared.flush()

    def write(first: int) -> None:
        for a, b in pairs:
            for number in range(first, first + 10):
                a.touch(number)
                log = list(b.log)  # only what is published then
                if dict(list(a.seen))[number]:
                    assert number in log

    def make() -> None:
        for a, b in pairs:
            shared.transact(link, a, b)

    children = [in_child(lambda: write(100)), in_child(make)]
    thread = threading.Thread(target=make)
    thread.start()
    write(200)
    thread.join()
    assert all_well(children)
    for a, b in pairs:
        assert [number for number, linked in a.seen if linked] == list(b.log)


class Holder:
    """Writes to what the first of its parts is."""

    def __init__(self) -> None:
        self.parts: list[Any] = []
        self.n = 0

    def count_up(self) -> None:
        self.parts[0].n += 1


def test_what_a_part_refers_to_is_published_when_the_object_it_was_part_of_has_gone(shared: Share) -> None:
    shared.outer, shared.kept, shared.target = Holder(), [], Holder()
    shared.outer.parts.append(Holder())
    part = shared.outer.parts[0]
    shared.kept.append(part)
    part.parts.append(shared.target)
    del shared.outer
    part.count_up()
    shared.kept[0].count_up()
    assert shared.target.n == 2
    shared.outer = part  # a name again
    shared.outer.count_up()
    part.count_up()
    assert shared.target.n == 4


class Team:
    def __init__(self) -> None:
        self.rounds = 0
        self.lead: Any = None
        self.members: list[Any] = []

    def play(self) -> int:
        self.rounds += 1
        return self.rounds

    def add(self, member: Any) -> None:
        self.members.append(member)

    def choose(self, lead: Any) -> None:
        self.lead = lead

    def ask_the_friend_of_the_lead(self) -> None:
        self.lead.other.log.append(7)
        self.lead.other.note = "asked"

    def play_when(self, path: str) -> None:
        while not os.path.exists(path):
            time.sleep(0.001)
        self.rounds += 1


def test_what_is_written_through_an_argument_of_a_command_before_is_seen(
    shared: Share, tmp_path: Path
) -> None:
    shared.team, shared.one, shared.friend = Team(), Part(), Part()
    shared.transact(link, shared.one, shared.friend)
    shared.team.add(shared.friend)
    team, one = shared.team, shared.one
    shared.flush()
    team.play_when(str(tmp_path / "go"))  # what is queued meanwhile is one group
    team.choose(one)
    team.ask_the_friend_of_the_lead()
    (tmp_path / "go").touch()
    assert list(shared.friend.log) == [7]
    assert shared.friend.note == "asked"


def test_what_refers_to_many_costs_only_who_gets_there(shared: Share) -> None:
    """In processor time of the coordinator, which does not depend on what else runs."""
    clock = ~shared.health().coordinator << 3 | 2  # as clock_getcpuclockid() gives it

    def cost(call: Any) -> float:
        began = time.clock_gettime(clock)
        for _ in range(100):
            call()
            shared.flush()
        return time.clock_gettime(clock) - began

    def costs() -> tuple[float, ...]:
        return cost(shared.team.play), cost(shared.other.play), cost(lambda: shared.log.append(1))

    shared.team, shared.other, shared.log = Team(), Team(), []
    shared.part = Part()
    shared.team.add(shared.part)
    few = costs()
    for i in range(300):
        shared[f"part{i}"] = Part()
    shared.transact(
        lambda team, *parts: team.members.extend(parts),
        shared.team,
        *[shared[f"part{i}"] for i in range(300)],
    )
    many = costs()
    assert all(b < 10 * a for a, b in zip(few, many, strict=True)), (few, many)
