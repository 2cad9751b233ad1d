"""Classes whose special methods raise, each what it is told to, in the coordinator."""

import os
from typing import Any

#: The process in which they are harmless: the first that imports this.
OWNER = int(os.environ.setdefault("HOSTILE_OWNER", str(os.getpid())))

RAISED: dict[str, type[BaseException]] = {
    kind.__name__: kind
    for kind in (ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, RecursionError, MemoryError)
}


class Hostile:
    """An object with one special method that raises."""

    def __init__(self, method: str, kind: str) -> None:
        self.method, self.kind = method, kind

    def act(self, method: str, otherwise: Any) -> Any:
        attributes = object.__getattribute__(self, "__dict__")
        if attributes.get("method") == method and os.getpid() != OWNER:
            raise RAISED[attributes["kind"]](method)
        return otherwise

    def __repr__(self) -> str:
        return self.act("__repr__", "Hostile()")

    def __str__(self) -> str:
        return self.act("__str__", "a Hostile")

    def __eq__(self, other: object) -> bool:
        return self.act("__eq__", self is other)

    def __hash__(self) -> int:
        return self.act("__hash__", 7)

    def __bool__(self) -> bool:
        return self.act("__bool__", True)

    def __reduce_ex__(self, protocol: Any) -> Any:
        self.act("__reduce_ex__", None)
        return make, (self.method, self.kind), None

    def __del__(self) -> None:
        self.act("__del__", None)


def make(method: str, kind: str) -> Hostile:
    if method == "loading" and os.getpid() != OWNER:
        raise RAISED[kind]("loading")
    return Hostile(method, kind)


class HostileError(Exception):
    """An exception that is such an object."""

    def __init__(self, method: str, kind: str) -> None:
        self.method, self.kind = method, kind

    act = Hostile.act
    __del__ = Hostile.__del__
    __repr__ = Hostile.__repr__
    __str__ = Hostile.__str__
    __eq__ = Hostile.__eq__
    __hash__ = Hostile.__hash__
    __bool__ = Hostile.__bool__

    def __reduce_ex__(self, protocol: Any) -> Any:
        self.act("__reduce_ex__", None)
        return HostileError, (self.method, self.kind)

    def add_note(self, note: str) -> None:
        self.act("add_note", None)

    def __format__(self, spec: str) -> str:
        return self.act("__format__", "")


class Strange(type):
    """A metaclass whose classes cannot be looked at."""

    def __hash__(cls) -> int:
        raise ValueError("__hash__")

    def __repr__(cls) -> str:
        raise ValueError("__repr__")

    def __getattribute__(cls, name: str) -> Any:
        if name == "__qualname__":
            raise ValueError(name)
        return super().__getattribute__(name)


class Host:
    """What meets them, in the coordinator."""

    def __init__(self) -> None:
        self.n = 0
        self.kept: Any = None
        self.items: list[Any] = []

    def fail(self, method: str, kind: str) -> None:
        self.n += 1
        raise HostileError(method, kind)

    def fail_strangely(self) -> None:
        raise Strange("Failing", (Exception,), {})("odd")

    def keep(self, method: str, kind: str) -> None:
        self.kept = Hostile(method, kind)

    def collect(self, method: str, kind: str) -> None:
        self.items.append(Hostile(method, kind))

    def put_in_a_set(self, method: str, kind: str) -> None:
        self.kept = {Hostile(method, kind), Hostile(method, kind)}

    def give(self, method: str, kind: str) -> Any:
        return [Hostile(method, kind)]

    def set_alarm(self, kind: str, seconds: float) -> None:
        import signal

        def handler(*_: object) -> None:
            raise RAISED[kind]("a signal")

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def add(self) -> int:
        self.n += 1
        return self.n
