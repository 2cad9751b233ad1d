"""Programs as a user would write them: each does the same with plain objects and with shared ones.

``python users.py NAME`` runs one of them, on a plain namespace and on a share, and prints where they differ.
"""

import abc
import collections
import copy
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import heapq
import itertools
import json
import math
import pathlib
import re
import sys
import traceback
import typing
import uuid

from share import Share


class Plain:
    """What a share is compared with: a namespace."""


def run(program: typing.Callable[[typing.Any], object], names: typing.Any) -> tuple[object, ...]:
    try:
        return "returned", program(names)
    except Exception as error:
        print(traceback.format_exc()[-1500:], file=sys.stderr)
        return "raised", type(error).__name__, str(error)


def main(name: str, programs: dict[str, typing.Any]) -> int:
    program = programs[name]
    wanted = run(program, Plain())
    with Share() as shared:
        got = run(program, shared)
        shared.flush()
    if got != wanted:
        print(f"plain:  {wanted}\nshared: {got}")
    return int(got != wanted)


# 1 bank
class Account:
    def __init__(self, owner, balance=0):
        self.owner, self.balance, self.log = owner, balance, []

    def deposit(self, n):
        if n <= 0:
            raise ValueError("amount must be positive")
        self.balance += n
        self.log.append(("d", n))

    def withdraw(self, n):
        if n > self.balance:
            raise ValueError(f"only {self.balance} left")
        self.balance -= n
        self.log.append(("w", n))
        return self.balance

    def __repr__(self):
        return f"Account({self.owner!r}, {self.balance})"

    def __eq__(self, o):
        return isinstance(o, Account) and (self.owner, self.balance) == (o.owner, o.balance)

    def __hash__(self):
        return hash(self.owner)

    def __lt__(self, o):
        return self.balance < o.balance

    @property
    def rich(self):
        return self.balance > 100

    @classmethod
    def empty(cls, owner):
        return cls(owner)

    @staticmethod
    def currency():
        return "EUR"


def bank(s):
    s.a = Account("Ada", 50)
    s.b = Account.empty("Bob")
    out = []
    s.a.deposit(70)
    out += [
        s.a.balance,
        s.a.rich,
        repr(s.a),
        s.a.withdraw(20),
        s.a.currency(),
        str(s.b),
        s.a == Account("Ada", 100),
    ]
    try:
        s.a.withdraw(1000)
    except ValueError as e:
        out.append(str(e))
    out += [
        hash(s.a) == hash("Ada"),
        s.b < s.a,
        sorted([s.a, s.b])[0].owner,
        list(s.a.log),
        type(s.a) is Account or isinstance(s.a, Account),
    ]
    return out


# 2 inventory dataclass
@dataclasses.dataclass
class Item:
    name: str
    price: float
    tags: list = dataclasses.field(default_factory=list)

    def total(self, n):
        return self.price * n


@dataclasses.dataclass
class Shop:
    items: dict = dataclasses.field(default_factory=dict)

    def add(self, item):
        self.items[item.name] = item

    def get(self, name):
        return self.items[name]

    def cheap(self, limit):
        return [i for i in self.items.values() if i.price < limit]

    def rename(self, a, b):
        self.items[b] = self.items.pop(a)
        self.items[b].name = b

    def __iter__(self):
        return iter(self.items.values())

    def __len__(self):
        return len(self.items)

    def __contains__(self, n):
        return n in self.items


def shop(s):
    s.s = Shop()
    s.s.add(Item("tea", 3.5))
    s.s.add(Item("cake", 12.0, ["sweet"]))
    s.s.get("tea").tags.append("hot")
    s.s.rename("cake", "pie")
    return [
        s.s.get("tea").tags == ["hot"],
        [i.name for i in s.s.cheap(5)],
        sorted(i.name for i in s.s),
        len(s.s),
        "pie" in s.s,
        s.s.get("pie").total(2),
        bool(s.s),
        str(s.s.get("tea")),
    ]


# 3 matrix grid / game of life
class Life:
    def __init__(self, n):
        self.n = n
        self.cells = [[(x * y) % 3 == 1 for x in range(n)] for y in range(n)]
        self.age = 0

    def around(self, x, y):
        return sum(
            self.cells[(y + j) % self.n][(x + i) % self.n]
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
            if (i, j) != (0, 0)
        )

    def step(self):
        self.cells = [
            [(k := self.around(x, y)) == 3 or (self.cells[y][x] and k == 2) for x in range(self.n)]
            for y in range(self.n)
        ]
        self.age += 1

    def alive(self):
        return sum(map(sum, self.cells))

    def toggle(self, x, y):
        self.cells[y][x] = not self.cells[y][x]

    def __str__(self):
        return "\n".join("".join(".#"[c] for c in row) for row in self.cells)


def life(s):
    s.l = Life(8)
    for i in range(3):
        s.l.step()
        s.l.toggle(i, i)
    s.l.cells[0][0] = True
    return [s.l.alive(), str(s.l), s.l.age, s.l.cells[0][0], [list(r) for r in s.l.cells][:2]]


# 4 LRU + cached property
class Cache:
    def __init__(self, size):
        self.size = size
        self.data = collections.OrderedDict()
        self.hits = self.misses = 0

    def get(self, k, default=None):
        if k in self.data:
            self.data.move_to_end(k)
            self.hits += 1
            return self.data[k]
        self.misses += 1
        return default

    def put(self, k, v):
        self.data[k] = v
        self.data.move_to_end(k)
        if len(self.data) > self.size:
            self.data.popitem(last=False)

    __getitem__ = get
    __setitem__ = put

    def __contains__(self, k):
        return k in self.data

    @property
    def ratio(self):
        return self.hits / ((self.hits + self.misses) or 1)


def cache(s):
    s.c = Cache(2)
    s.c["a"] = 1
    s.c["b"] = 2
    r = [s.c["a"]]
    s.c["c"] = 3
    return r + [s.c["b"], s.c.ratio, "c" in s.c, list(s.c.data.items()), s.c.hits, s.c.get("zz", 9)]


# 5 state machine with enum
class Color(enum.Enum):
    RED = 1
    GREEN = 2


class Light:
    def __init__(self):
        self.c = Color.RED
        self.hist = []

    def go(self):
        self.hist.append(self.c)
        self.c = Color.GREEN if self.c is Color.RED else Color.RED
        return self.c


def light(s):
    s.l = Light()
    return [s.l.go(), s.l.c is Color.GREEN, s.l.go(), list(s.l.hist), s.l.c.name]


# 6 linked list / tree
class Node:
    def __init__(self, v, parent=None):
        self.v = v
        self.parent = parent
        self.kids = []

    def add(self, v):
        n = Node(v, self)
        self.kids.append(n)
        return n

    def walk(self):
        yield self.v
        for k in self.kids:
            yield from k.walk()

    def depth(self):
        return 1 + max((k.depth() for k in self.kids), default=0)

    def root(self):
        return self if self.parent is None else self.parent.root()


def tree(s):
    s.t = Node(1)
    a = s.t.add(2)
    a.add(3)
    s.t.kids[0].add(4)
    return [
        list(s.t.walk()),
        s.t.depth(),
        s.t.kids[0].v,
        s.t.kids[0].root().v,
        len(s.t.kids[0].kids),
        s.t.kids[0].parent.v,
    ]


# 7 queue/priority
class PQ:
    def __init__(self):
        self.h = []
        self.n = itertools.count()

    def push(self, p, x):
        heapq.heappush(self.h, (p, next(self.n), x))

    def pop(self):
        return heapq.heappop(self.h)[2]

    def __len__(self):
        return len(self.h)


def pq(s):
    s.q = PQ()
    for p, x in [(3, "c"), (1, "a"), (2, "b")]:
        s.q.push(p, x)
    return [s.q.pop(), len(s.q), s.q.pop(), s.q.pop(), bool(s.q)]


# 8 context manager, iterator protocol, callable
class Timer:
    def __init__(self):
        self.log = []
        self.open = 0

    def __enter__(self):
        self.open += 1
        return self

    def __exit__(self, t, e, tb):
        self.open -= 1
        self.log.append(t.__name__ if t else None)
        return t is KeyError

    def __call__(self, x):
        self.log.append(x)
        return len(self.log)


def timer(s):
    s.t = Timer()
    out = []
    with s.t as t:
        out.append(t.open)
    with s.t:
        raise KeyError("x")
    try:
        with s.t:
            raise ValueError("boo")
    except ValueError as e:
        out.append(str(e))
    return out + [s.t(5), list(s.t.log), s.t.open]


# 9 operators
class Vec:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, o):
        return Vec(self.x + o.x, self.y + o.y)

    def __iadd__(self, o):
        self.x += o.x
        self.y += o.y
        return self

    def __mul__(self, k):
        return Vec(self.x * k, self.y * k)

    __rmul__ = __mul__

    def __neg__(self):
        return Vec(-self.x, -self.y)

    def __abs__(self):
        return math.hypot(self.x, self.y)

    def __repr__(self):
        return f"Vec({self.x}, {self.y})"

    def __bool__(self):
        return bool(self.x or self.y)

    def __getitem__(self, i):
        return (self.x, self.y)[i]

    def __eq__(self, o):
        return (self.x, self.y) == (o.x, o.y)

    def __format__(self, spec):
        return f"<{self.x:{spec}}>"


def vec(s):
    s.v = Vec(3, 4)
    s.w = Vec(1, 1)
    s.v += s.w
    v = s.v
    v += Vec(1, 1)
    return [
        repr(s.v + s.w),
        repr(2 * s.v),
        abs(s.w),
        repr(-s.v),
        bool(s.v),
        s.v[0],
        list(s.v),
        s.v == Vec(5, 6),
        f"{s.v:04d}",
        repr(s.v),
        sum([s.v, s.w], Vec(0, 0)).x,
    ]


# 10 __getattr__, __setattr__, slots, property setters
class Conf:
    def __init__(self):
        object.__setattr__(self, "d", {"a": 1})

    def __getattr__(self, n):
        try:
            return self.__dict__["d"][n]
        except KeyError:
            raise AttributeError(n) from None

    def __setattr__(self, n, v):
        self.d[n] = v

    def __delattr__(self, n):
        del self.d[n]


class Temp:
    __slots__ = ("_c", "notes")

    def __init__(self):
        self._c = 0
        self.notes = []

    @property
    def f(self):
        return self._c * 9 / 5 + 32

    @f.setter
    def f(self, v):
        if v < -459:
            raise ValueError("too cold")
        self._c = (v - 32) * 5 / 9


def conf(s):
    s.c = Conf()
    s.c.b = 2
    out = [s.c.a, s.c.b, hasattr(s.c, "z"), getattr(s.c, "z", 7)]
    del s.c.b
    s.t = Temp()
    s.t.f = 212
    out += [s.t.f, s.t._c, hasattr(s.c, "b")]
    s.t.notes.append(1)
    try:
        s.t.f = -1000
    except ValueError as e:
        out.append(str(e))
    return out + [s.t.notes[0]]


# 11 inheritance, super, mixins, abc
class Base(abc.ABC):
    def __init__(self, n):
        self.n = n

    @abc.abstractmethod
    def cost(self): ...
    def describe(self):
        return f"{type(self).__name__}:{self.cost()}"


class Log:
    def note(self, x):
        self.__dict__.setdefault("notes", []).append(x)
        return len(self.notes)


class Book(Log, Base):
    def __init__(self, n, p):
        super().__init__(n)
        self.p = p

    def cost(self):
        return self.n * self.p

    def __len__(self):
        return self.n


def books(s):
    s.b = Book(2, 3)
    return [
        s.b.describe(),
        s.b.note("x"),
        s.b.note("y"),
        s.b.notes[1],
        isinstance(s.b, Base),
        len(s.b),
        s.b.cost(),
    ]


# 12 generators & comprehension & closures returned
class Stream:
    def __init__(self):
        self.xs = list(range(5))

    def evens(self):
        for x in self.xs:
            if x % 2 == 0:
                yield x

    def adder(self, k):
        return lambda v: v + k + len(self.xs)

    def keyed(self, key):
        return sorted(self.xs, key=key)

    def each(self, f):
        return [f(x) for x in self.xs]

    def drain(self):
        while self.xs:
            yield self.xs.pop()


def stream(s):
    s.s = Stream()

    out = [list(s.s.evens()), s.s.adder(1)(2), s.s.keyed(lambda v: -v), s.s.each(str), sum(s.s.evens())]
    g = s.s.drain()
    out += [next(g), next(g), len(s.s.xs)]
    return out


# 13 nested containers
def nested(s):
    s.d = {"users": [{"name": "Ada", "tags": {"x"}}], "n": 0}
    s.d["users"][0]["tags"].add("y")
    s.d["users"].append({"name": "Bob", "tags": set()})
    s.d["n"] += 5
    u = s.d["users"][1]
    s.d["users"].insert(0, {"name": "Zoe", "tags": set()})
    u["name"] = "Bert"
    s.d.setdefault("log", []).append(1)
    s.d["log"] += [2, 3]
    return [
        sorted(s.d["users"][1]["tags"]),
        [x["name"] for x in s.d["users"]],
        s.d["n"],
        list(s.d["log"]),
        json.dumps(dict(n=s.d["n"])),
        "users" in s.d,
        len(s.d),
        copy.deepcopy(s.d["log"]) == [1, 2, 3],
        s.d == s.d,
    ]


# 14 Counter & defaultdict inside
class Words:
    def __init__(self):
        self.c = collections.Counter()
        self.by = collections.defaultdict(list)

    def add(self, text):
        for w in re.findall(r"\w+", text):
            self.c[w] += 1
            self.by[w[0]].append(w)

    def top(self, n):
        return self.c.most_common(n)

    def letters(self):
        return {k: len(v) for k, v in sorted(self.by.items())}


def words(s):
    s.w = Words()
    s.w.add("to be or not to be that is the question")
    s.w.c.update(["to"])
    s.w.c["be"] += 10
    return [s.w.top(2), s.w.letters(), s.w.c["zzz"], len(s.w.by["t"]), s.w.c.total()]


# 15 identity / swap / aliasing
class Team:
    def __init__(self):
        self.a = ["x"]
        self.b = self.a
        self.cap = None
        self.players = [{"n": i} for i in range(3)]
        self.cap = self.players[0]

    def swap(self):
        self.players[0], self.players[2] = self.players[2], self.players[0]

    def same(self):
        return self.a is self.b, self.cap is self.players[2] or self.cap is self.players[0]


def team(s):
    s.t = Team()
    s.t.a.append("y")
    s.t.cap["n"] = 42
    s.t.swap()
    p = s.t.players[0]
    s.t.players.reverse()
    p["n"] = -1
    s.t.players[0], s.t.players[1] = s.t.players[1], s.t.players[0]
    return [list(s.t.b), s.t.same(), [x["n"] for x in s.t.players], s.t.cap["n"], s.t.a is s.t.b]


# 16 exceptions custom
class Low(Exception):
    def __init__(self, have, need):
        super().__init__(f"have {have}, need {need}")
        self.have, self.need = have, need


class Stock:
    def __init__(self):
        self.n = 3

    def take(self, k):
        if k > self.n:
            raise Low(self.n, k)
        self.n -= k
        return self.n

    def check(self):
        try:
            self.take(100)
        except Low as e:
            return e.have, e.need


def stock(s):
    s.s = Stock()
    out = [s.s.take(1), s.s.check()]
    try:
        s.s.take(5)
    except Low as e:
        out.append((e.have, e.need, str(e)))
    return out


# 17 typing generics/namedtuple/frozen
T = typing.TypeVar("T")


class Stack(typing.Generic[T]):
    def __init__(self):
        self.items: list[T] = []

    def push(self, x: T) -> "Stack[T]":
        self.items.append(x)
        return self

    def pop(self) -> T:
        return self.items.pop()

    def peek(self):
        return self.items[-1] if self.items else None


class P(typing.NamedTuple):
    x: int
    y: int


@dataclasses.dataclass(frozen=True)
class Fr:
    a: int
    b: tuple = ()


def stack(s):
    s.s = Stack[int]()
    s.s.push(1).push(2).push(P(1, 2)).push(Fr(1))
    return [s.s.pop(), s.s.pop().x, s.s.peek(), len(s.s.items), s.s.push(9) == s.s]


# 18 time/decimal/path values & bytes, complex
def values(s):
    out = []
    for i, v in enumerate(
        [
            dt.datetime(2026, 1, 2),
            dt.timedelta(3),
            decimal.Decimal("1.10"),
            fractions.Fraction(1, 3),
            pathlib.Path("/a/b"),
            uuid.UUID(int=5),
            1 + 2j,
            b"x\0",
            "é",
            (1, (2, "a")),
            frozenset({1}),
            None,
            True,
            10**30,
            -0.0,
            range(3),
            Color.RED,
            re.compile("a+"),
            ...,
            slice(1, 2) if False else 1,
            int,
            len,
        ]
    ):
        setattr(s, f"v{i}", v)
        out.append((getattr(s, f"v{i}") == v, str(getattr(s, f"v{i}")) == str(v)))
    return out


# 19 del, hasattr, dir, vars, in
class Bag:
    kind = "bag"
    count = 0

    def __init__(self):
        self.x = 1

    def more(self):
        self.extra = 5
        del self.x

    def has(self):
        return hasattr(self, "x"), "extra" in vars(self), self.kind, self.__class__.__name__


def bag(s):
    s.b = Bag()
    out = [s.b.has(), s.b.x]
    s.b.more()
    out += [s.b.has(), hasattr(s.b, "x"), s.b.extra]
    s.b.kind = "mine"
    out += [s.b.kind, Bag.kind]
    s.b.count += 1
    return out + [s.b.count, Bag.count, sorted(vars(s.b).items())]


# 20 list api
def lists(s):
    s.l = [5, 3, 8]
    s.l.sort()
    s.l += (1, 2)
    s.l.extend(x for x in s.l[:2])
    s.l.insert(1, 99)
    s.l.remove(8)
    x = s.l.pop(0)
    s.l[1:3] = [7, 7, 7]
    del s.l[-1]
    a, *b = s.l
    return [
        x,
        list(s.l),
        a,
        b,
        s.l[::-1],
        s.l.index(7),
        s.l.count(7),
        max(s.l),
        sum(s.l),
        sorted(s.l),
        list(reversed(s.l)),
        s.l == [1],
        s.l + [1],
        [1] + s.l,
        s.l * 2,
        7 in s.l,
        len(s.l),
        list(enumerate(s.l))[0],
        list(zip(s.l, "ab")),
        ",".join(map(str, s.l)),
        list(map(lambda v: v * 2, s.l)),
        any(s.l),
        repr(s.l),
        bool(s.l),
    ]


PROGRAMS = [
    "bank",
    "shop",
    "life",
    "cache",
    "light",
    "tree",
    "pq",
    "timer",
    "vec",
    "conf",
    "books",
    "stream",
    "nested",
    "words",
    "team",
    "stock",
    "stack",
    "values",
    "bag",
    "lists",
]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], globals()))
