"""Classes as attrs, pydantic, dataclasses and functools make them, and with slots: imported, or of a main program.

python library_classes.py
"""

import functools
from dataclasses import dataclass, field
from typing import Any

import attrs
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from share import Share, plain


class Node:
    __slots__ = ("__secret", "__weakref__", "v")

    def __init__(self, v: int) -> None:
        self.v, self.__secret = v, v * 2

    def secret(self) -> int:
        return self.__secret

    def double(self) -> None:
        self.v, self.__secret = self.v * 2, self.__secret * 2


class Leaf(Node):
    __slots__ = {"colour": "with a docstring"}

    def __init__(self, v: int, colour: str) -> None:
        super().__init__(v)
        self.colour = colour


class Nodes:
    def __init__(self) -> None:
        self.items: list[Node] = []

    def add(self, v: int) -> None:
        self.items.append(Node(v))

    def total(self) -> int:
        return sum(node.v + node.secret() for node in self.items)


@dataclass(slots=True)
class Lot:
    quantity: int
    tags: list[str] = field(default_factory=list)

    def take(self, n: int) -> int:
        self.quantity -= n
        return self.quantity


@dataclass(slots=True)
class Priced(Lot):
    price: int = 5

    def value(self) -> int:
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Place:
    row: int
    shelf: str = "a"


class Store:
    def __init__(self) -> None:
        self.lots: dict[Place, Lot] = {}

    def put(self, row: int, n: int) -> None:
        self.lots.setdefault(Place(row), Lot(0)).quantity += n

    def value(self) -> int:
        return sum(lot.quantity for lot in self.lots.values())


@attrs.frozen
class Position:
    x: int = 0
    y: int = attrs.field(default=0, converter=int)


@attrs.define
class Unit:
    position: Position = attrs.Factory(Position)
    hits: list[int] = attrs.field(factory=list)
    strength: int = attrs.field(default=10, validator=attrs.validators.ge(0))

    def move(self, by: int) -> None:
        self.position = attrs.evolve(self.position, x=self.position.x + by)

    def hit(self, n: int) -> int:
        self.hits.append(n)
        self.strength -= n
        return self.strength


@attrs.define(slots=False)
class Squad:
    units: list[Unit] = attrs.field(factory=list)

    def add(self) -> None:
        self.units.append(Unit())

    def strength(self) -> int:
        return sum(unit.strength for unit in self.units)


class Line(BaseModel):
    name: str
    n: int = 1


class Order(BaseModel):
    model_config = ConfigDict(validate_assignment=True)

    id: int
    lines: list[Line] = Field(default_factory=list)
    _seen: int = PrivateAttr(default=0)

    @field_validator("id")
    @classmethod
    def is_positive(cls, value: int) -> int:
        if value <= 0:
            raise ValueError("the id is not positive")
        return value

    def add(self, name: str) -> None:
        self.lines.append(Line(name=name))
        self._seen += 1

    def count(self) -> int:
        return len(self.lines) + self._seen


@functools.lru_cache(maxsize=100)
def squared(n: int) -> int:
    return n * n


class Calculator:
    def __init__(self) -> None:
        self.k = 2
        self.last: Any = None

    @functools.cache  # noqa: B019
    def power(self, n: int) -> int:
        return n**2

    @functools.cached_property
    def tables(self) -> list[int]:
        return [squared(n) for n in range(3)]

    @functools.singledispatchmethod
    def note(self, value: Any) -> None:
        self.last = ("anything", value)

    @note.register
    def _(self, value: int) -> None:
        self.last = ("number", squared(value))

    def step(self, by: int) -> None:
        self.k += squared(by)

    step_two = functools.partialmethod(step, 2)


class Decorated:
    """A function's name and text, taken over as class-based decorators do."""

    def __init__(self) -> None:
        functools.update_wrapper(self, squared.__wrapped__)
        self.calls = 0

    def called(self) -> str:
        self.calls += 1
        return f"{self.__name__} {self.__qualname__} {self.calls}"


class Tree:
    class Branch:
        """Travels as a part of a tree's definition."""

        def __init__(self, v: int) -> None:
            self.v, self.kids = v, []

        def add(self, v: int) -> int:
            self.kids.append(v)
            return len(self.kids)

    def __init__(self) -> None:
        self.root = self.Branch(0)

    def grow(self) -> None:
        self.root.v += 1


def slots(shared: Share) -> None:
    shared.node, shared.leaf, shared.nodes = Node(1), Leaf(2, "green"), Nodes()
    shared.node.double()
    shared.leaf.double()
    shared.nodes.add(3)
    assert (shared.node.v, shared.node.secret(), shared.leaf.secret(), shared.leaf.colour) == (
        2,
        4,
        8,
        "green",
    )
    assert shared.nodes.total() == 9
    assert not hasattr(plain(shared.leaf), "__dict__") and not hasattr(
        plain(shared.nodes).items[0], "__dict__"
    )


def dataclasses(shared: Share) -> None:
    shared.lot, shared.priced, shared.store = Lot(5), Priced(4), Store()
    assert shared.lot.take(2) == 3 and shared.priced.take(1) == 3 and shared.priced.value() == 15
    shared.lot.tags.append("new")
    shared.store.put(1, 2)
    shared.store.put(1, 3)
    assert shared.store.value() == 5 and shared.lot.tags == ["new"]
    assert plain(shared.lot) == Lot(3, ["new"]) and plain(shared.store).lots == {Place(1): Lot(5)}


def attrs_classes(shared: Share) -> None:
    shared.unit, shared.squad = Unit(), Squad()
    shared.unit.move(3)
    assert shared.unit.position == Position(3) and shared.unit.hit(4) == 6 and shared.unit.hits == [4]
    shared.squad.add()
    assert shared.squad.strength() == 10
    assert str(plain(shared.unit)) == "Unit(position=Position(x=3, y=0), hits=[4], strength=6)"


def pydantic_models(shared: Share) -> None:
    shared.order = Order(id=5)
    shared.order.add("tea")
    shared.order.id = 7
    assert shared.order.id == 7 and shared.order.count() == 2 and shared.order.lines[0].name == "tea"
    assert plain(shared.order).model_dump() == {"id": 7, "lines": [{"name": "tea", "n": 1}]}
    assert shared.order.model_dump_json() == '{"id":7,"lines":[{"name":"tea","n":1}]}'


def functools_members(shared: Share) -> None:
    shared.calculator = Calculator()
    assert shared.calculator.power(3) == 9 and shared.calculator.tables == [0, 1, 4]
    shared.calculator.note("x")
    assert shared.calculator.last == ("anything", "x")
    shared.calculator.note(3)
    assert shared.calculator.last == ("number", 9)
    shared.calculator.step_two()
    assert shared.calculator.k == 6
    shared.decorated = Decorated()
    assert shared.decorated.called() == "squared squared 1" and shared.decorated.__name__ == "squared"


def nested_classes(shared: Share) -> None:
    shared.tree = Tree()
    shared.tree.grow()
    assert shared.tree.root.v == 1 and shared.tree.root.add(2) == 1 and shared.tree.root.kids == [2]


PARTS = (slots, dataclasses, attrs_classes, pydantic_models, functools_members, nested_classes)

if __name__ == "__main__":
    for part in PARTS:
        with Share() as share:
            part(share)
        print(part.__name__)
