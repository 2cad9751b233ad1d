"""Forms of classes in a main script: each works shared as it does plain."""

import dataclasses
import enum
import sys
import typing

from share import Share


class P(typing.NamedTuple):
    x: int
    y: int = 3

    def both(self):
        return self.x + self.y


class TD(typing.TypedDict):
    a: int


class Pr(typing.Protocol):
    def go(self) -> int: ...


class Impl(Pr):
    def __init__(self):
        self.n = 1

    def go(self):
        self.n += 1
        return self.n


class Fl(enum.Flag):
    A = 1
    B = 2


class IE(enum.IntEnum):
    X = 1


class SE(enum.StrEnum):
    Q = "q"


class Ex(Exception):
    pass


class Meta(type):
    def __new__(m, n, b, d):
        d["made"] = n
        return super().__new__(m, n, b, d)


class WithMeta(metaclass=Meta):
    reg = []

    def __init__(self):
        self.v = 1

    def up(self):
        self.v += 1


class Sub:
    def __init_subclass__(cls, **kw):
        super().__init_subclass__()
        cls.kw = kw


class Sub2(Sub, flavour="x"):
    def __init__(self):
        self.a = 1


class Desc:
    def __set_name__(self, o, n):
        self.n = "_" + n

    def __get__(self, o, t=None):
        return self if o is None else getattr(o, self.n, 0)

    def __set__(self, o, v):
        setattr(o, self.n, v * 2)


class UsesDesc:
    d = Desc()

    def __init__(self):
        self.d = 5

    def inc(self):
        self.d += 1
        return self.d


@dataclasses.dataclass(slots=True, kw_only=True, order=True)
class DS:
    a: int = 1
    b: list = dataclasses.field(default_factory=list)
    c: dataclasses.InitVar[int] = 0

    def __post_init__(self, c):
        self.a += c

    def add(self, v):
        self.b.append(v)
        self.a += v


class Outer:
    class Inner:
        def __init__(self):
            self.z = 0

        def inc(self):
            self.z += 1

    def __init__(self):
        self.i = Outer.Inner()

    def go(self):
        self.i.inc()
        return self.i.z


WRONG = []


def check(name, got, want):
    if got != want:
        WRONG.append((name, got, want))


if __name__ == "__main__":
    with Share() as s:
        s.p = P(1)
        check("nt", (s.p, s.p.both(), type(s.p.x)), (P(1), 4, int))
        s.l = [P(1, 2)]
        s.l.append(P(5))
        check("nt in list", list(s.l), [P(1, 2), P(5)])
        t: TD = {"a": 1}
        s.t = t
        check("td", s.t["a"], 1)
        s.i = Impl()
        check("protocol", s.i.go(), 2)
        s.f = Fl.A | Fl.B
        check("flag", s.f, Fl.A | Fl.B)
        s.e = [IE.X, SE.Q]
        check("enum", list(s.e), [IE.X, SE.Q])
        s.x = {"e": Ex("a", 1)}
        check("exc", s.x["e"].args, ("a", 1))
        s.m = WithMeta()
        s.m.up()
        check("meta", (s.m.v, s.m.made), (2, "WithMeta"))
        s.s = Sub2()
        check("init_subclass", s.s.kw, {"flavour": "x"})
        s.u = UsesDesc()
        check("desc", (s.u.d, s.u.inc()), (10, 22))
        s.u.d = 3
        check("desc set", s.u.d, 6)
        s.d = DS(a=2, c=3)
        s.d.add(4)
        check("ds", (s.d.a, list(s.d.b)), (9, [4]))
        check("ds cmp", s.d > DS(), True)
        s.o = Outer()
        check("outer", (s.o.go(), s.o.i.z), (1, 1))
        s.o.i.inc()
        check("outer2", s.o.i.z, 2)
    print(*WRONG, sep="\n")
    sys.exit(bool(WRONG))
