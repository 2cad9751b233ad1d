"""What calls give and change, beside plain Python: each program runs on plain objects, and on those of a share."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import pydantic
import pytest

from share import Share


class Kid:
    """A part."""

    def __init__(self) -> None:
        self.log: list[Any] = []


class Parent:
    """Its methods give parts away when they are run."""

    def __init__(self) -> None:
        self.kids = [Kid(), Kid()]

    async def first(self) -> Kid:
        await asyncio.sleep(0)
        return self.kids[0]

    async def fail(self) -> None:
        raise ValueError(self.kids[0])

    def failing(self) -> Iterator[Kid]:
        yield self.kids[0]
        raise ValueError(self.kids[1])

    def view(self) -> Any:
        return {1: self.kids[0]}.values()

    async def every(self) -> list[Kid]:
        return [kid for kid in self.kids]

    async def each(self) -> AsyncIterator[Any]:
        for kid in self.kids:
            await asyncio.sleep(0)
            yield kid

    async def echo(self) -> Any:
        got = yield self.kids[0]
        yield got

    @contextlib.asynccontextmanager
    async def lent_later(self) -> AsyncIterator[Kid]:
        yield self.kids[0]

    @contextlib.contextmanager
    def lent(self) -> Iterator[Kid]:
        with contextlib.suppress(KeyError):
            yield self.kids[0]


class Pair(NamedTuple):
    """Not a value: one of its fields can change."""

    number: int
    items: list[Any]

    def again(self) -> list[Any]:
        return self.items


class Triple(tuple[Any, ...]):
    """A tuple with a method."""

    __slots__ = ()

    def first(self) -> Any:
        return self[0]


class Keeper:
    """Its methods return what they have just stored, in ways that no assignment shows."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        self.__dict__[name] = found = [name]
        return found

    def by_dict(self) -> Any:
        self.__dict__["a"] = found = []  # type: ignore[var-annotated]
        return found

    def by_vars(self) -> Any:
        vars(self)["b"] = found = {"k": []}  # type: ignore[var-annotated]
        return found["k"]

    def by_update(self) -> Any:
        found: list[Any] = []
        self.__dict__.update(c=found)
        return [found]

    def by_name(self, name: str) -> Any:
        setattr(self, name, found := [])  # type: ignore[var-annotated]
        return found

    def by_object(self, name: str) -> Any:
        object.__setattr__(self, name, found := [])  # type: ignore[var-annotated]
        return found

    def by_super(self, name: str) -> Any:
        super().__setattr__(name, found := [])  # type: ignore[var-annotated]
        return found

    def keep(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def lose(self, name: str) -> None:
        object.__delattr__(self, name)


@dataclass(frozen=True)
class Frozen:
    """Changes itself all the same."""

    number: int = 0

    def up(self) -> None:
        object.__setattr__(self, "number", self.number + 1)
        object.__setattr__(self, "kept", [self.number])


class Through:
    """A property that stores in the ``__dict__``."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    @property
    def number(self) -> Any:
        return self.__dict__.get("set")

    @number.setter
    def number(self, value: int) -> None:
        self.seen.append(value)
        self.__dict__["set"] = value


class Top:
    """Sets the property of a part."""

    def __init__(self) -> None:
        self.parts = [Through()]

    def set(self, value: int) -> None:
        self.parts[0].number = value

    def set_and_fail(self, value: int) -> None:
        self.parts[0].number = value
        raise KeyError(value)


class Cached:
    """What is computed once, and may be assigned and forgotten from outside."""

    def __init__(self) -> None:
        self.items = [1, 2]

    @functools.cached_property
    def total(self) -> list[int]:
        return [sum(self.items)]


class Model(pydantic.BaseModel):
    """A private attribute is none of its class."""

    number: int = 0
    _private: list[int] = pydantic.PrivateAttr(default_factory=list)

    def add(self) -> int:
        self._private.append(1)
        return len(self._private)


class Changer:
    """Its methods change nothing of its own but what they are given."""

    def __init__(self) -> None:
        self.kids = [Kid(), Kid()]

    def log(self, kid: Any, what: str) -> None:
        kid.log.append(what)

    def attribute(self, kid: Any) -> int:
        kid.number = getattr(kid, "number", 0) + 1
        return 5

    def each(self, kids: Any) -> None:
        for kid in kids:
            kid.log = [*kid.log, "each"]

    def through(self, *, kid: Any) -> None:
        helped(kid)

    def sometimes(self, kid: Any, now: bool) -> None:
        if now:
            kid.log.insert(0, "sometimes")

    def steps(self, kid: Any) -> Iterator[int]:
        kid.log.append("step")
        yield len(kid.log)

    def which(self, kids: Any) -> list[bool]:
        return [any(kid is mine for mine in self.kids) for kid in kids]

    def where(self, kids: dict[str, Any]) -> dict[str, int]:
        return {name: self.kids.index(kid) for name, kid in kids.items()}

    def others(self, kids: Any) -> int:
        return len([kid for kid in self.kids if kid not in kids])

    def same(self, kids: Any) -> Any:
        return kids

    def sort(self, kids: list[Any]) -> None:
        kids.sort(key=self.kids.index)


def helped(kid: Any) -> None:
    kid.__dict__["helped"] = [1]


def both_ways(shared: Any, make: Callable[[], Any]) -> Iterator[Any]:
    """An object of its own, and one that is a part."""
    shared.object = make()
    yield shared.object
    shared.table = {"k": [make()]}
    yield shared.table["k"][0]


def awaited(shared: Any) -> Any:
    async def run(parent: Any) -> Any:
        (await parent.first()).log.append("first")
        (await asyncio.create_task(parent.first())).log.append("task")
        (await parent.every())[1].log.append("every")
        async for kid in parent.each():
            kid.log.append("each")
        async with parent.lent_later() as kid:
            kid.log.append("lent later")
        with parent.lent() as kid:
            kid.log.append("lent")
            raise KeyError
        for kid in parent.view():
            kid.log.append("view")
        with pytest.raises(ValueError) as raised:
            await parent.fail()
        raised.value.args[0].log.append("failed")
        with pytest.raises(ValueError) as raised:
            list(parent.failing())
        raised.value.args[0].log.append("failed")
        steps = parent.echo()
        (await anext(steps)).log.append("echo")
        return await steps.asend("sent"), await parent.first() is parent.kids[0]

    return [
        (asyncio.run(run(parent)), [kid.log[:] for kid in parent.kids])
        for parent in both_ways(shared, Parent)
    ]


def fields(shared: Any) -> Any:
    found = []
    for pair in both_ways(shared, lambda: Pair(1, [])):
        pair.items.append("field")
        pair[1].append("item")
        pair.again().append("method")
        found.append((pair.items[:], pair.number))
    for triple in both_ways(shared, lambda: Triple(([], 2))):
        triple.first().append(1)
        found.append((triple[0][:], triple[1]))
    return found


def kept(shared: Any) -> Any:
    found = []
    for keeper in both_ways(shared, Keeper):
        keeper.missing.append(1)
        keeper.by_dict().append(2)
        keeper.by_vars().append(3)
        keeper.by_update()[0].append(4)
        keeper.by_name("d").append(5)
        keeper.by_object("e").append(6)
        keeper.by_super("f").append(7)
        keeper.keep(g=[8], h=[9])
        keeper.lose("h")
        found.append({name: str(value) for name, value in vars(keeper).items()})
    return found


def past_setattr(shared: Any) -> Any:
    found = []
    for frozen in both_ways(shared, Frozen):
        frozen.up()
        frozen.up()
        found.append((frozen.number, frozen.kept[:]))
    for top in both_ways(shared, Top):
        top.set(5)
        with contextlib.suppress(KeyError):
            top.set_and_fail(6)
        found.append((top.parts[0].number, top.parts[0].seen[:]))
    return found


def cached(shared: Any) -> Any:
    found: list[Any] = []
    for held in both_ways(shared, Cached):
        held.total.append(7)
        held.items.append(1)
        found.append(held.total[:])
        del held.total
        found.append(held.total[:])
        held.total = [99]
        found.append(held.total[:])
        del held.total
        with pytest.raises(AttributeError):
            del held.total
        with pytest.raises(AttributeError):
            del held.nothing
    return found


def private(shared: Any) -> Any:
    return [(model.add(), model.add(), model._private[:], model.number) for model in both_ways(shared, Model)]


def given_parts(shared: Any) -> Any:
    found: list[Any] = []
    for changer in both_ways(shared, Changer):
        first, second = changer.kids
        for i in range(6):
            changer.log(first, "log")
            changer.attribute(first)
            changer.each([first, second])
            changer.through(kid=second)
            changer.sometimes(first, i == 5)
            list(changer.steps(second))
        found.append([plain_of(shared, kid) for kid in changer.kids])
        mine = [second, first]
        changer.sort(mine)
        found.append([kid is first for kid in mine])
        found.append(changer.same(mine) is mine)
        found.append((changer.which([second, Kid()]), changer.which((first,)), changer.others({first})))
        found.append(changer.where({"a": second, "b": first}))
    return found


def plain_of(shared: Any, kid: Any) -> str:
    """What the kid is where the writes are executed."""
    content = shared.transact(vars_of, kid) if isinstance(shared, Share) else vars_of(kid)
    return str(sorted(content.items()))


def vars_of(kid: Any) -> dict[str, str]:
    return {name: str(value) for name, value in vars(kid).items()}


@pytest.mark.parametrize("program", [awaited, fields, kept, past_setattr, cached, private, given_parts])
def test_as_plain_python(shared: Share, program: Callable[[Any], Any]) -> None:
    assert repr(program(shared)) == repr(program(SimpleNamespace()))


def test_what_a_setter_of_a_part_has_stored_is_undone(shared: Share) -> None:
    shared.top = Top()
    shared.top.set(1)
    with pytest.raises(KeyError):
        shared.transact(
            lambda top: top.set_and_fail(2), shared.top
        )  # undone; what a call does that raises stays
    assert (shared.top.parts[0].number, shared.top.parts[0].seen) == (1, [1])


def test_a_method_that_always_raises_raises_at_the_call(shared: Share) -> None:
    for top in both_ways(shared, Top):
        with pytest.raises(KeyError):
            top.set_and_fail(3)
        assert top.parts[0].number == 3
