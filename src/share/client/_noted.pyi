from collections.abc import Callable
from typing import Any

class Watch:
    classes: int
    since: int

def noted(control: Any, predicate: Callable[[], Any]) -> tuple[Any, Watch]: ...
def note_process(word: int) -> None: ...
