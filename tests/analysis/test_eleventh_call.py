"""Of the methods of foreign classes that never write, how many a share still runs as commands at their eleventh call.

Run with ``-s`` to see them.
"""

import os
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from share import Share
from share.errors import AnalysisError, NotShareableError, ShareError

sys.path.insert(0, os.path.dirname(__file__))
from test_analysis_corpus import INSTALLED, LEFT_OUT, STANDARD, VALUES, drive, in_c, load, subclass_of

#: Wanted is 0.15; it is 0.095.
MOST = 0.12
#: What hands parts to unknown C code, or changes what is outside, does not count.
NOT_COUNTED = ("passed to", "changes outside state")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def totals() -> dict[str, set[str]]:
    return {
        "readers": set(),
        "commands": set(),
        "classes": set(),
        "not shareable": set(),
        "not counted": set(),
    }


@pytest.fixture
def shared() -> Iterator[Share]:
    with Share(slow_after=None) as made:
        yield made


def call(thing: Any, name: str, seed: str) -> bool:
    """Call a method with arguments that the seed decides; whether that went well."""
    choose = random.Random(seed)
    values = [choose.choice(VALUES)() for _ in range(choose.randrange(4))]
    try:
        found = getattr(thing, name)
        if callable(found):
            found(*values)
    except (Exception, SystemExit) as error:
        assert not isinstance(error, ShareError) or isinstance(error, NotShareableError), error
        return False
    return True


def commit(shared: Share) -> int:
    """How far the coordinator is, with all that has been queued."""
    try:
        shared.flush()
    except Exception as error:  # what queued calls have raised
        assert not isinstance(error, ShareError), error
    return shared.health().commit


def is_command(shared: Share, thing: Any, name: str, seed: str) -> bool:
    """Whether the eleventh call of a method is a command."""
    for _ in range(10):
        call(thing, name, seed)
    before = commit(shared)
    call(thing, name, seed)
    return commit(shared) > before


def fitting(make: Callable[[], Any], target: str, name: str) -> str | None:
    """A seed of arguments with which the method ends well; None: none was found."""
    plain = make()
    return next((seed for k in range(40) if call(plain, name, seed := f"{target} {name} {k}")), None)


@pytest.mark.parametrize(
    ("target", "args"), [pytest.param(*case, id=case[0]) for case in [*STANDARD, *INSTALLED]]
)
def test_calls(target: str, args: tuple[Any, ...], shared: Share, totals: dict[str, set[str]]) -> None:
    cls = load(target)
    assert cls is not None

    def make() -> Any:
        return cls(*(arg() if callable(arg) and not isinstance(arg, type) else arg for arg in args))

    seen = drive(subclass_of(cls), args, target)
    try:
        shared.x = make()
    except (AnalysisError, NotShareableError):
        totals["not shareable"].add(target)
        return
    python = {name for base in cls.__mro__ for name, value in vars(base).items() if not in_c(value)}
    thing = shared.x
    if type(thing) is cls:
        return  # a value, which travels as itself
    totals["classes"].add(target)
    for key, observed in sorted(seen.methods.items()):
        name = key.partition(".")[0]
        plan = observed.plan
        if plan.kind not in ("method", "getter") or name in LEFT_OUT or name not in python:
            continue
        if not observed.calls or observed.writes:
            continue
        seed = fitting(make, target, name)
        if seed is None:
            continue
        counts = not any(text in reason.text for reason in plan.reasons for text in NOT_COUNTED)
        totals["readers" if counts else "not counted"].add(f"{target}.{name}")
        if counts and is_command(shared, thing, name, seed):
            totals["commands"].add(f"{target}.{name}")


def test_few_of_those_that_never_write_are_commands(totals: dict[str, set[str]]) -> None:
    readers, commands = len(totals["readers"]), len(totals["commands"])
    print(
        f"\n{len(totals['classes'])} classes, {readers} methods that never wrote; {commands} are commands at their "
        f"eleventh call ({commands / max(readers, 1):.1%})"
    )
    for what in ("commands", "not counted", "not shareable"):
        print(f"{what}: {' '.join(sorted(totals[what]))}")
    assert len(totals["classes"]) >= 60
    assert readers >= 500
    assert commands <= MOST * readers
