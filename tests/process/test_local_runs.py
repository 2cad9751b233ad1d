# ruff: noqa: UP030, UP031, UP032
"""Runs of methods in the caller, against what their plans say: nothing stale, nothing missing, no write lost.

The classes here say of themselves what is not true: each plan is checked to be wrong, or the test would show nothing.
"""

import functools
import multiprocessing
import os
import threading
from collections import UserDict
from collections.abc import Callable, ItemsView, Iterator
from typing import Any

import pytest
from programs import wait_for

from share import Share
from share.analysis import reads, writes


@pytest.fixture
def method() -> str:
    """How the other process was started makes no difference here; one that has inherited nothing proves most."""
    return "spawn"


class View:
    def __init__(self, owner: "Looking") -> None:
        self.owner = owner

    def rows(self) -> list[int]:
        return list(self.owner.rows)


class Looking:
    """Methods that read more than their plans say."""

    def __init__(self) -> None:
        self.x, self.rows, self.unused = 1, [1], "u"

    def bump(self) -> None:
        self.x += 1
        self.rows.append(self.x)

    def look(self) -> int:
        return self.x

    def __radd__(self, other: int) -> int:
        return other + self.x

    @reads()
    def formatted(self) -> str:
        return "{0.x} {0.rows}".format(self)

    @reads()
    def swallowed(self) -> str | None:
        try:
            return "{0.x}".format(self)
        except BaseException:
            return None

    @reads()
    def with_dict(self) -> str:
        return "{0.__dict__}".format(self)

    @reads()
    def summed(self) -> int:
        return sum([self])  # type: ignore[list-item]

    @reads()
    def generated(self) -> Iterator[str]:
        yield "{0.x}".format(self)
        yield "{0.rows}".format(self)

    def closure(self) -> Callable[[], int]:
        return lambda: self.x

    def bound(self) -> Callable[[], int]:
        return self.look

    def partial(self) -> Callable[[], int]:
        return functools.partial(self.look)

    def listed(self) -> list[Any]:
        return [self, {"me": self}]

    def view(self) -> View:
        return View(self)

    def fails(self) -> None:
        raise ValueError("{0.x}".format(self), self)


RESULTS: dict[str, Callable[[Any], Any]] = {
    "formatted": lambda p: p.formatted(),
    "swallowed": lambda p: p.swallowed(),
    "with_dict": lambda p: p.with_dict(),
    "summed": lambda p: p.summed(),
    "generated": lambda p: list(p.generated()),
    "closure": lambda p: p.closure()(),
    "bound": lambda p: p.bound()(),
    "partial": lambda p: p.partial()(),
    "listed": lambda p: [p.listed()[0].x, p.listed()[1]["me"].x],
    "view": lambda p: p.view().rows(),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_read_that_the_plan_does_not_know_is_not_stale(shared: Share, name: str) -> None:
    get, plain = RESULTS[name], Looking()
    shared.p = Looking()
    for _ in range(50):
        shared.p.look()  # so that a part of the state has been decoded
        shared.p.bump()
        plain.bump()
        assert get(shared.p) == get(plain)


def test_plans_are_wrong_here(shared: Share) -> None:
    shared.p = Looking()
    for name in ("formatted", "generated", "swallowed", "view", "bound"):
        plan = getattr(shared.p, name).plan
        assert plan.read_only and "rows" not in plan.reads, name


def test_what_is_returned_acts_on_the_shared_object(shared: Share) -> None:
    shared.p = Looking()
    view, bound, closure = shared.p.view(), shared.p.bound(), shared.p.closure()
    shared.p.bump()
    assert view.rows() == [1, 2] and bound() == 2 and closure() == 2
    assert shared.p.listed()[0] is shared.p


def test_an_error_names_the_shared_object(shared: Share) -> None:
    shared.p = Looking()
    with pytest.raises(ValueError) as caught:
        shared.p.fails()
    assert caught.value.args == ("1", shared.p)


def bump_on_request(p: Any, go: Any, done: Any) -> None:
    while go.get():
        p.bump()
        done.put(None)


def test_nothing_is_stale_that_another_process_wrote(shared: Share, context: Any) -> None:
    shared.p = Looking()
    go, done = context.Queue(), context.Queue()
    other = context.Process(target=bump_on_request, args=(shared.p, go, done))
    other.start()
    for i in range(2, 40):
        go.put(True)
        done.get()
        assert shared.p.swallowed() == str(i) and shared.p.formatted().startswith(f"{i} ")
    go.put(False)
    other.join()


def test_what_is_read_belongs_together(shared: Share) -> None:
    """`formatted` reads two attributes that its plan does not name, while others change both."""
    shared.p = Looking()
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            shared.p.bump.call()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(30):
            shared.p.look()
            x, rows = shared.p.formatted().split(" ", 1)
            assert rows.endswith(f"{x}]") and len(rows.split(",")) == int(x)
    finally:
        stop.set()
        writer.join()


class Writing:
    """A method that writes, which its plan does not know."""

    def __init__(self) -> None:
        self.shown, self.x = 0, 7

    def __str__(self) -> str:
        self.shown += 1
        return str(self.x)

    @writes()
    def label(self) -> tuple[str, int]:
        return "%s" % self, self.shown


class WritingSlots:
    __slots__ = ("shown", "x")

    def __init__(self) -> None:
        self.shown, self.x = 0, 7

    __str__ = Writing.__str__
    label = Writing.label


class Holder:
    def __init__(self, part: Any) -> None:
        self.part = part


@pytest.mark.parametrize("cls", [Writing, WritingSlots])
def test_a_write_that_the_plan_does_not_know_is_not_lost(shared: Share, cls: Any) -> None:
    shared.p, shared.holder, plain = cls(), Holder(cls()), cls()
    assert shared.p.label.plan.read_only
    for i in range(1, 4):
        assert shared.p.label() == plain.label() == shared.holder.part.label() == ("7", i)
        assert shared.p.shown == shared.holder.part.shown == i
    assert not shared.errors


def test_views_of_a_mapping_see_what_is_written(shared: Share) -> None:
    shared.names = UserDict(a=1)
    assert len(shared.names) == 1
    shared.names["b"] = 2
    assert list(shared.names.keys()) == ["a", "b"] and dict(shared.names) == {"a": 1, "b": 2}
    assert list(ItemsView(shared.names)) == [("a", 1), ("b", 2)]


class Large:
    """Two attributes that change together and are long to read."""

    def __init__(self) -> None:
        self.first = self.second = bytes(1 << 21)

    def set(self, n: int) -> None:
        self.first = self.second = bytes([n % 256]) * (1 << 21)

    def both(self) -> tuple[int, int]:
        return self.first[0], self.second[0]


def rewrite(p: Any, count: Any) -> None:
    while True:
        count.value += 1
        p.set.call(count.value)


def test_a_reader_is_not_overtaken_for_ever(shared: Share) -> None:
    context = multiprocessing.get_context("fork")
    shared.p = Large()
    shared.flush()
    count = context.Value("Q", 0)
    writer = context.Process(target=rewrite, args=(shared.p, count))
    writer.start()
    try:
        wait_for(lambda: count.value > 2)
        for _ in range(10):
            first, second = shared.p.both()
            assert first == second
            assert len(shared.p.first) == 1 << 21
    finally:
        writer.kill()
        writer.join()


class Where:
    def __init__(self) -> None:
        self.x, self.y = 1, 2

    def here(self) -> tuple[int, int]:
        return os.getpid(), self.x


def test_readers_run_in_the_caller(shared: Share) -> None:
    shared.p = Where()
    assert [shared.p.here() for _ in range(3)] == [(os.getpid(), 1)] * 3
