"""Ways in which a method reaches its object and its parts, and what it may do then: classes made from them.

A way is a statement that binds ``o`` to the object itself, or ``t`` to the list ``self.a``; an act is what is done with
it. Each way becomes a class with two methods that write and two that read. ``CLASSES`` are whole classes with a ``w``
and an ``r``.
"""

import re

PRELUDE = """
import builtins, collections, contextlib, copy, ctypes, enum, functools, gc, heapq, inspect, itertools, operator
import pickle, re, sys, types, weakref
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from dataclasses import dataclass, field, replace
from functools import partial, partialmethod, reduce, singledispatchmethod, cached_property, wraps


class Child:
    def __init__(self, tags=()):
        self.value, self.tags = 0, list(tags)
    def __repr__(self):
        return f"Child({self.value}, {self.tags})"
    def bump(self, by=1):
        self.value += by
        return self.value
    def __eq__(self, other):
        return isinstance(other, Child) and (self.value, self.tags) == (other.value, other.tags)
    __hash__ = None


class Holder:
    def __init__(self, it):
        self.it = it
    def get(self):
        return self.it
    def __call__(self):
        return self.it
    def __getitem__(self, key):
        return self.it
    def __iter__(self):
        yield self.it
    def __enter__(self):
        return self.it
    def __exit__(self, *exc):
        return False
    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.it, name)


class Slotted:
    __slots__ = ("it",)
    def __init__(self, it):
        self.it = it


class Carrier(Exception):
    pass


Pair = collections.namedtuple("Pair", "left right")


@dataclass
class Data:
    it: object
    more: list = field(default_factory=list)


def same(v):
    return v


def call(f, *args, **kw):
    return f(*args, **kw)


def give(v):
    yield v


def keep(f):
    @wraps(f)
    def wrapper(*args, **kw):
        return f(*args, **kw)
    return wrapper


@contextlib.contextmanager
def lent(v):
    yield v


class Base:
    def __init__(self):
        self.n, self.k = 0, 0
        self.a = [3, 1, 2]
        self.b = {"x": 1}
        self.c = Child([1])
        self.e = [[1], [2]]
    def add(self, x):
        self.n += x
        return self.n
    def push(self, x):
        self.a.append(x)
    def me(self):
        return self
    def part(self):
        return self.a
    def get(self):
        return self.n
    @property
    def p(self):
        return self.n
    @p.setter
    def p(self, value):
        self.n = value
    @property
    def items(self):
        return self.a
    def state(self):
        return repr((self.n, self.k, self.a, self.b, self.c, self.e))
"""

#: Bind ``o`` to the object.
SELF = [
    "o = self",
    "o = self.me()",
    "o = same(self)",
    "o = call(same, self)",
    "o = [self][0]",
    "o = (self,)[0]",
    "o = {'k': self}['k']",
    "o = {0: self}.get(0)",
    "(o,) = [self]",
    "_, *rest = (1, self); o = rest[0]",
    "o = next(iter([self]))",
    "o = next(give(self))",
    "o = list(give(self))[0]",
    "o = [v for v in (self,)][0]",
    "o = next(v for v in (self,))",
    "o = {i: v for i, v in enumerate([self])}[0]",
    "o = (lambda: self)()",
    "o = (lambda v: v)(self)",
    "def inner():\n    return self\no = inner()",
    "def inner():\n    nonlocal o\n    o = self\no = None\ninner()",
    "def inner(v=self):\n    return v\no = inner()",
    "o = partial(same, self)()",
    "o = partial(self.me)()",
    "o = reduce(lambda u, v: v, [1, self])",
    "o = list(map(same, [self]))[0]",
    "o = list(filter(lambda v: True, [self]))[0]",
    "o = max([self], key=lambda v: 1)",
    "o = min([self], key=lambda v: 1)",
    "o = sorted([self], key=lambda v: 0)[0]",
    "o = list(zip([self], [1]))[0][0]",
    "o = list(itertools.chain([self]))[0]",
    "o = next(itertools.repeat(self))",
    "o = list(itertools.starmap(lambda u, v: u, [(self, 1)]))[0]",
    "o = operator.itemgetter(0)([self])",
    "o = operator.attrgetter('it')(Holder(self))",
    "o = operator.methodcaller('me')(self)",
    "o = operator.getitem([self], 0)",
    "o = getattr(self, 'me')()",
    "o = getattr(self, 'm' + 'e')()",
    "o = type(self).me(self)",
    "o = Base.me(self)",
    "o = super().me()",
    "o = self.me.__self__",
    "o = self.__class__.__dict__.get('me', Base.me)(self)",
    "o = Base.me.__get__(self)()",
    "o = types.MethodType(Base.me, self)()",
    "o = Base.__dict__['me'].__get__(self, type(self))()",
    "o = Holder(self).it",
    "o = Holder(self).get()",
    "o = Holder(self)()",
    "o = Holder(self)['k']",
    "(o,) = Holder(self)",
    "with Holder(self) as o:\n    pass",
    "with lent(self) as o:\n    pass",
    "with contextlib.nullcontext(self) as o:\n    pass",
    "o = Holder(self)",
    "o = Slotted(self).it",
    "o = Data(self).it",
    "o = replace(Data(None), it=self).it",
    "o = Pair(self, 1).left",
    "o = Pair(1, self)._asdict()['right']",
    "o = types.SimpleNamespace(it=self).it",
    "o = vars(types.SimpleNamespace(it=self))['it']",
    "o = copy.copy([self])[0]",
    "o = copy.copy(Holder(self)).it",
    "o = deque([self]).popleft()",
    "o = ChainMap({}, {'k': self})['k']",
    "o = defaultdict(lambda: self)['k']",
    "o = OrderedDict(k=self).popitem()[1]",
    "o = UserList([self])[0]",
    "o = UserDict(k=self)['k']",
    "o = dict(k=self).setdefault('k', None)",
    "try:\n    raise Carrier(self)\nexcept Carrier as error:\n    o = error.args[0]",
    "o = weakref.ref(self)()",
    "o = weakref.proxy(self)",
    "o = list(weakref.WeakSet([Holder(self)]) or [Holder(self)])[0].it",
    "o = eval('self')",
    "space = {'v': self}\nexec('w = v', space)\no = space['w']",
    "o = locals()['self']",
    "o = sys._getframe().f_locals['self']",
    "match self:\n    case o:\n        pass",
    "match [self]:\n    case [o]:\n        pass",
    "o = x and self",
    "o = self if x else None",
    "if (o := self):\n    pass",
    "for o in [self]:\n    pass",
    "o = functools.partialmethod(Base.me).__get__(self, Base)()",
    "o = heapq.nlargest(1, [self], key=lambda v: 1)[0]",
    "o = [*map(lambda v: v, {1: self}.values())][0]",
    "o = next(reversed([self]))",
    "o = list(itertools.accumulate([self]))[0]",
    "o = list(itertools.islice([self], 1))[0]",
    "o = list(itertools.groupby([self], key=lambda v: 1))[0][0] and self",
    "gen = (v for v in [self])\no = gen.send(None)",
    "it = iter(lambda: self, None)\no = next(it)",
    "o = object.__getattribute__(self, 'me')()",
    "o = Base.__getattribute__(self, 'me')()",
    "o = inspect.getattr_static(self, 'me').__get__(self)()",
    "o = contextlib.ExitStack().enter_context(lent(self))",
    "o = (self,) [-1:][0]",
    "o = [None, self].pop()",
    "o = keep(same)(self)",
    "o = functools.lru_cache(maxsize=None)(lambda: self)()",
    "async def inner():\n    return self\n"
    "try:\n    inner().send(None)\nexcept StopIteration as error:\n    o = error.value",
]

#: Change what ``o`` is.
ACTS = [
    "o.n += x",
    "o.n = o.n + x",
    "setattr(o, 'n', o.n + x)",
    "o.add(x)",
    "o.push(x)",
    "o.p = o.p + x",
    "o.a.append(x)",
    "o.a += [x]",
    "o.a[0] = x",
    "o.b['y'] = x",
    "o.b |= {'z': x}",
    "o.b.update(z=x)",
    "o.c.value += x",
    "o.c.bump(x)",
    "o.c.tags.append(x)",
    "o.e[0].append(x)",
    "o.e[-1] += [x]",
    "del o.a[:1]",
    "getattr(o, 'push')(x)",
    "call(o.push, x)",
    "list(map(o.push, [x]))",
    "o.k, o.n = x, o.n + 1",
    "for o.k in range(x):\n    pass",
    "Base.add(o, x)",
    "operator.methodcaller('push', x)(o)",
    "object.__setattr__(self, 'n', o.n + x)",
    "vars(self)['n'] = o.n + x",
    "self.__dict__['n'] = o.n + x",
    "self.__dict__.update(n=o.n + x)",
    "exec('o.n += x')",
    "operator.iadd(o.a, [x])",
    "operator.setitem(o.b, 'y', x)",
    "list.append(o.a, x)",
    "dict.__setitem__(o.b, 'y', x)",
    "heapq.heappush(o.a, x)",
    "o.a.sort(reverse=x % 2 == 0)",
    "[o.push(v) for v in (x, 1)]",
    "sorted([x], key=o.push)",
    "any(o.push(v) for v in (x,))",
    "deque(map(o.add, [x]), 0)",
    "partial(o.push, x)()",
    "f = o.push\nf(x)",
    "re.sub('a', lambda m: o.push(x) or '', 'a')",
]

#: Look at ``o``.
LOOKS = [
    "o.n",
    "o.get()",
    "o.p",
    "list(o.a)",
    "len(o.items)",
    "o.c.value",
    "sum(map(len, o.e))",
    "sorted(o.b)",
    "getattr(o, 'n')",
    "'%s' % o.a",
    "f'{o.c}'",
    "'{0.n}'.format(o)",
    "o.a[:2]",
    "max(o.a, default=0)",
    "o.c == Child([1])",
    "operator.attrgetter('n', 'c.value')(o)",
    "[v for v in o.a if v > 1]",
    "o.b.get('y')",
    "repr(o.e)",
    "dict(o.b)",
]

#: Bind ``t`` to ``self.a``.
PARTS = [
    "t = self.a",
    "t = self.part()",
    "t = self.items",
    "t = same(self.a)",
    "t = [self.a][0]",
    "t = {'k': self.a}['k']",
    "t, _ = self.a, 1",
    "t = next(iter((self.a,)))",
    "t = next(give(self.a))",
    "t = (lambda: self.a)()",
    "t = getattr(self, 'a')",
    "t = getattr(self, chr(97))",
    "t = vars(self)['a']",
    "t = self.__dict__['a']",
    "t = self.__dict__.get('a')",
    "t = operator.attrgetter('a')(self)",
    "t = object.__getattribute__(self, 'a')",
    "t = partial(getattr, self, 'a')()",
    "t = Holder(self.a).it",
    "t = Holder(self).a",
    "t = Data(self.a).it",
    "t = max([self.a], key=len)",
    "t = sorted([self.a], key=len)[0]",
    "t = list(map(same, [self.a]))[0]",
    "t = list(filter(len, [self.a]))[0] if self.a else self.a",
    "t = list(zip([self.a]))[0][0]",
    "t = copy.copy([self.a])[0]",
    "t = list([self.a])[0]",
    "t = tuple([self.a])[0]",
    "t = [*[self.a]][0]",
    "t = {**{'k': self.a}}['k']",
    "t = ([self.a] + [[]])[0]",
    "t = ([self.a] * 2)[1]",
    "t = [self.a][:][0]",
    "t = reduce(lambda u, v: u, [self.a, []])",
    "t = [v for v in (self.a,)][0]",
    "t = eval('self.a')",
    "t = next(v for k, v in vars(self).items() if k == 'a')",
    "t = list(self.__dict__.values())[list(self.__dict__).index('a')]",
    "t = dict(vars(self))['a']",
    "t = copy.copy(self).a",
    "t = inspect.getattr_static(self, 'a')",
    "t = self.a or []",
    "t = self.a if x else []",
    "with lent(self.a) as t:\n    pass",
    "try:\n    raise Carrier(self.a)\nexcept Carrier as error:\n    t = error.args[0]",
    "match self:\n    case Base(a=t):\n        pass",
    "t = super().part()",
    "t = Base.items.fget(self)",
    "t = Base.items.__get__(self)",
    "t = ChainMap({'k': self.a})['k']",
    "t = defaultdict(lambda: self.a)[1]",
    "t = deque([self.a])[0]",
    "t = Pair(self.a, 0)[0]",
    "t = UserList([self.a]).data[0]",
    "t = dict.fromkeys('k', self.a)['k']",
    "t = functools.reduce(getattr, ['a'], self)",
    "t = list(itertools.chain.from_iterable([[self.a]]))[0]",
    "t = (self.a, 1).__getitem__(0)",
    "t = self.__getattribute__('a')",
    "t = types.SimpleNamespace(**vars(self)).a",
    "t = heapq.nsmallest(1, [self.a], key=len)[0]",
    "t = self.state and self.a",
]

ACTS_ON_PART = [
    "t.append(x)",
    "t.extend([x])",
    "t += [x]",
    "t *= 2\ndel t[6:]",
    "t[0:1] = [x]",
    "t.insert(0, x)",
    "t.pop() if len(t) > 3 else t.append(x)",
    "t.reverse()",
    "t.sort()",
    "t.clear()\nt.append(x)",
    "operator.iadd(t, [x])",
    "operator.iconcat(t, [x])",
    "list.append(t, x)",
    "list.__iadd__(t, [x])",
    "heapq.heapify(t)",
    "getattr(t, 'app' + 'end')(x)",
    "f = t.append\nf(x)",
    "call(t.append, x)",
    "list(map(t.append, [x]))",
    "sorted([x], key=t.append)",
    "partial(t.append, x)()",
    "[t.append(v) for v in (x,)]",
    "any(t.append(v) for v in (x,))",
    "operator.setitem(t, 0, x)",
    "operator.methodcaller('append', x)(t)",
    "exec('t.append(x)')",
    "t[len(t):] = [x]",
    "t.__setitem__(0, x)",
    "del t[0]\nt.append(x)",
    "re.sub('a', lambda m: t.append(x) or '', 'a')",
    "list(itertools.takewhile(t.append, [x]))",
    "max([x, 1], key=lambda v: t.append(v) or v)",
    "Holder(t).it.append(x)",
    "Holder(t).append(x)",
    "copy.copy([t])[0].append(x)",
]

LOOKS_AT_PART = [
    "list(t)", "len(t)", "t[0] if t else None", "sorted(t)", "t[1:]", "3 in t", "sum(t)", "str(t)", "[*t]", "tuple(t)",
    "t == [1]", "list(reversed(t))", "max(t, default=None)", "t.count(1)", "dict(enumerate(t))",
    "' '.join(map(str, t))", "t + [1]", "set(t)",
]  # fmt: skip

#: Whole classes, each below a line that says what it is about.
CLASSES = r"""
# wrapped
class W(Base):
    @keep
    def w(self, x):
        self.n += x
        return self.n
    @keep
    def r(self):
        return self.n

# a decorator with arguments
def times(n):
    def deco(f):
        def g(self, *args):
            self.k += n
            return f(self, *args)
        return g
    return deco
class W(Base):
    @times(3)
    def w(self, x):
        return x
    @keep
    def r(self):
        return self.k

# a decorator that is a class
class Deco:
    def __init__(self, f):
        self.f = f
    def __get__(self, o, t=None):
        return partial(self.f, o) if o is not None else self
class W(Base):
    @Deco
    def w(self, x):
        self.a.append(x)
        return len(self.a)
    @Deco
    def r(self):
        return list(self.a)

# a descriptor that counts
class Field:
    def __set_name__(self, o, n):
        self.n = '_' + n
    def __get__(self, o, t=None):
        if o is None:
            return self
        o.k += 1
        return o.__dict__.get(self.n, 0)
    def __set__(self, o, v):
        o.__dict__[self.n] = v
class W(Base):
    d = Field()
    def w(self, x):
        self.d = x
        return self.d
    def r(self):
        return self.d, self.k

# a descriptor that only reads
class Field:
    def __get__(self, o, t=None):
        return self if o is None else o.n * 2
class W(Base):
    d = Field()
    def w(self, x):
        self.n = self.d + x
    def r(self):
        return self.d

# a property with a setter
class W(Base):
    @property
    def q(self):
        return self.b['x']
    @q.setter
    def q(self, v):
        self.b['x'] = v
    @q.deleter
    def q(self):
        self.b.clear()
    def w(self, x):
        self.q = x
        self.q += 1
        if x > 3:
            del self.q
            self.q = 0
    def r(self):
        return self.q

# a property that counts
class W(Base):
    @property
    def q(self):
        self.k += 1
        return self.k
    def w(self, x):
        return self.q
    def r(self):
        return self.q

# a cached property
class W(Base):
    @cached_property
    def q(self):
        return [self.n]
    def w(self, x):
        self.n += x
        self.q.append(x)
    def r(self):
        return list(self.q)

# partialmethod
class W(Base):
    def put(self, key, x):
        self.b[key] = x
    w = partialmethod(put, 'y')
    def look(self, key):
        return self.b.get(key)
    r = partialmethod(look, 'y')

# singledispatchmethod
class W(Base):
    @singledispatchmethod
    def w(self, x):
        self.k += 1
    @w.register
    def _(self, x: int):
        self.n += x
        return self.n
    def r(self):
        return self.n, self.k

# a class method that is given it
class W(Base):
    @classmethod
    def put(cls, it, x):
        it.n += x
    @classmethod
    def get_n(cls, it):
        return it.n
    def w(self, x):
        self.put(self, x)
    def r(self):
        return self.get_n(self)

# a static method that is given it
class W(Base):
    @staticmethod
    def put(it, x):
        it.a.append(x)
    @staticmethod
    def look(it):
        return len(it.a)
    def w(self, x):
        self.put(self, x)
    def r(self):
        return self.look(self)

# super in a chain
class Mid(Base):
    def add(self, x):
        self.k += 1
        return super().add(x)
class W(Mid):
    def w(self, x):
        return super().add(x)
    def r(self):
        return super().get()

# cooperative bases
class Left(Base):
    def add(self, x):
        self.k += 1
        return super().add(x)
class Right(Base):
    def add(self, x):
        self.a.append(x)
        return super().add(x)
class W(Left, Right):
    def w(self, x):
        return self.add(x)
    def r(self):
        return self.k, len(self.a)

# a metaclass that wraps methods
class Wraps(type):
    def __new__(m, n, b, d):
        for k, f in list(d.items()):
            if isinstance(f, types.FunctionType) and k in 'wr':
                d[k] = keep(f)
        return super().__new__(m, n, b, d)
class W(Base, metaclass=Wraps):
    def w(self, x):
        self.n += x
        return self.n
    def r(self):
        return self.n

# a metaclass with methods
class Meta(type):
    def put(cls, it, x):
        it.b[x] = x
class W(Base, metaclass=Meta):
    def w(self, x):
        type(self).put(self, x)
    def r(self):
        return sorted(map(str, self.b))

# __init_subclass__
class Made(Base):
    def __init_subclass__(cls, **kw):
        cls.w = lambda self, x: setattr(self, 'n', self.n + x)
        cls.r = lambda self: self.n
class W(Made):
    pass

# methods set later
def later(self, x):
    self.a.append(x)
    return self.n
class W(Base):
    w = later
    r = lambda self: self.a[-1]

# methods from exec
class W(Base):
    exec('def w(self, x):\n    self.n += x\n    return self.n\ndef r(self):\n    return self.n')

# __getattr__ to a part
class W(Base):
    def __getattr__(self, name):
        if name.startswith('_') or name == 'c':
            raise AttributeError(name)
        return getattr(self.c, name)
    def w(self, x):
        self.bump(x)
        return self.value
    def r(self):
        return self.value

# __getattr__ that computes
class W(Base):
    def __getattr__(self, name):
        if name.startswith('_'):
            raise AttributeError(name)
        return self.b.get(name, 0)
    def w(self, x):
        self.b['late'] = self.late + x
    def r(self):
        return self.late

# __setattr__ that keeps a log
class W(Base):
    def __setattr__(self, name, value):
        if name == 'n' and 'a' in self.__dict__:
            self.a.append(value)
        object.__setattr__(self, name, value)
    def w(self, x):
        self.n = x
    def r(self):
        return list(self.a)

# __getattribute__
class W(Base):
    def __getattribute__(self, name):
        if name == 'twice':
            return object.__getattribute__(self, 'n') * 2
        return object.__getattribute__(self, name)
    def w(self, x):
        self.n += x
        return self.twice
    def r(self):
        return self.twice

# __slots__
class W(Base):
    __slots__ = ()
    def w(self, x):
        self.n += x
        self.a.append(x)
    def r(self):
        return self.n, list(self.a)

# private names
class W(Base):
    def __init__(self):
        super().__init__()
        self.__own = [0]
    def w(self, x):
        self.__own.append(x)
        self.n = len(self.__own)
    def r(self):
        return list(self.__own)

# operators of its own
class W(Base):
    def __iadd__(self, x):
        self.n += x
        return self
    def __add__(self, x):
        return self.n + x
    def __int__(self):
        return self.n
    def w(self, x):
        self += x
        return self + 1
    def r(self):
        return int(self)

# operator.iadd on itself
class W(Base):
    def __iadd__(self, x):
        self.n += x
        return self
    def w(self, x):
        operator.iadd(self, x)
    def r(self):
        return self.n

# str that writes
class W(Base):
    def __str__(self):
        self.k += 1
        return str(self.n)
    def w(self, x):
        return '%s' % self
    def r(self):
        return f'{self}'

# repr in a list that writes
class W(Base):
    def __repr__(self):
        self.k += 1
        return 'W'
    def w(self, x):
        return repr([self])
    def r(self):
        return '%r' % (self,)

# format
class W(Base):
    def __format__(self, spec):
        self.k += 1
        return spec
    def w(self, x):
        return '{:>3}'.format(self)
    def r(self):
        return format(self, 'q')

# len and bool
class W(Base):
    def __len__(self):
        self.k += 1
        return 2
    def w(self, x):
        return len(self)
    def r(self):
        return bool(self)

# bool that writes
class W(Base):
    def __bool__(self):
        self.k += 1
        return self.k % 2 == 0
    def w(self, x):
        return 1 if self else 0
    def r(self):
        return not self

# eq that writes
class W(Base):
    def __eq__(self, other):
        self.k += 1
        return self is other
    __hash__ = object.__hash__
    def w(self, x):
        return self in [1, 2]
    def r(self):
        return [1, 2].count(self)

# lt that writes
class W(Base):
    def __lt__(self, other):
        self.k += 1
        return True
    def w(self, x):
        return min(self, self) is self
    def r(self):
        return len(sorted([self, self]))

# hash that writes
class W(Base):
    def __hash__(self):
        self.k += 1
        return 7
    def __eq__(self, o):
        return self is o
    def w(self, x):
        return len({self})
    def r(self):
        return hash(self)

# index that writes
class W(Base):
    def __index__(self):
        self.k += 1
        return 1
    def w(self, x):
        return [1, 2, 3][self]
    def r(self):
        return list(range(self))

# radd in sum
class W(Base):
    def __radd__(self, other):
        self.k += 1
        return other + self.n
    def w(self, x):
        self.n = x
        return sum([self])
    def r(self):
        return 0 + self

# iteration that writes
class W(Base):
    def __iter__(self):
        self.k += 1
        return iter(self.a)
    def w(self, x):
        return list(self)
    def r(self):
        return [v for v in self]

# an iterator
class W(Base):
    def __iter__(self):
        return self
    def __next__(self):
        if not self.a:
            raise StopIteration
        return self.a.pop()
    def w(self, x):
        self.a += [x, x]
        return next(self)
    def r(self):
        return next(self, None)

# getitem iteration
class W(Base):
    def __getitem__(self, i):
        self.k += 1
        return self.a[i]
    def w(self, x):
        return list(self)
    def r(self):
        return 2 in self

# contains that writes
class W(Base):
    def __contains__(self, v):
        self.k += 1
        return v in self.a
    def w(self, x):
        return x in self
    def r(self):
        return operator.contains(self, 1)

# mapping protocol
class W(Base):
    def keys(self):
        self.k += 1
        return list(self.b)
    def __getitem__(self, key):
        return self.b[key]
    def w(self, x):
        self.b['y'] = x
        return dict(self)
    def r(self):
        return {**self}

# key function of its own
class W(Base):
    def __call__(self, v):
        self.k += 1
        return -v
    def w(self, x):
        return sorted([1, 2, x], key=self)
    def r(self):
        return max([1, 2], key=self)

# called by re
class W(Base):
    def __call__(self, m):
        self.k += 1
        return str(self.k)
    def w(self, x):
        return re.sub('a', self, 'aa')
    def r(self):
        return list(map(self, [1]))

# defaultdict factory
class W(Base):
    def make(self):
        self.k += 1
        return self.k
    def w(self, x):
        return defaultdict(self.make)['q']
    def r(self):
        return defaultdict(self.make, q=1)['q']

# iter with a sentinel
class W(Base):
    def step(self):
        self.k += 1
        return self.k % 3
    def w(self, x):
        return list(iter(self.step, 0))
    def r(self):
        return next(iter(self.step, 9))

# context manager of its own
class W(Base):
    def __enter__(self):
        self.k += 1
        return self
    def __exit__(self, *exc):
        self.n += 1
    def w(self, x):
        with self as o:
            o.a.append(x)
    def r(self):
        with self:
            return self.k

# contextmanager method
class W(Base):
    @contextlib.contextmanager
    def held(self):
        self.k += 1
        try:
            yield self.a
        finally:
            self.n += 1
    def w(self, x):
        with self.held() as t:
            t.append(x)
    def r(self):
        with self.held() as t:
            return len(t)

# ExitStack callbacks
class W(Base):
    def w(self, x):
        with contextlib.ExitStack() as stack:
            stack.callback(self.push, x)
            stack.enter_context(contextlib.suppress(KeyError))
    def r(self):
        with contextlib.ExitStack() as stack:
            stack.callback(self.get)
            return self.n

# a generator that writes
class W(Base):
    def steps(self, x):
        for i in range(x):
            self.n += 1
            yield self.n
    def w(self, x):
        return list(self.steps(x))
    def r(self):
        return sum(self.steps(1))

# a generator that is sent to
class W(Base):
    def steps(self):
        while True:
            v = yield self.n
            self.n += v or 0
    def w(self, x):
        g = self.steps()
        next(g)
        return g.send(x)
    def r(self):
        return next(self.steps())

# finally of a generator
class W(Base):
    def steps(self):
        try:
            yield self.n
        finally:
            self.k += 1
    def w(self, x):
        return next(self.steps())
    def r(self):
        return list(self.steps())

# yield from
class W(Base):
    def inner(self, x):
        self.a.append(x)
        yield x
    def steps(self, x):
        yield from self.inner(x)
    def w(self, x):
        return list(self.steps(x))
    def r(self):
        return len(self.a)

# a coroutine run by hand
class W(Base):
    async def step(self, x):
        self.n += x
        return self.n
    def w(self, x):
        try:
            self.step(x).send(None)
        except StopIteration as e:
            return e.value
    def r(self):
        return self.n

# a closure with state
class W(Base):
    def w(self, x):
        def put(v):
            self.n += v
            def more():
                self.a.append(v)
            return more
        put(x)()
    def r(self):
        def look():
            return self.n
        return look()

# recursion
class W(Base):
    def w(self, x):
        if x > 0:
            self.n += 1
            return self.w(x - 1)
        return self.n
    def r(self):
        return self.n

# exec of a method
class W(Base):
    def w(self, x):
        exec('self.n += x; self.a.append(x)')
    def r(self):
        return eval('self.n, list(self.a)')

# compile
class W(Base):
    def w(self, x):
        eval(compile('self.push(x)', '', 'eval'))
    def r(self):
        return eval(compile('len(self.a)', '', 'eval'))

# attribute names made up
class W(Base):
    def w(self, x):
        for name in ('n', 'k'):
            setattr(self, name, getattr(self, name) + x)
    def r(self):
        return [getattr(self, name) for name in ('n', 'k')]

# attributes that come and go
class W(Base):
    def w(self, x):
        if hasattr(self, 'late'):
            del self.late
        else:
            self.late = x
    def r(self):
        return getattr(self, 'late', None), hasattr(self, 'late')

# delattr
class W(Base):
    def w(self, x):
        setattr(self, f'f{x}', x)
        delattr(self, f'f{x}')
        self.n += 1
    def r(self):
        return sorted(k for k in vars(self) if k.startswith('f'))

# __dict__ replaced
class W(Base):
    def w(self, x):
        self.__dict__ = {**self.__dict__, 'n': x}
    def r(self):
        return self.n

# vars updated
class W(Base):
    def w(self, x):
        vars(self).update(n=x, k=x)
    def r(self):
        return vars(self)['n']

# a copy that is changed
class W(Base):
    def w(self, x):
        o = copy.copy(self)
        o.a.append(x)
        o.n = 99
    def r(self):
        o = copy.deepcopy(self)
        o.a.append(1)
        return len(o.a)

# pickling hooks
class W(Base):
    def __getstate__(self):
        return {**self.__dict__, 'k': self.k}
    def __setstate__(self, state):
        self.__dict__.update(state)
    def w(self, x):
        o = pickle.loads(pickle.dumps(self))
        o.n = 7
        self.n += x
    def r(self):
        return pickle.loads(pickle.dumps(self)).n

# __reduce__
def remake(cls, state):
    o = cls()
    o.__dict__.update(state)
    return o
class W(Base):
    def __reduce__(self):
        return remake, (type(self), dict(self.__dict__))
    def w(self, x):
        self.n += x
        self.a.append(x)
    def r(self):
        return copy.copy(self).n

# __copy__ that writes
class W(Base):
    def __copy__(self):
        self.k += 1
        return self.n
    def w(self, x):
        return copy.copy(self)
    def r(self):
        return copy.copy(self)

# __deepcopy__ that writes
class W(Base):
    def __deepcopy__(self, memo):
        self.k += 1
        return self.n
    def w(self, x):
        return copy.deepcopy(self)
    def r(self):
        return copy.deepcopy([self])

# __sizeof__ and __dir__
class W(Base):
    def __dir__(self):
        self.k += 1
        return ['a']
    def w(self, x):
        return dir(self)
    def r(self):
        return 'a' in dir(self)

# instance check
class Sees(type):
    def __instancecheck__(cls, o):
        if 'k' in vars(o):
            o.k += 1
        return True
class Seen(metaclass=Sees):
    pass
class W(Base):
    def w(self, x):
        return isinstance(self, Seen)
    def r(self):
        return isinstance(self, (str, Seen))

# missing
class W(dict):
    def __missing__(self, key):
        self.hits = getattr(self, 'hits', 0) + 1
        return key
    def state(self):
        return repr((dict(self), getattr(self, 'hits', 0)))
    def w(self, x):
        self['q'] = x
        return self[x]
    def r(self):
        return self['none']

# a list of its own
class W(list):
    def state(self):
        return repr(list(self))
    def w(self, x):
        super().append(x)
        self += [x]
        self[0] = x
    def r(self):
        return self[-1:], len(self)

# a set of its own
class W(set):
    def state(self):
        return repr(sorted(self))
    def w(self, x):
        set.add(self, x)
        self |= {1}
    def r(self):
        return self | {5}

# UserDict
class W(UserDict):
    def state(self):
        return repr(self.data)
    def w(self, x):
        self['q'] = x
        self.update(z=x)
        return self.setdefault('p', x)
    def r(self):
        return list(self.items()), self.get('q')

# UserList
class W(UserList):
    def state(self):
        return repr(self.data)
    def w(self, x):
        self.append(x)
        self += [x]
        self.sort()
    def r(self):
        return self[0] if self else None

# dataclass
@dataclass
class Row(Base):
    n: int = 0
    k: int = 0
    a: list = field(default_factory=list)
    b: dict = field(default_factory=dict)
    c: Child = field(default_factory=Child)
    e: list = field(default_factory=list)
class W(Row):
    def w(self, x):
        self.a.append(x)
        return replace(self, n=x).n
    def r(self):
        return self == replace(self)

# weakref callbacks
class W(Base):
    def w(self, x):
        h = Holder(1)
        weakref.finalize(h, self.push, x)
        del h
        gc.collect()
    def r(self):
        return weakref.ref(self)().n

# __del__ of a helper
class Bye:
    def __init__(self, f):
        self.f = f
    def __del__(self):
        self.f()
class W(Base):
    def w(self, x):
        b = Bye(lambda: self.push(x))
        del b
    def r(self):
        return len(self.a)

# observers kept in a list
class W(Base):
    def __init__(self):
        super().__init__()
        self.watchers = [self.add]
    def w(self, x):
        for f in self.watchers:
            f(x)
    def r(self):
        return len(self.watchers), self.n

# a handler table
class W(Base):
    def __init__(self):
        super().__init__()
        self.handlers = {'add': self.add, 'push': self.push}
    def w(self, x):
        self.handlers['push'](x)
        return self.handlers['add'](x)
    def r(self):
        return sorted(self.handlers)

# a partial kept in an attribute
class W(Base):
    def __init__(self):
        super().__init__()
        self.later = partial(self.add, 2)
    def w(self, x):
        return self.later()
    def r(self):
        return self.n

# a lambda kept in an attribute
class W(Base):
    def __init__(self):
        super().__init__()
        self.later = lambda x: self.push(x)
    def w(self, x):
        self.later(x)
    def r(self):
        return len(self.a)

# a child that knows it
class Kid:
    def __init__(self, up):
        self.up = up
    def poke(self, x):
        self.up.n += x
        return self.up.n
    def look(self):
        return self.up.n
class W(Base):
    def __init__(self):
        super().__init__()
        self.kid = Kid(self)
    def w(self, x):
        return self.kid.poke(x)
    def r(self):
        return self.kid.look()

# itself in a list
class W(Base):
    def __init__(self):
        super().__init__()
        self.ring = [self]
    def w(self, x):
        self.ring[0].n += x
    def r(self):
        return self.ring[0].n, self.ring[0] is self

# two names for a list
class W(Base):
    def __init__(self):
        super().__init__()
        self.z = self.a
    def w(self, x):
        self.z.append(x)
    def r(self):
        return list(self.a), self.a is self.z

# an element under two names
class W(Base):
    def __init__(self):
        super().__init__()
        self.z = self.e[0]
    def w(self, x):
        self.z.append(x)
    def r(self):
        return [list(v) for v in self.e]

# a table of rows that are changed
class W(Base):
    def w(self, x):
        for row in self.e:
            row.append(x)
    def r(self):
        return [row[-1] for row in self.e]

# rows by sorted and reversed
class W(Base):
    def w(self, x):
        for row in sorted(reversed(self.e), key=len):
            row += [x]
    def r(self):
        return [len(row) for row in reversed(self.e)]

# rows by zip and enumerate
class W(Base):
    def w(self, x):
        for i, (row, y) in enumerate(zip(self.e, [x, x])):
            row[0] = y + i
    def r(self):
        return [i for i, row in enumerate(self.e) if row]

# rows by a walrus and a loop
class W(Base):
    def w(self, x):
        i = 0
        while i < len(self.e) and (row := self.e[i]) is not None:
            row.insert(0, x)
            i += 1
    def r(self):
        return sum(len(row) for row in self.e)

# rows by unpacking
class W(Base):
    def w(self, x):
        first, *rest = self.e
        first.append(x)
        [row] = rest
        row.append(x)
    def r(self):
        (a, *_), b = self.e
        return a

# rows by min and max
class W(Base):
    def w(self, x):
        max(self.e, key=len).append(x)
        min(self.e, key=len).append(x)
    def r(self):
        return max(self.e)[0]

# rows by next and filter
class W(Base):
    def w(self, x):
        next(filter(len, self.e)).append(x)
        next(row for row in self.e if row).append(x)
    def r(self):
        return next(map(len, self.e))

# rows that are swapped
class W(Base):
    def w(self, x):
        self.e[0], self.e[1] = self.e[1], self.e[0]
        self.e[0].append(x)
    def r(self):
        return [list(row) for row in self.e]

# setdefault and append
class W(Base):
    def w(self, x):
        self.b.setdefault('rows', []).append(x)
    def r(self):
        return self.b.get('rows', [])[-1:]

# values of a dict that are changed
class W(Base):
    def w(self, x):
        self.b.setdefault('l', [])
        for key, value in self.b.items():
            if isinstance(value, list):
                value.append(x)
    def r(self):
        return [len(v) for v in self.b.values() if isinstance(v, list)]

# views that are live
class W(Base):
    def w(self, x):
        view = self.b.keys()
        self.b[str(x)] = x
        return len(view)
    def r(self):
        return sorted(self.b.keys() & {'x', '1'})

# a bound method of a part is kept
class W(Base):
    def w(self, x):
        put, take = self.a.append, self.a.pop
        put(x)
        put(x)
        return take()
    def r(self):
        index = self.a.index
        return index(self.a[0])

# type() with three arguments
class W(Base):
    def w(self, x):
        T = type('T', (), {'put': lambda _, v: self.push(v)})
        T().put(x)
    def r(self):
        return type('T', (), {'n': self.n}).n

# a class made in the method
class W(Base):
    def w(self, x):
        outer = self
        class Inner:
            def put(self):
                outer.n += x
            def __getattr__(self, name):
                return getattr(outer, name)
        Inner().put()
        return Inner().n
    def r(self):
        class Inner:
            n = self.n
        return Inner.n

# ctypes callback
FUNC = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
class W(Base):
    def w(self, x):
        def back(v):
            self.n += v
            return self.n
        return FUNC(back)(x)
    def r(self):
        return FUNC(lambda v: self.n)(1)

# ctypes.py_object
class W(Base):
    def w(self, x):
        ctypes.py_object(self).value.n += x
    def r(self):
        return ctypes.py_object(self.a).value[0]

# gc.get_referents
class W(Base):
    def w(self, x):
        for held in gc.get_referents(self.e):
            held.append(x)
    def r(self):
        return sum(len(held) for held in gc.get_referents(self.e))

# trace functions
class W(Base):
    def w(self, x):
        def tracer(frame, event, arg):
            if event == 'call':
                self.k += 1
        old = sys.gettrace()
        sys.settrace(tracer)
        same(1)
        sys.settrace(old)
        self.k = min(self.k, 1)
    def r(self):
        return self.k

# threads that are waited for
import threading
class W(Base):
    def w(self, x):
        t = threading.Thread(target=self.push, args=(x,))
        t.start()
        t.join()
    def r(self):
        out = []
        t = threading.Thread(target=lambda: out.append(self.n))
        t.start()
        t.join()
        return out

# enum members as keys
class Color(enum.Enum):
    RED = 1
class W(Base):
    def w(self, x):
        self.b[Color.RED] = x
    def r(self):
        return self.b.get(Color.RED), Color.RED in self.b

# a module-level sentinel
EMPTY = object()
class W(Base):
    def __init__(self):
        super().__init__()
        self.last = EMPTY
    def w(self, x):
        was = self.last is EMPTY
        self.last = x if was else EMPTY
        return was
    def r(self):
        return self.last is EMPTY

# exceptions that carry parts
class W(Base):
    def fail(self):
        raise Carrier(self.a, self)
    def w(self, x):
        try:
            self.fail()
        except Carrier as error:
            error.args[0].append(x)
            error.args[1].n += x
    def r(self):
        try:
            self.fail()
        except Carrier as error:
            return len(error.args[0])

# except clauses that hide
class W(Base):
    def w(self, x):
        try:
            self.n += x
            self.missing
        except Exception:
            self.k += 1
    def r(self):
        try:
            return self.missing
        except Exception:
            return self.k

# json default
import json
class W(Base):
    def more(self, o):
        self.k += 1
        return self.n
    def w(self, x):
        return json.dumps([Holder(1)], default=self.more)
    def r(self):
        return json.dumps(self.a, default=self.more)

# json object hooks
import json
class W(Base):
    def hook(self, d):
        self.b.update(d)
        return 1
    def w(self, x):
        return json.loads('{"h": %d}' % x, object_hook=self.hook)
    def r(self):
        return json.loads('[1]', object_hook=self.hook)

# bisect with a key
import bisect
class W(Base):
    def key(self, v):
        self.k += 1
        return v
    def w(self, x):
        bisect.insort(self.a, x)
        return bisect.bisect([1, 2, 3], 2, key=self.key)
    def r(self):
        return bisect.bisect_left(self.a, 1)

# csv writers
import csv
class W(Base):
    def write(self, text):
        self.a.append(len(text))
    def w(self, x):
        csv.writer(self).writerow([x, 1])
    def r(self):
        return list(csv.reader([','.join(map(str, self.a))]))

# print to itself
class W(Base):
    def write(self, text):
        self.k += len(text)
    def w(self, x):
        print(x, file=self)
    def r(self):
        return self.k

# random with a list
import random
class W(Base):
    def w(self, x):
        random.Random(x).shuffle(self.a)
    def r(self):
        return random.Random(1).choice(self.a or [0])

# struct into a bytearray
import struct
class W(Base):
    def __init__(self):
        super().__init__()
        self.buf = bytearray(8)
    def w(self, x):
        struct.pack_into('<i', self.buf, 0, x)
        memoryview(self.buf)[4] = x
    def r(self):
        return bytes(self.buf), struct.unpack_from('<i', self.buf)

# io readinto
import io
class W(Base):
    def __init__(self):
        super().__init__()
        self.buf = bytearray(3)
    def w(self, x):
        return io.BytesIO(bytes([x, x])).readinto(self.buf)
    def r(self):
        return io.BytesIO(self.buf).read()

# array in place
from array import array
class W(Base):
    def __init__(self):
        super().__init__()
        self.v = array('i', [1, 2])
    def w(self, x):
        v = self.v
        v[0] += x
        v.append(x)
    def r(self):
        return self.v.tolist()

# numpy in place on a variable
import numpy as np
class W(Base):
    def __init__(self):
        super().__init__()
        self.v = np.zeros(3)
    def w(self, x):
        v = self.v
        v += x
    def r(self):
        v = self.v
        return v.tolist()

# numpy by a view
import numpy as np
class W(Base):
    def __init__(self):
        super().__init__()
        self.v = np.zeros((2, 2))
    def w(self, x):
        row = self.v[0]
        row[:] = x
        self.v.T[1] += x
    def r(self):
        return self.v.sum(axis=0).tolist()

# numpy by out
import numpy as np
class W(Base):
    def __init__(self):
        super().__init__()
        self.v = np.zeros(2)
    def w(self, x):
        np.add(self.v, x, out=self.v)
        np.copyto(self.v[:1], x)
    def r(self):
        return np.add(self.v, 1).tolist()

# numpy in a taken argument
import numpy as np
def start():
    return np.zeros(2)
class W(Base):
    def __init__(self, v=None):
        super().__init__()
        self.v = start() if v is None else v
    def w(self, x):
        v = self.v
        v += x
        return v.tolist()
    def r(self):
        u = self.v
        u = u * 2
        return u.tolist()

# unknown attribute in place
def unknown(v):
    return v
class W(Base):
    def __init__(self, v=[1]):
        super().__init__()
        self.v = unknown(v)
    def w(self, x):
        v = self.v
        v += [x]
        return len(v)
    def r(self):
        return list(self.v)
"""


def indented(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in text.split("\n"))


def method(head: str, statement: str, last: str) -> str:
    return f"    def {head}:\n{indented(statement, 8)}\n{indented(last, 8)}\n"


def classes() -> "list[tuple[str, str, str]]":
    """(name, what it is about, source)."""
    found = []
    for kind, ways, acts, looks in (("o", SELF, ACTS, LOOKS), ("t", PARTS, ACTS_ON_PART, LOOKS_AT_PART)):
        for i, way in enumerate(ways):
            name = f"{kind.upper()}{i}"
            chosen = [acts[(i * 5 + 7 * j) % len(acts)] for j in range(2)]
            seen = [looks[(i * 3 + 5 * j) % len(looks)] for j in range(2)]
            source = f"class {name}(Base):\n"
            source += method("w(self, x)", way, f"{chosen[0]}\nreturn self.n")
            source += method("w2(self, x)", way, chosen[1])
            source += method("r(self, x=1)", way, f"return {seen[0]}")
            source += method("r2(self, x=1)", way, f"return {seen[1]}")
            found.append((name, f"{way!r} then {chosen}, {seen}", source))
    for i, text in enumerate(re.split(r"^# ", CLASSES, flags=re.MULTILINE)[1:]):
        what, _, source = text.partition("\n")
        found.append((f"C{i}", what, re.sub(r"^class W\b", f"class C{i}", source, flags=re.MULTILINE)))
    return found


def module() -> str:
    return PRELUDE + "\n\n" + "\n\n".join(source for _, _, source in classes())
