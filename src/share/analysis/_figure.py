"""Draws what ``explain`` says: which method touches which attribute, and which calls wait for which."""

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._explain import Explanation, Row

__all__ = ["figure"]

_LINE, _GAP, _CHARACTER, _WIDE = (
    16,
    10,
    7.3,
    46,
)  # of text in pixels; _WIDE: characters of a line of small text
_COLOURS = {"queued": "#0b7285", "waits": "#b35900", "local": "#2b8a3e", "local if plain": "#2b8a3e"}
_ALL = {"object": "any attribute", "opaque": "the whole object"}
_LEGEND = (
    "left: run in the coordinator, one after the other.  queued: the caller goes on at once.  waits: for the result",
    "right: only read. They run in the caller, once the queued calls of the methods named there have been executed",
)


class _Column:
    """Boxes one below the other."""

    def __init__(self, left: float, title: str, width: float) -> None:
        self.left, self.width = left, width
        self.parts = [_text(left, 76, title, weight="bold")]
        self.middles: dict[str, float] = {}
        self.bottom = 90.0

    def add(self, name: str, label: str, colour: str, hint: str, lines: Iterable[str] = ()) -> None:
        """A box, small text below it, and what a browser shows when the mouse is there."""
        top, below = self.bottom, list(lines)
        self.middles[name] = top + 13
        small = [
            _text(self.left, top + 41 + 14 * i, line, colour="#555", size=11) for i, line in enumerate(below)
        ]
        self.parts.append(
            f"<g><title>{escape(hint)}</title>"
            f'<rect x="{self.left:.0f}" y="{top}" width="{self.width:.0f}" height="26" rx="5" fill="#fff" '
            f'stroke="{colour}"/>'
            f"{_text(self.left + 8, top + 17.5, label, colour=colour)}{''.join(small)}</g>"
        )
        self.bottom = top + 26 + 14 * len(below) + _GAP

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.left + self.width


def figure(explained: "Explanation") -> str:
    """The text of an SVG file: at the left what writes, in the middle the attributes, at the right what only reads.

    A method at the right waits for those at the left from which an attribute leads to it. What an object goes through
    before it is shared (``__init__``) is left out.
    """
    everything = _ALL[explained.plan.kind]
    rows = [row for row in explained.rows if row.member not in ("__init__", "__new__")]
    writers = [row for row in rows if not row.runs.startswith("local")]
    readers = [row for row in rows if row.runs.startswith("local")]
    writes = {row.member: _writes(row, explained) for row in writers}
    touched = {
        name
        for names in (*writes.values(), *(row.made.reads for row in readers))
        for name in ((everything,) if names is None else names)
    }
    attributes = [name for name in (*explained.plan.attributes, everything) if name in touched]
    attributes += sorted(touched - set(attributes))

    left = _Column(20, "write", _width(f"{row.member}: {row.runs}" for row in writers))
    for row in writers:
        left.add(row.member, f"{row.member}: {row.runs}", _COLOURS[row.runs], _hint(row))
    middle = _Column(left.right + 130, "attributes", _width(attributes))
    for name in attributes:
        middle.add(name, name, "#333", f"reading {name} waits for what leads to it from the left")
    right = _Column(middle.right + 130, "only read", _width(_label(row) for row in readers))
    for row in readers:
        right.add(row.member, _label(row), _COLOURS[row.runs], _hint(row), _waits(row, writes))

    lines = []
    for row in writers:
        names = writes[row.member]
        for name in [everything] if names is None else sorted(names):
            lines.append(_curve(left.right, left.middles[row.member], middle.left, middle.middles[name], row))
    for row in readers:
        for name in [everything] if row.made.reads is None else sorted(row.made.reads):
            lines.append(
                _curve(middle.right, middle.middles[name], right.left, right.middles[row.member], row)
            )

    width = max(right.right, right.left + 0.9 * _WIDE * _CHARACTER, 20 + max(map(len, _LEGEND)) * 6.2) + 20
    bottom = max(column.bottom for column in (left, middle, right)) + 12
    height = bottom + _LINE * len(_LEGEND) + 6
    heads = "".join(
        f'<marker id="{_id(runs)}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0 L8 4 L0 8 z" fill="{colour}"/></marker>'
        for runs, colour in _COLOURS.items()
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
            f'height="{height:.0f}" role="img" font-family="sans-serif">',
            f"<title>{escape(explained.plan.name)}: which method touches what, and which waits for which</title>",
            f'<defs>{heads}</defs><rect width="100%" height="100%" fill="#fff"/>',
            _text(20, 34, explained.plan.name, size=17, weight="bold"),
            *lines,
            *left.parts,
            *middle.parts,
            *right.parts,
            *(_text(20, bottom + _LINE * i, line, colour="#555", size=11) for i, line in enumerate(_LEGEND)),
            "</svg>\n",
        ]
    )


def _writes(row: "Row", explained: "Explanation") -> frozenset[str] | None:
    return None if explained.plan.entangled and row.made.writes else row.made.writes


def _waits(row: "Row", writes: dict[str, frozenset[str] | None]) -> list[str]:
    """In lines: the methods whose queued calls a call of one that only reads waits for."""
    reads, found = row.made.reads, []
    for member, names in writes.items():
        if (reads is None and names != frozenset()) or (reads and (names is None or reads & names)):
            found.append(member)
    lines = [f"waits for {', '.join(found)}" if found else "waits for nobody"]
    while len(lines[-1]) > _WIDE and " " in lines[-1][:_WIDE]:
        cut = lines[-1].rindex(" ", 0, _WIDE)
        lines[-1:] = [lines[-1][:cut], lines[-1][cut + 1 :]]
    return lines


def _label(row: "Row") -> str:
    return row.member if row.runs == "local" else f"{row.member}: {row.runs}"


def _hint(row: "Row") -> str:
    return f"reads {row.reads}; writes {row.writes}; returns {row.returns}\n{row.why}"


def _width(labels: Iterable[str]) -> float:
    return max(110.0, *(len(label) * _CHARACTER + 18 for label in labels), 0.0)


def _id(runs: str) -> str:
    return runs.replace(" ", "-")


def _curve(x: float, y: float, to_x: float, to_y: float, row: "Row") -> str:
    between = (x + to_x) / 2
    return (
        f'<path d="M{x:.0f} {y:.0f} C{between:.0f} {y:.0f} {between:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}" fill="none" '
        f'stroke="{_COLOURS[row.runs]}" marker-end="url(#{_id(row.runs)})"/>'
    )


def _text(
    x: float, y: float, text: str, *, colour: str = "#111", size: int = 13, weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{colour}">'
        f"{escape(text)}</text>"
    )
