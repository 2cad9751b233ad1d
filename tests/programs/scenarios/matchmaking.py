import collections
import heapq
import itertools
from multiprocessing import Pool
from typing import NamedTuple

from compared import Share, attempt, both


class Ticket(NamedTuple):
    rating: int
    seq: int
    who: str


class Queue:
    def __init__(self, width=100):
        self.heap = []
        self.seq = itertools.count()
        self.width = width
        self.cancelled = set()
        self.matches = []
        self.waiting = collections.OrderedDict()

    def join(self, who, rating):
        if who in self.waiting:
            raise KeyError(f"{who} waits already")
        t = Ticket(rating, next(self.seq), who)
        heapq.heappush(self.heap, t)
        self.waiting[who] = t
        return t

    def cancel(self, who):
        self.cancelled.add(who)
        self.waiting.pop(who)

    def match(self):
        out = []
        hold = None
        while self.heap:
            t = heapq.heappop(self.heap)
            if t.who in self.cancelled:
                self.cancelled.discard(t.who)
                continue
            if hold and t.rating - hold.rating <= self.width:
                out.append((hold.who, t.who))
                self.waiting.pop(hold.who)
                self.waiting.pop(t.who)
                hold = None
            else:
                if hold:
                    self._left.append(hold)
                hold = t
        if hold:
            self._left.append(hold)
        for t in self._left:
            heapq.heappush(self.heap, t)
        del self._left
        self.matches += out
        return out

    def __getattr__(self, n):
        if n == "_left":
            self._left = []
            return self._left
        raise AttributeError(n)


def scenario(q):
    for i in range(12):
        yield q.join(f"u{i}", (i * 137) % 500)
    q.cancel("u3")
    yield attempt(q.join, "u4", 5)
    yield list(q.waiting)
    yield q.match()
    yield q.matches
    yield q.heap
    yield len(q.waiting)
    yield next(iter(q.waiting), None)
    q.waiting.move_to_end(next(iter(q.waiting))) if q.waiting else None
    yield list(q.waiting.items())
    yield q.cancelled
    yield attempt(lambda: q.zzz)
    yield q.heap[0].who if q.heap else None
    yield q.waiting.popitem(last=False) if q.waiting else 0
    yield attempt(q.cancel, "nobody") if False else 0
    yield q.join("z", rating=5)._asdict()
    yield q.join("y", 6)._replace(who="b")


both(Queue, scenario, "matchmaking")


def go(a):
    q, k = a
    return [q.join(f"{k}-{i}", i).seq for i in range(50)]


if __name__ == "__main__":
    with Share() as s, Pool(3) as pool:
        s.q = Queue()
        seqs = sum(pool.map(go, [(s.q, k) for k in range(4)]), [])
        print("OK pool" if sorted(seqs) == list(range(200)) else ("DIFF", sorted(seqs)[:20]))
        s.q.match()
        print(
            "OK matches"
            if len(s.q.matches) == 100 and not s.q.heap and not s.q.waiting
            else ("DIFF", len(s.q.matches), s.q.heap)
        )
