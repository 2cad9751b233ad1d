"""No call from Python code crashes the interpreter: all types are walked, and called with what they do not expect."""

import contextlib
import copy
import importlib
import os
import pickle
import pkgutil
import signal
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import pytest

import share
from share import Share

ARGUMENTS: list[tuple[Any, ...]] = [(), (None,), (1,), ("x",), (None, None), (1, 2, 3), (bytearray(1000),)]
# They end or stop the process that calls them, as they should, or wait.
NOT_CALLED = {"serve", "close", "detach"}


class Part:
    def __init__(self) -> None:
        self.n, self.items = 0, [1]

    def add(self) -> None:
        self.n += 1

    @property
    def double(self) -> int:
        return 2 * self.n


@dataclass
class Holder:
    items: object


def died(act: Callable[[Callable[[str], None]], None]) -> str:
    """Runs something in a forked process; what it noted last if a signal ended it, else nothing."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        signal.alarm(100)
        with contextlib.suppress(BaseException):
            act(lambda what: (os.write(writing, what.encode() + b"\n"), None)[1])
        os._exit(0)
    os.close(writing)
    noted = b""
    while chunk := os.read(reading, 1 << 16):
        noted += chunk
    os.close(reading)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)} after {noted.decode().splitlines()[-1:]}"
    return ""


def poke(value: Any, note: Callable[[str], None]) -> None:
    """Calls everything that a value's type has, with other receivers too."""
    cls = type(value)
    for name in dir(cls):
        if name in NOT_CALLED or (name in dir(object) and not name.startswith("__re")):
            continue
        for found in (
            getattr(value, name, None),
            vars(cls).get(name),
            getattr(cls, name, None),
        ):
            for arguments in (*ARGUMENTS, (value,), (value, value)):
                note(f"{cls.__name__}.{name} of {found!r:.60} with {arguments!r:.60}")
                for call in (found, getattr(found, "__get__", None)):
                    with contextlib.suppress(BaseException):
                        call(*arguments)  # type: ignore[misc]
    for function in (repr, str, hash, len, iter, bool, copy.copy, copy.deepcopy, pickle.dumps, vars, dir):
        note(f"{function.__name__} of {cls.__name__}")
        with contextlib.suppress(BaseException):
            function(value)


def compiled_types() -> list[type]:
    found = {}
    for module in pkgutil.walk_packages(share.__path__, "share."):
        if module.name.startswith(("share.cli.", "share.__main__")):
            continue
        try:
            loaded = importlib.import_module(module.name)
        except ImportError:
            continue
        if str(getattr(loaded, "__file__", "")).endswith(".so"):
            found.update({value: None for value in vars(loaded).values() if isinstance(value, type)})
    return [
        cls for cls in found if cls.__module__.startswith("share.") and not issubclass(cls, BaseException)
    ]


def test_instances_that_python_code_makes_of_our_types() -> None:
    def make(cls: type, note: Callable[[str], None]) -> None:
        for arguments in ARGUMENTS:
            for maker in (cls, lambda *args: cls.__new__(cls, *args)):
                note(f"making {cls.__name__}{arguments!r:.60}")
                with contextlib.suppress(BaseException):
                    poke(maker(*arguments), note)

    types = compiled_types()
    assert len(types) > 40
    failed = {cls.__name__: end for cls in types if (end := died(lambda note, cls=cls: make(cls, note)))}
    assert not failed


def test_methods_of_our_types_on_other_receivers() -> None:
    """Also of types of which Python code cannot make an instance."""

    def call(cls: type, note: Callable[[str], None]) -> None:
        for name, found in vars(cls).items():
            for arguments in (*ARGUMENTS, (object(), None), (cls,), (cls, None, None)):
                note(f"{cls.__name__}.{name} with {arguments!r:.60}")
                for function in (found, getattr(found, "__get__", None), getattr(found, "__set__", None)):
                    with contextlib.suppress(BaseException):
                        function(*arguments)  # type: ignore[misc]

    failed = {
        cls.__name__: end for cls in compiled_types() if (end := died(lambda note, cls=cls: call(cls, note)))
    }
    assert not failed


@pytest.mark.parametrize(
    "value",
    [
        [1, [2]], {"a": [1]}, {1, 2}, deque([1]), bytearray(b"ab"), Counter("aab"), Part(), (1, [2]),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_a_share_gives(shared: Share, value: Any) -> None:
    shared.value, shared.holder = value, Holder(value)
    shared.flush()

    def act(note: Callable[[str], None]) -> None:
        for proxy in (shared.value, shared.holder.items):
            cls = type(proxy)
            for make in (cls, lambda cls=cls: cls.__new__(cls), lambda cls=cls: object.__new__(cls)):
                note(f"making {cls.__name__}")
                with contextlib.suppress(BaseException):
                    poke(make(), note)
            for base in cls.__mro__[1:-1]:
                note(f"making {cls.__name__} by {base.__name__}")
                with contextlib.suppress(BaseException):
                    poke(base.__new__(cls), note)
            for name in ("__iter__", "__reversed__", "keys", "values", "items", "add", "append"):
                if hasattr(proxy, name):
                    method = getattr(proxy, name)
                    poke(method, note)
                    with contextlib.suppress(BaseException):
                        poke(method(), note)

    assert not died(act)


def test_a_proxys_type_makes_what_the_users_class_makes(shared: Share) -> None:
    shared.names, shared.part = ["a"], Part()
    assert type(shared.names)(["b"]) == ["b"]
    assert type(type(shared.part)()) is Part
    assert type(type(shared.part.items)((1, 2))) is list
    assert asdict(Holder(shared.part.items)) == {"items": [1]}
    assert asdict(Holder(shared.names)) == {"items": ["a"]}


def test_a_descriptor_of_another_class(shared: Share) -> None:
    shared.part, shared.names = Part(), []
    for name in ("n", "items", "add", "double"):
        for other in (shared.names, 1, None, Part()):
            with contextlib.suppress(AttributeError), pytest.raises(TypeError):
                vars(type(shared.part))[name].__set__(other, 1)
