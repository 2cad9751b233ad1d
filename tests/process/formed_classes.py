"""Classes in the forms that Python and its libraries give them, and what is done with them.

Each function of FORMS drives one form, on a plain object and on a shared one: what it gives must be the same.
test_forms.py runs them imported, in a main program, and in a cell that is run again.
"""

import dataclasses
import enum
import functools
import typing
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import attrs
import pydantic

RELEASE = 1  # what a cell that is run again has another value of, in a method of each class


@attrs.frozen
class Point:
    x: int = 0
    tags: list[str] = attrs.field(factory=list)

    def moved(self, by: int) -> "Point":
        return attrs.evolve(self, x=self.x + by * RELEASE)


@attrs.define
class Path:
    points: list[Point] = attrs.field(factory=list)
    at: Point = attrs.field(factory=Point)

    def step(self, by: int) -> int:
        self.at = self.at.moved(by)
        self.points.append(self.at)
        return len(self.points)


@attrs.define(slots=False)
class Named(Path):
    name: str = attrs.field(default="way", kw_only=True)

    def rename(self, name: str) -> None:
        self.name = name * RELEASE


def of_attrs(share: Callable[[Any], Any]) -> Iterator[Any]:
    for path in (share(Path()), share(Named(name="x"))):
        yield path.step(2), path.step(3), path.at.x, path.points[0].x, len(path.points)
        path.at.tags.append("here")
        yield path.at.tags, path.at == attrs.evolve(path.at), attrs.evolve(path.at, x=9).x
        yield [each.name for each in attrs.fields(path.__class__)]
    path.rename("y")
    yield path.name
    point = share(Point(3))
    yield point.moved(4).x, point.x


class Line(pydantic.BaseModel):
    n: int = 1


class Order(pydantic.BaseModel):
    id: int
    lines: list[Line] = pydantic.Field(default_factory=list)
    first: Line = pydantic.Field(default_factory=Line)

    def add(self, n: int) -> int:
        self.lines.append(Line(n=n * RELEASE))
        return sum(line.n for line in self.lines)


def of_pydantic(share: Callable[[Any], Any]) -> Iterator[Any]:
    order = share(Order(id=4))
    yield order.add(2), order.add(3), order.model_dump()
    order.first.n += 5
    order.lines[0].n = 7
    order.id = 6
    yield order.model_dump_json(), order.lines[0].n, order.first.n, [*Order.model_fields]


class Pair(typing.NamedTuple):
    left: int
    right: list[int]

    def total(self) -> int:
        return (self.left + sum(self.right)) * RELEASE


class Pairs:
    def __init__(self) -> None:
        self.pairs = [Pair(1, [2])]

    def add(self, left: int) -> Pair:
        self.pairs.append(self.pairs[-1]._replace(left=left, right=[left]))
        return self.pairs[-1]


def of_named_tuples(share: Callable[[Any], Any]) -> Iterator[Any]:
    pairs = share(Pairs())
    yield pairs.add(5), pairs.pairs[0].total(), pairs.add(6).right
    pairs.pairs[1].right.append(3)
    left, right = pairs.pairs[1]
    yield left, right, pairs.pairs[1]._asdict(), pairs.pairs[0] == Pair(1, [2])


@dataclasses.dataclass(slots=True)
class Base:
    n: int
    rows: list[int] = dataclasses.field(default_factory=list)

    def add(self, k: int) -> int:
        self.rows.append(k * RELEASE)
        self.n += k
        return self.n


@dataclasses.dataclass(kw_only=True)
class Derived(Base):
    start: dataclasses.InitVar[int] = 3
    sum: int = dataclasses.field(init=False)
    kind: ClassVar[str] = "derived"

    def __post_init__(self, start: int) -> None:
        self.sum = self.n + start * RELEASE


@dataclasses.dataclass(frozen=True, order=True)
class Frozen:
    n: int
    text: str = "a"

    def next(self) -> "Frozen":
        return dataclasses.replace(self, n=self.n + RELEASE)


class Holder:
    def __init__(self) -> None:
        self.one, self.by = Frozen(1), {Frozen(2): "two"}

    def turn(self) -> Frozen:
        self.one = self.one.next()
        self.by[self.one] = "new"
        return self.one


def of_dataclasses(share: Callable[[Any], Any]) -> Iterator[Any]:
    for made in (share(Base(1)), share(Derived(n=2, start=5))):
        yield made.add(3), made.rows, dataclasses.asdict(made), dataclasses.replace(made, n=8).n
        made.rows.append(1)
        made.n += 1
        yield made.n, dataclasses.astuple(made), [each.name for each in dataclasses.fields(made)]
    yield made.sum, made.kind
    holder = share(Holder())
    yield holder.turn(), holder.one < Frozen(9), holder.by[Frozen(2)], sorted(holder.by)


class Colour(enum.Enum):
    RED = 1
    GREEN = 2

    def __init__(self, value: int) -> None:
        self.names = [str(value * RELEASE)]

    def other(self) -> "Colour":
        return Colour.GREEN if self is Colour.RED else Colour.RED


class Lamp:
    def __init__(self) -> None:
        self.colour, self.seen = Colour.RED, {Colour.RED: 1}

    def turn(self) -> Colour:
        self.colour = self.colour.other()
        self.seen[self.colour] = self.seen.get(self.colour, 0) + RELEASE
        return self.colour


def of_enumerations(share: Callable[[Any], Any]) -> Iterator[Any]:
    lamp = share(Lamp())
    yield lamp.turn() is Colour.GREEN, lamp.colour is Colour.GREEN, lamp.turn().names, lamp.seen[Colour.GREEN]
    yield (
        lamp.colour.other() is Colour.GREEN,
        dict(lamp.seen) == {Colour.RED: 1 + RELEASE, Colour.GREEN: RELEASE},
    )


class Cached:
    def __init__(self) -> None:
        self.n = 2

    @functools.cached_property
    def table(self) -> list[int]:
        return [k * RELEASE for k in range(self.n)]

    @functools.lru_cache(maxsize=10)  # noqa: B019
    def power(self, k: int) -> int:
        return int((k * RELEASE) ** 2)

    def grow(self) -> int:
        self.n += 1
        self.__dict__.pop("table", None)
        return len(self.table) + self.power(self.n)


def of_caches(share: Callable[[Any], Any]) -> Iterator[Any]:
    cached = share(Cached())
    yield cached.table, cached.power(3), cached.power(3), cached.grow(), cached.table, cached.n


class Single:
    only: ClassVar[typing.Any] = None

    def __new__(cls) -> typing.Self:
        if cls.only is None:
            cls.only = super().__new__(cls)
        found: typing.Self = cls.only
        return found

    def __init__(self) -> None:
        self.n = 0

    def add(self) -> int:
        self.n += RELEASE
        return self.n


def of_singletons(share: Callable[[Any], Any]) -> Iterator[Any]:
    single = share(Single())
    yield single.add(), single.add(), single.n


class Checked:
    """A descriptor that knows its name."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = f"_{name}"

    def __get__(self, obj: Any, owner: type | None = None) -> Any:
        return self if obj is None else getattr(obj, self.name, 0) * RELEASE

    def __set__(self, obj: Any, value: int) -> None:
        if value < 0:
            raise ValueError("negative")
        setattr(obj, self.name, value)


class Checking:
    a = Checked()
    b = Checked()

    def swap(self) -> tuple[int, int]:
        self.a, self.b = self.b, self.a
        return self.a, self.b


def of_descriptors(share: Callable[[Any], Any]) -> Iterator[Any]:
    checking = share(Checking())
    checking.a = 3
    yield checking.a, checking.b, checking.swap()
    try:
        checking.b = -1
    except ValueError as error:
        yield str(error)
    checking.b += 2
    yield checking.b


class Registered:
    known: ClassVar[list[str]] = []

    def __init_subclass__(cls, flavour: str = "", **rest: Any) -> None:
        super().__init_subclass__(**rest)
        cls.flavour = flavour * RELEASE
        Registered.known.append(cls.__name__)

    flavour: ClassVar[str] = ""


class Sweet(Registered, flavour="s"):
    def __init__(self) -> None:
        self.n = 0

    def taste(self) -> str:
        self.n += 1
        return self.flavour * self.n

    def __class_getitem__(cls, item: int) -> tuple[str, int]:
        return cls.flavour, item


T = typing.TypeVar("T")


class Stack(typing.Generic[T]):
    def __init__(self) -> None:
        self.items: list[T] = []

    def push(self, item: T) -> int:
        self.items.extend([item] * RELEASE)
        return len(self.items)


class Numbers(Stack[int]):
    pass


@typing.runtime_checkable
class Sized(typing.Protocol):
    def push(self, item: int) -> int: ...


class Sizable(Sized):
    def __init__(self) -> None:
        self.n = 0

    def push(self, item: int) -> int:
        self.n += item * RELEASE
        return self.n


def of_class_hooks(share: Callable[[Any], Any]) -> Iterator[Any]:
    sweet = share(Sweet())
    yield sweet.taste(), sweet.taste(), sweet.flavour, sweet.__class__[3], "Sweet" in Registered.known


def of_generics(share: Callable[[Any], Any]) -> Iterator[Any]:
    for stack in (share(Stack[int]()), share(Numbers())):
        yield stack.push(4), stack.push(5), stack.items, isinstance(stack, Stack)
    sizable = share(Sizable())
    yield sizable.push(4), sizable.n, isinstance(sizable, Sized)


FORMS = (
    of_attrs, of_pydantic, of_named_tuples, of_dataclasses, of_enumerations, of_caches, of_singletons, of_descriptors,
    of_class_hooks, of_generics,
)  # fmt: skip


def plainly(found: Any) -> str:
    """What a form gives, as text: what is shared and what is not look the same then."""
    return repr(found)


def compare(shared: Any, form: Callable[..., Any]) -> None:
    """Raises AssertionError unless a form does with shared objects what it does with plain ones."""

    def share(obj: Any) -> Any:
        names.append(f"object_{len(names)}")
        setattr(shared, names[-1], obj)
        return getattr(shared, names[-1])

    names: list[str] = []
    expected = [plainly(each) for each in form(lambda obj: obj)]
    if form is of_singletons:
        Single.only = None
    found = [plainly(each) for each in form(share)]
    assert found == expected, f"{form.__name__}: {found} and not {expected}"
    shared.flush()
    assert not shared.errors


if __name__ == "__main__":
    from share import Share

    failed = []
    for form in FORMS:
        with Share() as shared:
            try:
                compare(shared, form)
            except Exception as error:
                failed.append((form.__name__, repr(error)))
    print(failed or "well")
