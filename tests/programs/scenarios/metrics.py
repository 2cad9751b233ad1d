import array
import bisect
import collections
import decimal
import fractions
import math
import statistics
import threading

from compared import attempt, both


class Histogram:
    def __init__(self, bounds):
        self.bounds = tuple(bounds)
        self.counts = array.array("L", [0] * (len(bounds) + 1))
        self.sum = 0.0
        self.n = 0

    def observe(self, v):
        self.counts[bisect.bisect_left(self.bounds, v)] += 1
        self.sum += v
        self.n += 1

    def quantile(self, q):
        t = q * self.n
        c = 0
        for b, k in zip((*self.bounds, math.inf), self.counts):
            c += k
            if c >= t:
                return b

    def __iadd__(self, o):
        if o.bounds != self.bounds:
            raise ValueError("bounds differ")
        for i, k in enumerate(o.counts):
            self.counts[i] += k
        self.sum += o.sum
        self.n += o.n
        return self


class Registry:
    def __init__(self):
        self.metrics = {}
        self.labels = collections.defaultdict(lambda: collections.defaultdict(int))
        self.recent = collections.deque(maxlen=5)
        self._lock = threading.Lock()

    def timer(self, name):
        return self.metrics.setdefault(name, Histogram((1, 2, 5, 10)))

    def observe(self, name, v, **labels):
        with self._lock:
            self.timer(name).observe(v)
            self.labels[name][tuple(sorted(labels.items()))] += 1
            self.recent.append((name, v))

    def summary(self):
        return {n: (h.n, h.sum, h.quantile(0.5)) for n, h in self.metrics.items()}

    def stats(self):
        vs = [v for _, v in self.recent]
        return statistics.mean(vs), statistics.pstdev(vs)

    def merge(self, other):
        for n, h in other.items():
            if n in self.metrics:
                self.metrics[n] += h
            else:
                self.metrics[n] = h


def scenario(r):
    for i in range(20):
        r.observe("abc"[i % 3], i * 1.5 % 12, path=f"/{i % 2}", code=200)
    yield r.summary()
    yield r.recent
    yield {k: dict(v) for k, v in r.labels.items()}
    yield r.stats()
    h = r.timer("a")
    h.observe(3)
    yield h.counts.tolist()
    h.counts[0] += 7
    yield r.metrics["a"].counts
    yield h.quantile(0.99)
    yield h is r.metrics["a"]
    o = Histogram((1, 2, 5, 10))
    o.observe(4)
    r.merge({"a": o, "new": o})
    yield r.summary()
    yield r.metrics["new"].n
    h += o
    yield h.n
    yield r.metrics["a"].n

    def bad():
        x = r.metrics["a"]
        x += Histogram((9,))

    yield attempt(bad)
    r.metrics["a"] += o
    yield r.metrics["a"].n
    r.labels["z"]["q"] += 2
    yield r.labels["z"]
    yield r.labels["made"]
    yield sorted(r.labels)
    r.recent.rotate(2)
    yield r.recent
    r.recent.appendleft(1)
    yield r.recent
    yield r.recent.maxlen
    yield r.recent.count(1)
    r.recent.extendleft([7, 8])
    yield list(reversed(r.recent))
    r.total = decimal.Decimal("1.10")
    r.total += decimal.Decimal("2.2")
    yield r.total
    r.f = fractions.Fraction(1, 3)
    r.f *= 3
    yield r.f
    r.x = 2
    r.x **= 10
    yield r.x
    r.x //= 3
    yield r.x
    r.x <<= 2
    yield r.x
    r.x ^= 5
    yield r.x
    r.x %= 7
    yield r.x
    r.x = -r.x
    yield r.x
    yield abs(r.x)
    yield divmod(r.x, 2)
    yield f"{r.x:+05d}"
    yield range(10)[r.x]
    yield "ab" * abs(r.x)
    yield math.isclose(r.x, r.x)
    yield round(r.x / 3, 2)
    yield r.x.bit_length()
    yield r.x == int(r.x)
    yield hash(r.x) == hash(int(r.x))
    yield {r.x: 1}[r.x]
    r.s = "a"
    r.s += "b"
    yield r.s
    yield r.s.upper()
    r.s *= 3
    yield r.s
    r.b = b"q"
    r.b += b"w"
    yield r.b
    r.ba = bytearray(b"12")
    r.ba += b"3"
    yield r.ba
    r.ba[0:1] = b"zz"
    yield bytes(r.ba)
    yield r.ba.decode()
    yield r.ba + b"q"
    yield len(memoryview(r.ba)) if False else 0
    r.t = (1,)
    r.t += (2, 3)
    yield r.t
    r.fs = frozenset([1])
    r.fs |= {2}
    yield r.fs
    r.cx = 1 + 2j
    r.cx *= 2
    yield r.cx.imag


both(Registry, scenario, "metrics")
