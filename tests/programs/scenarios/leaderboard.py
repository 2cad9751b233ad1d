import bisect
import functools
import itertools
import operator
from dataclasses import dataclass, field

from compared import attempt, both


@functools.total_ordering
@dataclass(eq=False)
class Entry:
    player: str
    score: int = 0
    history: list = field(default_factory=list)

    def __eq__(self, o):
        return (self.score, self.player) == (o.score, o.player)

    def __lt__(self, o):
        return (-self.score, self.player) < (-o.score, o.player)

    def __hash__(self):
        return hash(self.player)


class Board:
    def __init__(self):
        self.entries = {}
        self.ordered = []

    def submit(self, player, score):
        e = self.entries.get(player)
        if e is None:
            e = self.entries[player] = Entry(player)
        else:
            self.ordered.remove(e)
        e.history.append(score)
        e.score = max(e.score, score)
        bisect.insort(self.ordered, e)
        return self.rank(player)

    def rank(self, player):
        s = self.entries[player].score
        return 1 + sum(e.score > s for e in self.ordered)

    def dense(self):
        return {
            p: i
            for i, (_, g) in enumerate(itertools.groupby(self.ordered, operator.attrgetter("score")), 1)
            for p in [e.player for e in g]
        }

    def __getitem__(self, i):
        return self.ordered[i]

    def __len__(self):
        return len(self.ordered)

    def __contains__(self, p):
        return p in self.entries

    def __iter__(self):
        return iter(self.ordered)

    def __reversed__(self):
        return reversed(self.ordered)

    @property
    def best(self):
        return self.ordered[0]

    def podium(self, n=3):
        return self.ordered[:n]


def scenario(b):
    for i in range(30):
        yield b.submit("pabc"[i % 4], (i * 7) % 11)
    yield b.dense()
    yield [e.player for e in b]
    yield len(b)
    yield "p" in b
    yield "z" in b
    yield [e.score for e in reversed(b)]
    yield b.best.player
    b.best.score += 5
    yield b.best.score
    for e in b.podium():
        e.history.append("medal")
    yield b[0].history
    yield b[-1]
    yield [e.score for e in b[1:3]]
    yield b[0] == b[0]
    yield b[0] < b[1]
    yield b[0] >= b[1]
    yield sorted([b[2], b[0], b[1]])
    yield max(b, key=lambda e: e.score).player
    yield min(b).player
    yield attempt(b.rank, "nobody")
    yield attempt(lambda: b[99])
    yield {e for e in b} == set(b.ordered)
    yield b.ordered.index(b[1])
    yield b[1] in b.ordered
    yield b.entries["p"] is b.entries["p"]
    yield repr(b.best)
    yield bool(b)
    yield list(map(operator.attrgetter("player"), b))
    first, *rest = b
    yield len(rest)
    yield sum(e.score for e in b.entries.values())
    b.ordered.sort(key=lambda e: e.player)
    yield [e.player for e in b.ordered]
    b.ordered.sort()
    b.ordered.reverse()
    yield [e.player for e in b.ordered]
    del b.ordered[0]
    yield len(b)
    yield str(b.entries)


both(Board, scenario, "leaderboard")
