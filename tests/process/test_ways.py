"""Each way in which a method may reach its object and change it: as a plain object, in two processes in strict turn."""

import importlib
import multiprocessing
import sys
from types import ModuleType
from typing import Any

import pytest
import ways

import share
from share import Share
from share.analysis import trace

STEPS = ["x.w(1)", "x.r()", "x.w2(2)", "x.r2()", "x.w(4)", "x.r()"]
#: What differs, until state is a graph of nodes.
KNOWN = {"itself in a list": "a reference back to the object is not the object itself in a local run"}


def load(folder: str) -> ModuleType:
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("ways_made")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    found = tmp_path_factory.mktemp("ways")
    (found / "ways_made.py").write_text(ways.module())
    return str(found)


def shown(value: Any, x: Any) -> str:
    if value is x:
        return "<x>"
    if isinstance(value, list | tuple):
        return repr([shown(item, x) for item in value])
    return repr(share.plain(value))


def outcome(x: Any, step: str) -> str:
    try:
        return shown(eval(step, {"x": x}), x)
    except Exception as error:
        return type(error).__name__ + (f": {error}" if type(error).__module__.startswith("share") else "")


def steps_of(cls: type) -> list[str]:
    return 2 * [step for step in STEPS if hasattr(cls, step[2:].partition("(")[0])]


def work(link: Any, shared: Share, folder: str) -> None:
    load(folder)
    while (order := link.recv()) is not None:
        name, step = order
        link.send(outcome(shared[name], step))


def drive(shared: Share, name: str, cls: type, ask: Any) -> str:
    """What was the first difference, if there is any."""
    plain = cls()
    try:
        shared[name] = cls()
        shared.flush()
    except Exception as error:
        return f"refused: {error}"
    x = shared[name]
    for i, step in enumerate(steps_of(cls)):
        wanted, state = outcome(plain, step), outcome(plain, "x.state()")
        got = outcome(x, step) if i % 2 else ask(name, step)
        # A queued call that fails says so at the next flush.
        if got != wanted and not (got == "None" and wanted.endswith("Error")):
            return f"{step} gave {got}, not {wanted}"
        for seen in (ask(name, "x.state()"), outcome(x, "x.state()")):
            if seen != state:
                return f"after {step} the state is {seen}, not {state}"
    return ""


@pytest.mark.parametrize(
    "kind", ["C", pytest.param("O", marks=pytest.mark.slow), pytest.param("T", marks=pytest.mark.slow)]
)
def test_in_two_processes(kind: str, folder: str) -> None:
    made = load(folder)
    context = multiprocessing.get_context("spawn")
    wrong = []
    with Share(slow_after=None) as shared:
        here, there = context.Pipe()
        other = context.Process(target=work, args=(there, shared, folder), daemon=True)
        other.start()
        there.close()

        def ask(name: str, step: str) -> Any:
            here.send((name, step))
            return here.recv()

        for name, what, _ in ways.classes():
            if name.startswith(kind):
                difference = drive(shared, name, getattr(made, name), ask)
                if difference and what not in KNOWN:
                    wrong.append(f"{name}, {what}: {difference}")
        here.send(None)
        here.close()
        other.join()
        errors = [error for error in shared.errors if "plan does not say" in str(error.error)]
    assert not wrong
    assert not errors


def test_the_plan_says_what_is_done(folder: str) -> None:
    """Whatever the methods write, and whatever is read by those that only read, is in their plans."""
    made = load(folder)
    wrong = []
    for name, what, _ in ways.classes():
        cls = getattr(made, name)
        if issubclass(cls, list | dict | set):
            continue  # their contents are no attributes
        with trace(cls) as seen:
            x = cls()
            for step in steps_of(cls):
                outcome(x, step)
        plans = share.analysis.plan(cls).methods
        wrong += [
            f"{name}, {what}: {miss}"
            for miss in map(str, seen.misses)
            if " wrote " in miss or plans[miss.partition(".")[2].partition(" ")[0]].read_only
        ]
    assert not wrong
