"""Generators and coroutines that run where they are called, as they only read: what they give is handed out."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any

__all__ = ["local_one", "thrown"]


class _Local:
    """What generators that run here have in common."""

    def __init__(self, generator: Any, hand: Any) -> None:
        self._generator, self._hand = generator, hand

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generator, name)

    def __reduce__(self) -> Any:
        raise TypeError(f"cannot pickle {type(self._generator).__name__!r} object")

    def __repr__(self) -> str:
        return repr(self._generator)


class LocalGenerator(_Local, Generator[Any, Any, Any]):
    """What a generator method gives that only reads: it runs here, on the state as it was at the call."""

    def send(self, value: Any) -> Any:
        return self._run(self._generator.send, value)

    def throw(self, error: Any, value: Any = None, trace: Any = None, /) -> Any:
        return self._run(self._generator.throw, thrown(error, value))

    def close(self) -> None:
        self._generator.close()

    def _run(self, step: Callable[[Any], Any], value: Any) -> Any:
        try:
            found = step(value)
        except StopIteration as end:
            raise StopIteration(self._hand(end.value)) from None
        except BaseException as error:
            self._hand.let_out(error)
            raise
        return self._hand(found)


class LocalAsyncGenerator(_Local, AsyncGenerator[Any, Any]):
    """The same of an asynchronous one."""

    async def asend(self, value: Any) -> Any:
        return await _handed(self._generator.asend(value), self._hand)

    async def athrow(self, error: Any, value: Any = None, trace: Any = None, /) -> Any:
        return await _handed(self._generator.athrow(thrown(error, value)), self._hand)

    async def aclose(self) -> None:
        await self._generator.aclose()


async def _handed(awaitable: Awaitable[Any], hand: Any) -> Any:
    try:
        return hand(await awaitable)
    except BaseException as error:
        hand.let_out(error)
        raise


def local_one(found: Any, hand: Any) -> Any:
    """What a method gives that only reads, and that is still to be run here: what it gives goes through ``hand``."""
    if isinstance(found, Generator):
        return LocalGenerator(found, hand)
    if isinstance(found, AsyncGenerator):
        return LocalAsyncGenerator(found, hand)
    if isinstance(found, Awaitable):
        return _handed(found, hand)
    found.gen = local_one(found.gen, hand)  # a context manager
    return found


def thrown(error: Any, value: Any) -> BaseException:
    if isinstance(error, type):
        error = error() if value is None else value if isinstance(value, error) else error(value)
    found: BaseException = error
    return found
