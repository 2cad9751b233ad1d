"""Classes out of a grammar of every form, run under tracing: whatever they did, the plan had said so.

100 methods by default, new ones in each run; ``SHARE_ANALYSIS_METHODS=20000`` for the long run. What failed is kept by
Hypothesis and comes first in the next run; the blob that it prints brings it back anywhere else.
"""

import linecache
import os
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from share.analysis import Trace, trace

METHODS_A_CLASS = 5
METHODS = int(os.environ.get("SHARE_ANALYSIS_METHODS", "100"))

PRELUDE = """
import copy, functools, heapq, itertools, operator
from collections import defaultdict, deque, Counter, OrderedDict
from contextlib import contextmanager

class Carrier(Exception): pass

class Child:
    def __init__(self, tags=()):
        self.value = 0
        self.tags = list(tags)
        self.hits = 0
        self.up = None
    def bump(self, by=1):
        self.value += by
    def peek(self):
        return self.value
    def give(self):
        return self.tags
    def take(self, xs):
        self.tags = xs
    def me(self):
        return self
    @property
    def counted(self):
        self.hits += 1
        return self.tags
    @functools.cached_property
    def lazy(self):
        return [len(self.tags)]
    def __getitem__(self, k):
        self.hits += 1
        return self.tags
    def __iadd__(self, other):
        self.tags.append(other)
        return self
    def __call__(self, x=0):
        self.value = x
        return self.tags
    def __iter__(self):
        self.hits += 1
        return iter(self.tags)
    def __contains__(self, x):
        self.hits += 1
        return False
    def __enter__(self):
        self.value += 1
        return self.tags
    def __exit__(self, *exc):
        self.hits += 1
    def __eq__(self, other):
        self.hits += 1
        return self is other
    def __hash__(self):
        return 1

class Caching(dict):
    def __missing__(self, k):
        v = self[k] = []
        return v

def push(xs, x=0): xs.append(x)
def ident(v): return v
def pick(*vs, **kw): return vs[0] if vs else kw["v"]
def each(f, xs):
    return [f(x) for x in xs]
def poke(thing, x=0): thing.n = x
def lender(v):
    yield v
@contextmanager
def lend(v):
    yield v
def decorate(f):
    @functools.wraps(f)
    def run(*args, **kw):
        return f(*args, **kw)
    return run

class Base:
    def base_push(self, xs, x=0):
        xs.append(x)
        return xs
    def overridden(self):
        return self.a

class Thing(Base):
    default = 0
    def __init__(self):
        self.a = [[1], [2], 3]
        self.b = {"k": [1], "j": 2}
        self.n = 0
        self.c = Child([[1], 2])
        self.s = {1, 2}
        self.d = defaultdict(list)
        self.q = deque([[1], 2])
        self.i = iter([1, [2], 3])
        self.t = ([1], 2)
        self.o = OrderedDict(k=[1])
        self.e = Caching()
        self.u = None
        self.f = self.a.append
        self._p = [Child(), Child()]
    def give_a(self): return self.a
    def give(self, name): return getattr(self, name if isinstance(name, str) else 'a')
    def ident(self, v): return v
    def keep(self, v):
        self.u = v
        return v
    @decorate
    def decorated(self, xs):
        xs.append(1)
        return xs
    def overridden(self):
        return super().overridden()
    def walk(self):
        for p in self._p:
            yield p
    async def later(self, xs):
        xs.append(1)
        return xs
    @staticmethod
    def static(xs):
        return xs
    @classmethod
    def klass(cls, xs):
        return xs
    @property
    def prop(self):
        self.n += 1
        return self.a
    @prop.setter
    def prop(self, v):
        self.a = v
    @prop.deleter
    def prop(self):
        del self.u
    @functools.cached_property
    def lazy(self):
        return self.b.setdefault("lazy", [])
    def __len__(self):
        return len(self.a)
    def __getitem__(self, k):
        return self.a
    def __setitem__(self, k, v):
        self.b[k] = v
    def __delitem__(self, k):
        self.b.pop(k, None)
    def __contains__(self, k):
        self.n += 1
        return False
    def __iter__(self):
        return iter(self.a)
    def __enter__(self):
        self.n += 1
        return self
    def __exit__(self, *exc):
        self.s.clear()
    def __iadd__(self, v):
        self.a.append(v)
        return self
    def __call__(self, v):
        self.a.append(v)
        return v
"""

# In the templates {L} is an expression that gives a list, {D} a dictionary, {C} a child, {T} the object itself,
# {N} a number, {V} anything, {v} a variable and {M} another method of the class.
EXPRESSIONS: dict[str, list[str]] = {
    "L": [
        "{T}.a", "{T}.give_a()", "{T}.b['k']", "{T}.b.get('k')", "{D}.setdefault('z', [])", "{C}.tags",
        "{C}.give()", "{C}.counted", "{C}[0]", "{T}.d['k']", "{T}.q[0]", "{T}.t[0]", "{v}", "list({L})", "{L}[:]",
        "[{L}, {L}][0]", "({L}, {N})[0]", "({L} if {N} else {L})", "({L} or {L})", "getattr({T}, 'a')",
        "copy.copy({L})", "copy.deepcopy({L})", "(lambda: {L})()",
        "(lambda v: v)({L})", "(lambda *vs, **kw: vs[0])({L})", "ident({L})", "pick({L}, {N})", "pick(v={L})",
        "pick(*[{L}])", "pick(**{{'v': {L}}})", "{T}.ident({L})", "max([{L}, []], key=len)", "next(iter([{L}]))",
        "next(lender({L}))", "functools.reduce(lambda p, q: p, [{L}, {L}])", "[w for w in [{L}]][0]",
        "next(w for w in ({L},))", "{{0: {L}}}[0]", "{{0: {L}}}.get(0)", "dict(k={L})['k']", "dict([('k', {L})])['k']",
        "(w := {L})", "list(map(ident, [{L}]))[0]", "list(filter(None, [{L}]))[0]", "list(zip([{L}], [1]))[0][0]",
        "list(enumerate([{L}]))[0][1]", "sorted([{L}], key=len)[0]", "list(reversed([{L}]))[0]",
        "list(itertools.chain([{L}], []))[0]", "functools.partial(ident, {L})()", "operator.itemgetter(0)([{L}])",
        "operator.attrgetter('a')({T})", "{T}.static({L})", "{T}.klass({L})", "{T}.prop", "{T}.lazy",
        "{T}.e['k']", "{T}.overridden()", "super().overridden()", "{T}.base_push({L})", "{T}.decorated({L})",
        "{T}[{N}]", "{T}.keep({L})", "each(ident, [{L}])[0]", "next({T}.i, [])", "({L} + {L})",
        "{L} * 2", "[*{L}]", "[*{T}.i]", "list({T}.i)", "list({T})", "list({T}.b.values())", "{C}.lazy",
        "{T}.o.popitem()[1]", "{T}.q.popleft()", "{T}.b.pop('k', [])", "{L}.pop()", "{T}({L})", "{C}()",
        "next({T}.walk()).tags", "[p for p in {T}._p][0].tags", "{T}.u", "{D}.copy()['k']",
        "(lambda v={L}: v)()", "tuple({L})[0]", "min({L}, {L}, key=len)", "list({T}.d.items())[0][1]",
    ],
    "D": ["{T}.b", "{T}.d", "{T}.o", "{T}.e", "ident({D})", "{{**{D}}}", "dict({D})", "({D} | {D})",
          "({D} if {N} else {D})", "{D}.copy()"],
    "C": ["{T}.c", "{T}.c.me()", "ident({C})", "Child({L})", "{T}._p[0]", "[{C}][0]", "next({T}.walk())",
          "copy.copy({C})", "(lambda: {C})()", "({C} or {C})", "{T}._p[-1]", "sorted({T}._p, key=id)[0]"],
    "T": ["self", "self", "self", "self", "me", "(lambda: self)()", "[self][0]", "({T} or None)"],
    "N": ["0", "1", "x", "{T}.n", "len({L})", "len({T})", "{C}.peek()", "sum([1, 2])", "({N} in {L})", "({N} in {T})",
          "({N} in {C})", "{C} == {C}", "int(bool({L}))", "len(str({L}))", "{T}.default", "hash({C})", "len({T}.s)",
          "{L} == {L}", "any(v for v in {L})", "all({T}.s)", "{L}.count({N})", "len({D})", "len(f'{{{T}.n}}')"],
    "V": ["{L}", "{D}", "{C}", "{N}", "{T}", "{L}[0]", "lambda: {L}", "{L}.append", "{T}.f", "iter({L})"],
    "v": ["v", "w", "y"],
}  # fmt: skip
STATEMENTS = [
    "{L}.append({N})", "{L}.extend({L}[:2])", "{L}.clear()", "{L}.reverse()", "{L}.insert(0, {V})", "{L}[0] = {V}",
    "{L}[0:1] = [{N}]", "del {L}[0]", "{D}['k'] = {V}", "{D}['n'] = {N}", "del {D}['k']", "{D}.update(k={V})",
    "{D}.update({D})", "{T}.s.add({N})", "{T}.s |= {{{N}}}", "{T}.n += {N}", "{T}.n = {N}", "{T}.default = {N}",
    "{T}.default += 1", "setattr({T}, 'n', {N})", "object.__setattr__({T}, 'n', {N})",
    "super().__setattr__('n', {N})", "{T}.a = {L}",
    "{T}.u = {V}", "{T}.a += [{N}]", "{T}.b = {D}", "del {T}.u", "delattr({T}, 'u')", "{C}.value = {N}",
    "{C}.value += {N}", "{C}.bump()", "{C}.take({L})", "{C}.up = {T}", "{T}.c = {C}", "{C}(1)", "c = {C}; c += {N}",
    "{T}.q.append({V})", "{T}.q.rotate()", "{T}.d['z'].append({N})", "{T}.d['y']", "{T}.o.move_to_end('k')",
    "next({T}.i, None)", "{T}.i = iter({L})", "push({L})", "push(xs={L})", "poke({T})", "heapq.heappush({L}, {N})",
    "heapq.heapify({L})", "{T}.f({N})", "{T}.f = {L}.append", "each({L}.append, [1])", "list(map({L}.append, [1]))",
    "{v} = {V}", "{v} = {L}", "{v} = {L}\n{v} += [{N}]", "{v}, w = {L}, {L}", "[{v}, *w] = {L}", "{v} = w = {L}",
    "me = {T}", "({v} := {L}).append(1)", "*{T}.u, v = {L}", "{T}.n, {T}.u = {N}, {L}", "for {T}.n in [1]: pass",
    "for {D}['k'] in [{L}]: pass", "for {v} in {L}[:2]:\n    {S}", "for {v} in [{L}, {L}]:\n    {S}",
    "for p in {T}._p:\n    p.bump()", "for k, {v} in list({D}.items()):\n    {S}", "for {v} in {T}.i:\n    break",
    "for {v} in {C}:\n    break", "for {v} in {T}:\n    {S}\n    break", "if {N}:\n    {S}\nelse:\n    {S}",
    "while {N}:\n    {S}\n    break", "try:\n    {S}\nfinally:\n    {S}",
    "try:\n    raise Carrier({L})\nexcept Carrier as e:\n    e.args[0].append(1)",
    "try:\n    raise Carrier({T})\nexcept Carrier as e:\n    e.args[0].n = 1",
    "with lend({L}) as {v}:\n    {S}", "with {C} as {v}:\n    {S}", "with {T} as me:\n    {S}",
    "with lend({N}) as {T}.n: pass", "def f():\n    {S}\nf()", "def f(v):\n    {S}\nf({L})",
    "def f(v={L}):\n    {S}\nf()", "def f():\n    yield {L}\nfor {v} in f():\n    {S}",
    "def f():\n    def g():\n        {S}\n    return g\nf()()",
    "def f():\n    nonlocal v\n    v = {L}\nf()\nv.append(1)",
    "(lambda: {L}.append(1))()", "[{L}.append(z) for z in (1, 2)]", "{{z: {L}.append(z) for z in (1,)}}",
    "any({L}.append(z) for z in (1,))", "[z.append(1) for z in [{L}]]", "[{v} := z for z in [{L}]]",
    "match {L}:\n    case [{v}, *w]:\n        {S}\n    case {v}:\n        {S}",
    "match {D}:\n    case {{'k': {v}, **w}}:\n        {S}",
    "match {C}:\n    case Child(tags={v}):\n        {S}", "match {L}, {N}:\n    case (list() as {v}, _):\n        {S}",
    "class K:\n    def go(k, v):\n        self.n = 1\n        v.append(1)\nK().go({L})",
    "class K:\n    inner = {L}\nK.inner.append(1)", "{T}.prop = {L}", "{T}.prop", "del {T}.prop", "{T}.lazy.append(1)",
    "{T}['k'] = {V}", "del {T}['k']", "me += {N}", "{T}({N})",
    "{T}.decorated({L})", "Base.base_push({T}, {L})", "type({T}).keep({T}, {V})", "Thing.give_a({T}).append(1)",
    "getattr({T}, 'keep')({V})", "functools.partial({T}.keep, {V})()", "sorted([1], key={L}.append)",
    "max([1, 2], key=lambda z: {L}.append(z) or 0)",
    "try:\n    {T}.later({L}).send(None)\nexcept StopIteration as e:\n    e.value.append(1)",
    "import bisect\nbisect.insort({L}, {N})", "from heapq import heappush\nheappush({L}, {N})",
    "operator.setitem({L}, 0, {V})", "operator.iadd({L}, [1])", "list.append({L}, {N})", "dict.update({D}, k={V})",
    "{M}", "{M}", "return {V}", "return {L}", "yield {V}", "yield from {L}", "v = yield {L}\nv.append(1)",
    "assert {L}.append(1) is None", "global keep\nkeep = {V}", "box = [{V}]\nbox.append({L})\nbox[-1].append(1)",
    "box = {{}}\nbox['k'] = {L}\nbox['k'].append(1)", "box = Child()\nbox.tags = {L}\nbox.tags.append(1)",
    "box = deque()\nbox.append({L})\nbox.pop().append(1)", "print(end='')", "str({C})", "{T}.t = ({L}, {V})",
]  # fmt: skip
#: Forms after which nothing much is known any more; seldom drawn, so that plans stay worth checking.
RARE = [
    "setattr({T}, {v}, {V})", "{T}.__dict__['n'] = {N}", "vars({T}).update(n={N})", "exec('v = 1')",
    "getattr({T}, {v}, print)({N})", "{v}({T})", "{T}.give({v}).append(1)", "copy.copy({T}).a.append(1)",
]  # fmt: skip
NAMES = ("{L}", "{D}", "{C}", "{T}", "{N}", "{V}", "{v}", "{M}", "{S}")


class Grammar:
    """Draws code, smaller and smaller as it goes deeper."""

    def __init__(self, choose: Callable[[Sequence[Any]], Any], callable_methods: list[str]) -> None:
        self.choose, self.methods = choose, callable_methods

    def expression(self, kind: str, depth: int) -> str:
        choices = EXPRESSIONS[kind]
        if depth <= 0:
            choices = [choice for choice in choices if choice.count("{") <= 1] or choices
        return self.fill(self.choose(choices), depth - 1)

    def statement(self, depth: int) -> str:
        if self.choose(range(40)) == 0:
            return self.fill(self.choose(RARE), depth)
        choices = STATEMENTS if depth > 0 else [choice for choice in STATEMENTS if "{S}" not in choice]
        return self.fill(self.choose(choices), depth)

    def fill(self, template: str, depth: int) -> str:
        out = ""
        while template:
            if template[:3] in NAMES:
                kind, template = template[1], template[3:]
                out += self.part(kind, depth, out)
            elif template[:2] in ("{{", "}}"):
                out, template = out + template[0], template[2:]
            else:
                out, template = out + template[0], template[1:]
        return out

    def part(self, kind: str, depth: int, before: str) -> str:
        if kind == "S":
            line = before.rpartition("\n")[2]
            indent = line[: len(line) - len(line.lstrip())]
            return self.statement(depth - 1).replace("\n", "\n" + indent)
        if kind == "M":
            return f"self.{self.choose(self.methods)}({self.expression('V', 0)})" if self.methods else "pass"
        return self.expression(kind, depth)


def generate(choose: Callable[[Sequence[Any]], Any]) -> str:
    """The source of a class with generated methods ``m0``, ``m1``..."""
    source = PRELUDE
    names: list[str] = []
    for number in range(METHODS_A_CLASS):
        grammar = Grammar(choose, names)
        lines = ["me = self", "v = w = y = x"]
        for _ in range(choose((1, 2, 3, 4))):
            lines += grammar.statement(choose((0, 1, 1, 2))).split("\n")
        source += f"    def m{number}(self, x=None):\n" + "".join(f"        {line}\n" for line in lines)
        names.append(f"m{number}")
    return source


@st.composite
def classes(draw: Any) -> str:
    return generate(lambda choices: draw(st.sampled_from(choices)))


def load(source: str, file: str, keep: bool) -> Any:
    linecache.cache.pop(file, None)
    if keep:
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    space: dict[str, Any] = {"__name__": "generated"}
    exec(compile(source, file, "exec", dont_inherit=True), space)
    return space["Thing"]


def run(cls: Any, calls: list[tuple[int, int]]) -> Trace:
    """Call the methods; an exception in one is as good an end as any."""
    with trace(cls) as traced:
        thing = cls()
        for number, argument in calls:
            try:
                result = getattr(thing, f"m{number}")([0, [1], {"k": [2]}, None, "a"][argument])
                if hasattr(result, "send"):
                    next(result, None)
                    next(result, None)
            except Exception:
                continue
    return traced


@settings(
    max_examples=METHODS // METHODS_A_CLASS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,  # what failed can be run again: each run draws other classes
)
@given(
    classes(),
    st.lists(st.tuples(st.integers(0, METHODS_A_CLASS - 1), st.integers(0, 4)), min_size=4, max_size=12),
    st.booleans(),
)
def test_no_effect_is_missed(source: str, calls: list[tuple[int, int]], keep: bool) -> None:
    try:
        cls = load(source, "<generated>", keep)
    except SyntaxError:
        return
    traced = run(cls, calls)
    generated = source[len(PRELUDE) :]
    assert not traced.misses, "\n".join([*traced.misses, generated])
