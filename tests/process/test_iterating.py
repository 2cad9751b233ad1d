"""Loops over shared containers that another process changes meanwhile, or the loop itself does."""

import gc
import multiprocessing
import sys
from collections import OrderedDict, deque
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
from forked import all_well, in_child

from share import Share

fork = multiprocessing.get_context("fork")


class Row:
    def __init__(self, n: int) -> None:
        self.n = n


class Board:
    def __init__(self) -> None:
        self.rows, self.table = [Row(n) for n in range(4)], dict.fromkeys(range(20), 100) | {99: 0}

    def add(self, n: int) -> None:
        self.rows.append(Row(n))

    def drop(self) -> None:
        del self.rows[0]
        self.rows.append(Row(9))

    def move(self) -> None:
        self.table[1] -= 1
        self.table[15] += 1
        self.table[99] = self.table.pop(99)


def change(shared: Share) -> None:
    shared.table.pop("b")
    shared.table["a"], shared.table["new"], shared.table["c"] = 9, 9, 9
    shared.names.discard("b")
    shared.names |= {"new", "other"}
    shared.rows.append(9)
    del shared.rows[0]
    shared.queue.append(9)


def test_a_loop_goes_over_what_was_there_when_it_began(shared: Share) -> None:
    shared.table, shared.names = dict.fromkeys("abc", 1), {"a", "b", "c"}
    shared.rows, shared.queue = [1, 2, 3], deque([1, 2, 3])
    given = (shared.table, shared.table.items(), shared.names, shared.rows, shared.queue)
    loops = [iter(each) for each in given]
    first = [next(loop) for loop in loops]
    assert all_well([in_child(lambda: change(shared))])
    assert shared.table == {"a": 9, "c": 9, "new": 9} and shared.rows == [2, 3, 9]
    keys, items, names, rows, queue = ([begun, *loop] for begun, loop in zip(first, loops, strict=True))
    assert keys == ["a", "b", "c"]
    assert items == [("a", 1), ("b", 1), ("c", 1)]
    assert sorted(names) == ["a", "b", "c"]
    assert rows == queue == [1, 2, 3]


def test_a_loop_gives_the_parts_that_were_there(shared: Share) -> None:
    shared.board = Board()
    board = shared.board
    held = board.rows[:]
    forwards, backwards = iter(board.rows), reversed(board.rows)
    assert next(forwards) is held[0] and next(backwards) is held[3]
    assert all_well([in_child(board.drop)])
    assert [row.n for row in board.rows] == [1, 2, 3, 9]
    for row in forwards:
        row.n += 10  # of the same cell as the list, which is not written to
    assert [row.n for row in held[1:]] == [11, 12, 13]
    assert all_well([in_child(board.drop)])
    assert [row.n for row in board.rows] == [12, 13, 9, 9]
    assert [row is other for row, other in zip(backwards, held[2::-1], strict=True)] == [True] * 3


def filled(mapping: Any) -> dict[Any, Any]:
    found = {1: 0}
    found.update(mapping)
    return found


# What asks a mapping for its keys, and then for the value of each.
COPIES: dict[str, Callable[[Any], dict[Any, Any]]] = {
    "dict": dict,
    "display": lambda mapping: {0: 0, **mapping},
    "update": filled,
    "or": lambda mapping: {} | mapping,
    "OrderedDict": OrderedDict,
    "behind a proxy": lambda mapping: dict(MappingProxyType(mapping)),
    "the class": lambda mapping: mapping.__class__(mapping),
}


def test_what_is_made_of_a_container_is_of_one_moment(shared: Share) -> None:
    shared.board = Board()
    board, stop = shared.board, fork.Event()

    def churn() -> None:
        while not stop.is_set():
            board.drop.call()
            board.move.call()

    child = in_child(churn)
    try:
        for _ in range(200):
            assert len({id(row) for row in list(board.rows)}) == len((*board.rows,)) == 4
            assert sum(board.table.values()) == 2000
            assert len(sorted(board.table)) == 21
            for copy in COPIES.values():
                assert sum(copy(board.table).values()) == 2000
    finally:
        stop.set()
    assert all_well([child])


def test_copies_are_equal_and_do_not_outlast_their_statement(shared: Share) -> None:
    shared.table = {"a": [1], "b": 2}
    shared.names, shared.empty = OrderedDict(z=1, y=2), {}
    table = shared.table
    for copy in COPIES.values():
        expected = copy({"a": [1], "b": 2})
        found = copy(table)
        assert found == expected and found["a"] is table["a"]
    assert (lambda **names: names)(**table) == {"a": [1], "b": 2}
    assert list({**shared.names}) == ["z", "y"] and {**shared.empty} == dict(shared.empty) == {}
    # The same instruction of the same frame, again and again: a copy that was given up halfway, and reads.
    other = {"a": 1}
    calls: list[Any] = [
        lambda: dict(table),
        lambda: (lambda a, **rest: None)(*[1], **table),
        lambda: table["a"],
        lambda: list(map(table.__getitem__, table.keys())),
    ]
    for turn in range(3):
        table["a"] = turn
        table["b"] = -turn
        results = []
        for call in calls:
            try:
                results.append(call())
            except TypeError as error:
                results.append(type(error))
        assert results == [{"a": turn, "b": -turn}, TypeError, turn, [turn, -turn]]
        functions: list[tuple[Any, Any]] = [
            (table.keys, ()),
            (table.__getitem__, ("a",)),
            (iter, (table.keys(),)),
        ]
        for function, arguments in functions:
            table["a"] = other
            result = function(*arguments)
            if function == table.__getitem__:
                assert result == other
            table["a"] = None
    keys = table.keys()
    assert list(keys) == ["a", "b"] and table["a"] is None


def test_a_loop_sees_what_its_own_thread_appends(shared: Share) -> None:
    shared.board, shared.todo = Board(), [1]
    for n in shared.todo:
        if n < 5:
            shared.todo.append(n + 1)
    assert shared.todo == [1, 2, 3, 4, 5]
    for row in shared.board.rows:
        if row.n < 6:
            shared.board.add(row.n + 3)  # a method of the object that the list is in
    assert [row.n for row in shared.board.rows] == [0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8]
    shared.todo = [1, 2]
    loop = iter(shared.todo)
    assert next(loop) == 1
    assert all_well([in_child(lambda: shared.todo.append(3))])
    assert len(shared.todo) == 3
    shared.todo.append(4)
    assert list(loop) == [2, 3, 4]


def test_what_the_loop_itself_changes(shared: Share) -> None:
    shared.table, shared.names, shared.queue = dict.fromkeys("abc", 1), {"a", "b"}, deque([1, 2])
    with pytest.raises(RuntimeError, match="dictionary changed size"):
        for name in shared.table:
            shared.table[name + "x"] = 1
    with pytest.raises(RuntimeError, match="Set changed size"):
        for name in shared.names:
            shared.names.add(name + "x")
    with pytest.raises(RuntimeError, match="mutated"):
        for _ in shared.queue:
            shared.queue.append(1)


class Held:
    def __init__(self) -> None:
        self.items, self.table = [1, 2, 3], {"a": [1, 2, 3]}

    def add(self, n: int) -> None:
        self.items.append(n)
        self.table["a"].append(n)

    @property
    def grown(self) -> int:
        self.add(9)
        return len(self.items)

    @grown.setter
    def grown(self, n: int) -> None:
        self.add(n)


class Holder(Held):
    def __init__(self) -> None:
        super().__init__()
        self.part, self.parts = Held(), [Held(), Held()]


def grow(held: Held) -> None:
    held.add(7)


WAYS = {
    "method": lambda held, transact: held.add(7),
    "getter": lambda held, transact: held.grown,
    "setter": lambda held, transact: setattr(held, "grown", 7),
    "transaction": lambda held, transact: transact(grow, held),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_loop_sees_what_its_thread_does_to_the_object_that_holds_the_container(
    shared: Share, way: str
) -> None:
    def found(holder: Holder, transact: object) -> list[list[int]]:
        loops = []
        for held in holder, holder.part, holder.parts[1]:
            for items in held.items, held.table["a"]:
                loops.append([])
                for n in items:
                    loops[-1].append(n)
                    if len(loops[-1]) < 3:
                        WAYS[way](held, transact)
        return loops

    shared.holder = Holder()
    assert found(shared.holder, shared.transact) == found(Holder(), lambda function, *args: function(*args))


def test_a_loop_with_calls_of_what_it_goes_over_is_still_over_what_was_there(shared: Share) -> None:
    shared.board = Board()
    loop = iter(shared.board.rows)
    first = next(loop)
    first.n = 10
    assert all_well([in_child(shared.board.drop)])
    assert [first.n, *(row.n for row in loop)] == [10, 1, 2, 3]


def test_a_loop_over_a_bytearray_sees_what_its_thread_appends(shared: Share) -> None:
    shared.data, seen = bytearray(b"ab"), []
    for byte in shared.data:
        seen.append(byte)
        if len(seen) < 3:
            shared.data.append(99)
    assert seen == [*b"abcc"]


class OddList(list):
    def __getitem__(self, at):
        return -list.__getitem__(self, at)

    def __len__(self) -> int:
        return 1


class OddDict(dict):
    def __iter__(self):
        return iter(["odd"])

    def __len__(self) -> int:
        return 1


class OddSet(set):
    def __contains__(self, item: object) -> bool:
        return False

    def __len__(self) -> int:
        return 1


class OddDeque(deque):
    def __getitem__(self, at):
        return 0

    def __len__(self) -> int:
        return 7


def test_loops_over_subclasses_ask_what_those_of_python_ask(shared: Share) -> None:
    shared.rows, shared.table, shared.names, shared.queue = (
        OddList([1, 2]),
        OddDict(a=1),
        OddSet("ab"),
        OddDeque([1, 2]),
    )
    assert [*shared.rows] == [1, 2] and [*shared.queue] == [1, 2] and shared.rows.copy() == [1, 2]
    assert [*shared.table] == ["odd"] and [*shared.table.keys()] == ["a"] and [*shared.table.values()] == [1]
    seen = []
    for name in shared.names:
        shared.names.add(name)
        seen.append(name)
    assert sorted(seen) == ["a", "b"]


@pytest.mark.parametrize("at", [-9, -1, 0, 1, 9])
def test_setstate_of_an_iterator(shared: Share, at: int) -> None:
    shared.rows = [1, 2, 3]
    for begin in iter, reversed:
        mine, plain = begin(shared.rows), begin([1, 2, 3])
        mine.__setstate__(at)
        plain.__setstate__(at)
        assert [*mine] == [*plain]


def fail_in_a_loop(shared: Share) -> None:
    loop = iter(shared.table)
    next(loop)
    shared.table[2] = 2
    try:
        next(loop)
    except RuntimeError as error:
        kept = [error]  # in a cycle with this frame
        assert kept


def test_a_loop_that_ends_together_with_its_share_in_a_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    raised = []
    monkeypatch.setattr(sys, "unraisablehook", raised.append)
    gc.collect()
    with Share() as share:
        share.table = {1: 2}
        fail_in_a_loop(share)
    del share
    gc.collect()
    assert not raised
