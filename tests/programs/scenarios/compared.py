"""A scenario on a plain object and on the same object shared: what each step gives, and the end, are compared."""

import enum
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

from share import Share, plain

logging.getLogger("share").setLevel(logging.CRITICAL)

_shares: list[Share] = []


def state(value: Any, depth: int = 0) -> Any:
    """What can be compared of a value, of its parts, and of theirs."""
    value = plain(value) if isinstance(value, object) and not isinstance(value, type) else value
    deeper = depth + 1
    name = type(value).__name__
    if depth > 12:
        return "..."
    if isinstance(value, enum.Enum):
        return str(value)
    if isinstance(value, (int, float, str, bytes, complex)):
        return repr(value)
    if isinstance(value, dict):
        return name, [(state(key, deeper), state(found, deeper)) for key, found in value.items()]
    if isinstance(value, (set, frozenset)):
        return name, sorted(repr(state(found, deeper)) for found in value)
    if isinstance(value, (list, tuple)) or name == "deque":
        return name, [state(found, deeper) for found in value]
    if isinstance(value, BaseException):
        return name, repr(value.args)
    if hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
        kept = {key: found for key, found in vars(value).items() if not key.startswith("_lock")}
        return name, sorted((key, state(found, deeper)) for key, found in kept.items())
    slots = getattr(value, "__slots__", None)
    if slots:
        return name, [(key, state(getattr(value, key, None), deeper)) for key in slots]
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


def steps(scenario: Callable[[Any], Iterator[Any]], subject: Any) -> list[Any]:
    """What each step gives; the last one may be what it raises."""
    found = []
    try:
        for given in scenario(subject):
            found.append(state(given))
    except Exception as error:
        found.append(("escaped", state(error)))
    return found


def both(make: Callable[[], Any], scenario: Callable[[Any], Iterator[Any]], name: str) -> None:
    """Says OK, or where the two differ."""
    own = make()
    with Share() as shared:
        shared.obj = make()
        wanted = [*steps(scenario, own), state(own)]
        _shares.append(shared)
        got = [*steps(scenario, shared.obj), state(shared.obj)]
        _shares.clear()
        shared.flush()
    for number in range(max(len(wanted), len(got))):
        if wanted[number : number + 1] != got[number : number + 1]:
            print(f"DIFF {name} {number}\n  {wanted[number : number + 1]}\n  {got[number : number + 1]}")
    if wanted == got:
        print("OK", name, len(got), "steps")


def attempt(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a call gives or raises; one that is queued raises at the flush."""
    try:
        given = function(*args, **kwargs)
        if _shares:
            _shares[0].flush()
    except Exception as error:
        return error
    return given
