"""Calls that run in the caller while arguments and state are plain: whatever is passed, no write is missed."""

import collections
import enum
import re
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from share.analysis import plan, trace
from share.analysis.knowledge._plain import ARGUMENTS, SCALARS, are_plain, is_plain

KEPT: list[Any] = []


class Child:
    """State of a class of its own, which changes when it is looked at."""

    def __init__(self) -> None:
        self.looked = 0

    def __len__(self) -> int:
        self.looked += 1
        return 1

    def __eq__(self, other: object) -> bool:
        self.looked += 1
        return True

    __hash__ = None  # type: ignore[assignment]

    def keys(self) -> list[str]:
        self.looked += 1
        return ["a"]

    def __getitem__(self, key: Any) -> int:
        self.looked += 1
        if key not in (0, "a"):
            raise IndexError(key)
        return 1


class Shelf:
    """Does with arguments all that one can do with them."""

    def __init__(self) -> None:
        self.items: list[Any] = [[1], [2]]
        self.names = {"a": [1]}
        self.table: Any = collections.defaultdict(list)
        self.child = Child()
        self.n = 5
        self.value: Any = None
        self.later: Any = None

    def iterates(self, x: Any) -> Any:
        return [part for part in x]

    def finds(self, x: Any) -> Any:
        return x in self.items

    def is_found(self, x: Any) -> Any:
        return self.items in x

    def compares(self, x: Any) -> Any:
        return x == self.items or self.n < x

    def adds(self, x: Any) -> Any:
        return [x + self.n, self.n + x]

    def subscripts(self, x: Any) -> Any:
        return x[self.n]

    def asks(self, x: Any) -> Any:
        return x.get(self.items, self.n)

    def calls(self, x: Any) -> Any:
        return x(self.items)

    def calls_with_itself(self, x: Any) -> Any:
        return x(self)

    def calls_with_child(self, x: Any) -> Any:
        return x(self.child)

    def asks_with_child(self, x: Any) -> Any:
        return x.index(self.child) if isinstance(x, list) else x.update(self.child)

    def takes_back(self, x: Any) -> Any:
        x.append(self.items)
        return x[-1].append(1)

    def takes_back_parts(self, x: Any) -> Any:
        x.extend([self.items])
        x[-1].append(1)
        return 1

    def makes_another(self, x: Any) -> Any:
        type(x)(self.items)[0].append(1)
        return 1

    def makes_another_of_its_class(self, x: Any) -> Any:
        made = x.__class__([self.items])
        made[0].append(1)
        return 1

    def sorts(self, x: Any) -> Any:
        return sorted(self.items, key=x)

    def greatest(self, key: Any = None) -> Any:
        return max(self.items, key=key)

    def joins(self, x: Any) -> Any:
        return f"{x}" + ",".join(x) + str(x)

    def stores_code(self, x: Any) -> Any:
        self.later = lambda: x.append(self) or x[0].items.append(1)
        return 1

    def runs_code(self) -> Any:
        return self.later()

    def stores(self, x: Any) -> Any:
        self.value = x
        return 1

    def uses(self) -> Any:
        return self.value(self)

    def uses_method(self) -> Any:
        return self.value.get(self)

    def uses_parts(self) -> Any:
        return [part for part in self.value]

    def keeps_elsewhere(self, x: Any) -> Any:
        KEPT.append([x])
        return len(KEPT)

    def uses_kept(self) -> Any:
        return [holder[0](self) for holder in KEPT]

    def calls_parts(self, x: Any) -> Any:
        return [part(self) for part in x]

    def enters(self, x: Any) -> Any:
        with x:
            return self.n

    def sets(self, x: Any) -> Any:
        x.attribute = self.items
        x.attribute.append(1)
        return 1

    def looks_at_attributes(self, x: Any) -> Any:
        return x.attribute(self)

    def grows(self, x: Any) -> Any:
        x += self.items
        x[-1].append(1)
        return 1

    def grows_itself(self, x: Any) -> Any:
        items = self.items
        items += x
        return 1

    def counts_up(self, x: Any) -> Any:
        value = self.value
        value += x
        return value

    def formats(self, x: Any) -> Any:
        return "{missing}".format_map(self.table) + str(x)

    def translates(self, x: Any) -> Any:
        return str(x).translate(self.table)

    def refers(self) -> Any:
        weakref.ref(self.child)().looked += 1  # type: ignore[union-attr]
        return 1

    def steps_of(self, x: Any) -> Iterator[Any]:
        for part in x:
            yield part(self)

    def with_default(self, x: Any, write: Any = lambda shelf: shelf.items.append(1)) -> Any:
        return write(self)

    def many(self, *xs: Any, **named: Any) -> Any:
        return [x(self) for x in [*xs, *named.values()]]

    def replaces(self, x: Any) -> Any:
        return re.sub("a", x, "a" * self.n)

    def pops(self) -> Any:
        return self.value.pop()


def touch(*given: Any, **named: Any) -> Any:
    """Change whatever state comes along."""
    for value in (*given, *named.values()):
        if isinstance(value, Shelf):
            value.n += 1
        elif isinstance(value, Child):
            value.looked += 1
        elif isinstance(value, list):
            value.append(1)
        elif isinstance(value, dict):
            value["touched"] = 1
    return 1


def _hostile() -> Iterator[Any]:
    """Objects that change what is given to them."""
    names = ("__getitem__ __call__ get append extend index update attribute").split()
    space: dict[str, Any] = {name: lambda self, *given: touch(*given) for name in names}
    space["__iter__"] = lambda self: iter([touch])
    thing = type("Hostile", (), {**space, "__hash__": None})()
    yield thing
    yield [thing]
    yield {"a": (thing,)}
    yield touch
    yield [touch]
    yield map(touch, [1, 2])
    yield iter([touch])
    yield type("List", (list,), dict.fromkeys(("append", "__getitem__", "index"), space["get"]))()
    yield type("Text", (str,), {"get": space["get"], "append": space["get"]})("a")
    yield type("Number", (int,), {"get": space["get"], "__call__": space["get"]})(1)
    yield enum.Enum(
        "Mode", {"a": 1}, type=type("Mixin", (), {"get": space["get"], "__call__": space["get"]})
    ).a


PLAIN: list[Callable[[], Any]] = [
    lambda: [1, "a"], list, lambda: {"a": 1}, lambda: "abc", lambda: 3, lambda: None, lambda: len, lambda: {1},
    lambda: [[1], [2]], lambda: (1, [2]),
]  # fmt: skip
METHODS = [name for name in vars(Shelf) if not name.startswith("_")]


def _run(shelf: Shelf, name: str, value: Any) -> None:
    method = getattr(shelf, name)
    takes = method.__wrapped__.__code__.co_argcount > 1 or name == "many"
    try:
        result = method(value) if takes else method()
        if isinstance(result, Iterator):
            list(result)
    except Exception:
        return


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", METHODS)
def test_no_write_is_missed_whatever_is_passed_or_held(name: str) -> None:
    with trace(Shelf) as seen:
        for value in _hostile():
            KEPT.clear()
            shelf = Shelf()
            _run(shelf, name, value)
            shelf.value = value
            _run(shelf, name, [1])
            shelf = Shelf()
            _run(shelf, "keeps_elsewhere", value)
            _run(shelf, "stores_code", [1])
            _run(shelf, name, [1])
        for make in PLAIN:
            shelf = Shelf()
            _run(shelf, name, make())
            shelf.value = make()
            _run(shelf, name, make())
    KEPT.clear()
    assert not seen.misses, seen.misses


@pytest.mark.parametrize(
    "name",
    ["iterates", "finds", "is_found", "compares", "adds", "subscripts", "asks", "joins", "sorts", "greatest",
    "replaces",
     "many", "calls"],
)  # fmt: skip
def test_with_plain_arguments_a_reader_runs_here(name: str) -> None:
    made = plan(Shelf).methods[name]
    assert made.read_only or ARGUMENTS in made.plain
    with trace(Shelf) as seen:
        for make in PLAIN:
            _run(Shelf(), name, make())
    observed = seen.methods[name]
    assert not seen.misses and observed.calls_local == observed.calls and not observed.writes


@pytest.mark.parametrize(
    "name",
    ["takes_back", "takes_back_parts", "makes_another", "makes_another_of_its_class", "sets", "grows", "grows_itself",
     "stores", "stores_code", "calls_with_child", "asks_with_child", "formats", "translates", "refers", "with_default",
     "steps_of", "pops"],
)  # fmt: skip
def test_what_plain_arguments_do_not_prevent_is_a_write(name: str) -> None:
    assert not plan(Shelf).methods[name].read_only
    with trace(Shelf) as seen:
        for make in PLAIN:
            _run(Shelf(), name, make())
    assert not seen.methods[name].calls_local and not seen.misses


def test_an_operator_in_place_may_be_assumed_to_make_something_new() -> None:
    made = plan(Shelf).methods["counts_up"]
    assert made.plain == {"value", ARGUMENTS, SCALARS}
    shelf = Shelf()
    shelf.value = 3
    assert is_plain(shelf, made.plain)
    shelf.value = [3]
    assert not is_plain(shelf, made.plain)


class Colour(enum.Enum):
    RED = 1


class Loud(enum.Enum):
    RED = 1

    def get(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1, "a", None, {"k": (1.5, {2}, frozenset())}], True),
        (len, True),
        (Colour.RED, True),
        (re.compile("a"), True),
        (Loud.RED, False),
        (sorted, False),
        (lambda: 1, False),
        (list, False),
        ([].append, False),
        (iter([1]), False),
        (collections.defaultdict(list), False),
        ([[collections.Counter()]], False),
        (bytearray(b"a"), False),
        (Shelf(), False),
        ([[0] * 600, [0] * 600], False),
    ],
)
def test_plain_arguments(value: Any, expected: bool) -> None:
    assert are_plain((value,), None) is expected
    assert are_plain((), {"name": value}) is expected


class Inner:
    def __init__(self) -> None:
        self.items: Any = [1]

    def has(self, x: Any) -> Any:
        return x in self.items

    def keep(self, x: Any) -> Any:
        self.items.append(x)
        return x


class Parent:
    """Holds objects of a known class, of which one method is called."""

    def __init__(self) -> None:
        self.inner = Inner()

    def reads(self, x: Any) -> Any:
        return x(self.inner.has(x))

    def writes(self, x: Any) -> Any:
        return x(self.inner.keep(x))


def test_objects_of_classes_that_are_known_are_opened() -> None:
    made = plan(Parent).methods["reads"]
    assert not plan(Parent).methods["writes"].plain
    if made.read_only:
        return
    assert Inner in made.opened
    parent = Parent()
    assert is_plain(parent, made.plain, made.opened)
    parent.inner.items.append(iter([1]))
    assert not is_plain(parent, made.plain, made.opened)
    parent.inner = type("Other", (Inner,), {})()
    assert not is_plain(parent, made.plain, made.opened)
