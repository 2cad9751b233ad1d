"""Generators that run in the coordinator, and context managers made of them, as their callers see them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import _AsyncGeneratorContextManager, _GeneratorContextManager
from threading import Lock
from typing import Any, NoReturn

from share.cerial._travelling import travelling

from ._local_generators import thrown
from ._steps import step, step_in_loop

__all__ = ["given", "later", "remote"]

_Key = tuple[int, int]


def remote(key: _Key, proxy: Any, kind: str) -> Any:
    """What stands for a generator, or for a context manager, that is kept in the coordinator under that key."""
    if kind.startswith("async"):
        found = RemoteAsyncGenerator((key, proxy), None)
        return found if kind.endswith("generator") else _manager(_AsyncGeneratorContextManager, found)
    generator = RemoteGenerator(key, proxy)
    return generator if kind == "generator" else _manager(_GeneratorContextManager, generator)


def later(start: Callable[[], Awaitable[Any]], manages: bool) -> Any:
    """An asynchronous generator, or a context manager made of one, that is made in the coordinator when it is used."""
    found = RemoteAsyncGenerator(None, start)
    return _manager(_AsyncGeneratorContextManager, found) if manages else found


async def given(value: Any) -> Any:
    """What a plain method gives that has returned something to be awaited: it has been."""
    return value


def _manager(cls: Any, generator: Any) -> Any:
    manager = cls.__new__(cls)
    manager.gen = generator
    manager.func, manager.args, manager.kwds = _no_decorator, (), {}
    return manager


def _no_decorator() -> NoReturn:
    raise TypeError(
        "a context manager of a shared object cannot decorate a function: write `with` in the function"
    )


def _raise_again(error: BaseException, as_cause: bool) -> NoReturn:
    if as_cause:
        raise RuntimeError(f"generator raised {type(error).__name__}") from error
    raise error


class RemoteGenerator(Generator[Any, Any, Any]):
    """What a generator method gives that writes, or may write: each step is one command, and waits."""

    def __init__(self, key: _Key, proxy: Any) -> None:
        self._key, self._proxy, self._ended = key, proxy, False
        self._stepping = Lock()

    def send(self, value: Any) -> Any:
        return self._step("send", value)

    def throw(self, error: Any, value: Any = None, trace: Any = None, /) -> Any:
        return self._step("throw", thrown(error, value))

    def close(self) -> None:
        self._step("close", None)

    def _step(self, action: str, value: Any) -> Any:
        if not self._stepping.acquire(blocking=False):
            raise ValueError("generator already executing")
        try:
            return self._step_alone(action, value)
        finally:
            self._stepping.release()

    def _step_alone(self, action: str, value: Any) -> Any:
        if action == "close":
            if not self._ended:
                self._ended = True
                step(self._proxy, self._key, "close", None, True)
            return None
        if self._ended:
            if action == "throw":
                raise value
            raise StopIteration
        self._ended = True  # unless it yields
        sent = travelling(value) if action == "throw" else value
        try:
            ended, result = step(self._proxy, self._key, action, sent, True)
        except BaseException:  # its own; or of the wait for it, and then it is still there
            _let_go(self._proxy, self._key)
            raise
        if ended is None:
            _raise_again(value, result)
        if ended:
            raise StopIteration(result)
        self._ended = False
        return result

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle 'generator' object")

    def __del__(self) -> None:
        if not self._ended:
            _let_go(self._proxy, self._key)

    def __repr__(self) -> str:
        return f"<shared generator of {self._proxy!r}>"


class RemoteAsyncGenerator(AsyncGenerator[Any, Any]):
    """The same of an asynchronous one: a step runs to its end in the coordinator, and is awaited here."""

    def __init__(self, place: tuple[_Key, Any] | None, start: Callable[[], Awaitable[Any]] | None) -> None:
        self._place, self._start, self._ended, self._steps = place, start, False, False

    async def asend(self, value: Any) -> Any:
        return await self._step("send", value)

    async def athrow(self, error: Any, value: Any = None, trace: Any = None, /) -> Any:
        return await self._step("throw", thrown(error, value))

    async def aclose(self) -> None:
        if not self._ended:
            self._ended = True
            if self._place is not None:
                key, proxy = self._place
                await step_in_loop(proxy, key, "close", None)

    async def _step(self, action: str, value: Any) -> Any:
        if self._steps:
            raise RuntimeError("asynchronous generator is already running")
        if self._ended or (self._place is None and action == "throw"):
            self._ended = True
            if action == "throw":
                raise value
            raise StopAsyncIteration
        self._steps = True
        try:
            if self._place is None:
                assert self._start is not None
                started = await self._start()
                started = getattr(started, "gen", started)
                self._place, started._ended, self._start = started._place, True, None
            key, proxy = self._place
            self._ended = True  # unless it yields
            sent = travelling(value) if action == "throw" else value
            try:
                ended, result = await step_in_loop(proxy, key, action, sent)
            except BaseException:  # its own; or of the wait for it, and then it is still there
                _let_go(proxy, key)
                raise
        finally:
            self._steps = False
        if ended is None:
            _raise_again(value, result)
        if ended:
            raise StopAsyncIteration
        self._ended = False
        return result

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle 'async_generator' object")

    def __del__(self) -> None:
        if not self._ended and self._place is not None:
            key, proxy = self._place
            _let_go(proxy, key)

    def __repr__(self) -> str:
        return "<shared asynchronous generator>"


def _let_go(proxy: Any, key: _Key) -> None:
    try:
        step(proxy, key, "close", None, False)
    except BaseException:
        pass  # the share has ended, and the generator with it
