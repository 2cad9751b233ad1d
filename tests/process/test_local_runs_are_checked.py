"""A run in the caller that changes a part of its object, against its plan, is void, and becomes a command."""

from collections import defaultdict
from typing import Any

import pytest
from forked import all_well, in_child
from sortedcontainers import SortedKeyList

from share import Share
from share.analysis import plan, writes


class Tally:
    """Counts how often it is used, in a part; what it says of itself is not true."""

    def __init__(self, sums: Any = None) -> None:
        self.n = 1
        self.log: list[int] = []
        self.rows = [{"n": 0}]
        self.sums = sums

    @writes()
    def note(self) -> int:
        self.log.append(len(self.log))
        return len(self.log)

    @writes()
    def deep(self) -> int:
        self.rows[0]["n"] += 1
        return self.rows[0]["n"]

    @writes()
    def fail(self) -> None:
        self.log.append(-1)
        raise ValueError("after the write")

    @property
    @writes()
    def counted(self) -> int:
        self.log.append(7)
        return len(self.log)

    @writes()
    def honest(self) -> int:
        return len(self.log)

    def add(self, x: int) -> Any:
        return self.sums + x


class Sums:
    """Its operators remember what they were used with."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __add__(self, x: int) -> int:
        self.seen.append(x)
        return len(self.seen)


class Noted(list[int]):
    def __bool__(self) -> bool:
        raise ValueError("neither true nor false")

    @writes()
    def note(self) -> int:
        self.append(len(self))
        return len(self)


def used(obj: Any, use: str, wanted: Any) -> None:
    assert eval(f"obj.{use}", {"obj": obj}) == wanted


def used_in_a_child(obj: Any, use: str, wanted: Any) -> None:
    assert all_well([in_child(lambda: used(obj, use, wanted))])


@pytest.mark.parametrize("use", ["note()", "deep()", "counted", "add(3)"])
def test_a_write_that_the_plan_missed_is_not_lost(shared: Share, use: str) -> None:
    """In whatever process it happens first, at whatever run."""
    shared.tally, shared.holder = Tally(Sums()), [Tally(Sums())]
    for tally in (shared.tally, shared.holder[0]):
        for i in range(1, 10, 2):
            used(tally, use, i)
            used_in_a_child(tally, use, i + 1)


def test_a_list_of_its_own(shared: Share) -> None:
    shared.noted = Noted()
    for i in range(1, 10, 2):
        used(shared.noted, "note()", i)
        used_in_a_child(shared.noted, "note()", i + 1)
    assert list(shared.noted) == list(range(10))


def test_a_write_before_an_exception(shared: Share) -> None:
    shared.tally = Tally()
    for i in range(1, 7):
        with pytest.raises(ValueError, match="after the write"):
            shared.tally.fail()
            shared.flush()
        assert list(shared.tally.log) == [-1] * i


def test_who_only_reads_goes_on_in_the_caller(shared: Share) -> None:
    shared.tally = Tally([1])
    assert [shared.tally.honest() for _ in range(40)] == [0] * 40
    assert not vars(type(shared.tally))["honest"].learned
    shared.tally.note()
    assert shared.tally.honest() == 1


def test_what_a_plan_rests_on() -> None:
    methods = plan(Tally).methods
    assert methods["honest"].guessed == "said" and methods["add"].guessed == "types"
    assert plan(Noted).methods["__len__"].guessed == "" and plan(Noted).methods["count"].guessed == "types"


class Looker:
    """Reads what it is given, and nothing of its own."""

    def look(self, shelf: Any, key: str) -> list[int]:
        return list(shelf.table[key])

    def look_in(self, shelves: list[Any], key: str) -> int:
        return sum(len(shelf.table[key]) for shelf in shelves)

    def count(self, shelf: Any, key: str) -> int:
        return shelf.looked if key == "new" else 0


class Shelf:
    def __init__(self) -> None:
        self.table: defaultdict[str, list[int]] = defaultdict(list, a=[1])
        self.looks = 0

    @property
    def looked(self) -> int:
        self.looks += 1
        return self.looks


def state_of(shelf: Shelf) -> Any:
    """In the coordinator: here the replica might have been changed."""
    return [*shelf.table], shelf.looks


@pytest.mark.parametrize("name", ["look", "look_in", "count"])
def test_a_part_that_changes_when_it_is_read_in_a_later_run(shared: Share, name: str) -> None:
    def run(looker: Any, shelf: Any, transact: Any) -> Any:
        given = [shelf] if name == "look_in" else shelf
        found = [getattr(looker, name)(given, key) for key in [*"aaaaaaaaaa", "new", "new"]]
        return found, transact(state_of, shelf)

    shared.looker, shared.shelves = Looker(), [Shelf()]
    plain = run(Looker(), Shelf(), lambda function, *args: function(*args))
    assert run(shared.looker, shared.shelves[0], shared.transact) == plain


class Key:
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, x: int) -> int:
        self.asked += 1
        return -x


def test_a_method_that_reads_by_rule_writes_through_what_it_calls(shared: Share) -> None:
    def asked() -> Any:
        return shared.transact(lambda rows: rows._key.asked, shared.rows) - before

    plain = SortedKeyList([3, 1, 2], key=Key())
    shared.rows = SortedKeyList([3, 1, 2], key=Key())
    before = 0
    before = asked() - plain._key.asked
    assert shared.rows.copy.plan.guessed == "said"
    for _ in range(4):
        assert [*shared.rows.copy()] == [*plain.copy()]
        assert asked() == plain._key.asked
