"""Assignments that may raise wait, so that the error is raised where the assignment is."""

import copy
import os
import time
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from share import Share


class Level:
    """Setters: one that checks, one that only stores."""

    def __init__(self) -> None:
        self._level, self._plain = 1, 0
        self.items: dict[str, int] = {}

    @property
    def level(self) -> int:
        return self._level

    @level.setter
    def level(self, value: int) -> None:
        if value < 0:
            raise ValueError("below zero")
        self._level = value

    @level.deleter
    def level(self) -> None:
        raise AttributeError("it stays")

    @property
    def plain(self) -> int:
        return self._plain

    @plain.setter
    def plain(self, value: int) -> None:
        self._plain = value

    def __setitem__(self, key: str, value: int) -> None:
        if not isinstance(value, int):
            raise TypeError("numbers only")
        self.items[key] = value

    def __delitem__(self, key: str) -> None:
        del self.items[key]


class Strict:
    """A ``__setattr__`` that checks."""

    def __init__(self) -> None:
        self.n = 0

    def __setattr__(self, name: str, value: Any) -> None:
        if value == "bad":
            raise ValueError(f"{name} cannot be bad")
        super().__setattr__(name, value)


@dataclass(frozen=True)
class Frozen:
    """Cannot be changed."""

    items: list[int]


@pytest.mark.parametrize("nested", [False, True])
def test_they_raise_where_they_are(shared: Share, nested: bool) -> None:
    if nested:
        shared.parts = {"level": Level(), "strict": Strict(), "frozen": Frozen([])}
        level, strict, frozen = shared.parts["level"], shared.parts["strict"], shared.parts["frozen"]
    else:
        shared.level, shared.strict, shared.frozen = Level(), Strict(), Frozen([])
        level, strict, frozen = shared.level, shared.strict, shared.frozen
    level.level = 5
    with pytest.raises(ValueError, match="below zero"):
        level.level = -1
    with pytest.raises(AttributeError, match="it stays"):
        del level.level
    level["a"] = 1
    with pytest.raises(TypeError, match="numbers only"):
        level["a"] = "b"
    with pytest.raises(KeyError, match="b"):
        del level["b"]
    strict.n = 3
    with pytest.raises(ValueError, match="cannot be bad"):
        strict.n = "bad"
    with pytest.raises(AttributeError):
        frozen.items = [1]
    assert (level.level, level.items["a"], strict.n, frozen.items) == (5, 1, 3, [])
    shared.flush()
    assert shared.errors == []


def test_one_that_only_stores_is_queued(shared: Share) -> None:
    shared.level = Level()
    level = shared.level
    control = shared.session_of().control
    shared.flush()
    for i in range(1000):
        level.plain = i
        if control.backlog():
            break
    else:
        pytest.fail("each has waited")
    assert level.plain == i


class Table:
    """A ``__setitem__`` that only stores, and an operator in place that checks."""

    def __init__(self) -> None:
        self.names: dict[Any, int] = {}
        self.rows = [0, 0]
        self.n = 0

    def __setitem__(self, key: Any, value: int) -> None:
        self.names[key] = value

    def __iadd__(self, n: int) -> Self:
        if n < 0:
            raise ValueError("below zero")
        self.n += n
        return self


class Rows(Table):
    def __setitem__(self, key: int, value: int) -> None:
        self.rows[key] = value


@pytest.mark.parametrize("nested", [False, True])
def test_keys_that_do_not_fit(shared: Share, nested: bool) -> None:
    shared.tables = [Table(), Rows()]
    shared.table, shared.rows = Table(), Rows()
    table, rows = shared.tables if nested else (shared.table, shared.rows)
    with pytest.raises(TypeError, match="unhashable"):
        table[[]] = 1
    table["a"] = table[0] = 1
    with pytest.raises(IndexError):
        rows[2] = 1
    rows[-1] = 1
    rows[:1] = [5, 6]
    assert (table.names, rows.rows) == ({"a": 1, 0: 1}, [5, 6, 1])
    shared.flush()


@pytest.mark.parametrize("nested", [False, True])
def test_operators_in_place(shared: Share, nested: bool) -> None:
    shared.tables = [Table()]
    shared.table = Table()
    table = held = shared.tables[0] if nested else shared.table
    table += 2
    with pytest.raises(ValueError, match="below zero"):
        table += -1
    with pytest.raises(ValueError, match="below zero"):
        if nested:
            shared.tables[0] += -1
        else:
            shared.table += -1
    if nested:
        shared.tables[0] += 1
    else:
        shared.table += 1
    assert table is held and held.n == 3
    shared.flush()


def test_a_name_is_queued(shared: Share) -> None:
    shared.table = Table()
    control = shared.session_of().control
    shared.flush()
    for i in range(1000):
        shared.table["a"] = i
        if control.backlog():
            break
    else:
        pytest.fail("each has waited")
    assert shared.table.names == {"a": i}


def test_queue_never_waits(no_process_left: None) -> None:
    with Share(writes="queue") as shared:
        shared.level, shared.strict = Level(), Strict()
        shared.level.level = -1
        with pytest.raises(ValueError, match="below zero"):
            shared.flush()
        shared.strict.n = "bad"
        with pytest.raises(ValueError, match="cannot be bad"):
            shared.flush()
        shared.level["a"] = "b"
        with pytest.raises(TypeError, match="numbers only"):
            shared.flush()
    with pytest.raises(ValueError, match="writes must be"):
        Share(writes="never")  # type: ignore[arg-type]


SEQUENCES = [[1, 2, 3], deque([1, 2, 3]), bytearray(b"123"), array("i", [1, 2, 3])]


def outcome(function: Callable[..., Any], *args: Any) -> str:
    """Whether that raises, and what it says."""
    try:
        function(*args)
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        return repr(error)
    return "done"


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("value", SEQUENCES, ids=lambda value: type(value).__name__)
def test_an_item_that_is_not_there(shared: Share, value: Any, nested: bool) -> None:
    """As with the plain sequence, whatever this process has queued before."""
    twin = copy.copy(value)
    shared.rows = {"a": value} if nested else value
    rows = shared.rows["a"] if nested else shared.rows
    for at in (0, 2, -3, 3, -4, 99):
        assert outcome(rows.__setitem__, at, 7) == outcome(twin.__setitem__, at, 7)
    for change, *args in (
        ("append", 4),
        ("append", 5),
        ("pop",),
        ("__imul__", 0),
        ("extend", [1, 2]),
        ("remove", 7),
    ):
        getattr(rows, change)(*args), getattr(twin, change)(*args)
        for at in (0, 1, 2, 3, -1, -2, -5):
            assert outcome(rows.__setitem__, at, 7) == outcome(twin.__setitem__, at, 7)
    for item in "x", 1 << 70, None:
        if isinstance(value, (bytearray, array)):
            assert outcome(rows.__setitem__, 0, item) == outcome(twin.__setitem__, 0, item) != "done"
    for part in slice(0, 9, 2), slice(None, None, -1), slice("a", None):
        assert (
            outcome(rows.__setitem__, part, [1, 2, 3]) == outcome(twin.__setitem__, part, [1, 2, 3]) != "done"
        )
    shared.flush()
    assert list(rows) == list(twin)


def in_a_child(function: Callable[..., Any], *args: Any) -> None:
    child = os.fork()
    if child == 0:
        try:
            function(*args)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def test_an_item_that_another_process_took_away(shared: Share) -> None:
    shared.rows = [1, 2, 3]
    rows = shared.rows
    for i in range(3):
        rows[i] = i
    in_a_child(rows.pop)
    with pytest.raises(IndexError, match="list assignment index out of range"):
        rows[2] = 5


class Gate:
    """Keeps the coordinator busy."""

    def wait(self, path: str) -> None:
        end = time.monotonic() + 60
        while not os.path.exists(path) and time.monotonic() < end:
            time.sleep(0.001)


def test_assignments_to_items_wait_for_nobody(shared: Share, tmp_path: Path) -> None:
    """Neither for those before them, nor for those of others to the same list."""
    shared.rows, shared.gate, shared.other = [1, 2, 3], Gate(), {}
    rows, gate, other = shared.rows, shared.gate, shared.other
    begin, end = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            rows[1] = 4
            shared.flush()
            os.write(end[1], b"x")
            os.read(begin[0], 1)
            rows[1] = 8
            os.write(end[1], b"x")
        finally:
            os._exit(0)
    os.read(end[0], 1)
    rows[0] = 5
    shared.flush()
    gate.wait.send(str(tmp_path / "go"))
    position = shared.session_of().control.position()
    for i in range(100):
        rows[i % 3] = i
        other[i] = i
    rows[0] = 7
    os.write(begin[1], b"x")
    os.read(end[0], 1)
    rows[2] = 9
    assert shared.session_of().control.position() == position
    (tmp_path / "go").touch()
    os.waitpid(child, 0)
    shared.flush()
    assert list(rows) == [7, 8, 9]
    for fd in begin + end:
        os.close(fd)


def test_a_queued_assignment_to_an_item() -> None:
    """``writes="queue"`` is for those who want the error later."""
    with Share(writes="queue") as shared:
        shared.rows = [1]
        for key, value, error in (3, 1, IndexError), (slice(0, 3, 2), [1, 2, 3], ValueError):
            shared.rows[key] = value
            with pytest.raises(error):
                shared.flush()
