"""Classes whose class is not ``type`` itself."""

import enum
from abc import ABC, abstractmethod
from collections.abc import Iterator, MutableMapping, MutableSequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

T = TypeVar("T")


class Store(MutableMapping[str, int]):
    """Only what the abstract class asks for; the rest is inherited."""

    def __init__(self) -> None:
        self.data: dict[str, int] = {}

    def __getitem__(self, key: str) -> int:
        return self.data[key]

    def __setitem__(self, key: str, value: int) -> None:
        self.data[key] = value

    def __delitem__(self, key: str) -> None:
        del self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


class Row(MutableSequence[int]):
    def __init__(self) -> None:
        self.items: list[int] = []

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.items[index] = value

    def __delitem__(self, index: Any) -> None:
        del self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def insert(self, index: int, value: int) -> None:
        self.items.insert(index, value)


class Shape(ABC):
    def __init__(self) -> None:
        self.scale = 1

    @abstractmethod
    def area(self) -> int: ...

    def grow(self, by: int) -> None:
        self.scale *= by


class Square(Shape):
    def area(self) -> int:
        return self.scale * self.scale


class Stack(Generic[T]):
    def __init__(self) -> None:
        self.items: list[T] = []

    def push(self, item: T) -> None:
        self.items.append(item)

    def pop(self) -> T:
        return self.items.pop()


class Closable(Protocol):
    closed: bool

    def close(self) -> None: ...


class Door(Closable):
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Registered(type):
    """Keeps a list of its classes, and gives them a name of its own making."""

    made: ClassVar[list[str]] = []

    def __new__(mcs, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> "Registered":
        cls = super().__new__(mcs, name, bases, members)
        mcs.made.append(name)
        return cls

    @property
    def label(cls) -> str:
        return cls.__name__.lower()


class Plugin(metaclass=Registered):
    def __init__(self) -> None:
        self.calls = 0

    def run(self) -> str:
        self.calls += 1
        return type(self).label


class Light(enum.Enum):
    RED = 1
    GREEN = 2


class Mode(enum.Flag):
    READ = 1
    WRITE = 2
