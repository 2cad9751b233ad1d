"""What all commands print: JSON for programs, and errors in one line."""

import json
from typing import Any

import click

from share._api import message_of

__all__ = ["as_json", "json_option", "print_json", "shown_error"]

json_option = click.option("--json", "json_", is_flag=True, help="Print JSON, for programs.")


def as_json(value: Any, _outer: tuple[int, ...] = ()) -> Any:
    """A value as JSON can have it: objects as dicts of their attributes, anything unknown as its repr.

    >>> as_json({1: {2.5}, "raw": b"x"})
    {'1': [2.5], 'raw': "b'x'"}
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if id(value) in _outer:
        return "..."
    outer = (*_outer, id(value))
    if isinstance(value, dict):
        return {str(key): as_json(inner, outer) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_json(inner, outer) for inner in value]
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict) and not isinstance(value, (type, BaseException)) and not callable(value):
        return {
            "class": type(value).__qualname__,
            **{name: as_json(v, outer) for name, v in attributes.items()},
        }
    return repr(value)


def print_json(value: Any, lines: bool = False) -> None:
    """Prints a value as JSON: indented, or in one line, for those that print one after the other."""
    click.echo(json.dumps(as_json(value), indent=None if lines else 2))


def shown_error(error: BaseException) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {message_of(error)}".replace("\n", " ")
