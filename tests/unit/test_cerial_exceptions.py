"""Exceptions arrive as themselves, whatever their __init__ wants; it is not run."""

import asyncio
import json
import subprocess
import sys
import traceback
import urllib.error
from typing import Any, Self

import pytest

from share import cerial


class Two(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class NoSuper(Exception):
    def __init__(self, one: int, *, two: int) -> None:
        self.one, self.two = one, two


class Slotted(Exception):
    __slots__ = ("place", "unset")

    def __init__(self, place: int) -> None:
        self.place = place


class Path(OSError):
    def __init__(self, path: str) -> None:
        super().__init__(2, "nothing there", path)
        self.own = path


class Decoding(UnicodeDecodeError):
    def __init__(self, why: str) -> None:
        super().__init__("utf-8", b"abc", 0, 1, why)


class Missing(KeyError, AttributeError):
    def __init__(self, key: str, hint: str) -> None:
        super().__init__(key)
        self.hint = hint


class Group(ExceptionGroup[Exception]):
    def __new__(cls, message: str, errors: list[Exception], extra: int) -> Self:
        group = super().__new__(cls, message, errors)
        group.extra = extra
        return group

    extra: int


class Frozen(Exception):
    def __init__(self) -> None:
        self.__dict__["why"] = 1

    def __setattr__(self, name: str, value: Any) -> None:
        raise TypeError(name)


class Import(ImportError):
    def __init__(self, module: str) -> None:
        super().__init__("no module", name=module, path="there")


class Syntax(SyntaxError):
    def __init__(self) -> None:
        super().__init__("bad", ("file", 1, 2, "text"))


class Exit(SystemExit):
    def __init__(self, code: int, why: str) -> None:
        super().__init__(code)


class Stop(StopIteration):
    def __init__(self, value: int, why: str) -> None:
        super().__init__(value)


class OwnArgs(Exception):
    def __init__(self, one: int) -> None:
        self.args = (1, 2, 3)
        self.me = self


class Reducing(Exception):
    """Says itself how it travels."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(one)
        self.two = two

    def __reduce__(self) -> Any:
        return Reducing, (self.args[0], self.two)


def noted() -> Exception:
    error = Two(1, "with a note")
    error.add_note("the note")
    return error


KINDS: list[Any] = [
    Two(3, "no"), NoSuper(1, two=2), Slotted(5), Path("/x"), Decoding("why"), Missing("key", "look"),
    Group("several", [ValueError(1), Two(2, "in it")], 7), Frozen(), Import("module"), Syntax(), Exit(3, "done"),
    Stop(5, "enough"), OwnArgs(1), Reducing(1, 2), noted(), ExceptionGroup("plain", [Two(4, "deep")]),
    ModuleNotFoundError("no", name="module"), OSError(2, "a", "b"), UnicodeDecodeError("utf-8", b"abc", 0, 1, "w"),
    json.JSONDecodeError("bad", "text", 2), subprocess.CalledProcessError(1, ["ls"], b"out"),
    subprocess.TimeoutExpired("ls", 3), urllib.error.URLError("why"),
    asyncio.IncompleteReadError(b"a", 3), asyncio.CancelledError(), KeyboardInterrupt(), RecursionError("deep"),
]  # fmt: skip

#: What may be kept in C, and not in __dict__.
MEMBERS = [
    "errno",
    "strerror",
    "filename",
    "reason",
    "start",
    "code",
    "value",
    "name",
    "path",
    "lineno",
    "place",
    "extra",
]


@pytest.mark.parametrize("error", KINDS, ids=lambda error: type(error).__name__)
def test_arrives_as_itself(error: BaseException) -> None:
    copy = cerial.loads(cerial.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), repr(copy.args)) == (str(error), repr(error.args))
    assert set(vars(copy)) == set(vars(error))
    for name in {*vars(error), *MEMBERS} - {"me"}:
        assert repr(getattr(copy, name, None)) == repr(getattr(error, name, None)), name
    if isinstance(error, OwnArgs):
        assert copy.me is copy


def test_init_is_not_run() -> None:
    """Not even where it would work."""
    runs = []

    class Counting(Exception):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            runs.append(args)

    copy = cerial.loads(cerial.dumps(Counting(1, 2)))
    assert copy.args == (1, 2) and len(runs) == 1


def raise_deep(n: int) -> None:
    if n:
        raise_deep(n - 1)
    raise KeyError("x")


def test_a_traceback_arrives_as_what_it_shows() -> None:
    with pytest.raises(KeyError) as caught:
        raise_deep(3)
    sent = caught.value.__traceback__
    arrived = cerial.loads(cerial.dumps(sent))
    assert type(arrived) is type(sent)
    shown = [
        (entry.filename, entry.name, entry.lineno, entry.line) for entry in traceback.extract_tb(arrived)
    ]
    assert shown == [
        (entry.filename, entry.name, entry.lineno, entry.line) for entry in traceback.extract_tb(sent)
    ]
    assert not arrived.tb_frame.f_locals


def test_a_frame_arrives_as_its_place() -> None:
    frame = sys._getframe()
    arrived = cerial.loads(cerial.dumps(frame))
    assert arrived.f_code.co_filename == __file__
    assert arrived.f_code.co_name == "test_a_frame_arrives_as_its_place"
    assert arrived.f_lineno < frame.f_lineno


def test_a_traceback_is_cut_to_its_end() -> None:
    with pytest.raises(KeyError) as caught:
        raise_deep(700)
    arrived = traceback.extract_tb(cerial.loads(cerial.dumps(caught.value.__traceback__)))
    assert len(arrived) == 200
    assert arrived[-1].line == 'raise KeyError("x")'
