import copy
import itertools
from dataclasses import KW_ONLY, dataclass, field
from typing import ClassVar, Generic, TypeVar

from compared import attempt, both


@dataclass(frozen=True)
class Event:
    registry: ClassVar[dict] = {}
    seq: int
    _: KW_ONLY
    meta: dict = field(default_factory=dict, compare=False)

    def __init_subclass__(cls):
        Event.registry[cls.__name__] = cls


@dataclass(frozen=True)
class Opened(Event):
    owner: str = ""


@dataclass(frozen=True)
class Moved(Event):
    amount: int = 0


@dataclass(slots=True)
class Projection:
    balance: int = 0
    owner: str | None = None
    seen: set = field(default_factory=set)

    def apply(self, e):
        if e.seq in self.seen:
            return False
        self.seen.add(e.seq)
        match e:
            case Opened(owner=o):
                self.owner = o
            case Moved(amount=a):
                self.balance += a
        return True


T = TypeVar("T")


class Store(Generic[T]):
    def __init__(self):
        self.log: list[T] = []
        self.projections = {}
        self.snapshots = {}
        self.seq = itertools.count(1)

    def append(self, kind, **k):
        e = Event.registry[kind](next(self.seq), **k)
        self.log.append(e)
        for p in self.projections.values():
            p.apply(e)
        return e

    def project(self, name):
        p = self.projections[name] = Projection()
        self._replay(p)
        return p

    def _replay(self, p, since=0):
        for e in self.log[since:]:
            p.apply(e)

    def snap(self):
        self.snapshots[len(self.log)] = copy.deepcopy(self.projections)

    def rewind(self, n):
        at = max((k for k in self.snapshots if k <= n), default=None)
        self.projections = (
            copy.deepcopy(self.snapshots[at])
            if at is not None
            else {k: Projection() for k in self.projections}
        )
        del self.log[n:]
        for p in self.projections.values():
            self._replay(p, at or 0)

    def since(self, n):
        for e in self.log:
            if e.seq > n:
                yield e

    def __len__(self):
        return len(self.log)

    def __class_getitem__(cls, k):
        return super().__class_getitem__(k)


def scenario(s):
    yield s.append("Opened", owner="ann")
    p = s.project("main")
    yield p.owner
    yield s.append("Moved", amount=5).amount
    yield p.balance
    s.snap()
    s.append("Moved", amount=7)
    yield p.balance
    yield list(s.since(1))
    yield len(s)
    s.rewind(2)
    yield s.projections["main"].balance
    yield s.projections["main"].seen
    yield attempt(lambda: p.balance) if False else 0
    q = s.projections["main"]
    q.balance += 100
    yield s.projections["main"].balance
    yield q.apply(Moved(77, amount=1))
    yield q.balance
    yield q.apply(Moved(77, amount=1))
    yield q.seen

    def froz():
        s.log[0].seq = 9

    yield attempt(froz)
    s.log[0].meta["k"] = 1
    yield s.log[0].meta
    yield s.log[0] == Opened(1, owner="ann")
    yield s.log[0]
    yield attempt(lambda: s.append("Nope"))
    yield attempt(lambda: s.append("Moved", bad=1))
    yield len(s)

    def noattr():
        q.zzz = 1

    yield type(attempt(noattr))
    yield attempt(lambda: q.zzz)
    yield q == Projection(q.balance, q.owner, set(q.seen))
    yield q != Projection()
    yield repr(q)
    yield s.append("Moved", amount=-3).seq
    yield (
        [type(e).__name__ for e in map(lambda e: e, s.log)]
        if False
        else [e.__class__.__name__ for e in s.log]
    )
    s.snap()
    yield sorted(s.snapshots)
    s.rewind(0)
    yield s.projections
    yield s.log
    it = s.since(0)
    s.append("Moved", amount=1)
    yield next(it, None) if False else 0


both(Store[int], scenario, "event sourcing")
