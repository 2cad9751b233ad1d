"""Classes that use what Python classes can do; the tests put them on a share."""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self


class Slotted:
    """Has no __dict__."""

    __slots__ = ("first", "second")

    def __init__(self) -> None:
        self.first = 1
        self.second = [1]

    def bump(self) -> None:
        self.first += 1
        self.second.append(self.first)


class HalfSlotted(Slotted):
    """Slots from its base, and a __dict__ of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.third = "three"

    def bump(self) -> None:
        super().bump()
        self.third += "!"


@dataclass
class Record:
    """An ordinary dataclass."""

    name: str
    size: int = 0
    tags: list[str] = field(default_factory=list)

    def tag(self, tag: str) -> None:
        self.tags.append(tag)
        self.size += 1


@dataclass(slots=True)
class SlottedRecord:
    """A dataclass with slots."""

    name: str
    size: int = 0

    def grow(self) -> int:
        self.size += 1
        return self.size


class Temperature:
    """Properties: computed, with setter and deleter, cached; class and static methods; class attributes."""

    unit = "C"
    made: ClassVar[int] = 0

    def __init__(self, degrees: float) -> None:
        self._degrees = degrees
        self.changes = 0

    @property
    def degrees(self) -> float:
        return self._degrees

    @degrees.setter
    def degrees(self, value: float) -> None:
        if value < -273.15:
            raise ValueError("below absolute zero")
        self._degrees = value
        self.changes += 1

    @degrees.deleter
    def degrees(self) -> None:
        self._degrees = 0.0
        self.changes += 100

    @property
    def fahrenheit(self) -> float:
        return self.degrees * 9 / 5 + 32

    @property
    def counted(self) -> int:
        self.changes += 1
        return self.changes

    @functools.cached_property
    def frozen(self) -> float:
        return self._degrees

    @classmethod
    def boiling(cls) -> "Temperature":
        return cls(100.0)

    @staticmethod
    def convert(fahrenheit: float) -> float:
        return (fahrenheit - 32) * 5 / 9


class Vector:
    """Special methods."""

    def __init__(self, *items: float) -> None:
        self.items = list(items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.items[index] = value

    def __delitem__(self, index: Any) -> None:
        del self.items[index]

    def __iter__(self) -> Iterator[float]:
        return iter(self.items)

    def __reversed__(self) -> Iterator[float]:
        return reversed(self.items)

    def __contains__(self, item: Any) -> bool:
        return item in self.items

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vector) and self.items == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self.items))

    def __lt__(self, other: "Vector") -> bool:
        return self.items < list(other)

    def __repr__(self) -> str:
        return f"Vector{tuple(self.items)}"

    def __str__(self) -> str:
        return " ".join(map(str, self.items))

    def __bool__(self) -> bool:
        return any(self.items)

    def __format__(self, spec: str) -> str:
        return f"<{spec}:{len(self.items)}>"

    def __call__(self, factor: float) -> list[float]:
        self.items = [item * factor for item in self.items]
        return list(self.items)

    def __add__(self, other: "Vector") -> "Vector":
        return Vector(*map(sum, zip(self, other, strict=True)))

    def __radd__(self, other: Any) -> Any:
        return [other, *self.items]

    def __iadd__(self, other: Any) -> Self:
        self.items.append(other)
        return self

    def __neg__(self) -> "Vector":
        return Vector(*(-item for item in self.items))

    def __int__(self) -> int:
        return int(sum(self.items))

    def __float__(self) -> float:
        return float(sum(self.items))

    def __index__(self) -> int:
        return len(self.items)

    def __enter__(self) -> Self:
        self.items.append(0.0)
        return self

    def __exit__(self, *error: object) -> None:
        self.items.append(-1.0)


class Base:
    """With what its subclasses override and extend."""

    def __init__(self) -> None:
        self.trace: list[str] = []

    def run(self) -> None:
        self.trace.append("base")
        self.step()

    def step(self) -> None:
        self.trace.append("base step")

    def describe(self) -> str:
        return "base"


class Mixin:
    """Second base."""

    def step(self) -> None:
        self.trace.append("mixin step")  # type: ignore[attr-defined]
        super().step()  # type: ignore[misc]


class Derived(Mixin, Base):
    """Overrides and calls super()."""

    def run(self) -> None:
        self.trace.append("derived")
        super().run()

    def describe(self) -> str:
        return f"derived from {super().describe()}"


class Dynamic:
    """Answers for attributes that it does not have, and takes any that it is given."""

    def __init__(self) -> None:
        self.known = 1

    def __getattr__(self, name: str) -> Any:
        if name.startswith("say_"):
            return name.removeprefix("say_") + str(self.known)
        raise AttributeError(f"{type(self).__name__} has no {name}")

    def learn(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def forget(self, name: str) -> None:
        delattr(self, name)


class Guarded:
    """Its own __setattr__ decides what is kept."""

    def __init__(self) -> None:
        self.value = 1

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value if name != "value" else value * 10)


class Odd:
    """Parameters that are called like things of ours; generators; coroutines; callbacks."""

    def __init__(self) -> None:
        self.seen: Any = None
        self.items = [1, 2, 3]

    def take(this, name: Any, timeout: Any = None, *, method: Any = None, **rest: Any) -> None:  # noqa: N805
        this.seen = (name, timeout, method, rest)

    def take_self(this, **kwargs: Any) -> None:  # noqa: N805
        this.seen = kwargs

    def send(self, what: Any) -> None:
        self.seen = ("send", what)

    def call(self) -> Any:
        self.seen = "call"
        return self.seen

    def each(self) -> Iterator[int]:
        yield from self.items

    def pairs(self) -> Iterator[Any]:
        return itertools.pairwise(self.items)

    async def read(self) -> Any:
        return self.items[0]

    def apply(self, function: Any) -> Any:
        self.seen = function(self.items)
        return self.seen


class Chain:
    """Methods that return the receiver."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def add(self, part: str) -> "Chain":
        self.parts.append(part)
        return self

    def text(self) -> str:
        return "".join(self.parts)


class Wide:
    """More attributes than a command raises flags one by one."""

    def __init__(self) -> None:
        for number in range(100):
            setattr(self, f"a{number}", 0)

    def bump(self) -> None:
        for number in range(100):
            setattr(self, f"a{number}", getattr(self, f"a{number}") + 1)

    def values(self) -> set[int]:
        return {getattr(self, f"a{number}") for number in range(100)}


def make_wide() -> type:
    """A class whose plan names a hundred attributes."""
    lines = ["class Written:", "    def __init__(self):"]
    lines += [f"        self.b{number} = 0" for number in range(100)]
    lines += ["    def bump(self):"] + [f"        self.b{number} += 1" for number in range(100)]
    lines += ["    def values(self):", f"        return {{{', '.join(f'self.b{n}' for n in range(100))}}}"]
    namespace: dict[str, Any] = {"__name__": __name__}
    exec("\n".join(lines), namespace)
    return namespace["Written"]


Written = make_wide()


class Deep:
    """Nested state."""

    def __init__(self) -> None:
        self.tree: Any = None

    def grow(self, depth: int) -> None:
        for _ in range(depth):
            self.tree = [self.tree]

    def depth(self) -> int:
        tree, depth = self.tree, 0
        while tree is not None:
            tree, depth = tree[0], depth + 1
        return depth
