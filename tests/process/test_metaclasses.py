"""Classes with a metaclass are shared as any others: abstract, generic, protocols, of libraries, of the user's own."""

from collections import ChainMap, UserDict, UserList, UserString
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from cachetools import LRUCache
from metaclass_classes import Door, Light, Mode, Plugin, Registered, Row, Square, Stack, Store
from sortedcontainers import SortedDict, SortedList, SortedSet

from share import Share, plain


@pytest.mark.parametrize(
    "make",
    [
        UserDict,
        ChainMap,
        Store,
        lambda: LRUCache(10),
        pytest.param(SortedDict, marks=pytest.mark.slow),  # its analysis takes seconds
    ],
    ids=["UserDict", "ChainMap", "MutableMapping", "LRUCache", "SortedDict"],
)
def test_mappings(make: Any, shared: Share) -> None:
    """The same steps on a shared object and on one at home."""
    shared.mapping, at_home = make(), make()
    for mapping in (shared.mapping, at_home):
        mapping["b"] = 2
        mapping["a"] = 1
        mapping.update({"c": 3, "d": 4})
        assert mapping.setdefault("a", 9) == 1 and mapping.pop("b") == 2
        del mapping["d"]
    assert sorted(shared.mapping) == sorted(at_home) == ["a", "c"] and plain(shared.mapping) == at_home
    assert len(shared.mapping) == 2 and "a" in shared.mapping and shared.mapping["c"] == 3
    with pytest.raises(KeyError):
        shared.mapping["no"]
    assert type(plain(shared.mapping)) is type(at_home)


@pytest.mark.parametrize("make", [UserList, Row])
def test_sequences(make: Any, shared: Share) -> None:
    shared.row = make()
    shared.row.append(3)
    shared.row.extend([1, 2])
    shared.row.insert(0, 7)
    shared.row[1] = 4
    assert shared.row.pop() == 2 and list(shared.row) == [7, 4, 1] and len(shared.row) == 3


@pytest.mark.slow
@pytest.mark.parametrize("make", [SortedList, SortedSet])
def test_sorted_containers(make: Any, shared: Share) -> None:
    shared.numbers = make([3, 1])
    shared.numbers.add(2)
    assert list(shared.numbers) == [1, 2, 3] and shared.numbers.bisect(2) == 2 and shared.numbers.pop() == 3


def test_classes_of_the_user(shared: Share) -> None:
    """An ABC, a Generic, a Protocol, and a class with a metaclass of the user's own."""
    shared.square, shared.stack, shared.door, shared.plugin = Square(), Stack[int](), Door(), Plugin()
    shared.square.grow(3)
    assert shared.square.area() == 9
    shared.stack.push(5)
    assert shared.stack.pop() == 5 and shared.stack.items == []
    shared.door.close()
    assert shared.door.closed
    assert shared.plugin.run() == "plugin" and shared.plugin.calls == 1
    assert type(type(plain(shared.plugin))) is Registered


def test_values(shared: Share) -> None:
    """Members of enumerations come back as themselves; so does a string class with a metaclass, as an object."""
    shared.light, shared.mode, shared.text = Light.RED, Mode.READ | Mode.WRITE, UserString("ab")
    assert shared.light is Light.RED and shared.mode == Mode.READ | Mode.WRITE
    shared.light = Light.GREEN
    assert shared.light is Light.GREEN and str(shared.text) == "ab" and shared.text.upper() == "AB"


def fill(shared: Share, number: int) -> None:
    shared.store[str(number)] = number
    shared.square.grow(2)


def test_from_other_processes(context: Any, shared: Share) -> None:
    """Their classes arrive, and have the same proxies, under each start method."""
    shared.store, shared.square = Store(), Square()
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        list(pool.map(fill, [shared] * 4, range(4)))
    assert shared.store == {str(number): number for number in range(4)}
    assert shared.square.scale == 16
