"""Classes of kinds that have functions of their own."""

import dataclasses

import attrs


@dataclasses.dataclass
class Inner:
    z: int = 1


@dataclasses.dataclass
class Outer:
    n: int = 0
    rows: list = dataclasses.field(default_factory=list)
    inner: Inner = dataclasses.field(default_factory=Inner)


@attrs.define(slots=False)
class Attrs:
    n: int = 1
    rows: list = attrs.field(factory=list)


class Slotted:
    __slots__ = ("x",)

    def __init__(self):
        self.x = 1
