from collections.abc import Callable
from typing import Any

from share.errors import ClassChangedError

from ._session import Session

def update(session: Session, value: Any, attributes: dict[str, Any]) -> None: ...
def cas(session: Session, value: Any, name: str, expected: Any, new: Any) -> bool: ...
def apply(
    session: Session, value: Any, name: str, function: Callable[..., Any], args: tuple[Any, ...]
) -> Any: ...
def transact(
    session: Session, function: Callable[..., Any], args: tuple[Any, ...], timeout: float | None
) -> Any: ...
def wait_then(
    session: Session,
    predicate: Callable[[], Any],
    method: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    timeout: float | None,
) -> Any: ...
def moved_on(session: Session, error: ClassChangedError) -> bool: ...
def await_stored(session: Session, timeout: float | None = None) -> None: ...
