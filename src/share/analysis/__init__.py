"""Class analysis: a class in, a frozen :class:`ClassPlan` out, without running any of its code."""
