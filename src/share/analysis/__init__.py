"""Class analysis: a class in, a frozen :class:`ClassPlan` out, without running any of its code."""

from ._plan import ClassPlan, MethodPlan, Reason
from ._planner import plan

__all__ = ["ClassPlan", "MethodPlan", "Reason", "plan"]
