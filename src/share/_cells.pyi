from collections.abc import Callable, Mapping
from typing import Any

from share.analysis._plan import ClassPlan

def cells_for(
    plan: ClassPlan, state: Mapping[str, Any], is_shared: Callable[[Any], Any], instance: Any
) -> tuple[str | tuple[str, ...], ...]: ...
def index_of(cells: tuple[str | tuple[str, ...], ...]) -> dict[str, int]: ...
