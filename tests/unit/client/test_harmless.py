"""Classes of which it is known that no operator and no read of an attribute changes their objects."""

import functools
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from share.analysis import writes
from share.client._harmless import are_harmless, is_harmless


class Row:
    def __init__(self) -> None:
        self.n = 0

    def add(self) -> None:
        self.n += 1


class Slots:
    __slots__ = ("n",)


@dataclass
class Point:
    x: int
    y: list[int]


class Sized(list[int]):
    @property
    def total(self) -> int:
        return sum(self)

    def __len__(self) -> int:
        return list.__len__(self)


class Named(NamedTuple):
    a: int
    b: int


class Counting:
    def __init__(self) -> None:
        self.n = 0

    def __len__(self) -> int:
        self.n += 1
        return self.n


class Inherits(Counting):
    pass


class Looked:
    def __init__(self) -> None:
        self.n = 0

    @property
    def value(self) -> int:
        self.n += 1
        return self.n


class Said:
    def __init__(self) -> None:
        self.log: list[int] = []

    @property
    @writes()
    def value(self) -> int:
        self.log.append(7)
        return len(self.log)


class Cached:
    @functools.cached_property
    def value(self) -> int:
        return 5


class Missing(dict[str, Any]):
    def __missing__(self, key: str) -> int:
        self[key] = 1
        return 1


class Listed:
    def __init__(self) -> None:
        self.n = 0

    def __dir__(self) -> list[str]:
        self.n += 1
        return ["n"]


class Copied:
    def __init__(self) -> None:
        self.n = 0

    def __deepcopy__(self, memo: Any) -> "Copied":
        self.n += 1
        return self


class Dynamic:
    def __getattr__(self, name: str) -> int:
        self.__dict__[name] = 1
        return 1


@pytest.mark.parametrize(
    "cls", [list, dict, Counter, bytearray, Row, Slots, Point, Sized, Named, type(threading.Lock())]
)
def test_these_stay_as_they_are(cls: type) -> None:
    assert is_harmless(cls)


@pytest.mark.parametrize(
    "cls",
    [
        defaultdict,
        type(iter([])),
        Counting,
        Inherits,
        Looked,
        Said,
        Cached,
        Missing,
        Dynamic,
        Listed,
        Copied,
        None,
        5,
    ],
)
def test_these_may_change(cls: Any) -> None:
    assert not is_harmless(cls)
    assert not are_harmless({list, cls})


def test_a_method_of_a_data_class_that_its_user_wrote_in_a_string() -> None:
    found: dict[str, Any] = {"dataclass": dataclass}
    exec(
        "@dataclass(eq=False)\n"
        "class Own:\n"
        "    n: int = 0\n"
        "    def __eq__(self, other):\n"
        "        self.n += 1\n"
        "        return False\n"
        "    __hash__ = None\n",
        found,
    )
    assert not is_harmless(found["Own"])
