"""A text adventure: mixins, MRO, properties, weak references, class registries, __set_name__, descriptors, generics."""

import array
import copy
import operator
import pickle
import random
import types
import weakref
from collections import UserList, UserString, namedtuple

import numpy as np
from compared import attempt, both, plain


class Clamped:
    def __init__(self, lo, hi):
        self.lo, self.hi = lo, hi

    def __set_name__(self, o, n):
        self.n = "_" + n

    def __get__(self, i, o=None):
        return self if i is None else getattr(i, self.n, self.lo)

    def __set__(self, i, v):
        if not isinstance(v, int):
            raise TypeError(f"{self.n[1:]} is {type(v).__name__}")
        setattr(i, self.n, max(self.lo, min(self.hi, v)))


class Named:
    registry = {}

    def __init_subclass__(cls, /, kind=None, **k):
        super().__init_subclass__(**k)
        Named.registry[kind or cls.__name__] = cls

    def __init__(self, name, **k):
        super().__init__(**k)
        self.name = name

    def __str__(self):
        return f"<{self.name}>"


class Placed:
    def __init__(self, *, at=None, **k):
        super().__init__(**k)
        self.at = at

    def move(self, to):
        old, self.at = self.at, to
        old and old.things.remove(self)
        to.things.append(self)
        return self


class Thing(Named, Placed, kind="thing"):
    weight = 1


class Being(Named, Placed):
    hp = Clamped(0, 20)

    def __init__(self, *a, **k):
        super().__init__(*a, **k)
        self.hp = 20
        self.bag = []

    def hit(self, n):
        self.hp -= n
        return self.hp

    @property
    def load(self):
        return sum(t.weight for t in self.bag)


class Room(Named):
    def __init__(self, name):
        super().__init__(name)
        self.things = []
        self.exits = {}

    def __getitem__(self, d):
        return self.exits[d]

    def connect(self, d, o):
        self.exits[d] = o
        o.exits[{"n": "s", "s": "n"}[d]] = self


class Names(UserList):
    pass


Point = namedtuple("Point", "x y")


class World:
    def __init__(self):
        self.rooms = {n: Room(n) for n in ("hall", "attic")}
        self.rooms["hall"].connect("n", self.rooms["attic"])
        self.hero = Being("hero")
        self.hero.move(self.rooms["hall"])
        self.lamp = Thing("lamp").move(self.rooms["attic"])
        self.turn = 0
        self.rng = random.Random(3)
        self.tags = Names(["x"])
        self.title = UserString("dungeon")
        self.here = Point(1, [2])
        self.ns = types.SimpleNamespace(a=1, b=[1])
        self.map = np.zeros((3, 3), int)
        self.bytes = array.array("i", [1, 2, 3])
        self.raw = bytearray(b"abcd")
        self.watch = weakref.WeakSet()
        self.proxy = types.MappingProxyType({"k": 1}) if False else {"k": 1}

    def go(self, d):
        self.turn += 1
        return self.hero.move(self.hero.at[d]).at.name

    def take(self, n):
        for t in self.hero.at.things:
            if isinstance(t, Thing) and t.name == n:
                self.hero.at.things.remove(t)
                self.hero.bag.append(t)
                t.at = None
                return t
        raise LookupError(n)


def s(w):
    h = w.hero
    yield str(h)
    yield h.at.name
    yield w.go("n")
    yield h.at is w.rooms["attic"]
    yield [t.name for t in h.at.things]
    t = w.take("lamp")
    yield t is w.lamp
    yield h.load
    t.weight = 5
    yield h.load
    yield Thing.weight
    yield attempt(w.take, "sword")
    yield attempt(w.go, "n")
    yield w.turn
    yield h.hit(5)
    h.hp -= 100
    yield h.hp
    h.hp += 7
    yield h.hp

    def bad():
        h.hp = "x"

    yield attempt(bad)
    yield h.hp
    yield h._hp
    yield sorted(w.__class__.__mro__, key=str)[0] is World
    yield isinstance(h, Named)
    yield Named.registry["thing"] is Thing
    yield t.at is None
    yield w.go("s")
    yield t.move(h.at) if False else 0
    t.at = h.at
    yield t.at.name
    h.at.things.append(t)
    yield w.rooms["hall"].things[-1] is t
    yield h.at["n"]["s"] is h.at
    w.tags.append("y")
    yield w.tags
    yield w.tags.data
    w.tags += ["z"]
    yield w.tags
    yield w.tags[0:2]
    yield w.title.upper()
    yield w.title + "!"
    yield len(w.title)
    w.here.y.append(3)
    yield w.here
    yield w.here._replace(x=5).x
    w.ns.b.append(2)
    w.ns.c = 3
    yield w.ns
    yield sorted(vars(w.ns))
    w.map[1, 1] = 5
    w.map[0] += 2
    yield w.map.tolist()
    yield int(w.map.sum())
    w.map[w.map > 4] = 9
    yield w.map.max() == 9
    yield (w.map + 1).tolist()
    yield w.map.shape
    yield w.map.T[1].tolist()
    yield np.asarray(w.map).sum() == 15
    yield np.sum(w.map) == 15
    w.map = w.map.reshape(9)
    yield w.map.shape
    w.map.sort()
    yield w.map.tolist()
    w.bytes.append(4)
    w.bytes[0] += 10
    yield w.bytes
    yield w.bytes.tolist()
    yield w.bytes[1:]
    yield sum(w.bytes)
    w.bytes.extend([7])
    w.bytes.reverse()
    yield w.bytes.tobytes()
    yield w.bytes + array.array("i", [1])
    yield bytes(w.raw)
    yield w.raw.find(b"c")
    yield int.from_bytes(w.raw, "big")
    yield b"bc" in w.raw
    yield w.raw == b"abcd"
    yield w.raw == b"abcd"
    yield w.raw.hex()
    c = copy.copy(w.ns)
    c.z = 1
    yield w.ns
    d = copy.deepcopy(h)
    d.name = "clone"
    yield h.name
    yield d.at.name
    k = pickle.loads(pickle.dumps(plain(w.ns)))
    yield k
    yield operator.itemgetter("k")(w.proxy)
    yield list(w.rooms)
    yield w.rooms["hall"].exits["n"].name
    yield [r.name for r in w.rooms.values() if r.things]
    yield hasattr(w, "zip")
    yield getattr(w, "zip", 3)
    w.zip = [4]
    yield w.zip
    delattr(w, "zip")
    yield hasattr(w, "zip")
    yield sorted(k for k in dir(w) if not k.startswith("_"))
    w.__dict__["q"] = 1
    yield w.q
    vars(w).update(q=2, r=3)
    yield w.q + w.r
    yield w.__dict__.pop("r")
    yield hasattr(w, "r")
    yield str(vars(w).keys()) if False else sorted(vars(w).keys())[:2]


both(World, s, "dungeon")
