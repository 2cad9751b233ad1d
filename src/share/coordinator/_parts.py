"""Commands on parts of an object's state, named by their paths."""

from typing import Any

from share import _paths
from share._kinds import is_value
from share.errors import NotShareableError

from ._live import MISSING

__all__ = ["apply_to_root", "part", "path_cells"]


def part(live: Any, path: tuple[Any, ...]) -> Any:
    """The object that a command's path, (class name, step, ...), means. Raises DeletedObjectError."""
    found = _paths.walk(live, path[1:])
    if type(found).__qualname__ != path[0]:
        raise _paths.gone(path[1:])
    return found


def path_cells(shape: Any, path: tuple[Any, ...]) -> tuple[int, ...] | None:
    """The cells that a command on a part may write; None for all."""
    if len(path) == 1 or shape.plan.kind == "opaque" or shape.plan.entangled:
        return None
    return (shape.cell_of(path[2]),)


def apply_to_root(store: Any, name: str, operation: str, operand: Any) -> None:
    """``shared.name operation= operand``: on the value that the name has now."""
    value = store.root_value(name)
    if value is MISSING:
        raise AttributeError(f"the share has no {name!r}")
    result = _paths.OPERATIONS[operation](store.reached(value), operand)
    if result is value and store.mirror_of(value) is not None:
        return
    if not is_value(result):
        raise NotShareableError(
            f"{name!r} was an object when the augmented assignment to it ran, and gave another one"
        )
    store.assign(name, result)
