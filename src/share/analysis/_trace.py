"""Runs real calls under hooks and compares what they read and wrote with the plan of their class."""

import functools
import inspect
import threading
import types
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..errors import AnalysisError
from ._classes import MISSING, lookup, slot_names
from ._closer import plan
from ._encode import fingerprint
from ._plan import ClassPlan, MethodPlan
from .knowledge._plain import ARGUMENTS, WHOLE, are_plain, attributes_of, is_open, is_plain

__all__ = ["Observed", "Trace", "trace"]

#: Special methods under which a hook would call itself, or that have no receiver yet.
_NOT_HOOKED = frozenset(
    "__new__ __getattribute__ __setattr__ __delattr__ __init_subclass__ __class_getitem__ __subclasshook__ "
    "__reduce__ __reduce_ex__ __getstate__ __setstate__ __getnewargs__ __getnewargs_ex__ __del__ __sizeof__ "
    "__set_name__ __instancecheck__ __subclasscheck__ __copy__ __deepcopy__".split()
)


@dataclass
class Observed:
    """What one method did, over all its calls; names of attributes, ``"*"`` for an opaque object's state."""

    plan: MethodPlan
    calls: int = 0
    calls_local: int = 0  # of these, calls that a proxy would run in the caller
    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    writes_local: set[str] = field(default_factory=set)  # by calls that should have been reads

    def missed(self) -> Iterator[str]:
        """What it did that its plan does not say."""
        for what, did, planned in (
            ("read", self.reads, self.plan.reads),
            ("wrote", self.writes, self.plan.writes),
        ):
            if planned is not None:
                for name in sorted(did - planned):
                    yield f"{what} {name!r}"
        for name in sorted(self.writes_local):
            yield f"wrote {name!r} when all that it looks at was plain"

    @property
    def false_alarm(self) -> bool:
        """Whether it was called, never wrote, and would yet have run as a writer at least once."""
        return bool(self.calls) and not self.writes and self.calls_local < self.calls


class Trace:
    """What was observed while a class was traced."""

    def __init__(self, cls: type, found: ClassPlan) -> None:
        self.cls, self.plan = cls, found
        self.methods: dict[str, Observed] = {}

    @property
    def misses(self) -> list[str]:
        """Where the plan is wrong: an effect that was observed and is not in it."""
        return [
            f"{self.cls.__qualname__}.{name} {what}, which its plan does not say"
            for name, observed in self.methods.items()
            for what in observed.missed()
        ]

    @property
    def false_alarms(self) -> list[str]:
        """Methods that were called, ran as writers and never wrote. That costs time, nothing else."""
        return [name for name, observed in self.methods.items() if observed.false_alarm]

    def __str__(self) -> str:
        lines = [f"{self.plan.name}: {sum(seen.calls for seen in self.methods.values())} calls observed"]
        for name, seen in sorted(self.methods.items()):
            lines.append(
                f"  {name}: {seen.calls} calls, read {_list(seen.reads)}, wrote {_list(seen.writes)}"
            )
        return "\n".join([*lines, *(f"MISSED: {miss}" for miss in self.misses)])


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


@contextmanager
def trace(cls: type) -> Iterator[Trace]:
    """While the block runs, watch every call of a method of ``cls`` on any of its instances.

    A write is observed by fingerprinting every attribute before and after each call, so that changes in place
    count; so tracing is slow and is for tests. The class is changed while the block runs and as before afterwards.

    :raises AnalysisError: if the class cannot be changed (a built-in: trace a subclass of it).
    """
    tracer = _Tracer(cls)
    tracer.install()
    try:
        yield tracer.trace
    finally:
        tracer.remove()


class _Frame:
    """One running call on one object."""

    __slots__ = ("observed", "receiver")

    def __init__(self, receiver: Any, observed: Observed) -> None:
        self.receiver, self.observed = receiver, observed


class _Tracer:
    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.trace = Trace(cls, plan(cls))
        self.local = threading.local()
        self.replaced: dict[str, Any] = {}
        self.slots = {name: lookup(cls, name) for name in slot_names(cls)}
        self.dict_of = lookup(cls, "__dict__")
        self.opaque = self.trace.plan.kind == "opaque"

    # Hooks

    def install(self) -> None:
        """Put the hooks into the class; all or none."""
        try:
            for name in self.members():
                hook = self.hook(name, lookup(self.cls, name))
                if hook is not None:
                    self.put(name, hook)
            self.put("__getattribute__", self.reading(lookup(self.cls, "__getattribute__")))
            self.put("__setattr__", self.rebinding(lookup(self.cls, "__setattr__")))
            self.put("__delattr__", self.rebinding(lookup(self.cls, "__delattr__")))
        except TypeError as error:
            self.remove()
            raise AnalysisError(
                f"{self.cls.__qualname__} cannot be traced; trace a subclass of it"
            ) from error

    def members(self) -> list[str]:
        found = self.trace.plan
        names = {**found.methods, **found.getters, **found.setters, **found.deleters}
        return [name for name in names if name not in _NOT_HOOKED]

    def put(self, name: str, value: Any) -> None:
        before = self.cls.__dict__.get(name, MISSING)
        setattr(self.cls, name, value)
        self.replaced.setdefault(name, before)

    def remove(self) -> None:
        """Make the class what it was."""
        for name, value in self.replaced.items():
            if value is MISSING:
                delattr(self.cls, name)
            else:
                setattr(self.cls, name, value)
        self.replaced.clear()

    def hook(self, name: str, raw: Any) -> Any:
        found = self.trace.plan
        if isinstance(raw, property):
            parts = [
                self.call(f"{name}{suffix}", function, plans[name]) if function is not None else None
                for suffix, function, plans in (
                    ("", raw.fget, found.getters),
                    (".setter", raw.fset, found.setters),
                    (".deleter", raw.fdel, found.deleters),
                )
            ]
            return property(parts[0], parts[1], parts[2], raw.__doc__)
        if isinstance(raw, types.FunctionType | types.MethodDescriptorType | types.WrapperDescriptorType):
            return self.call(name, raw, found.methods[name])
        return None

    def call(self, name: str, function: Callable[..., Any], made: MethodPlan) -> Callable[..., Any]:
        """The function, with what it does to its receiver observed."""
        observed = self.trace.methods.setdefault(name, Observed(made))

        def run(receiver: Any, step: Callable[[], Any], args: Any, kwargs: Any) -> Any:
            if not isinstance(receiver, self.cls) or self.is_busy() or self.is_inside(receiver):
                return step()
            with self.watching(receiver, observed, args, kwargs):
                return step()

        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator(receiver: Any, *args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
                running = function(receiver, *args, **kwargs)
                sent = None
                while True:
                    try:
                        value = run(receiver, functools.partial(running.send, sent), args, kwargs)
                    except StopIteration as end:
                        return end.value
                    sent = yield value

            return generator

        @functools.wraps(function)
        def plain(receiver: Any, *args: Any, **kwargs: Any) -> Any:
            return run(receiver, functools.partial(function, receiver, *args, **kwargs), args, kwargs)

        return plain

    def reading(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def hook(receiver: Any, name: str) -> Any:
            frames = self.frames()
            if frames and not self.is_busy() and self.is_state(receiver, name):
                for frame in frames:
                    if frame.receiver is receiver:
                        frame.observed.reads.add(name)
            return original(receiver, name)

        return hook

    def rebinding(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def hook(receiver: Any, name: str, *value: Any) -> Any:
            result = original(receiver, name, *value)
            if not self.is_busy() and self.is_state(receiver, name):
                for frame in self.frames():
                    if frame.receiver is receiver:
                        frame.observed.writes.add(name)
            return result

        return hook

    # State

    def frames(self) -> list[_Frame]:
        frames: list[_Frame] = self.local.__dict__.setdefault("frames", [])
        return frames

    def is_inside(self, receiver: Any) -> bool:
        """Whether a method of the object calls another one: what that does belongs to the outer call.

        Its own plan tells what it does when called from outside, with arguments that are nobody's state.
        """
        return any(frame.receiver is receiver for frame in self.frames())

    def is_busy(self) -> bool:
        """Whether the tracer itself is looking at an object."""
        return bool(self.local.__dict__.get("busy"))

    def is_state(self, receiver: Any, name: str) -> bool:
        if name in self.slots:
            return True
        return not self.opaque and name in self.attributes_of(receiver)

    def attributes_of(self, receiver: Any) -> dict[str, Any]:
        if self.dict_of is MISSING:
            return {}
        return dict(self.dict_of.__get__(receiver))

    @contextmanager
    def watching(self, receiver: Any, observed: Observed, args: Any, kwargs: Any) -> Iterator[None]:
        before = self.state(receiver)
        made = observed.plan
        local = made.read_only or (bool(made.plain) and self.is_plain(receiver, made, args, kwargs))
        frame = _Frame(receiver, observed)
        self.frames().append(frame)
        try:
            yield
        finally:
            self.frames().remove(frame)
            after = self.state(receiver)
            observed.calls += 1
            observed.calls_local += local
            wrote = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
            observed.writes |= wrote
            if local and not made.read_only:
                observed.writes_local |= wrote

    def is_plain(self, receiver: Any, made: MethodPlan, args: Any, kwargs: Any) -> bool:
        names, opened = made.plain, made.opened
        self.local.busy = True
        try:
            return (ARGUMENTS not in names or are_plain(args, kwargs)) and is_plain(receiver, names, opened)
        finally:
            self.local.busy = False

    def state(self, receiver: Any) -> dict[str, Any]:
        """The fingerprint of every attribute."""
        self.local.busy = True
        try:
            if self.opaque and is_open(self.cls):  # looking must not run the class's own way of being copied
                return {WHOLE: fingerprint(attributes_of(receiver), {id(receiver): "self"})}
            if self.opaque:
                return {WHOLE: fingerprint(receiver)}
            values = dict(self.attributes_of(receiver))
            for name, slot in self.slots.items():
                try:
                    values[name] = slot.__get__(receiver)
                except AttributeError:
                    continue
            return {name: fingerprint(value, {id(receiver): "self"}) for name, value in values.items()}
        finally:
            self.local.busy = False
