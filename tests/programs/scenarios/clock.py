import enum

from compared import attempt, both


class Side(enum.Enum):
    WHITE = "w"
    BLACK = "b"

    @property
    def other(self):
        return Side.BLACK if self is Side.WHITE else Side.WHITE


class Flagged(Exception):
    def __init__(self, side, *, at):
        super().__init__(side)
        self.side, self.at = side, at


class Clock:
    INCREMENT = 2

    def __init__(self, seconds):
        self.left = dict.fromkeys(Side, seconds)
        self.turn = None
        self.started = None
        self.moves = []
        self.now = 0

    def tick(self, t):
        self.now += t

    @property
    def running(self):
        return self.turn is not None

    @property
    def remaining(self):
        r = dict(self.left)
        if self.turn:
            r[self.turn] -= self.now - self.started
        return r

    @remaining.setter
    def remaining(self, v):
        if any(x < 0 for x in v.values()):
            raise ValueError("negative time")
        self.left = dict(v)

    def press(self):
        if self.turn is None:
            self.turn, self.started = Side.WHITE, self.now
            return self
        used = self.now - self.started
        self.left[self.turn] -= used
        if self.left[self.turn] < 0:
            t, self.turn = self.turn, None
            raise Flagged(t, at=self.now)
        self.left[self.turn] += self.INCREMENT
        self.moves.append((self.turn, used))
        self.turn = self.turn.other
        self.started = self.now
        return self

    def __str__(self):
        return " / ".join(f"{s.name} {v // 60}:{v % 60:02}" for s, v in self.left.items())

    def __format__(self, spec):
        return format(str(self), spec)

    def __bool__(self):
        return self.running

    def __call__(self, n):
        self.tick(n)
        return self.press()


def scenario(c):
    yield bool(c)
    yield c.running
    yield str(c)
    c.press()
    c.tick(10)
    yield c.remaining
    c.press().press()
    yield c.moves
    yield c.turn is Side.WHITE
    yield c.turn
    yield f"{c:>40}"
    yield f"{c}"
    c.remaining = {Side.WHITE: 30, Side.BLACK: 20}
    yield c.left

    def bad():
        c.remaining = {Side.WHITE: -1}

    yield attempt(bad)
    yield c.left[Side.WHITE]
    c(5)
    c(4)
    yield c.moves[-1]
    yield c.moves
    c.tick(100)
    e = attempt(lambda: c.press.call() if hasattr(c.press, "call") else c.press())
    yield e
    yield getattr(e, "side", None)
    yield getattr(e, "at", None)
    yield c.turn
    yield bool(c)
    c.left[Side.WHITE] = 500
    c.INCREMENT = 5
    yield c.INCREMENT
    yield Clock.INCREMENT
    c.press()
    c.tick(1)
    c.press()
    yield c.left
    c.left |= {Side.WHITE: 1}
    yield c.left

    def noprop():
        c.running = True

    yield attempt(noprop)

    def delprop():
        del c.running

    yield attempt(delprop)
    del c.started
    yield hasattr(c, "started")
    yield attempt(lambda: c.started)
    yield attempt(lambda: c.nothing)


both(lambda: Clock(60), scenario, "chess clock")
