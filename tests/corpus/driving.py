"""Drives one object of a class by two processes in strict turn, beside a plain object of the same class."""

import contextlib
import dataclasses
import hashlib
import importlib
import importlib.util
import multiprocessing
import os
import random
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import share
from share import Share, ShareTimeoutError
from share.client._session import Shared

WORDS = ["a", "b", "key", "Ada", "tea", "x y", "é", ""]


@dataclasses.dataclass(frozen=True)
class Case:
    """A class, how to make an object of it, and what may be done with that.

    Arguments:
        name: of the class, as the report shows it.
        needs: the module that must be there; an empty string for the standard library.
        setup: statements that are run once in each process: imports, helper classes.
        make: an expression that gives a new object.
        do: expressions (or statements) over ``x``, the object. ``{i}`` becomes a small number, ``{s}`` a quoted word,
            ``{f}`` a number with a fraction, ``{b}`` bytes.
        look: an expression over ``x`` that gives what is compared after each step, in the other process.
        fault: what is known to be wrong, in one line; the test then expects a difference.
        after_kill: what is known to be wrong once the coordinator was killed.
        refused: part of the message with which the assignment is refused, if it is to be refused.
    """

    name: str
    needs: str
    setup: str
    make: str
    do: tuple[str, ...]
    look: str
    fault: str = ""
    after_kill: str = ""
    refused: str = ""

    @property
    def is_here(self) -> bool:
        """Whether what it needs is installed."""
        return not self.needs or importlib.util.find_spec(self.needs) is not None


class Replay:
    """A private copy that is kept up to date by what ``changes`` gives."""

    def __init__(self, shared: Share, x: Any) -> None:
        self.changes: Any = None
        self.copy: Any = None
        if isinstance(x, Shared):
            self.changes = shared.changes(x)
            self.copy = next(self.changes).apply(None)

    def go_on(self) -> None:
        """Applies what there is by now."""
        with contextlib.suppress(ShareTimeoutError):
            while self.changes is not None:
                self.copy = self.changes.next(timeout=0).apply(self.copy)


class Difference(AssertionError):
    """A step after which the shared object was not as the plain one."""


def normal(value: Any, x: Any, depth: int = 0) -> Any:
    """What two results are compared by: no addresses, no proxies, no types of ours."""
    if value is x:
        return "<x>"
    kind = type(value)
    if kind.__module__.partition(".")[0] == "share":
        value = share.plain(value)
        kind = type(value)
        if kind.__module__.partition(".")[0] == "share" and not isinstance(value, Mapping | Iterator):
            return f"AN OBJECT OF {kind.__module__}.{kind.__qualname__}"
    if depth > 12:
        return "..."
    if value is None or isinstance(value, type):
        return value
    for plain in (bool, int, float, str, bytes, complex):
        if isinstance(value, plain):
            return repr(plain(value))
    if isinstance(value, BaseException):
        return f"{kind.__name__}"
    if isinstance(value, Mapping):
        return "map", [(normal(k, x, depth + 1), normal(v, x, depth + 1)) for k, v in value.items()]
    if isinstance(value, AbstractSet):
        return "set", sorted((normal(v, x, depth + 1) for v in value), key=repr)
    if isinstance(value, tuple | list):
        return "sequence", [normal(v, x, depth + 1) for v in value]
    if isinstance(value, Iterator):
        return "iterator", [normal(v, x, depth + 1) for v in _first(value, 50)]
    if hasattr(value, "tolist"):
        return "array", normal(value.tolist(), x, depth + 1)
    if kind.__repr__ is not object.__repr__:
        text = repr(value)
        if " at 0x" not in text:
            return text
    if hasattr(value, "__dict__"):
        return kind.__name__, normal(dict(vars(value)), x, depth + 1)
    return kind.__name__


def _first(values: Iterator[Any], n: int) -> Iterator[Any]:
    for _ in range(n):
        try:
            yield next(values)
        except StopIteration:
            return


def outcome(text: str, names: dict[str, Any]) -> tuple[str, Any]:
    """Evaluates an expression or statement; how it ended, in a form that can be compared and sent."""
    try:
        try:
            code = compile(text, "<step>", "eval")
        except SyntaxError:
            code = compile(text, "<step>", "exec")
        value = eval(code, names)
        return "value", normal(value, names["x"])
    except Exception as error:
        kinds = [
            kind.__name__ for kind in type(error).__mro__ if kind.__module__.partition(".")[0] == "share"
        ]
        if kinds:
            return "OUR ERROR", f"{type(error).__name__}: {str(error)[:300]}"
        return "error", type(error).__name__


def names_of(case: Case, folder: str) -> dict[str, Any]:
    """What the steps may use: the names of a module that holds the case's setup, the same in each process."""
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = "setup_" + hashlib.sha256(case.setup.encode()).hexdigest()[:12]
    path = Path(folder, f"{name}.py")
    if not path.exists():
        path.write_text(case.setup + "\n")
        importlib.invalidate_caches()
    return dict(vars(importlib.import_module(name)))


def work(link: Any, shared: Share, case: Case, folder: str, waits: bool) -> None:
    """The second process: evaluates what it is sent."""
    try:
        names = names_of(case, folder)
        names["x"] = shared.x
        with shared.waiting() if waits else contextlib.nullcontext():
            while (text := link.recv()) is not None:
                link.send(outcome(text, names))
    except EOFError:
        pass
    except BaseException:
        link.send(("OUR ERROR", traceback.format_exc()[-500:]))
        raise


def fill(template: str, rng: random.Random) -> str:
    """A step: the template with random arguments."""
    for mark, draw in (
        ("{i}", lambda: str(rng.randrange(-2, 12))),
        ("{s}", lambda: repr(rng.choice(WORDS))),
        ("{f}", lambda: repr(round(rng.uniform(-3, 9), 2))),
        ("{b}", lambda: repr(rng.choice(WORDS).encode())),
    ):
        while mark in template:
            template = template.replace(mark, draw(), 1)
    return template


def drive(case: Case, folder: str, seed: int, steps: int = 60, kill: bool = False) -> None:
    """Raises Difference at the first step that did not end as on the plain object.

    Arguments:
        case: what is driven.
        folder: where modules may be written.
        seed: of the random choice of steps and arguments.
        steps: how many.
        kill: kill the coordinator now and then.
    """
    rng = random.Random(f"{case.name} {seed}")
    plain = names_of(case, folder)
    plain["x"] = eval(case.make, plain)
    ours = names_of(case, folder)
    done: list[str] = []

    def compare(what: str, got: Any, wanted: Any) -> None:
        if not waits and wanted[0] == "error" and got == ("value", None):
            return  # queued: its error comes with the next flush
        if got != wanted:
            history = "\n    ".join(done[-6:])
            raise Difference(
                f"{case.name}: {what}\n  shared: {got!r:.400}\n  plain:  {wanted!r:.400}\n  after\n    {history}"
            )

    context = multiprocessing.get_context("spawn")
    waits = seed % 2 == 1
    with Share(slow_after=None, writes="wait" if waits else None) as shared:
        shared.x = eval(case.make, ours)
        shared.flush()
        ours["x"] = shared.x
        replay = Replay(shared, ours["x"])
        here, there = context.Pipe()
        other = context.Process(target=work, args=(there, shared, case, folder, waits), daemon=True)
        other.start()
        there.close()

        def ask(text: str) -> Any:
            here.send(text)
            if not here.poll(60):
                raise Difference(f"{case.name}: {text} does not end")
            return here.recv()

        try:
            compare("as assigned", ask(case.look), outcome(case.look, plain))
            for step in range(steps):
                if kill and step % 10 == 7:
                    kill_coordinator(shared)
                text = fill(rng.choice(case.do), rng)
                is_ours = rng.random() < 0.5
                done.append(f"{'A' if is_ours else 'B'}: {text}")
                wanted = outcome(text, plain)
                compare(text, outcome(text, ours) if is_ours else ask(text), wanted)
                wanted = outcome(case.look, plain)
                compare(
                    f"{case.look} in the other process after {text}",
                    ask(case.look) if is_ours else outcome(case.look, ours),
                    wanted,
                )
                if step % 4 == 0:
                    replay.go_on()
                compare(
                    f"{case.look} after {text}",
                    outcome(case.look, ours) if is_ours else ask(case.look),
                    wanted,
                )
            try:
                shared.flush()
            except Exception:
                if waits:
                    raise
            replay.go_on()
            if replay.changes is not None:
                got = outcome(case.look, {**ours, "x": replay.copy})
                compare("what changes() has given", got, outcome(case.look, plain))
        finally:
            try:
                here.send(None)
            except OSError:
                pass
            here.close()
            other.join(10)
            if other.is_alive():
                other.kill()
            shared.clear()


def kill_coordinator(shared: Share) -> None:
    """SIGKILL; whoever needs it next starts its successor."""
    os.kill(shared.health().coordinator, signal.SIGKILL)
