"""Class analysis: a class in, a frozen :class:`ClassPlan` out, without running any of its code."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._plan import ClassPlan, MethodPlan, Reason

if TYPE_CHECKING:
    from ._closer import closer, goes_past, plan, unseen_by
    from ._explain import Explanation, explain
    from ._overrides import reads, returns_value, writes
    from ._planner import draft
    from ._trace import Trace, trace

__all__ = [
    "ClassPlan",
    "Explanation",
    "MethodPlan",
    "Reason",
    "Trace",
    "closer",
    "draft",
    "explain",
    "goes_past",
    "plan",
    "reads",
    "returns_value",
    "trace",
    "unseen_by",
    "writes",
]

# A coordinator is sent plans and makes none: the analysis itself is loaded by whoever first asks for it.
_LATER = {
    "_explain": {"Explanation", "explain"},
    "_overrides": {"reads", "returns_value", "writes"},
    "_closer": {"closer", "goes_past", "plan", "unseen_by"},
    "_planner": {"draft"},
    "_trace": {"Trace", "trace"},
}


def __getattr__(name: str) -> Any:
    for module, names in _LATER.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f".{module}", __name__), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
