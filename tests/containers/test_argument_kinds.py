"""Methods of the standard containers with arguments of every kind, compared with the plain ones."""

import itertools
import operator
from collections import ChainMap, Counter, OrderedDict, UserDict, defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from share import Share, plain

ITERABLES: dict[str, Callable[[], Any]] = {
    "list": lambda: ["a", "b", "a"],
    "tuple": lambda: ("a", "b"),
    "set": lambda: {"a"},
    "str": lambda: "ab",
    "dict": lambda: {"a": 2, "b": 1},
    "deque": lambda: deque(["a", "b"]),
    "iterator": lambda: iter(["a", "b"]),
    "generator": lambda: (letter for letter in "ab"),
    "map": lambda: map(str.lower, "AB"),
    "keys": lambda: {"a": 1}.keys(),
    "items": lambda: {"a": 1}.items(),
    "pairs": lambda: [("a", 5), ("c", 6)],
    "generated pairs": lambda: ((letter, 5) for letter in "ab"),
    "Counter": lambda: Counter("abc"),
    "UserDict": lambda: UserDict(a=4),
    "ChainMap": lambda: ChainMap({"a": 1}, {"b": 2}),
    "None": lambda: None,
    "int": lambda: 3,
}
METHODS: list[tuple[Callable[[], Any], tuple[str, ...]]] = [
    (lambda: ["x"], ("extend", "__iadd__", "__add__", "__init__")),
    (lambda: deque(["x"]), ("extend", "extendleft", "__iadd__")),
    (lambda: {"x": 1}, ("update", "__ior__", "__or__", "__init__")),
    (lambda: OrderedDict(x=1), ("update", "__ior__", "__or__")),
    (lambda: defaultdict(int, x=1), ("update", "__ior__")),
    (lambda: Counter(x=1, a=1), ("update", "subtract", "__init__", "__iadd__", "__isub__", "__ior__", "__or__")),
    (
        lambda: {"x", "a"},
        ("update", "difference_update", "intersection_update", "symmetric_difference_update", "union", "isdisjoint",
         "__ior__", "__iand__", "__or__"),
    ),
]  # fmt: skip
CASES = [
    pytest.param(make, name, id=f"{type(make()).__name__}.{name}")
    for make, names in METHODS
    for name in names
]


@pytest.fixture(scope="module")
def shared() -> Iterator[Share]:
    with Share() as share:
        share.container = []
        share.flush()  # so its coordinator is there before the first test
        yield share


def outcome(container: Any, name: str, argument: Any, whole: Callable[[Any], Any]) -> Any:
    """What a call or an operator gives and leaves; "refused" if it raises, by itself or with the next flush."""
    function = getattr(operator, name, None) if name.startswith("__") else None
    try:
        if function is not None:
            result = function(container, argument)
        else:
            result = getattr(container, name)(argument)
        return whole(result) if result is not None else None, whole(container)
    except Exception:
        return "refused"


@pytest.mark.parametrize(("make", "names"), CASES)
def test_an_argument_of_any_kind(shared: Share, make: Callable[[], Any], names: tuple[str, ...]) -> None:
    def flushed(value: Any) -> Any:
        shared.flush()
        return plain(value)

    for name, (kind, argument) in itertools.product(names, ITERABLES.items()):
        shared.container = make()
        expected = outcome(make(), name, argument(), lambda value: value)
        assert outcome(shared.container, name, argument(), flushed) == expected, (name, kind)


@pytest.mark.parametrize(("make", "names"), CASES)
def test_an_argument_that_is_shared(shared: Share, make: Callable[[], Any], names: tuple[str, ...]) -> None:
    def flushed(value: Any) -> Any:
        shared.flush()
        return plain(value)

    for name in names:
        if name == "__init__":
            continue  # of a container by itself: it is empty when its elements are asked for
        itself = make()
        expected = outcome(itself, name, itself, lambda value: value)
        shared.container, shared.other = make(), make()
        assert outcome(shared.container, name, shared.container, flushed) == expected, name
        shared.container = make()
        assert outcome(shared.container, name, shared.other, flushed) == expected, name


def test_keywords(shared: Share) -> None:
    for make in (dict, OrderedDict, Counter):
        shared.container, expected = make(a=1), make(a=1)
        shared.container.update({"b": 2}, a=5)
        expected.update({"b": 2}, a=5)
        assert plain(shared.container) == expected
    shared.container.subtract(a=1)
    assert shared.container["a"] == expected["a"] - 1
