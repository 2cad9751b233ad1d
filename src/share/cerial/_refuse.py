"""What must not travel although pickle would let it: its copy would be broken, or break the original."""

import sys
import weakref
from collections.abc import Callable
from typing import Any, NoReturn

from share.errors import NotShareableError

__all__ = ["hint_for", "refusal_for"]

_THREAD = "start it in the process that needs it, and share what it works on"
_FUTURE = "share its result()"
_PROCESS = "share its pid or its results"
_PIPE = "it belongs to the process that opened it; a share needs no pipe"
_TEMPORARY = "the copy would delete it a second time; share its name"

# (module, class) -> hint; subclasses are refused too.
_REFUSED = {
    ("threading", "Thread"): _THREAD,
    ("subprocess", "Popen"): _PROCESS,
    ("concurrent.futures._base", "Executor"): _THREAD,
    ("concurrent.futures._base", "Future"): _FUTURE,
    ("asyncio.events", "AbstractEventLoop"): _THREAD,
    ("multiprocessing.process", "BaseProcess"): _PROCESS,
    ("multiprocessing.connection", "_ConnectionBase"): _PIPE,
    ("multiprocessing.connection", "Listener"): _PIPE,
    ("tempfile", "_TemporaryFileWrapper"): _TEMPORARY,
    ("tempfile", "TemporaryDirectory"): _TEMPORARY,
    (
        "contextlib",
        "_GeneratorContextManagerBase",
    ): "write `with` in a method of the object, which may run it whole",
}

# Where pickle itself says no, what to do instead.
_HINTS = {
    "generator": "make a list of it first",
    "coroutine": "await it, and share its result",
    "async_generator": "collect its items first",
    "socket": "keep the address, and connect in the process that needs it",
    "SSLSocket": "keep the address, and connect in the process that needs it",
    "SimpleQueue": "its items cannot be read without taking them; use queue.Queue or a list",
    "ContextVar": "pass its value as an argument, as methods that write run in another process, where it is not set",
    "mmap": "share the file's name",
    "Connection": "share what is needed to connect again",
    "Cursor": "share the rows",
}

_GENERAL = "leave it out by defining __getstate__, or say how it travels with share.cerial.register()"


def refusal_for(cls: type) -> Callable[[Any], Any] | None:
    """A rule that raises, for instances of a class that must not travel; None for all others."""
    if cls in (weakref.ProxyType, weakref.CallableProxyType):
        return _refuse("a weak proxy cannot be shared; share the object, or a weakref.ref to it")
    for base in cls.__mro__[:-1]:
        hint = _REFUSED.get((base.__module__, base.__name__))
        if hint is not None and getattr(sys.modules.get(base.__module__), base.__name__, None) is base:
            return _refuse(f"{cls.__qualname__} objects cannot be shared; {hint}")
    return None


def hint_for(value: Any) -> str:
    """What to do instead of sharing ``value``."""
    return _HINTS.get(type(value).__name__, _GENERAL)


def _refuse(message: str) -> Callable[[Any], NoReturn]:
    def refuse(_: Any) -> NoReturn:
        raise NotShareableError(message)

    return refuse
