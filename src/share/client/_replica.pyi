from collections.abc import Callable
from typing import Any

from share._control import Control

from ._session import Session

forget_found: Any

class Reader:
    serial: int
    replica: Any
    def __init__(self, control: Control) -> None: ...
    def read(
        self, session: Session, id: int, number: int, function: Callable[[Any], Any] | None = None
    ) -> Any: ...
    def forget_process(self) -> None: ...
