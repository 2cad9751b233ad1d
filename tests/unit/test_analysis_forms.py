"""One line a form: the code of a method, what it writes and, where it matters, what it reads; by both front ends."""

import linecache
import textwrap
from typing import Any

import pytest

from share.analysis import ClassPlan, plan

PRELUDE = """
import copy, functools, heapq, itertools, logging, operator, threading
from collections import defaultdict, deque, Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import heappush

class Child:
    kind = "child"
    def __init__(self):
        self.value = 0
        self.tags = []
        self.hits = 0
    def bump(self):
        self.value += 1
    def peek(self):
        return self.value
    @property
    def counted(self):
        self.hits += 1
        return self.hits
    def __getitem__(self, k):
        self.hits += 1
        return k
    def __len__(self):
        return len(self.tags)
    def __call__(self):
        self.value = 1

def push(xs, x):
    xs.append(x)

def peep(xs):
    return len(xs)

def touch(thing):
    thing.n = 1

def unknown_decorator(f):
    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        return f(*args, **kwargs)
    return wrapper

class Base:
    def base_push(self, x):
        self.a.append(x)
    def base_len(self):
        return len(self.a)
    def twice(self):
        self.b["base"] = 1

class Thing(Base):
    def __init__(self):
        self.a = [[1], [2]]
        self.b = {}
        self.n = 0
        self.k = 0
        self.c = Child()
        self.s = set()
        self.d = defaultdict(list)
        self.q = deque()
        self.i = iter([1, 2])
        self.lock = threading.Lock()
        self.log = logging.getLogger("thing")
        self.__hidden = 0
    def push(self, x):
        self.a.append(x)
    def size(self):
        return len(self.a)
    @property
    def total(self):
        return self.n
    @total.setter
    def total(self, v):
        self.n = v
    @functools.cached_property
    def lazy(self):
        return len(self.a)
    @staticmethod
    def static_push(xs):
        xs.append(1)
    @classmethod
    def make(cls):
        return cls()
"""

# (name, code of ``def m(self, x=None, *args, **kw)``, writes, reads or ... to leave them out)
# ``*`` is the wildcard.
FORMS: list[tuple[str, str, str, Any]] = [
    # Assignment
    ("assign", "self.n = x", "n", ""),
    ("chained", "self.n = self.c.value = x", "n c", "c"),
    ("annotated", "self.n: int = x", "n", ""),
    ("augmented", "self.n += 1", "n", "n"),
    ("augmented list", "self.a += [x]", "a", "a"),
    ("delete", "del self.n", "n", ""),
    ("item", "self.b[x] = 1", "b", "b"),
    ("item augmented", "self.b[x] += 1", "b", "b"),
    ("item deleted", "del self.b[x]", "b", "b"),
    ("slice", "self.a[1:2] = x", "a", "a"),
    ("slice deleted", "del self.a[:]", "a", "a"),
    ("nested item", "self.a[0][0] = x", "a", "a"),
    ("nested attribute", "self.c.value = x", "c", "c"),
    ("nested attribute augmented", "self.c.value += x", "c", "c"),
    ("nested attribute deleted", "del self.c.value", "c", "c"),
    ("tuple target", "self.n, y = x", "n", ""),
    ("swap", "self.n, self.b['k'] = self.b['k'], 1", "n b", "b"),
    ("starred target", "y, *self.a = x", "a", ""),
    ("nested target", "[y, (self.n, z)] = x", "n", ""),
    ("for target", "for self.n in x: pass", "n", ""),
    ("for item target", "for self.b['k'] in x: pass", "b", "b"),
    ("for tuple target", "for y, self.n in x: pass", "n", ""),
    ("with target", "with x as self.n: pass", "n", ""),
    ("with item target", "with x as self.b['k']: pass", "b", "b"),
    ("with tuple target", "with x as (y, self.n): pass", "n", ""),
    ("walrus alias", "if (y := self.a): y.append(1)", "a", "a"),
    ("comprehension walrus", "[y := self.a for z in x]; y.append(1)", "a", "a"),
    ("private name", "self.__hidden += 1", "_Thing__hidden", "_Thing__hidden"),
    # Calls that change
    ("append", "self.a.append(x)", "a", "a"),
    ("update", "self.b.update(k=1)", "b", "b"),
    ("setdefault", "self.b.setdefault(x, []).append(1)", "b", "b"),
    ("add", "self.s.add(x)", "s", "s"),
    ("appendleft", "self.q.appendleft(x)", "q", "q"),
    ("sort", "self.a.sort()", "a", "a"),
    ("bound method kept", "f = self.a.append; f(x)", "a", "a"),
    ("unbound method", "list.append(self.a, x)", "a", "a"),
    ("nested append", "self.a[0].append(x)", "a", "a"),
    ("child method", "self.c.bump()", "c", "c"),
    ("child called", "self.c()", "c", "c"),
    ("child property", "return self.c.counted", "c", "c"),
    ("child getitem", "return self.c[1]", "c", "c"),
    ("child read", "return self.c.peek()", "", "c"),
    ("child class constant", "return self.c.kind", "", "c"),
    ("child len", "return len(self.c)", "", "c"),
    ("defaultdict item", "return self.d[x]", "d", "d"),
    ("defaultdict get", "return self.d.get(x)", "", "d"),
    ("iterator", "for y in self.i: pass", "i", "i"),
    ("next", "return next(self.i)", "i", "i"),
    ("in iterator", "return x in self.i", "i", "i"),
    ("list of iterator", "return list(self.i)", "i", "i"),
    ("star of iterator", "return [*self.i]", "i", "i"),
    ("chain of parts", "return list(itertools.chain.from_iterable([self.a, self.s]))", "", "a s"),
    ("chain of iterators", "return list(itertools.chain.from_iterable([self.i]))", "i", "i"),
    ("part out of a chain", "for y in itertools.chain.from_iterable([self.a]): y.append(1)", "a", "a"),
    ("fromkeys", "return dict.fromkeys(self.b, 1)", "", "b"),
    ("fromkeys of iterator", "return dict.fromkeys(self.i)", "i", "i"),
    ("sum of iterator", "return sum(self.i)", "i", "i"),
    ("heappush", "heapq.heappush(self.a, x)", "a", "a"),
    ("heappush by name", "heappush(self.a, x)", "a", "a"),
    ("operator.setitem", "operator.setitem(self.b, x, 1)", "b", "b"),
    ("helper changes", "push(self.a, x)", "a", "a"),
    ("helper reads", "return peep(self.a)", "", "a"),
    ("helper gets self", "touch(self)", "n", ""),
    ("helper by keyword", "push(x=1, xs=self.a)", "a", "a"),
    ("helper by star", "push(*[self.a, 1])", "a", "a"),
    ("helper by double star", "push(**{'xs': self.a, 'x': 1})", "a", "a"),
    ("static method", "self.static_push(self.a)", "a", "a"),
    ("unknown gets attribute", "x(self.a)", "a", "a"),
    ("unknown gets self", "x(self)", "*", "*"),
    ("unknown gets element", "x(self.a[0])", "a", "a"),
    ("unknown gets number", "x(self.n + 1, len(self.a))", "", "n a"),
    ("unknown gets list of it", "x([self.a])", "a", "a"),
    ("unknown gets method", "x(self.push)", "a", "a"),
    ("unknown gets bound append", "x(self.a.append)", "a", "a"),
    ("unknown gets lambda", "x(lambda: self.push(1))", "a", "a"),
    ("unknown gets closure over alias", "xs = self.a; x(lambda: xs.append(1))", "a", "a"),
    ("unknown keyword", "x(key=self.a)", "a", "a"),
    ("callback of sorted", "return sorted(x, key=lambda v: self.s.add(v))", "s", "s"),
    ("callback of map", "return list(map(self.push, x))", "a", "a"),
    ("callback of max", "return max(x, key=self.push)", "a", "a"),
    ("partial", "f = functools.partial(self.push, 1); f()", "a", "a"),
    ("method of argument", "x.send(self.b)", "b", "b"),
    # Aliases
    ("self alias", "s = self; s.n = 1", "n", ""),
    ("attribute alias", "xs = self.a; xs.append(x)", "a", "a"),
    ("element alias", "xs = self.a[0]; xs.append(x)", "a", "a"),
    ("tuple alias", "s, xs = self, self.a; s.n = 1; xs.append(1)", "a n", "a"),
    ("list alias", "both = [self.a, self.s]; both[0].append(1)", "a s", "a s"),
    ("dict alias", "box = {'k': self.a}; box['k'].append(1)", "a", "a"),
    ("loop alias", "for xs in (self.a, x): xs.append(1)", "a", "a"),
    ("loop over elements", "for xs in self.a: xs.append(1)", "a", "a"),
    ("loop over values", "for v in self.b.values(): v.append(1)", "b", "b"),
    ("loop over items", "for k, v in self.b.items(): v.append(1)", "b", "b"),
    ("enumerate", "for i, xs in enumerate(self.a): xs.append(1)", "a", "a"),
    ("zip", "for xs, y in zip(self.a, x): xs.append(1)", "a", "a"),
    ("reversed", "for xs in reversed(self.a): xs.append(1)", "a", "a"),
    ("chain", "for xs in itertools.chain(self.a, x): xs.append(1)", "a", "a"),
    ("with alias", "with x: s = self\ns.n = 1", "n", ""),
    ("conditional alias", "xs = self.a if x else []; xs.append(1)", "a", "a"),
    ("or alias", "xs = x or self.a; xs.append(1)", "a", "a"),
    ("default argument", "def f(xs=self.a): xs.append(1)\nf()", "a", "a"),
    ("keyword default", "def f(*, xs=self.a): xs.append(1)\nf()", "a", "a"),
    ("lambda default", "f = lambda xs=self.a: xs.append(1)\nf()", "a", "a"),
    ("copy is fresh", "xs = list(self.a); xs.append(1)", "", "a"),
    ("copy holds elements", "xs = list(self.a); xs[0].append(1)", "a", "a"),
    ("slice is fresh", "xs = self.a[:]; xs.append(1)", "", "a"),
    ("slice holds elements", "xs = self.a[:]; xs[0].append(1)", "a", "a"),
    ("deepcopy is fresh", "xs = copy.deepcopy(self.a); xs[0].append(1)", "", "a"),
    ("copy.copy holds elements", "xs = copy.copy(self.a); xs[0].append(1)", "a", "a"),
    ("alias in fresh object", "c = Child(); c.tags = self.a; c.tags.append(1)", "a", "a"),
    ("max gives element", "max(self.a).append(1)", "a", "a"),
    ("sorted gives elements", "sorted(self.a)[0].append(1)", "a", "a"),
    ("min of attributes", "min(self.a, self.s).clear()", "a s", "a s"),
    ("conversion is fresh", "xs = set(self.b); xs.add(1)", "", "b"),
    ("returned by own method", "self.give().append(1)", "a", "a"),
    ("stored and changed", "xs = []; self.n = xs; xs.append(1)", "n", ""),
    ("global of itself", "global keep\nkeep = self\nkeep.n = 1", "n", ""),
    # Functions inside
    ("nested function", "def f(): self.n = 1\nf()", "n", ""),
    ("nested function argument", "def f(s): s.n = 1\nf(self)", "n", ""),
    ("nested twice", "def f():\n    def g(): self.n = 1\n    g()\nf()", "n", ""),
    ("nonlocal", "y = None\ndef f():\n    nonlocal y\n    y = self.a\nf()\ny.append(1)", "a", "a"),
    ("lambda", "(lambda: self.a.append(1))()", "a", "a"),
    ("list comprehension", "[self.a.append(y) for y in x]", "a", "a"),
    ("set comprehension", "{self.a.append(y) for y in x}", "a", "a"),
    ("dict comprehension", "{y: self.a.append(y) for y in x}", "a", "a"),
    ("generator expression", "any(self.a.append(y) for y in x)", "a", "a"),
    ("comprehension over it", "[xs.append(1) for xs in self.a]", "a", "a"),
    ("comprehension that reads", "return [len(xs) for xs in self.a]", "", "a"),
    ("generator that reads", "for y in self.a: yield y", "", "a"),
    ("generator that writes", "for y in x:\n    self.n = y\n    yield y", "n", ""),
    ("yield from", "yield from self.a", "", "a"),
    ("yielded and sent", "y = yield self.a\ny.append(1)", "a", "a"),
    ("class inside", "class K:\n    def go(k): self.n = 1\nK().go()", "n", ""),
    # Special ways
    ("setattr", "setattr(self, 'n', x)", "n", ""),
    ("setattr unknown", "setattr(self, x, 1)", "*", ""),
    ("delattr", "delattr(self, 'n')", "n", ""),
    ("delattr unknown", "delattr(self, x)", "*", ""),
    ("getattr", "getattr(self, 'a').append(1)", "a", "a"),
    ("getattr unknown", "return getattr(self, x)", "", "*"),
    ("getattr unknown, changed", "getattr(self, x).append(1)", "*", "*"),
    ("getattr unknown, called", "getattr(self, x)()", "*", "*"),
    ("hasattr", "return hasattr(self, 'n')", "", "n"),
    ("dict", "self.__dict__['n'] = 1", "*", "*"),
    ("dict read", "return dict(self.__dict__)", "", "*"),
    ("dict update", "self.__dict__.update(kw)", "*", "*"),
    ("vars", "vars(self)['n'] = 1", "*", "*"),
    ("object.__setattr__", "object.__setattr__(self, 'n', 1)", "n", ""),
    ("super().__setattr__", "super().__setattr__('n', 1)", "n", ""),
    ("object.__delattr__", "object.__delattr__(self, 'n')", "n", ""),
    ("exec", "exec(x)", "*", "*"),
    ("eval", "return eval(x)", "*", "*"),
    ("locals", "x(locals())", "*", "*"),
    ("class changed", "self.__class__ = x", "*", ""),
    ("property set", "self.total = x", "n", ""),
    ("property augmented", "self.total += 1", "n", "n"),
    ("property read", "return self.total", "", "n"),
    ("cached property", "return self.lazy", "lazy", "a lazy"),
    ("own method", "self.push(x)", "a", "a"),
    ("own reader", "return self.size()", "", "a"),
    ("own method by class", "Thing.push(self, x)", "a", "a"),
    ("own method by type", "type(self).push(self, x)", "a", "a"),
    ("own method kept", "f = self.push; f(x)", "a", "a"),
    ("own method in list", "for f in [self.push, self.size]: f(1)", "a", "a"),
    ("inherited method", "self.base_push(x)", "a", "a"),
    ("inherited reader", "return self.base_len()", "", "a"),
    ("super", "super().twice()", "b", "b"),
    ("super with arguments", "super(Thing, self).twice()", "b", "b"),
    ("super by name", "Base.twice(self)", "b", "b"),
    ("init again", "self.__init__()", "a b n k c s d q i lock log _Thing__hidden", ...),
    ("lock", "with self.lock: return self.n", "", ...),
    ("lock by hand", "self.lock.acquire()\ntry: return self.n\nfinally: self.lock.release()", "", ...),
    ("logger", "self.log.info('n is %s', self.n)", "", ...),
    ("match capture", "match self.a:\n    case [y, *rest]: y.append(1)", "a", "a"),
    ("match mapping", "match self.b:\n    case {'k': y}: y.append(1)", "b", "b"),
    ("match attribute", "match self:\n    case Thing(a=y): y.append(1)", "a", "a"),
    ("match class", "match self.c:\n    case Child(tags=y): y.append(1)", "c", "c"),
    ("match as", "match self.a:\n    case list() as y: y.append(1)", "a", "a"),
    ("match or", "match x, self.a:\n    case (1, y) | (2, y): y.append(1)", "a", "a"),
    ("match reads", "match self.n:\n    case 1: return True", "", "n"),
    ("exception carries", "try: raise KeyError(self.a)\nexcept KeyError as e: e.args[0].append(1)", "a", "a"),
    ("import", "import bisect\nbisect.insort(self.a, x)", "a", "a"),
    ("import from", "from bisect import insort\ninsort(self.a, x)", "a", "a"),
    ("star argument", "f = lambda *xs: xs[0].append(1)\nf(self.a)", "a", "a"),
    ("double star argument", "f = lambda **xs: xs['k'].append(1)\nf(k=self.a)", "a", "a"),
    ("in place alias", "xs = self.a; xs += [1]", "a", "a"),
    ("in place set", "xs = self.s; xs |= {1}", "s", "s"),
    ("in place number", "y = self.k; y += 1; return y", "", "k"),
    ("assert", "assert self.a.append(x) is None", "a", "a"),
    ("default of get", "self.b.get(x, self.a).append(1)", "a b", "a b"),
    # Reading
    ("read", "return self.n", "", "n"),
    ("len", "return len(self.a)", "", "a"),
    ("subscript", "return self.b[x]", "", "b"),
    ("iteration", "for y in self.a: pass", "", "a"),
    ("membership", "return x in self.b", "", "b"),
    ("comparison", "return self.a == x", "", "a"),
    ("nlargest", "return heapq.nlargest(x, self.b.items(), key=operator.itemgetter(1))", "", "b"),
    ("formatted", "return f'{self.n} of {len(self.a)}'", "", "a n"),
    ("percent", "return '%s' % self.a", "", "a"),
    ("join", "return ', '.join(self.b)", "", "b"),
    ("counter", "return Counter(self.a).most_common(1)", "", "a"),
    ("nothing", "pass", "", ""),
]  # fmt: skip


def build(source: str, name: str, file: str, keep: bool) -> type:
    """Run the source of a class; ``keep`` says whether its text can be found again."""
    if keep:
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    else:
        linecache.cache.pop(file, None)
    space: dict[str, Any] = {"__name__": __name__}
    exec(compile(source, file, "exec", dont_inherit=True), space)
    made = space[name]
    assert isinstance(made, type)
    return made


def thing(code: str, keep: bool) -> ClassPlan:
    head = "    def m(self, x=None, *args, **kw):\n"
    source = (
        PRELUDE
        + "    def give(self):\n        return self.a\n"
        + head
        + textwrap.indent(code, " " * 8)
        + "\n"
    )
    return plan(build(source, "Thing", f"<forms {'kept' if keep else 'lost'} {abs(hash(code))}>", keep))


def shown(names: frozenset[str] | None) -> str:
    return "*" if names is None else " ".join(sorted(names))


@pytest.mark.parametrize("keep", [True, False], ids=["source", "bytecode"])
@pytest.mark.parametrize(("name", "code", "writes", "reads"), FORMS, ids=[form[0] for form in FORMS])
def test_form(name: str, code: str, writes: str, reads: Any, keep: bool) -> None:
    made = thing(code, keep).methods["m"]
    assert shown(made.writes) == " ".join(sorted(writes.split()))
    if reads is not ...:
        assert shown(made.reads) == " ".join(sorted(reads.split()))
    if keep and made.writes:
        assert all(reason.line and reason.text for reason in made.reasons)
