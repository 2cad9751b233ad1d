import enum
import functools
import inspect
import operator

from compared import attempt, both


class S(enum.IntFlag):
    IDLE = 1
    RUN = 2
    PAUSE = 4
    ANY = 7


def transition(*source, to):
    def deco(f):
        @functools.wraps(f)
        def w(self, *a, **k):
            if self.state not in source:
                raise RuntimeError(f"{f.__name__} in {self.state.name}")
            r = f(self, *a, **k)
            old, self.state = self.state, to
            self.log.append((old.name, to.name))
            for h in self.hooks.get(to, ()):
                h(self)
            return r

        return w

    return deco


class Meta(type):
    def __new__(m, n, b, ns):
        c = super().__new__(m, n, b, ns)
        c.transitions = sorted(k for k, v in ns.items() if hasattr(v, "__wrapped__"))
        return c


def count(m):
    m.entered += 1


class Machine(metaclass=Meta):
    def __init__(self):
        self.state = S.IDLE
        self.log = []
        self.hooks = {}
        self.entered = 0
        self.handlers = {"go": self.start, "halt": self.stop}

    @transition(S.IDLE, to=S.RUN)
    def start(self, speed=1):
        self.speed = speed
        return speed * 2

    @transition(S.RUN, S.PAUSE, to=S.IDLE)
    def stop(self):
        del self.speed

    @transition(S.RUN, to=S.PAUSE)
    def pause(self):
        pass

    @transition(S.PAUSE, to=S.RUN)
    def resume(self):
        pass

    def on(self, state, f):
        self.hooks.setdefault(state, []).append(f)

    def dispatch(self, name, *a):
        return getattr(self, name)(*a)

    def event(self, name, *a):
        return self.handlers[name](*a)

    def can(self, name):
        try:
            m = getattr(type(self), name)
        except AttributeError:
            return False
        return callable(m)

    @functools.singledispatchmethod
    def feed(self, x):
        raise TypeError(f"no {type(x).__name__}")

    @feed.register
    def _(self, x: int):
        self.entered += x
        return "int"

    @feed.register
    def _(self, x: str):
        self.log.append(x)
        return "str"

    @feed.register(list)
    def _(self, x):
        return [self.feed(i) for i in x]

    half = functools.partialmethod(start, speed=0.5)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, t, v, tb):
        self.stop()
        return t is KeyError


def scenario(m):
    yield m.transitions
    m.on(S.RUN, count)
    yield m.start(3)
    yield m.speed
    yield m.state
    yield attempt(m.start)
    m.pause()
    m.resume()
    yield m.entered
    m.stop()
    yield m.log
    yield hasattr(m, "speed")
    yield attempt(m.stop)
    yield m.dispatch("start", 7)
    yield m.can("pause")
    yield m.can("fly")
    yield m.event("halt")
    yield m.event("go", 4)
    yield m.state.name
    m.stop()
    yield m.feed(5)
    yield m.feed("x")
    yield m.feed([1, "y"])
    yield attempt(m.feed, 1.5)
    yield m.half()
    yield m.state is S.RUN
    m.stop()
    with m as k:
        yield k.state
        yield k is m
        k.pause()
    yield m.state
    with m:
        raise KeyError("eaten")

    def leaks():
        with m:
            raise ValueError("out")

    yield attempt(leaks)
    yield m.state
    yield m.log[-2:]
    yield m.start.__name__
    yield m.start.__doc__
    yield callable(m.start)
    yield str(inspect.signature(m.start))
    yield m.start == m.start
    yield m.handlers["go"] == m.start
    yield len({m.start, m.start})
    yield operator.methodcaller("start", 2)(m)
    yield operator.attrgetter("state.name")(m)
    m.stop()
    f = m.start
    yield f(9)
    m.stop()
    yield functools.partial(m.start, 6)()
    m.stop()
    m.on(S.IDLE, lambda self: self.log.append("idle!"))
    m.start()
    m.stop()
    yield m.log[-1]
    m.state |= S.PAUSE
    yield m.state
    yield S.PAUSE in m.state
    m.state &= ~S.IDLE
    yield m.state
    yield isinstance(m, Machine)
    yield m.__class__ is Machine
    yield m.__doc__
    yield m.__module__


both(Machine, scenario, "state machine")
