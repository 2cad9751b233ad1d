"""``%load_ext share.contrib.ipython``: shared containers say that they are shared in the text of IPython, too.

Without it they look like plain ones there, because IPython prints whatever has the class list as it prints lists.
(Notebooks show a table that says so, and other objects say so anyway.)
"""

from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

from share import ShareError, plain

__all__ = ["load_ipython_extension", "unload_ipython_extension"]

_CONTAINERS: tuple[type, ...] = (list, dict, set, deque, OrderedDict, defaultdict, Counter, bytearray)
_before: dict[type, Any] = {}


def load_ipython_extension(ipython: Any) -> None:
    """Puts printers that look for proxies before those of the containers."""
    formatter = ipython.display_formatter.formatters["text/plain"]
    for cls in _CONTAINERS:
        if cls not in _before:
            try:
                _before[cls] = formatter.lookup_by_type(cls)
            except KeyError:
                _before[cls] = None
            formatter.for_type(cls, _printer(_before[cls]))


def unload_ipython_extension(ipython: Any) -> None:
    """Puts the former printers back."""
    formatter = ipython.display_formatter.formatters["text/plain"]
    for cls, before in _before.items():
        if before is None:
            formatter.pop(cls)
        else:
            formatter.for_type(cls, before)
    _before.clear()


def _printer(before: Any) -> Any:
    def show(value: Any, printer: Any, cycle: bool) -> None:
        name = getattr(getattr(type(value), "_share_class_", None), "__qualname__", None)
        if name is not None:
            printer.text(f"<shared {name}: ")
            try:
                value = plain(value)
            except ShareError as error:
                printer.text(f"which cannot be read: {error}>")
                return
        if before is None:
            printer.text(repr(value))
        else:
            before(value, printer, cycle)
        if name is not None:
            printer.text(">")

    return show
