"""Objects of ordinary classes behave on a share as they do at home."""

import asyncio
import copy
import pickle
from typing import Any

import pytest
from classes import Box, Counter, Pair
from objects import (
    Chain,
    Deep,
    Derived,
    Dynamic,
    Guarded,
    HalfSlotted,
    Odd,
    Record,
    Slotted,
    SlottedRecord,
    Temperature,
    Vector,
    Wide,
    Written,
)
from programs import wait_for

from share import Share, plain


def test_attributes(shared: Share) -> None:
    """Read, write, delete, new ones; an attribute that is not there falls back as in Python."""
    shared.counter = Counter()
    counter = shared.counter
    counter.n = 5
    assert counter.n == 5 and counter.get() == 5
    counter.n += 1
    counter.label = "new"
    assert (counter.n, counter.label) == (6, "new")
    del counter.label
    assert not hasattr(counter, "label")
    counter.n = "text"
    assert counter.get() == "text"
    setattr(counter, "not an identifier", 1)
    assert getattr(counter, "not an identifier") == 1
    counter.ünï = "ö"
    assert counter.ünï == "ö"


def test_what_a_proxy_is(shared: Share) -> None:
    """Its class is the user's, as far as anybody can see; reprs cost nothing and say what it is."""
    shared.counter, shared.vector = Counter(), Vector(1, 2)
    counter = shared.counter
    assert isinstance(counter, Counter) and counter.__class__ is Counter
    assert counter is shared.counter and counter == shared.counter and hash(counter) == hash(shared.counter)
    assert counter != Counter() and len({counter, shared.counter}) == 1
    assert "Counter" in repr(counter) and "increment" in repr(counter.increment)
    assert {"n", "increment", "get"} <= set(dir(counter))
    assert counter.__doc__ == Counter.__doc__ and counter.__module__ == Counter.__module__
    assert counter.increment == counter.increment and hash(counter.add) == hash(counter.add)
    assert counter.increment.__name__ == "increment" and type(counter).increment is Counter.increment
    private = plain(counter)
    assert type(private) is Counter and private.n == 0
    private.n = 9
    assert counter.n == 0 and plain(5) == 5
    for copied in (copy.copy(counter), copy.deepcopy(counter)):
        assert type(copied) is Counter
        copied.increment()
    assert counter.n == 0
    assert pickle.loads(pickle.dumps(counter)) is counter
    assert pickle.loads(pickle.dumps(counter.increment)) == counter.increment
    assert pickle.loads(pickle.dumps(shared)) is shared


@pytest.mark.parametrize("cls", [Slotted, HalfSlotted])
def test_slots(cls: type, shared: Share) -> None:
    """Classes with __slots__, also mixed with a __dict__."""
    shared.slotted = cls()
    slotted = shared.slotted
    slotted.bump()
    slotted.first += 10
    assert slotted.first == 12 and list(slotted.second) == [1, 2]
    if cls is HalfSlotted:
        assert slotted.third == "three!"
        slotted.fourth = 4
        assert slotted.fourth == 4
    else:
        with pytest.raises(AttributeError):
            slotted.other = 1
    del slotted.first
    with pytest.raises(AttributeError):
        slotted.first
    slotted.first = 1
    assert slotted.first == 1


def test_dataclasses(shared: Share) -> None:
    """Generated methods work: __eq__, __repr__, fields with and without slots."""
    shared.record, shared.slotted = Record("a"), SlottedRecord("b")
    shared.record.tag("x")
    assert shared.record == Record("a", 1, ["x"]) and shared.record != Record("a")
    assert plain(shared.record) == Record("a", 1, ["x"])
    assert "Record" in repr(shared.record)
    assert shared.slotted.grow() == 1 and shared.slotted == SlottedRecord("b", 1)


def test_properties(shared: Share) -> None:
    """Getters run in the reader, setters and deleters as commands; cached ones; those that write."""
    shared.temperature = Temperature(10.0)
    temperature = shared.temperature
    assert temperature.fahrenheit == 50.0
    temperature.degrees = 20.0
    assert (temperature.degrees, temperature.fahrenheit, temperature.changes) == (20.0, 68.0, 1)
    temperature.degrees -= 5
    assert (temperature.degrees, temperature.changes) == (15.0, 2)
    del temperature.degrees
    assert (temperature.degrees, temperature.changes) == (0.0, 102)
    assert temperature.counted == 103 and temperature.counted == 104 and temperature.changes == 104
    with pytest.raises(AttributeError):
        temperature.fahrenheit = 1
    with pytest.raises(ValueError, match="absolute zero"):
        temperature.degrees = -300
    temperature.degrees = 7.0
    assert temperature.frozen == 7.0
    assert temperature.degrees == 7.0


def test_properties_of_nested_objects(shared: Share) -> None:
    """The same one level down."""
    shared.box = Box(Temperature(10.0))
    temperature = shared.box.content
    temperature.degrees = 20.0
    del temperature.degrees
    assert (temperature.degrees, temperature.fahrenheit, temperature.changes) == (0.0, 32.0, 101)
    with pytest.raises(ValueError, match="absolute zero"):
        temperature.degrees = -300


def test_class_and_static_methods_and_attributes(shared: Share) -> None:
    """They are the class's, and need no coordinator."""
    shared.temperature = Temperature(1.0)
    temperature = shared.temperature
    assert temperature.unit == "C" and temperature.made == 0
    assert temperature.convert(212) == 100.0
    boiling = temperature.boiling()
    assert type(boiling) is Temperature and boiling.degrees == 100.0
    temperature.unit = "K"  # now an instance attribute
    assert temperature.unit == "K" and Temperature.unit == "C"


def test_special_methods(shared: Share) -> None:
    """Operators and built-in functions find the class's methods."""
    shared.vector = Vector(1, 2, 3)
    vector = shared.vector
    assert len(vector) == 3 and vector[0] == 1 and list(vector[1:]) == [2, 3] and list(vector) == [1, 2, 3]
    assert list(reversed(vector)) == [3, 2, 1] and 2 in vector and 9 not in vector
    vector[0] = 10
    del vector[1]
    assert list(vector) == [10, 3]
    assert vector == Vector(10, 3) and Vector(10, 3) == vector and vector != Vector() and vector == vector
    assert hash(vector) == hash(Vector(10, 3)) and vector < Vector(11) and Vector(1) < vector
    assert str(vector) == "10 3" and f"{vector:spec}" == "<spec:2>" and bool(vector)
    assert vector(2) == [20, 6] and list(vector) == [20, 6]
    total = vector + Vector(1, 1)
    assert type(total) is Vector and list(total) == [21, 7]
    assert list(-vector) == [-20, -6] and 1 + vector == [1, 20, 6]
    assert int(vector) == 26 and float(vector) == 26.0 and [0, 1, 2][vector] == 2
    same = vector
    same += 5
    assert same is vector and list(vector) == [20, 6, 5]
    shared.vector += 6
    assert shared.vector is vector and list(vector) == [20, 6, 5, 6]
    with vector as entered:
        assert list(entered)[-1] == 0.0
    assert list(vector)[-2:] == [0.0, -1.0]
    with pytest.raises(IndexError):
        vector[99]
    with pytest.raises(IndexError):
        vector[99] = 1
    shared.vector = Vector(0)
    assert not shared.vector


def test_inheritance(shared: Share) -> None:
    """Overriding, super() and several bases."""
    shared.derived = Derived()
    shared.derived.run()
    assert list(shared.derived.trace) == ["derived", "base", "mixin step", "base step"]
    assert shared.derived.describe() == "derived from base"


def test_dynamic_attributes(shared: Share) -> None:
    """__getattr__, setattr and delattr with computed names."""
    shared.dynamic = Dynamic()
    dynamic = shared.dynamic
    assert dynamic.say_hello == "hello1" and dynamic.known == 1
    with pytest.raises(AttributeError, match="has no missing"):
        dynamic.missing
    dynamic.learn("extra", [1])
    assert list(dynamic.extra) == [1]
    dynamic.learn("known", 2)
    assert dynamic.known == 2 and dynamic.say_x == "x2"
    dynamic.forget("extra")
    with pytest.raises(AttributeError):
        dynamic.extra


def test_own_setattr(shared: Share) -> None:
    """A class's own __setattr__ decides about writes through a proxy too."""
    shared.guarded = Guarded()
    assert shared.guarded.value == 10
    shared.guarded.value = 2
    shared.guarded.other = 2
    assert (shared.guarded.value, shared.guarded.other) == (20, 2)


def test_parameters_with_names_of_ours(shared: Share) -> None:
    """name, timeout, method, self: as keywords they are the method's own, wherever that is possible."""
    shared.odd = Odd()
    odd = shared.odd
    odd.take("n", timeout=3, method=4, kind=5, target=6)
    assert odd.seen == ("n", 3, 4, {"kind": 5, "target": 6})
    odd.take(name=1)
    assert odd.seen == (1, None, None, {})
    odd.take_self(self=1, proxy=2, args=3, kwargs=4)
    assert dict(odd.seen) == {"self": 1, "proxy": 2, "args": 3, "kwargs": 4}
    odd.take.call("n", 2, timeout=60)  # documented: here timeout= is ours
    assert odd.seen == ("n", 2, None, {})
    odd.take.send(name=7, timeout=8)
    assert odd.seen == (7, 8, None, {})
    odd.send("x")
    assert odd.seen == ("send", "x")
    assert odd.call() == "call" and odd.call.call() == "call" and odd.seen == "call"


def test_generators_and_coroutines(shared: Share) -> None:
    """Read-only ones run in the caller, on a snapshot that stays as it is."""
    shared.odd = Odd()
    odd = shared.odd
    numbers = odd.each()
    assert next(numbers) == 1
    shared.odd.items.append(4)
    assert list(numbers) == [2, 3]
    assert list(odd.each()) == [1, 2, 3, 4]
    assert list(odd.pairs()) == [(1, 2), (2, 3), (3, 4)]
    assert asyncio.run(odd.read()) == 1


def test_functions_as_arguments(shared: Share) -> None:
    """Lambdas and closures travel by value and run in the coordinator."""
    shared.odd, shared.counter = Odd(), Counter()
    factor = 10
    assert shared.odd.apply(lambda items: sum(items) * factor) == 60
    assert shared.odd.apply(sum) == 6
    assert shared.odd.apply(len) == 3 and shared.odd.seen == 3


def test_methods_that_return_the_receiver(shared: Share) -> None:
    """Chained calls work on the proxy and are queued."""
    shared.chain = Chain()
    assert shared.chain.add("a").add("b") is shared.chain
    assert shared.chain.add.call("c") is shared.chain
    assert shared.chain.text() == "abc"


@pytest.mark.parametrize("cls", [Wide, Written])
def test_a_hundred_attributes(cls: type, shared: Share) -> None:
    """More attributes than are flagged one by one; a snapshot of all of them is consistent."""
    shared.wide = cls()
    for turn in range(1, 20):
        shared.wide.bump()
        assert shared.wide.values() == {turn}


def test_deep_state(shared: Share) -> None:
    """Nesting as deep as it may be."""
    shared.deep = Deep()
    shared.deep.grow(100)
    assert shared.deep.depth() == 100
    shared.deep.grow(100_000)
    shared.flush()
    assert shared.deep.depth() == 100_100


def test_strings_that_are_not_text(shared: Share) -> None:
    """Lone surrogates, NUL, long names: as state, argument, result and in errors."""
    strange = "\ud800 \0 \udcff ä" * 50
    shared.odd = Odd()
    shared.odd.send(strange)
    assert shared.odd.seen == ("send", strange)
    assert shared.odd.apply(lambda items: "\udc80") == "\udc80"
    with pytest.raises(ValueError, match="surrogates"):  # names are text
        shared[strange] = 1
    assert strange not in shared
    with pytest.raises(ValueError, match="1024"):
        shared["x" * 2000] = 1
    with pytest.raises(ValueError, match="1024"):
        setattr(shared.odd, "x" * 2000, 1)


def test_large_arguments_and_results(shared: Share) -> None:
    """What is larger than the rings travels in segments of its own, which are removed."""
    import os

    shared.odd = Odd()
    name = repr(shared).split()[1].rstrip(":")
    for size in (10_000, 200_000, 1_000_000, 20_000_000):
        data = os.urandom(64) * (size // 64)
        shared.odd.send(data)
        assert shared.odd.seen == ("send", data)
        assert shared.odd.apply(lambda items, n=size: b"y" * n) == b"y" * size
        with pytest.raises(ValueError, match="zzzz"):
            shared.odd.apply(fail_at_length(size))
    shared.flush()
    wait_for(lambda: not [s for s in os.listdir("/dev/shm") if s.startswith((f"{name}_s", f"{name}_a"))])


def fail_at_length(size: int) -> Any:
    """A function that raises a large exception."""

    def fail(items: Any) -> None:
        raise ValueError("z" * size)

    return fail


def test_pending_calls_by_future_and_awaitable(shared: Share) -> None:
    """submit and aio: results, exceptions, many at once."""
    shared.counter, shared.pair = Counter(), Pair()
    counter = shared.counter
    futures = [counter.next.submit() for _ in range(200)]
    assert [future.result() for future in futures] == list(range(1, 201))
    with pytest.raises(TypeError):
        counter.add.submit("x").result()
    assert isinstance(counter.add.submit("x").exception(), TypeError)
    shared.flush()  # they have been raised

    async def many() -> list[Any]:
        results = await asyncio.gather(*(counter.next.aio() for _ in range(50)))
        with pytest.raises(TypeError):
            await counter.add.aio("x")
        return results

    assert asyncio.run(many()) == list(range(201, 251))
    assert shared.pair.both.submit().result() == (0, 0)
    assert counter.next.call() == 251
