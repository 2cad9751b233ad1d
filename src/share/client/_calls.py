"""The ways to call a method of a shared object, as functions whose arguments and results a type checker knows."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from ._descriptors import BoundMethod

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["aio", "call", "send", "submit"]

P = ParamSpec("P")
R = TypeVar("R")


def send(method: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> None:
    """``method.send(...)``: queues the call and returns at once; an exception shows in ``errors`` and at ``flush()``.

    >>> from share import Share, send
    >>> with Share() as shared:
    ...     shared.names = ["Ada"]
    ...     send(shared.names.append, "Grace")
    ...     len(shared.names)
    2
    """
    _shared(method, "send").send(*args, **kwargs)


def call(method: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """``method.call(...)``: has the coordinator run the call and returns its result or raises its exception.

    For a time-out take ``submit(...).result(timeout)``, or ``method.call(..., timeout=...)``.
    """
    return cast("R", _shared(method, "call").call(*args, **kwargs))


def submit(method: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
    """``method.submit(...)``: queues the call; returns a future for its result."""
    return cast("Future[R]", _shared(method, "submit").submit(*args, **kwargs))


async def aio(method: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """``method.aio(...)``: queues the call; awaiting it gives its result without blocking the event loop."""
    return cast("R", await _shared(method, "aio").aio(*args, **kwargs))


def _shared(method: Any, function: str) -> Any:
    if isinstance(method, BoundMethod):
        return method
    raise TypeError(
        f"{function}() takes a method of a shared object and its arguments, such as "
        f"{function}(shared.counter.add, 1), not {method!r}"
    )
