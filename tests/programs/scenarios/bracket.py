import itertools
import operator
import random
import string
from functools import cached_property, reduce

from compared import attempt, both


class Node:
    def __init__(self, a=None, b=None, parent=None):
        self.left, self.right, self.parent, self.winner, self.score = a, b, parent, None, None

    def __bool__(self):
        return self.winner is not None

    def __iter__(self):
        yield self
        for c in (self.left, self.right):
            if isinstance(c, Node):
                yield from c

    @property
    def depth(self):
        return 0 if self.parent is None else self.parent.depth + 1

    def players(self):
        return [c.winner if isinstance(c, Node) else c for c in (self.left, self.right)]

    def play(self, x, y):
        if None in self.players():
            raise ValueError("not ready")
        if x == y:
            raise ValueError("draw")
        self.score = (x, y)
        self.winner = self.players()[x < y]
        return self.parent


class Bracket:
    def __init__(self, names, seed=1):
        self.rng = random.Random(seed)
        self.names = list(names)
        self.rng.shuffle(self.names)
        self.root = self._build(self.names, None)
        self.history = []

    def _build(self, names, parent):
        if len(names) == 1:
            return names[0]
        n = Node(parent=parent)
        h = len(names) // 2
        n.left = self._build(names[:h], n)
        n.right = self._build(names[h:], n)
        return n

    @cached_property
    def size(self):
        return sum(1 for _ in self.root)

    def ready(self):
        return [n for n in self.root if not n and all(p is not None for p in n.players())]

    def step(self):
        for n in self.ready():
            x, y = self.rng.randint(0, 9), self.rng.randint(10, 19)
            if self.rng.random() < 0.5:
                x, y = y, x
            n.play(x, y)
            self.history.append((*n.players(), n.score))
        return len(self.history)

    def run(self):
        while self.root.winner is None:
            yield self.step()

    def draw(self, n=None, pad=0):
        n = n if n is not None else self.root
        if not isinstance(n, Node):
            return " " * pad + n + "\n"
        return self.draw(n.left, pad + 2) + " " * pad + str(n.winner) + "\n" + self.draw(n.right, pad + 2)


def scenario(b):
    yield b.names
    yield b.size
    yield b.draw()
    yield [n.depth for n in b.root]
    yield len(b.ready())
    n = b.ready()[0]
    yield attempt(n.play, 1, 1)
    p = n.play(3, 1)
    yield p is n.parent
    yield n.winner
    yield bool(n)
    yield bool(p)
    yield attempt(b.root.play, 1, 2)
    yield b.step()
    yield b.history
    yield list(b.run())
    yield b.root.winner
    yield b.draw()
    yield b.rng.random()
    yield b.rng.choice(b.names)
    x = b.rng.getstate()
    y = b.rng.random()
    b.rng.setstate(x)
    yield b.rng.random() == y
    yield b.rng.sample(range(9), 3)
    l = list(range(5))
    b.rng.shuffle(l)
    yield l
    yield sum(bool(n) for n in b.root)
    yield b.root.left.parent is b.root
    b.root.left.parent.winner = "cheat"
    yield b.root.winner
    yield b.size
    yield n in list(b.root)
    yield list(itertools.islice(b.root, 2))[1].winner
    del b.size
    yield b.size
    yield {n.winner for n in b.root} == {*(n.winner for n in b.root)}
    b.names.sort()
    yield b.names
    yield b.names == sorted(b.names)
    yield b.names < ["z"]
    yield b.names * 2
    yield [0] + b.names
    b.names[1:3] = []
    yield b.names
    b.names *= 2
    yield b.names.count("a")
    yield "".join(b.names)
    a, *c = b.names
    yield c
    yield b.names.copy() is b.names
    yield list(zip(b.names, range(2)))
    yield reduce(operator.add, b.names)


both(lambda: Bracket(string.ascii_lowercase[:9]), scenario, "bracket")
