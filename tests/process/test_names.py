"""Top-level names: assign, read, reassign, delete, look up, and all of that behind a backlog."""

import copy
import datetime
import decimal
import enum
import pathlib
import re
import threading
import uuid
from collections import namedtuple
from dataclasses import dataclass

import pytest
from classes import Box, Counter, Gate

from share import DeletedObjectError, NotShareableError, ReservedNameError, Share, ShareClosedError


class Colour(enum.Enum):
    RED = 1


Point = namedtuple("Point", "x y")


@dataclass(frozen=True)
class Frozen:
    x: int
    name: str = "f"


VALUES = [
    None, True, False, 0, -1, 2**31, 2**63 - 1, -(2**63), 2**200, 0.1, float("inf"), 1j, "", "text", "ä€😀",
    "\ud800 lone \udfff", "x" * 100_000, b"", b"\0\xff" * 1000, (), (1, ("two", 3.0)), frozenset({1, 2}),
    range(3), Ellipsis, Colour.RED, Point(1, 2), Frozen(3), datetime.datetime(2020, 1, 2, 3, 4, 5),
    datetime.timedelta(days=1), datetime.UTC, decimal.Decimal("1.10"), uuid.UUID(int=5), pathlib.Path("/a/b"),
    re.compile("a+", re.IGNORECASE), len, copy.copy, Counter, int, ((((((1,),),),),),),
]  # fmt: skip


def test_values_come_back_as_themselves(shared: Share) -> None:
    """A value that is assigned is read equal and of the same type, by name and by key."""
    for value in VALUES:
        shared.value = value
        assert shared.value == value
        # What a name gives may be a subclass that remembers where it was read, for `shared.n += 1`.
        assert isinstance(shared.value, type(value)) and type(shared.value).__name__ == type(value).__name__
        assert shared["value"] == value


def test_not_a_number(shared: Share) -> None:
    """The one value that is not equal to itself."""
    shared.value = float("nan")
    assert shared.value != shared.value


def test_unchanged_value_is_read_as_the_same_object(shared: Share) -> None:
    """Values cannot change, so reading one again decodes nothing."""
    shared.value = (1, "two", b"three" * 100)
    assert shared.value is shared.value


def test_names(shared: Share) -> None:
    """Names by attribute and key; in, len, iteration and dir agree."""
    assert len(shared) == 0 and list(shared) == [] and "a" not in shared and bool(shared)
    shared.a = 1
    shared["b"] = 2
    shared["not an identifier"] = 3
    assert list(shared) == ["a", "b", "not an identifier"] and len(shared) == 3
    assert "a" in shared and "c" not in shared and 5 not in shared
    assert shared["a"] == shared.a == 1 and shared.b == 2 and shared["not an identifier"] == 3
    assert {"a", "b"} <= set(dir(shared))
    del shared.a
    del shared["b"]
    assert list(shared) == ["not an identifier"]
    shared.a = 4
    assert shared.a == 4 and "a" in shared


def test_missing_names(shared: Share) -> None:
    """Reading or deleting what is not there raises what Python's own namespaces and dicts raise."""
    with pytest.raises(AttributeError, match="nothing"):
        shared.nothing
    with pytest.raises(KeyError):
        shared["nothing"]
    with pytest.raises(AttributeError):
        del shared.nothing
    with pytest.raises(KeyError):
        del shared["nothing"]
    shared.x = 1
    del shared.x
    with pytest.raises(AttributeError):
        shared.x
    with pytest.raises(AttributeError):
        del shared.x
        shared.flush()
    assert getattr(shared, "x", "default") == "default" and not hasattr(shared, "x")
    shared.x = None  # a value like any other
    assert "x" in shared and shared.x is None


@pytest.mark.parametrize(
    "name", ["flush", "close", "errors", "clear", "waiting", "health", "__class__", "__dict__"]
)
def test_reserved_names(name: str, shared: Share) -> None:
    """Share's own names cannot be taken, and nothing is changed by the try."""
    with pytest.raises(ReservedNameError, match=name):
        setattr(shared, name, 1)
    with pytest.raises(AttributeError):
        shared[name] = 1
    assert name not in shared


def test_clear(shared: Share) -> None:
    """Everything goes, at once; reads afterwards are as fast and fresh as before."""
    shared.counter, shared.x = Counter(), 5
    counter = shared.counter
    shared.clear()
    assert len(shared) == 0 and "x" not in shared
    with pytest.raises(AttributeError):
        shared.counter
    with pytest.raises(DeletedObjectError):
        counter.n
    shared.x = 6
    shared.counter = Counter()
    shared.counter.increment()
    assert (shared.x, shared.counter.n, list(shared)) == (6, 1, ["counter", "x"])


def test_unshareable_value(shared: Share) -> None:
    """What cannot travel raises at the assignment, and the name keeps what it had."""
    shared.x = 1
    with pytest.raises(NotShareableError, match="x"), open("/dev/null") as file:
        shared.x = file
    with pytest.raises(NotShareableError, match="x"), open("/dev/null") as file:
        shared.x = Box(file)
    with pytest.raises(TypeError):
        shared.x = (i for i in range(3))
    with pytest.raises(NotShareableError):
        shared.x = shared
    assert shared.x == 1
    shared.flush()
    assert shared.errors == []


def test_assigning_copies(shared: Share) -> None:
    """The original stays private: neither sees the other's changes, and __init__ is not run again."""
    box = Box([1])
    shared.box = box
    box.content.append(2)
    assert shared.box.content == [1]
    shared.box.put([5])
    assert box.content == [1, 2]


def test_reassigned_name_is_the_new_object(shared: Share) -> None:
    """Reassigning and then calling a method works on the new object and never resurrects the old one."""
    shared.counter = Counter()
    old = shared.counter
    for _ in range(5):
        old.increment()
    shared.counter = Counter()
    shared.counter.increment()
    assert shared.counter.n == 1
    assert shared.counter is not old
    with pytest.raises(DeletedObjectError):
        old.n
    with pytest.raises(ReferenceError):
        old.get()
    old.increment()  # queued: its failure is reported, and touches nothing
    with pytest.raises(DeletedObjectError):
        shared.flush()
    assert shared.counter.n == 1


def test_reassigned_to_a_value_and_back(shared: Share) -> None:
    """A name may hold a value now and an object then."""
    shared.x = 1
    shared.x = Counter()
    shared.x.increment()
    assert shared.x.n == 1
    shared.x = "value"
    assert shared.x == "value"
    shared.x = [1]
    assert list(shared.x) == [1]
    shared.x = 2
    assert shared.x == 2


def test_delete_then_recreate_behind_a_backlog(shared: Share, tmp_path: pathlib.Path) -> None:
    """With the coordinator busy, a deletion that comes late does not take the object that was made after it."""
    shared.gate, shared.counter, shared.x = Gate(), Counter(), 1
    shared.counter.add(100)
    shared.flush()
    shared.gate.enter(str(tmp_path / "open"))
    shared.counter.add(7)
    del shared.counter
    shared.counter = Counter()
    shared.counter = Counter()
    del shared.x
    shared.x = 2
    del shared.x
    shared.x = 3
    (tmp_path / "open").touch()
    shared.counter.increment()
    assert shared.counter.n == 1 and shared.x == 3
    assert sorted(shared) == ["counter", "gate", "x"]


@pytest.mark.parametrize("way", ["delete", "a value", "another object"])
def test_a_proxy_of_what_has_been_deleted_says_so_at_once(
    shared: Share, tmp_path: pathlib.Path, way: str
) -> None:
    """No read that begins after a deletion has returned sees the object, though the deletion is still queued."""
    shared.gate, shared.counter = Gate(), Counter()
    counter = shared.counter
    assert counter.n == 0
    shared.flush()
    shared.gate.enter(str(tmp_path / "open"))
    match way:
        case "delete":
            del shared.counter
        case "a value":
            shared.counter = 5
        case _:
            shared.counter = Counter()
    opener = threading.Timer(0.2, (tmp_path / "open").touch)
    opener.start()
    with pytest.raises(DeletedObjectError):
        _ = counter.n
    opener.join()


def test_assigning_a_new_name_never_waits(shared: Share, tmp_path: pathlib.Path) -> None:
    shared.gate, shared.counter = Gate(), Counter()
    shared.flush()
    shared.gate.enter(str(tmp_path / "open"))
    del shared.counter
    opener = threading.Timer(3, (tmp_path / "open").touch)
    opener.start()
    shared.fresh = 5
    assert not (tmp_path / "open").exists()
    (tmp_path / "open").touch()
    assert shared.fresh == 5
    opener.cancel()
    opener.join()


def test_values_of_a_name_make_no_other_read_wait(shared: Share, tmp_path: pathlib.Path) -> None:
    shared.gate, shared.counter, shared.x = Gate(), Counter(), 1
    assert shared.x + shared.counter.n == 1
    shared.x = 2
    shared.flush()
    shared.gate.enter(str(tmp_path / "open"))
    for i in range(10):
        shared.x = i
    assert shared.counter.n == 0  # while the gate is closed
    (tmp_path / "open").touch()
    assert shared.x == 9


def test_late_command_does_not_reach_the_new_object(shared: Share, tmp_path: pathlib.Path) -> None:
    """Commands name objects, not names: what was queued for the old one never runs on the new one."""
    shared.gate, shared.counter = Gate(), Counter()
    old = shared.counter
    shared.gate.enter(str(tmp_path / "open"))
    shared.counter = Counter()
    for _ in range(3):
        old.increment()
    (tmp_path / "open").touch()
    assert shared.counter.n == 0
    with pytest.raises(ExceptionGroup) as caught:
        shared.flush()
    assert [type(error) for error in caught.value.exceptions] == [DeletedObjectError] * 3


def test_many_names(shared: Share) -> None:
    """Hundreds of names, made, read, changed and deleted."""
    for i in range(300):
        shared[f"name_{i}"] = i
    assert [shared[f"name_{i}"] for i in range(300)] == list(range(300))
    for i in range(0, 300, 2):
        del shared[f"name_{i}"]
    assert list(shared) == [f"name_{i}" for i in range(1, 300, 2)]
    for i in range(300):
        shared[f"name_{i}"] = -i
    assert sum(shared[name] for name in shared) == -sum(range(300))


def test_augmented_assignment_of_a_name(shared: Share) -> None:
    """In one process, shared.n += 1 does what it says, also on objects and through proxies."""
    shared.n = 1
    for _ in range(10):
        shared.n += 1
    shared.s = "a"
    shared.s *= 3
    shared.l = [1]
    shared.l += [2]
    shared.l += (3,)
    assert shared.n == 11 and shared.s == "aaa" and list(shared.l) == [1, 2, 3]


def test_large_values(shared: Share) -> None:
    """Twenty megabytes there and back, as a value and as state; the memory is used again."""
    size = 20_000_000
    shared.big = b"x" * size
    assert shared.big.count(b"x") == size
    shared.box = Box("y" * size)
    assert len(shared.box.content) == size
    for letter in (b"a", b"b", b"c", b"d"):
        shared.big = letter * size
        assert shared.big[::1_000_000] == letter * 20
    assert shared.health().memory < 12 * size


def test_names_after_closing() -> None:
    """A closed share says so, whatever is asked of it; closing again does nothing."""
    shared = Share()
    shared.x, shared.counter = 1, Counter()
    counter = shared.counter
    assert counter.get() == 0 and shared.x == 1
    shared.close()
    shared.close()
    for use in (
        lambda: shared.x,
        lambda: shared["x"],
        lambda: "x" in shared,
        lambda: list(shared),
        lambda: len(shared),
        lambda: setattr(shared, "x", 2),
        lambda: delattr(shared, "x"),
        lambda: shared.clear(),
        lambda: shared.errors,
        lambda: counter.n,
        lambda: counter.get(),
        lambda: counter.increment(),
        lambda: counter.next(),
        lambda: counter.get.call(),
        lambda: counter.increment.send(),
        lambda: setattr(counter, "n", 3),
    ):
        with pytest.raises(ShareClosedError):
            use()
    with pytest.raises(ConnectionError):
        counter.n
    assert shared.health().state == "closed"
    assert "closed" in repr(shared)
    repr(counter)
