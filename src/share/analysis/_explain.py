"""Says, method by method, how calls of a class will run and why."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ._closer import plan
from ._figure import figure
from ._plan import ClassPlan, MethodPlan

__all__ = ["Explanation", "Row", "explain"]

HEADINGS = ("member", "a call", "reads", "writes", "returns", "why")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, as text."""

    member: str
    runs: str  # local, local if plain, queued or waits
    reads: str
    writes: str
    returns: str
    why: str
    made: MethodPlan = field(repr=False)  # the same, for programs

    def cells(self) -> tuple[str, ...]:
        """The columns, in the order of ``HEADINGS``."""
        return (self.member, self.runs, self.reads, self.writes, self.returns, self.why)


@dataclass(frozen=True)
class Explanation:
    """A table of every method of a class; ``print`` it, or hand it to rich."""

    plan: ClassPlan
    rows: tuple[Row, ...]

    @property
    def heading(self) -> str:
        """What holds for the whole class."""
        parts = [self.plan.name, f"state kept as: {self.plan.kind}"]
        if self.plan.attributes:
            parts.append("attributes: " + ", ".join(self.plan.attributes))
        for group in self.plan.alias_groups:
            parts.append("may share an object: " + ", ".join(sorted(group)))
        if self.plan.entangled:
            parts.append("any two attributes may share an object: whatever is written, all may be")
        if self.plan.custom_setattr:
            parts.append("own __setattr__ or __delattr__: assigning an attribute may change anything")
        if self.plan.custom_getattribute:
            parts.append("own __getattribute__: reading an attribute waits for everything")
        return "\n".join(parts)

    def svg(self) -> str:
        """A picture of it, as the text of an SVG file: which method touches what, and which waits for which."""
        return figure(self)

    def __str__(self) -> str:
        table = [HEADINGS, *(row.cells() for row in self.rows)]
        widths = [max(len(line[column]) for line in table) for column in range(len(HEADINGS) - 1)]
        lines = [
            "  ".join(
                [*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]
            ).rstrip()
            for line in table
        ]
        return "\n".join([self.heading, "", *lines])

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.table import Table
        from rich.text import Text

        table = Table(*HEADINGS, title=None)
        styles = {"local": "green", "local if plain": "green", "queued": "cyan", "waits": "yellow"}
        for row in self.rows:
            cells = [Text(cell) for cell in row.cells()]
            cells[1].stylize(styles[row.runs])
            table.add_row(*cells)
        yield Text(self.heading)
        yield table


def explain(cls: Any, *, special: bool = False) -> Explanation:
    """How calls of the methods of a class run, and the source line that makes it so.

    ``local``: only reads, runs in the caller. ``local if plain``: the same while the attributes that decide hold
    nothing but built-in values, else it waits. ``queued``: returns at once. ``waits``: for the result.

    :arg cls: a class; or a shared object, to see also what this process has learned from calls of its methods.
    :arg special: also show special methods that the class only inherits from a built-in type.
    """
    proxy_class = type(cls)
    learned: frozenset[str] = frozenset()
    if not isinstance(cls, type) and hasattr(proxy_class, "_share_class_"):
        learned = frozenset(
            name for name, value in vars(proxy_class).items() if getattr(value, "learned", False)
        )
        cls = proxy_class._share_class_
    found = plan(cls)
    shown = [
        (name, made)
        for name, made in [*found.getters.items(), *found.setters.items(), *found.deleters.items()]
    ]
    shown += [
        (name, made)
        for name, made in found.methods.items()
        if special or not (name.startswith("__") and made.reasons == () and not made.reads and made.read_only)
    ]
    return Explanation(
        found,
        tuple(
            _row(name, made, name in learned and made.kind not in ("setter", "deleter"))
            for name, made in shown
        ),
    )


def _row(name: str, made: MethodPlan, learned: bool = False) -> Row:
    if learned:
        runs = "waits"
    elif made.read_only:
        runs = "local"
    elif made.plain:
        runs = "local if plain"
    else:
        runs = "waits" if made.returns else "queued"
    label = name if made.kind == "method" else f"{name} ({made.kind})"
    why = ["seen to write when it was called here", *_why(made)] if learned else _why(made)
    made = replace(made, writes=None) if learned else made
    return Row(label, runs, _names(made.reads), _names(made.writes), _returns(made), "; ".join(why), made)


def _names(names: Iterable[str] | None) -> str:
    return "anything" if names is None else ", ".join(sorted(names)) or "-"


def _returns(made: MethodPlan) -> str:
    if not made.returns:
        return "-"
    if made.is_generator:
        return "generator"
    if made.returns_self:
        return "itself"
    return "a part of it" if made.returns_alias else "a value"


def _why(made: MethodPlan) -> Iterator[str]:
    seen = set()
    for reason in made.reasons:
        key = (reason.text, reason.line)
        if key not in seen:
            seen.add(key)
            place = f"line {reason.line}: " if reason.line else ""
            yield (
                f"{place}{reason.text}"
                if reason.effect != "changes outside state"
                else (f"{place}{reason.text} [outside the object]")
            )
    for name in made.blocks:
        yield f"blocks on {name}"
