"""How shared objects show themselves in IPython and notebooks, where one looks at them to learn what they are."""

import html
import sys
from collections import deque
from typing import Any

from share.errors import ShareError

from ._proxy import plain

__all__ = ["mime_bundle"]

_MOST_ROWS = 20
_MOST_TEXT = 200
_CONTAINERS = (dict, list, tuple, set, frozenset, deque)


def mime_bundle(self: Any, include: Any = None, exclude: Any = None) -> dict[str, str]:
    """``_repr_mimebundle_`` of a proxy: as text what the object shows, marked as shared; a table of a container."""
    name = self._share_class_.__qualname__
    try:
        value: Any = plain(self)
        text = _text(value)
        if getattr(type(value), "__repr__", None) is object.__repr__:
            return {"text/plain": repr(self)}
        bundle = {"text/plain": f"<shared {name}: {text}>"}
        if isinstance(value, _CONTAINERS) and not hasattr(value, "_repr_html_"):
            bundle["text/html"] = _table(name, value)
    except ShareError as error:
        return {"text/plain": f"<shared {name}, which cannot be read: {error}>"}
    return bundle


def _text(value: Any) -> str:
    pretty = sys.modules.get("IPython.lib.pretty")
    return str(pretty.pretty(value)) if pretty else repr(value)


def _table(name: str, value: Any) -> str:
    # The object itself is shown, not a proxy of it: nothing below runs on what is shared.
    pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
    ordered = not isinstance(value, (set, frozenset))
    rows = [
        f"<tr>{f'<th>{_cell(key)}</th>' if ordered else ''}<td>{_cell(element)}</td></tr>"
        for key, element in pairs[:_MOST_ROWS]
    ]
    if len(pairs) > _MOST_ROWS:
        rows.append(f"<tr><td colspan=2>... {len(pairs) - _MOST_ROWS:,} more</td></tr>")
    head = f"shared {html.escape(name)}, {len(pairs):,} {'element' if len(pairs) == 1 else 'elements'}"
    return f"<table><caption>{head}</caption>{''.join(rows)}</table>"


def _cell(value: Any) -> str:
    text = repr(value)
    return html.escape(text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]} ...")
