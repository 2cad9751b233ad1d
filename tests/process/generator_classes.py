"""Classes with generators that write."""

from pathlib import Path


class Tree:
    def __init__(self, value):
        self.value, self.kids, self.seen = value, [], 0

    def add(self, value):
        self.kids.append(Tree(value))

    def walk(self):
        yield self.value
        for kid in self.kids:
            yield from kid.walk()

    def drain(self):
        try:
            while self.kids:
                got = yield self.kids.pop().value
                if got:
                    self.seen += got
        except KeyError:
            self.seen = -1
            yield "caught"
        finally:
            self.seen += 100
        return "drained"

    def await_byte(self, fifo):
        while True:
            self.seen += 1
            yield Path(fifo).read_bytes()

    def fail(self):
        self.seen += 1
        yield 1
        raise ValueError("after one")


class Holder:
    def __init__(self):
        self.tree = Tree(0)
