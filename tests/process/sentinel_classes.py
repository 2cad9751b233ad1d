"""Objects that are compared by identity, and a class that keeps them."""

import enum
from typing import Any

MISSING = object()


class Missing:
    def __repr__(self) -> str:
        return "MISSING_TOO"


class Slotted:
    __slots__ = ()


class Single:
    def __reduce__(self) -> str:
        return "SINGLE"


class Kind(enum.Enum):
    RED = 1


class Record:
    """No sentinel: it has state, now and then."""


MISSING_TOO, SLOTTED, SINGLE, RECORD = Missing(), Slotted(), Single(), Record()


class Shelf:
    NOTHING = object()

    def __init__(self) -> None:
        self.things = self.all()
        self.bare, self.named, self.single = MISSING, MISSING_TOO, SINGLE
        self.own = object()
        self.calls = 0

    @staticmethod
    def all() -> list[Any]:
        return [
            MISSING,
            MISSING_TOO,
            SLOTTED,
            SINGLE,
            Shelf.NOTHING,
            Kind.RED,
            Kind,
            len,
            NotImplemented,
            ...,
        ]

    def look(self) -> bool:
        same = [one is two for one, two in zip(self.things, self.all(), strict=True)]
        return all(same) and self.bare is MISSING and self.named is MISSING_TOO and self.single is SINGLE

    def look_there(self) -> bool:
        self.calls += 1
        return self.look()

    def given(self, thing: Any = MISSING) -> bool:
        self.calls += 1
        return thing is MISSING


def look(share: Any) -> bool:
    shelf = share.shelf
    return bool(
        shelf.look()
        and shelf.look_there()
        and shelf.given()
        and shelf.given(MISSING)
        and not shelf.given(MISSING_TOO)
        and shelf.bare is MISSING
        and shelf.named is MISSING_TOO
        and shelf.single is SINGLE
        and shelf.things[4] is Shelf.NOTHING
    )
