"""Objects that keep methods of their parts."""

from functools import partial


class Part:
    def __init__(self):
        self.n = 0

    def inc(self, k=1):
        self.n += k
        return self.n


class Keeper:
    def __init__(self):
        self.table, self.part = {}, Part()
        self.grow, self.put, self.inc = self.table.update, self.table.__setitem__, self.part.inc
        self.handlers = {"inc": self.part.inc, "grow": self.table.update}
        self.later = partial(self.part.inc, 5)
        self.up = "abc".upper

    def use(self):
        self.inc()
        self.grow(z=1)
