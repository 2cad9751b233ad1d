from collections.abc import Callable
from typing import Any

from share.analysis._plan import ClassPlan

def cells_for(
    plan: ClassPlan, state: dict[str, Any], is_shared: Callable[[Any], Any], instance: Any
) -> tuple[tuple[str, ...], frozenset[frozenset[str]]]: ...
def with_aliases(plan: ClassPlan, groups: frozenset[frozenset[str]]) -> ClassPlan: ...
def index_of(cells: tuple[str, ...]) -> dict[str, int]: ...
