"""Whatever is read from a share is the caller's own: all of it is spoilt, and the share is as it was.

Proxies are the exception, since changing one is a write; so of these the parts are read, and spoilt in turn.
"""

import copy
import functools
import operator
import pickle
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from share import Share, plain
from share.errors import NotShareableError

numpy = pytest.importorskip("numpy")


class Part:
    def __init__(self, held: Any) -> None:
        self.held = held


class Slotted:
    __slots__ = ("held",)

    def __init__(self, held: Any) -> None:
        self.held = held


@dataclass(frozen=True)
class Frozen:
    held: Any


class Table(dict[Any, Any]):
    """A container with attributes of its own."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.note = [1]


class Holder:
    """Gives away its state in every way that a method can."""

    def __init__(self, state: Any) -> None:
        self.state = state
        self.more = [state, {"state": state}]
        self.row = [0] * 300

    @property
    def through(self) -> Any:
        return self.state

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.state, self.more))

    def give(self) -> Any:
        return self.state

    def give_two(self) -> Any:
        return self.state, self.more

    def give_new(self) -> Any:
        return [self.state, {"a": self.more}]

    def give_object(self) -> Any:
        return Part(self.state)

    def give_iterator(self) -> Any:
        return iter(self.more)

    def give_generator(self) -> Any:
        yield self.state
        yield from self.more

    def give_views(self) -> Any:
        return vars(self).values(), vars(self).items()

    def give_attributes(self) -> Any:
        return vars(self)

    def give_method(self) -> Any:
        return self.more.append

    def give_own_method(self) -> Any:
        return self.give

    def give_closure(self) -> Any:
        return lambda: self.state

    def give_partial(self) -> Any:
        return functools.partial(list, self.more)

    def give_self(self) -> Any:
        return self

    def give_self_and_more(self) -> Any:
        return [self, self.more]

    def give_slice(self) -> Any:
        return self.row[:5], self.more[:]

    def give_map(self) -> Any:
        return map(copy.copy, [self.more]), filter(None, self.more)

    def give_error(self) -> Any:
        return ValueError(self.state)

    def raise_it(self) -> Any:
        raise ValueError(self.state)


GIVING = [name for name in vars(Holder) if name.startswith("give")]


def raised(call: Callable[[], Any]) -> Any:
    try:
        call()
    except ValueError as error:
        return error.args, getattr(error.__traceback__, "tb_frame", None) and error
    raise AssertionError("nothing was raised")


def ways() -> Iterator[tuple[str, Callable[[Any, Any], Any]]]:
    """Names of ways to get something, and callables of the share and the holder's proxy that do."""
    for name in GIVING:
        yield name, lambda shared, held, name=name: getattr(held, name)()
        yield f"{name}.call", lambda shared, held, name=name: getattr(held, name).call()
    yield "submit", lambda shared, held: held.give.submit().result()
    yield "raise", lambda shared, held: raised(held.raise_it)
    yield "raise.call", lambda shared, held: raised(held.raise_it.call)
    for name in ("state", "more", "row", "through"):
        yield name, lambda shared, held, name=name: getattr(held, name)
        yield f"plain {name}", lambda shared, held, name=name: plain(getattr(held, name))
        yield f"copy {name}", lambda shared, held, name=name: copy.copy(getattr(held, name))
        yield f"deepcopy {name}", lambda shared, held, name=name: copy.deepcopy(getattr(held, name))
        yield (
            f"pickle {name}",
            lambda shared, held, name=name: pickle.loads(pickle.dumps(getattr(held, name))),
        )
    yield "item", lambda shared, held: held["more"]
    yield "unpack", lambda shared, held: [*held]
    yield "plain", lambda shared, held: plain(held)
    yield "copy", lambda shared, held: copy.copy(held)
    yield "deepcopy", lambda shared, held: copy.deepcopy(held)
    yield "snapshot", lambda shared, held: shared.snapshot(held, held.more)
    yield "slice", lambda shared, held: held.more[:]
    yield "sum", lambda shared, held: operator.add(held.more, [held.state])
    yield "product", lambda shared, held: held.more * 2
    yield "list", lambda shared, held: list(held.more)
    yield "iterator", lambda shared, held: iter(held.more)
    yield "reversed", lambda shared, held: reversed(held.more)
    yield "zip", lambda shared, held: zip(held.more, held.more, strict=True)
    yield "items", lambda shared, held: held.more[1].items()
    yield "values", lambda shared, held: held.more[1].values()
    yield "union", lambda shared, held: held.more[1] | {"b": 1}
    yield "get", lambda shared, held: held.more[1].get("state")
    yield "pop", lambda shared, held: held.more.copy().pop()
    yield "dict", lambda shared, held: dict(held.more[1])
    yield "root", lambda shared, held: shared.root
    yield "root parts", lambda shared, held: [*shared.root, *shared.root[0:1], plain(shared.root)]


WAYS = dict(ways())

atoms = st.one_of(st.integers(-3, 3), st.text(max_size=3), st.none(), st.binary(max_size=3))
states = st.recursive(
    st.one_of(
        atoms,
        st.sets(st.integers(-3, 3), max_size=3),
        st.builds(bytearray, st.binary(max_size=5)),
        st.builds(Counter, st.text(max_size=4)),
        st.builds(lambda size: numpy.arange(size, dtype=float), st.integers(1, 5)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        st.builds(deque, st.lists(inner, max_size=3)),
        st.builds(lambda held: (1, held), inner),
        st.builds(Part, inner),
        st.builds(Slotted, inner),
        st.builds(Frozen, inner),
        st.builds(OrderedDict, st.dictionaries(st.sampled_from("abc"), inner, max_size=2)),
        st.builds(lambda held: defaultdict(list, a=held), inner),
        st.builds(lambda held: Table({"a": held}), inner),
        st.builds(lambda held: ValueError(held), inner),
        st.builds(lambda held: types.SimpleNamespace(held=held), inner),
        st.builds(lambda held: numpy.array([held, None], dtype=object), st.lists(atoms, max_size=2)),
    ),
    max_leaves=5,
)


def is_proxy(value: Any) -> bool:
    return hasattr(type(value), "_share_plan_")


def spoil(value: Any, depth: int = 0) -> None:
    """Changes everything that can be reached from an object, in place."""
    if depth > 6 or value is None or isinstance(value, type | types.ModuleType):
        return
    if is_proxy(value):
        for part in parts_of(value):
            spoil(part, depth + 1)
        return
    for part in parts_of(value):
        spoil(part, depth + 1)
    if type(value).__module__ == "share" and isinstance(value, numpy.ndarray):
        for array in (numpy.asarray(value), value.view(numpy.ndarray)):
            with suppress(ValueError):
                array[...] = 99
            with suppress(ValueError):
                array.flags.writeable = True
                array[...] = 99
        return
    with suppress(ValueError, TypeError, AttributeError, RuntimeError, IndexError):
        match value:
            case numpy.ndarray():
                value[...] = 99
            case list() | deque():
                value.append("spoilt")
                value.reverse()
            case dict():
                value["spoilt"] = 1
            case set():
                value.add("spoilt")
            case bytearray():
                value.extend(b"spoilt")
            case Slotted():
                value.held = "spoilt"
    if hasattr(value, "__dict__") and not callable(value) and not isinstance(value, Frozen):
        with suppress(AttributeError, TypeError):
            vars(value)["spoilt"] = 1
        with suppress(AttributeError, TypeError):
            vars(value)["held"] = "spoilt"


def parts_of(value: Any) -> list[Any]:
    """What an object holds or gives."""
    found: list[Any] = []
    with suppress(Exception):
        match value:
            case str() | bytes() | bytearray() | int() | float():
                return []
            case types.FunctionType():
                found += [cell.cell_contents for cell in value.__closure__ or ()]
                if value.__code__.co_argcount == 0:
                    found.append(value())
            case types.MethodType() | types.BuiltinMethodType():
                found.append(value.__self__)
                return found
            case functools.partial():
                found += [value.args, value()]
            case BaseException():
                found.append(value.args)
            case dict() | OrderedDict():
                found += [*value.keys(), *value.values()]
    for name in ("held", "note", "state", "more", "row"):
        with suppress(Exception):
            found.append(getattr(value, name))
    with suppress(Exception):
        for part, _ in zip(value, range(10), strict=False):
            found.append(part)
    with suppress(Exception):
        if isinstance(value, dict) or is_proxy(value):
            found += list(value.values())[:10]
    return found


def told(value: Any) -> Any:
    """An object as plain data that can be compared."""
    cls = type(value)
    if isinstance(value, numpy.ndarray):
        return "array", [told(each) for each in value.tolist()]
    if isinstance(value, dict):
        note = [told(value.note)] if isinstance(value, Table) else []
        return cls.__name__, [(key, told(held)) for key, held in sorted(value.items(), key=repr)], note
    if isinstance(value, list | tuple | deque):
        return cls.__name__, [told(each) for each in value]
    if isinstance(value, set):
        return cls.__name__, sorted(value)
    if isinstance(value, BaseException):
        return cls.__name__, told(value.args), told(value.__dict__)
    if isinstance(value, Slotted):
        return cls.__name__, told(value.held)
    if isinstance(value, bytearray):
        return "bytearray", bytes(value)
    if hasattr(value, "__dict__"):
        return cls.__name__, told(vars(value))
    return value


def test_the_share_stays_as_it_was() -> None:
    with Share() as shared:

        @settings(max_examples=settings.default.max_examples // 2)  # each is looked at in many ways
        @given(states)
        def stays(state: Any) -> None:
            check(shared, state)

        stays()


def check(shared: Share, state: Any) -> None:
    shared.held = Holder(state)
    shared.root = [state, {"a": [state]}]
    expected = told(Holder(copy.deepcopy(state)))
    root = told([copy.deepcopy(state), {"a": [copy.deepcopy(state)]}])
    held = shared.held
    spoil(held)  # which fills all caches
    for name, way in WAYS.items():
        with suppress(NotShareableError):  # generators and their like
            spoil(way(shared, held))
        # Copies of what this process keeps for the next reader.
        assert told(copy.deepcopy(held)) == expected, name
        assert told(copy.deepcopy(shared.root)) == root, name
    assert told(shared.snapshot(held)) == expected
    assert shared.errors == []
