"""What a method in the coordinator puts into its caller's own arguments is there, when the caller waits for it."""

import asyncio
import configparser
import copy
import dataclasses
import io
import random
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import pytest
from filled_classes import Filler

from share import Share

ARGUMENTS: list[Any] = [
    [], [1], {}, {"a": 1}, {"a"}, deque([1]), bytearray(b"a"), io.StringIO("abc"), io.BytesIO(b"abc")
]  # fmt: skip
WAYS: dict[str, Callable[[Any, Any], Any]] = {
    "plain": lambda filler, given: filler.fill(given),
    "call": lambda filler, given: filler.fill.call(given),
    "call with time-out": lambda filler, given: filler.fill.call(given, timeout=60),
    "aio": lambda filler, given: asyncio.run(filler.fill.aio(given)),
    "by name": lambda filler, given: filler.fill(out=given),
    "aio by name": lambda filler, given: asyncio.run(filler.fill.aio(out=given)),
    "of a part": lambda filler, given: filler.part.fill(given),
}


def content(value: Any) -> Any:
    return (value.getvalue(), value.tell()) if hasattr(value, "getvalue") else value


def test_it_is_brought_back(shared: Share) -> None:
    for way in WAYS.values():
        for argument in ARGUMENTS:
            shared.filler = Filler()
            shared.filler.part = Filler()
            given, expected = copy.deepcopy(argument), copy.deepcopy(argument)
            Filler().fill(expected)
            assert way(shared.filler, given) == 1
            assert content(given) == content(expected)


def test_what_is_not_changed_stays_itself(shared: Share) -> None:
    shared.filler = Filler()
    inner = [2]
    given = [1, inner]
    assert shared.filler.keep(given) == 1
    assert given == [1, [2]] and given[1] is inner
    assert shared.filler.kept == [1, [2]]


class Worker:
    """Its methods write, so they run in the coordinator."""

    def __init__(self) -> None:
        self.count = 0

    def close(self, out: Any) -> None:
        self.count += 1
        with out:
            out.read()

    def first(self, out: Any) -> None:
        self.count += 1
        out[0] = 7

    def shuffle(self, out: Any) -> None:
        self.count += 1
        random.Random(self.count).shuffle(out)

    def appended(self, out: Any) -> Any:
        self.count += 1
        out.append(self.count)
        return out

    def count_up(self, out: Any) -> None:
        self.count += 1
        out["a"] += self.count

    def let(self, other: Any) -> None:
        self.count += 1
        other.count = self.count

    async def wait(self, out: Any) -> int:
        self.count += 1
        await asyncio.sleep(0)
        out.append(self.count)
        return self.count

    def wait_for(self, out: Any) -> Any:
        self.count += 1
        return self.wait(out)


def memory(step: int) -> Any:
    return memoryview(bytearray(b"abcd"))[::step]


GIVEN: list[tuple[str, Callable[[], Any], Callable[[Any], Any]]] = [
    ("close", lambda: io.StringIO("abc"), lambda given: given.closed),
    ("close", lambda: io.BytesIO(b"abc"), lambda given: given.closed),
    ("first", lambda: memory(1), bytes),
    ("first", lambda: memory(2), bytes),
    ("first", lambda: memory(-1), bytes),
    ("first", lambda: memoryview(array("i", range(6)))[::2], list),
    ("shuffle", lambda: [*range(20)], list),
    ("appended", lambda: [1], list),
    ("count_up", lambda: Counter("aab"), dict),
    ("count_up", lambda: defaultdict(int, b=1), dict),
    ("count_up", lambda: OrderedDict(b=1, a=2), list),
]


@pytest.mark.parametrize("number", range(len(GIVEN)))
def test_what_a_method_that_writes_does_to_what_it_is_given(shared: Share, number: int) -> None:
    name, make, look = GIVEN[number]
    shared.worker, worker, given, expected = Worker(), Worker(), make(), make()
    for _ in range(1 if name == "close" else 2):
        result, its_result = getattr(shared.worker, name)(given), getattr(worker, name)(expected)
        assert (result is given) == (its_result is expected)
    assert look(given) == look(expected)


def test_a_method_that_is_to_be_awaited_fills_what_it_is_given(shared: Share) -> None:
    async def run(worker: Any) -> list[Any]:
        given: list[int] = []
        return [await worker.wait(given), given, await worker.wait_for(given), given]

    shared.worker = Worker()
    assert asyncio.run(run(shared.worker)) == asyncio.run(run(Worker())) == [1, [1, 3], 3, [1, 3]]
    given: list[int] = []
    assert shared.worker.wait.submit(given).result() == 4
    assert shared.worker.wait_for.call(given) == 6
    assert given == [6]


def test_a_part_of_another_share_is_changed_when_the_call_returns(shared: Share) -> None:
    shared.worker = Worker()
    with Share() as other:
        other.worker = Worker()
        shared.worker.let(other.worker)
        assert other.worker.count == 1


def test_library_classes(shared: Share) -> None:
    shared.settings = configparser.ConfigParser()
    shared.settings.read_string("[a]\nb = 1\n")
    file = io.StringIO()
    shared.settings.write(file)
    assert file.getvalue() == "[a]\nb = 1\n\n"
    shared.stream = io.BytesIO(b"abc")
    buffer = bytearray(2)
    assert shared.stream.readinto(buffer) == 2
    assert buffer == b"ab"


def test_a_queued_call_is_warned_of_once(capfd: pytest.CaptureFixture[str]) -> None:
    with Share() as shared:  # made when its output is captured
        shared.filler = Filler()
        given: list[int] = []
        for _ in range(5):
            shared.filler.fill_and_return_nothing.send(given)
        shared.flush()
        shared.filler.fill_and_return_nothing(given)
        assert given == [6]
        shared.filler.and_say_nothing.send(out=given)
        shared.flush()
    said = capfd.readouterr().err
    assert said.count("Filler.fill_and_return_nothing has changed its argument") == 1
    assert said.count("Filler.and_say_nothing has changed its argument") == 1


@dataclasses.dataclass
class Row:
    cells: list[int] = dataclasses.field(default_factory=list)


class Rows:
    def __init__(self) -> None:
        self.rows: list[Row] = []

    def take(self, rows: list[Row]) -> int:
        self.rows.extend(rows)
        return len(self.rows)


def test_what_a_part_takes_over_is_no_change_of_the_argument(capfd: pytest.CaptureFixture[str]) -> None:
    with Share() as shared:
        shared.table = Rows()
        given = [Row(), Row()]
        shared.table.rows.extend(given)
        shared.table.rows += given
        shared.flush()
        first = given[0]
        assert shared.table.take(given) == 6
        assert given[0] is first
    assert "has changed its argument" not in capfd.readouterr().err


def test_what_cannot_be_brought_back(shared: Share) -> None:
    shared.filler = Filler()
    with pytest.raises(TypeError, match=r"what was put into argument\[0\]\[1\]: only"):
        shared.filler.fill_badly([])
    with pytest.raises(TypeError, match=r"what was put into argument\['out'\]\[1\]: only"):
        shared.filler.fill_badly(out=[])


class Order:
    """An argument that is no container."""

    def __init__(self) -> None:
        self.paid = False
        self.lines: list[int] = []


class Till:
    """Changes orders; it keeps some of them."""

    def __init__(self) -> None:
        self.taken: list[Order] = []
        self.count = 0
        self.last: Any = None

    def pay(self, order: Order) -> int:
        order.paid = True
        self.count += 1
        return self.count

    def queue(self, order: Order) -> None:
        order.lines.append(1)
        self.count += 1

    def take(self, order: Order) -> int:
        order.paid = True
        self.taken.append(order)
        return len(self.taken)

    def remember(self, order: Order) -> None:
        order.paid = True
        self.last = order

    def look(self, order: Order) -> int:
        self.count += 1
        return len(order.lines)

    def __enter__(self) -> Any:
        self.count += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self.count -= 1
        return kind is KeyError


def test_an_object_that_a_call_changes_is_warned_of_once(capfd: pytest.CaptureFixture[str]) -> None:
    with Share() as shared:
        shared.till, shared.tills = Till(), [Till()]
        for till in (shared.till, shared.tills[0]):
            for _ in range(5):
                for name in ("take", "remember", "look"):
                    getattr(till, name)(Order())
            with till:
                raise KeyError(3)
        shared.order = Order()
        shared.till.pay(shared.order)
        assert shared.order.paid
    assert "has changed the" not in capfd.readouterr().err
    with Share() as shared:
        shared.till, shared.tills = Till(), [Till()]
        for till in (shared.till, shared.tills[0]):
            for _ in range(5):
                till.pay(Order())
                till.queue(Order())
        shared.flush()
    said = capfd.readouterr().err
    for name in ("pay", "queue"):
        assert said.count(f"a call of Till.{name} has changed the Order that it was given") == 1
