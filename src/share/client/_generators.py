"""A generator that runs in the coordinator, as its caller sees it."""

from collections.abc import Generator
from typing import Any

from share.cerial._exceptions import travelling

from ._commands import step

__all__ = ["RemoteGenerator"]


class RemoteGenerator(Generator[Any, Any, Any]):
    """What a generator method gives that writes, or may write: each step is one command, and waits."""

    def __init__(self, key: tuple[int, int], proxy: Any) -> None:
        self._key, self._proxy, self._ended = key, proxy, False

    def send(self, value: Any) -> Any:
        return self._step("send", value)

    def throw(self, error: Any, value: Any = None, trace: Any = None, /) -> Any:
        if isinstance(error, type):
            error = error() if value is None else value if isinstance(value, error) else error(value)
        if self._ended:
            raise error
        return self._step("throw", travelling(error))

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            step(self._proxy, self._key, "close", None, True)

    def _step(self, action: str, value: Any) -> Any:
        if self._ended:
            raise StopIteration
        self._ended = True  # unless it yields
        ended, result = step(self._proxy, self._key, action, value, True)
        if ended:
            raise StopIteration(result)
        self._ended = False
        return result

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle 'generator' object")

    def __del__(self) -> None:
        if not self._ended:
            try:
                step(self._proxy, self._key, "close", None, False)
            except BaseException:
                pass  # the share has ended, and the generator with it

    def __repr__(self) -> str:
        return f"<shared generator of {self._proxy!r}>"
