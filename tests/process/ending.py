"""A value type that calls a hook when it is decoded and when it ends."""

from collections.abc import Callable
from typing import Any

from share import register_value

#: ("made" or "ended", number) -> what is then called, once
hooks: dict[tuple[str, int], Callable[[], Any]] = {}


def made(number: int) -> "Ending":
    hooks.pop(("made", number), bool)()
    return Ending(number)


class Ending:
    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> Any:
        return made, (self.number,)

    def __del__(self) -> None:
        hooks.pop(("ended", self.number), bool)()


register_value(Ending)
