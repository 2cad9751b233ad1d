from typing import Any

from share._control import Control

from ._responses import Receiver

class Unsent: ...
class Shared: ...

class ArgumentReducer:
    def __init__(self, control: Control) -> None: ...
    def __call__(self, value: Any) -> Any: ...

class Session(Receiver):
    last_sent: int
    last_raised: int
    writes_wait: bool
    assignments_queue: bool
    reader: Any
    def resend(self, unsent: Unsent) -> int: ...
    def wait_for(self, position: int, timeout: float | None = None) -> None: ...
