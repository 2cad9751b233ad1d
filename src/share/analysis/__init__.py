"""Class analysis: a class in, a frozen :class:`ClassPlan` out, without running any of its code."""

from ._explain import Explanation, explain
from ._overrides import reads, returns_value, writes
from ._plan import ClassPlan, MethodPlan, Reason
from ._planner import plan
from ._trace import Trace, trace

__all__ = [
    "ClassPlan",
    "Explanation",
    "MethodPlan",
    "Reason",
    "Trace",
    "explain",
    "plan",
    "reads",
    "returns_value",
    "trace",
    "writes",
]
