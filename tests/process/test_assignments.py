"""Assignments that may raise wait, so that the error is raised where the assignment is."""

from dataclasses import dataclass
from typing import Any

import pytest

from share import Share


class Level:
    """Setters: one that checks, one that only stores."""

    def __init__(self) -> None:
        self._level, self._plain = 1, 0
        self.items: dict[str, int] = {}

    @property
    def level(self) -> int:
        return self._level

    @level.setter
    def level(self, value: int) -> None:
        if value < 0:
            raise ValueError("below zero")
        self._level = value

    @level.deleter
    def level(self) -> None:
        raise AttributeError("it stays")

    @property
    def plain(self) -> int:
        return self._plain

    @plain.setter
    def plain(self, value: int) -> None:
        self._plain = value

    def __setitem__(self, key: str, value: int) -> None:
        if not isinstance(value, int):
            raise TypeError("numbers only")
        self.items[key] = value

    def __delitem__(self, key: str) -> None:
        del self.items[key]


class Strict:
    """A ``__setattr__`` that checks."""

    def __init__(self) -> None:
        self.n = 0

    def __setattr__(self, name: str, value: Any) -> None:
        if value == "bad":
            raise ValueError(f"{name} cannot be bad")
        super().__setattr__(name, value)


@dataclass(frozen=True)
class Frozen:
    """Cannot be changed."""

    items: list[int]


@pytest.mark.parametrize("nested", [False, True])
def test_they_raise_where_they_are(shared: Share, nested: bool) -> None:
    if nested:
        shared.parts = {"level": Level(), "strict": Strict(), "frozen": Frozen([])}
        level, strict, frozen = shared.parts["level"], shared.parts["strict"], shared.parts["frozen"]
    else:
        shared.level, shared.strict, shared.frozen = Level(), Strict(), Frozen([])
        level, strict, frozen = shared.level, shared.strict, shared.frozen
    level.level = 5
    with pytest.raises(ValueError, match="below zero"):
        level.level = -1
    with pytest.raises(AttributeError, match="it stays"):
        del level.level
    level["a"] = 1
    with pytest.raises(TypeError, match="numbers only"):
        level["a"] = "b"
    with pytest.raises(KeyError, match="b"):
        del level["b"]
    strict.n = 3
    with pytest.raises(ValueError, match="cannot be bad"):
        strict.n = "bad"
    with pytest.raises(AttributeError):
        frozen.items = [1]
    assert (level.level, level.items["a"], strict.n, frozen.items) == (5, 1, 3, [])
    shared.flush()
    assert shared.errors == []


def test_one_that_only_stores_is_queued(shared: Share) -> None:
    shared.level = Level()
    level = shared.level
    control = shared.session_of().control
    shared.flush()
    for i in range(1000):
        level.plain = i
        if control.backlog():
            break
    else:
        pytest.fail("each has waited")
    assert level.plain == i


def test_queue_never_waits(no_process_left: None) -> None:
    with Share(writes="queue") as shared:
        shared.level, shared.strict = Level(), Strict()
        shared.level.level = -1
        with pytest.raises(ValueError, match="below zero"):
            shared.flush()
        shared.strict.n = "bad"
        with pytest.raises(ValueError, match="cannot be bad"):
            shared.flush()
        shared.level["a"] = "b"
        with pytest.raises(TypeError, match="numbers only"):
            shared.flush()
    with pytest.raises(ValueError, match="writes must be"):
        Share(writes="never")  # type: ignore[arg-type]
