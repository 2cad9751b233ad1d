import collections
import multiprocessing as mp
from typing import TypedDict

from compared import Share, attempt, both


class Line(TypedDict):
    sku: str
    n: int


class OutOfStock(LookupError):
    pass


class Stock(collections.UserDict):
    def __missing__(self, k):
        return 0

    def __setitem__(self, k, v):
        if v < 0:
            raise OutOfStock(k)
        super().__setitem__(k, v)


class Reservation:
    def __init__(self, inv, lines):
        self.inv, self.lines, self.state = inv, list(lines), "held"

    def __enter__(self):
        return self

    def __exit__(self, t, e, tb):
        if t:
            self.release()
        elif self.state == "held":
            self.commit()

    def release(self):
        if self.state != "held":
            raise RuntimeError(self.state)
        for l in self.lines:
            self.inv.stock[l["sku"]] += l["n"]
        self.state = "released"
        self.inv.open.discard(self)

    def commit(self):
        self.state = "done"
        self.inv.open.discard(self)
        self.inv.sold.update({l["sku"]: l["n"] for l in self.lines})
        return len(self.lines)


class Inventory:
    def __init__(self, **s):
        self.stock = Stock(s)
        self.open = set()
        self.sold = collections.Counter()
        self.by_sku = collections.ChainMap({}, {"tea": "Tea"})

    def reserve(self, *lines):
        done = []
        try:
            for l in lines:
                self.stock[l["sku"]] -= l["n"]
                done.append(l)
        except OutOfStock:
            for l in done:
                self.stock[l["sku"]] += l["n"]
            raise
        r = Reservation(self, lines)
        self.open.add(r)
        return r


def scenario(i):
    r = i.reserve(Line(sku="tea", n=2), Line(sku="oil", n=1))
    yield i.stock
    yield r.lines
    yield len(i.open)
    yield r in i.open
    yield attempt(i.reserve, Line(sku="tea", n=1), Line(sku="oil", n=100))
    yield i.stock
    r.release()
    yield i.stock
    yield attempt(r.release)
    yield len(i.open)
    with i.reserve({"sku": "tea", "n": 3}) as r:
        yield r.state
        yield i.stock["tea"]
    yield r.state
    yield i.sold

    def f():
        with i.reserve({"sku": "tea", "n": 1}):
            raise ZeroDivisionError

    yield attempt(f)
    yield i.stock["tea"]
    yield i.stock["none"]
    yield "none" in i.stock

    def neg():
        i.stock["tea"] = -1

    yield attempt(neg)
    i.stock["tea"] += 7
    yield i.stock
    yield i.stock | {"z": 1}
    i.stock |= {"y": 2}
    yield i.stock.data
    yield i.by_sku["tea"]
    i.by_sku["oil"] = "Oil"
    yield i.by_sku.maps
    yield i.by_sku.new_child({"n": 1})["tea"]
    yield sorted(i.by_sku)
    yield i.sold + collections.Counter(tea=1)
    yield i.sold.total()
    yield r.inv is i
    yield r.inv.stock["tea"]
    r.lines[0]["n"] = 9
    yield r.lines
    yield i.stock.pop("y")
    yield i.stock.setdefault("w", 4)
    yield list(i.stock.items())
    yield i.stock.copy()
    yield i.stock == {"a": 1}


both(lambda: Inventory(tea=5, oil=2), scenario, "inventory")


def buy(inv, q, n):
    got = 0
    for _ in range(n):
        try:
            with inv.reserve({"sku": "tea", "n": 1}):
                got += 1
        except OutOfStock:
            pass
    q.put(got)


if __name__ == "__main__":
    for m in "fork", "spawn":
        c = mp.get_context(m)
        with Share() as s:
            s.inv = Inventory(tea=50)
            q = c.Queue()
            ps = [c.Process(target=buy, args=(s.inv, q, 30)) for _ in range(3)]
            [p.start() for p in ps]
            got = sum(q.get() for _ in ps)
            [p.join() for p in ps]
            print(
                "OK"
                if got == 50 and s.inv.sold["tea"] <= 50 and s.inv.stock["tea"] == 0 and not s.inv.open
                else f"DIFF {got} {s.inv.sold} {s.inv.stock}",
                m,
            )
