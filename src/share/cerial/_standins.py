"""What stands for classes and pickles where nothing of what is read may be imported or run."""

import io
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from reprlib import recursive_repr
from types import MappingProxyType
from typing import Any

from share.cerial import _classes
from share.cerial._verified import set_stand_ins

__all__ = ["NotUnpickled", "StandIn", "without_classes"]

_LOADED = {"builtins", "collections"}  # modules whose classes do nothing but hold


class StandIn(type):
    """A class of the same name as one that is not imported; its objects have the attributes of those, and no code."""

    _base: type
    _forms: dict[type, "StandIn"]
    _member_map_: "Members"

    def __new__(mcs, name: str, base: type) -> "StandIn":
        hashed: Any = base.__hash__
        members = {"__qualname__": name, "__hash__": hashed or object.__hash__}
        cls = super().__new__(mcs, name.rpartition(".")[2], (base,), members)
        cls._base, cls._forms, cls._member_map_ = base, {base: cls}, Members(cls)
        return cls

    def __init__(cls, name: str, base: type) -> None:
        pass

    def of(cls, base: type) -> "StandIn":
        """The same class, with another base: which one it is shows only where its objects are made."""
        form = cls._forms.get(base)
        if form is None:
            form = StandIn(cls.__qualname__, base)
            form._forms = cls._forms
            cls._forms[base] = form
        return form

    def like(cls, value: object) -> "StandIn":
        """The same class, with the base that a value of another one has."""
        kind: Any = type(value)
        return cls.of(kind._base) if isinstance(kind, StandIn) else cls


class Members(dict[str, Any]):
    """The members of an enumeration, as far as they have been met."""

    def __init__(self, cls: StandIn) -> None:
        super().__init__()
        self.cls = cls

    def __missing__(self, name: str) -> Any:
        cls: Any = self.cls
        member: Any = object.__new__(cls)
        self[name] = member
        member.__dict__["name"] = name
        return member


class Node:
    """The base of what is a node of a state: it is itself alone."""

    @recursive_repr()
    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"


class Value(Node):
    """The base of what is written out each time it is met, as the key of a dict perhaps: it is what it holds."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        try:
            return hash((type(self), frozenset(vars(self).items())))
        except TypeError:
            return hash(type(self))


class NotUnpickled:
    """What is in a pickle, which could do anything."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"<a pickle of {len(self.data)} bytes>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NotUnpickled) and self.data == other.data

    def __hash__(self) -> int:
        return hash(self.data)


class Harmless(pickle.Unpickler):
    """Calls nothing but what is given."""

    def __init__(self, data: bytes, functions: Mapping[tuple[str, str], Any]) -> None:
        super().__init__(io.BytesIO(data))
        self.functions = functions

    def find_class(self, module: str, name: str) -> Any:
        return self.functions[module, name]


class StandIns:
    """What the decoder asks instead of importing and unpickling."""

    def __init__(self, functions: Mapping[tuple[str, str], Any]) -> None:
        self.functions = functions
        self.classes: dict[str, StandIn] = {}

    def by_reference(self, module: str, name: str) -> type:
        return (
            _classes.find_class(module, name) if module in _LOADED else self.named(name, f"{module}:{name}")
        )

    def by_value(self, token: bytes) -> type:
        parts = token.decode(errors="replace").split("|")  # origin, name, digest
        return self.named(parts[1] if len(parts) == 3 else parts[0], repr(token))

    def named(self, name: str, key: str) -> StandIn:
        if key not in self.classes:
            self.classes[key] = StandIn(name, Value)
        return self.classes[key]

    def pickled(self, data: bytes) -> Any:
        if self.functions:
            try:
                return Harmless(data, self.functions).load()
            except KeyError:
                pass  # it calls something else
        return NotUnpickled(data)


@contextmanager
def without_classes(functions: Mapping[tuple[str, str], Any] = MappingProxyType({})) -> Iterator[None]:
    """Until its end this process decodes without any class of the user's: for programs that only look.

    Args:
        functions: by module and name, what may be called all the same.
    """
    before = set_stand_ins(StandIns(functions))
    try:
        yield
    finally:
        set_stand_ins(before)
