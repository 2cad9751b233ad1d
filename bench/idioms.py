"""How programs change what they keep: statements that are run on containers of any size.

An idiom is a class of its own, and all of them together are one class; both are written as modules, since what a method
may write is found in its source.
"""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["IDIOMS", "Idiom", "class_of", "module"]


@dataclass(frozen=True)
class Idiom:
    """``write`` changes item ``i`` (below 50) of what ``init`` makes; ``read`` gives something that shows it."""

    name: str
    init: str
    write: str
    read: str

    def __str__(self) -> str:
        return self.name


PRELUDE = """
import bisect
import dataclasses
import heapq
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from typing import NamedTuple

import numpy


class Row:
    def __init__(self, n):
        self.n, self.items = n, []

    def hit(self):
        self.n += 1


@dataclasses.dataclass
class Record:
    n: int = 0


@dataclasses.dataclass(frozen=True)
class Frozen:
    n: int = 0


class Point(NamedTuple):
    n: int = 0


class Account:
    def __init__(self, balance):
        self.held = balance

    @property
    def balance(self):
        return self.held

    @balance.setter
    def balance(self, value):
        if value < 0:
            raise ValueError(value)
        self.held = value


class Slots:
    __slots__ = ("n", "next")

    def __init__(self, n, next=None):
        self.n, self.next = n, next


class Tree:
    def __init__(self, size):
        self.n = size
        self.left = Tree(size // 2) if size > 1 else None
        self.right = Tree(size - size // 2 - 1) if size > 2 else None


class Table(dict):
    pass


class Rows(list):
    pass
"""

# A name is given to all that an idiom keeps (`{0}`), so that all of them fit into one class.
_TABLE = [
    ("self.rows[i].n += 1", "self.{0} = [Row(k) for k in range(size)]", "self.{0}[i].n += 1", "self.{0}[i].n"),
    ("self.byname[k].hit()", "self.{0} = {{str(k): Row(k) for k in range(size)}}", "self.{0}[str(i)].hit()",
     "self.{0}[str(i)].n"),
    ('self.table[k]["n"] += 1', 'self.{0} = {{k: {{"n": k}} for k in range(size)}}', 'self.{0}[i]["n"] += 1',
     'self.{0}[i]["n"]'),
    ("self.lists[k].append(x)", "self.{0} = {{k: [k] for k in range(size)}}", "self.{0}[i].append(i)",
     "len(self.{0}[i])"),
    ("self.lists.setdefault(k, []).append(x)", "self.{0} = {{k: [k] for k in range(size)}}",
     "self.{0}.setdefault(i, []).append(i)", "len(self.{0}[i])"),
    ("a defaultdict(list): self.lists[k].append(x)",
     "self.{0} = defaultdict(list, {{k: [k] for k in range(size)}})", "self.{0}[i].append(i)", "len(self.{0}[i])"),
    ("a defaultdict(Counter): self.counts[k][x] += 1",
     "self.{0} = defaultdict(Counter, {{k: Counter(a=1) for k in range(size)}})", 'self.{0}[i]["a"] += 1',
     'self.{0}[i]["a"]'),
    ("a dict of Counters: self.counts[k][x] += 1", "self.{0} = {{k: Counter(a=1) for k in range(size)}}",
     'if i not in self.{0}:\n            self.{0}[i] = Counter()\n        self.{0}[i]["a"] += 1', 'self.{0}[i]["a"]'),
    ("a dict of Counters: self.counts[k].update(words)", "self.{0} = {{k: Counter(a=1) for k in range(size)}}",
     'self.{0}[i].update(["a", str(i)])', 'self.{0}[i]["a"]'),
    ("a defaultdict(int): self.d[k] += 1", "self.{0} = defaultdict(int, {{k: k for k in range(size)}})",
     "self.{0}[i] += 1", "self.{0}[i]"),
    ("an LRU: move_to_end", "self.{0} = OrderedDict((k, k) for k in range(size))", "self.{0}.move_to_end(i)",
     "next(reversed(self.{0}))"),
    ("an LRU: popitem and a new key", "self.{0} = OrderedDict((k, k) for k in range(size))",
     "key, value = self.{0}.popitem(last=False); self.{0}[key] = value", "next(reversed(self.{0}))"),
    ("a Counter: self.c[k] += 1", "self.{0} = Counter({{k: 1 for k in range(size)}})", "self.{0}[i] += 1",
     "self.{0}[i]"),
    ("a Counter: self.c.update(words)", "self.{0} = Counter({{k: 1 for k in range(size)}})",
     "self.{0}.update([i, i + 1])", "self.{0}[i]"),
    ("heapq.heappush, heappop", "self.{0} = list(range(size))",
     "heapq.heappush(self.{0}, -i); heapq.heappop(self.{0})", "self.{0}[0]"),
    ("bisect.insort", "self.{0} = list(range(0, 2 * size, 2))", "bisect.insort(self.{0}, 2 * size_of_all + i)",
     "self.{0}[-1]"),
    ("bisect and del", "self.{0} = list(range(size))",
     "del self.{0}[bisect.bisect_left(self.{0}, i)]; bisect.insort(self.{0}, i)", "self.{0}[i]"),
    ("a grid: self.grid[y][x] += 1", "self.{0} = [[0] * 10 for _ in range(size // 10)]",
     "self.{0}[i % 10][i % 7] += 1", "self.{0}[i % 10][i % 7]"),
    ("next(iter(self.d))", "self.{0} = {{k: k for k in range(size)}}",
     "key = next(iter(self.{0})); self.{0}[key] = i", "self.{0}[0]"),
    ("if k in self.d: ... else: ...", "self.{0} = {{k: k for k in range(size)}}",
     "if i in self.{0}:\n            self.{0}[i] += 1\n        else:\n            self.{0}[i] = 0", "self.{0}[i]"),
    ("self.d[k] = self.d.get(k, 0) + 1", "self.{0} = {{k: k for k in range(size)}}",
     "self.{0}[i] = self.{0}.get(i, 0) + 1", "self.{0}[i]"),
    ("self.d.update({k: x})", "self.{0} = {{k: k for k in range(size)}}", "self.{0}.update({{i: 2 * i}})",
     "self.{0}[i]"),
    ("self.d.pop(k), self.d[k] = x", "self.{0} = {{k: k for k in range(size)}}",
     "x = self.{0}.pop(i); self.{0}[i] = x + 1", "self.{0}[i]"),
    ("an element of a numpy array", "self.{0} = numpy.zeros(10 * size)", "self.{0}[i] += 1", "self.{0}[i]"),
    ("an element of an array.array", 'self.{0} = array("d", bytes(8 * size))', "self.{0}[i] += 1", "self.{0}[i]"),
    ("a byte of a bytearray", "self.{0} = bytearray(size)", "self.{0}[i] = i", "self.{0}[i]"),
    ("two indices filled by one method",
     "self.{0} = {{k: str(k) for k in range(size)}}; self.{0}_names = {{str(k): k for k in range(size)}}",
     "self.{0}[i] = str(i); self.{0}_names[str(i)] = i", "self.{0}_names[str(i)], self.{0}[i]"),
    ("a row in two indices",
     "self.{0} = {{}}; self.{0}_names = {{}}\n"
     "        for k in range(size):\n            self.{0}[k] = self.{0}_names[str(k)] = Row(k)",
     "self.{0}[i].n += 1", "self.{0}_names[str(i)].n"),
    ("self.set.add(x)", "self.{0} = set(range(size))", "self.{0}.discard(-i); self.{0}.add(-i)", "-i in self.{0}"),
    ("a dict of sets: self.edges[k].add(x)", "self.{0} = {{k: {{k}} for k in range(size)}}",
     "self.{0}[i].add(-i)", "-i in self.{0}[i]"),
    ("a graph of objects: a.items.append(b)", "self.{0} = [Row(k) for k in range(size)]",
     "self.{0}[i].items.append(self.{0}[i + 1]); self.{0}[i].items[-1].n += 1", "self.{0}[i + 1].n"),
    ("a dict of deques", "self.{0} = {{k: deque([k], maxlen=8) for k in range(size)}}", "self.{0}[i].append(i)",
     "len(self.{0}[i])"),
    ("self.d |= {k: x}", "self.{0} = {{k: k for k in range(size)}}", "self.{0} |= {{i: 2 * i}}", "self.{0}[i]"),
    ("try: self.d[k] += 1", "self.{0} = {{k: k for k in range(size)}}",
     "try:\n            self.{0}[i] += 1\n        except KeyError:\n            self.{0}[i] = 1", "self.{0}[i]"),
    ("self.l += [x], del self.l[-1]", "self.{0} = list(range(size))", "self.{0} += [i]; del self.{0}[-1]",
     "len(self.{0})"),
    ("bisect.insort with a key", "self.{0} = [(k, k) for k in range(size)]",
     "bisect.insort(self.{0}, (self.size + i, i), key=lambda pair: pair[0]); self.{0}.pop()", "len(self.{0})"),
    ("a deque: append, popleft", "self.{0} = deque(range(size))", "self.{0}.append(self.{0}.popleft())",
     "self.{0}[-1]"),
    ("a queue of jobs", "self.{0} = deque(Row(k) for k in range(size))",
     "job = self.{0}.popleft(); job.n += 1; self.{0}.append(job)", "self.{0}[-1].n"),
    ("a field of a dataclass", "self.{0} = [Record(k) for k in range(size)]", "self.{0}[i].n += 1",
     "self.{0}[i].n"),
    ("dataclasses.replace", "self.{0} = [Frozen(k) for k in range(size)]",
     "self.{0}[i] = dataclasses.replace(self.{0}[i], n=self.{0}[i].n + 1)", "self.{0}[i].n"),
    ("a property with a setter", "self.{0} = {{k: Account(k) for k in range(size)}}", "self.{0}[i].balance += 1",
     "self.{0}[i].balance"),
    ("a named tuple's _replace", "self.{0} = [Point(k) for k in range(size)]",
     "self.{0}[i] = self.{0}[i]._replace(n=self.{0}[i].n + 1)", "self.{0}[i].n"),
    ("an object with slots", "self.{0} = [Slots(k) for k in range(size)]", "self.{0}[i].n += 1",
     "self.{0}[i].n"),
    ("nested objects: self.tree.items[i].items.append(x)",
     "self.{0} = Row(0); self.{0}.items = [Row(k) for k in range(size)]", "self.{0}.items[i].items.append(i)",
     "len(self.{0}.items[i].items)"),
    ("a walk in a tree", "self.{0} = Tree(size)",
     "tree = self.{0}\n        while tree.left:\n            tree = tree.left\n        tree.n += i",
     "self.{0}.n"),
    ("a dict in a dict: self.d[a][k][b] += 1", 'self.{0} = {{"a": {{k: {{"n": k}} for k in range(size)}}}}',
     'self.{0}["a"][i]["n"] += 1', 'self.{0}["a"][i]["n"]'),
    ("self.rows[i] = Row(i)", "self.{0} = [Row(k) for k in range(size)]", "self.{0}[i] = Row(i)",
     "self.{0}[i].n"),
    ("self.rows[i] = {}", "self.{0} = [None] * size", 'self.{0}[i] = {{"x": i}}', '(self.{0}[i] or {{}}).get("x")'),
    ("self.rows[i] = (i, x)", "self.{0} = [(k, k) for k in range(size)]",
     "self.{0}[i] = (i, self.{0}[i][1] + 1)", "self.{0}[i][1]"),
    ("self.l[i], self.l[j] = self.l[j], self.l[i]", "self.{0} = [Row(k) for k in range(size)]",
     "self.{0}[i], self.{0}[50] = self.{0}[50], self.{0}[i]", "self.{0}[i].n"),
    ("self.l.append(x), self.l.pop()", "self.{0} = list(range(size))", "self.{0}.append(i)\n"
     "        if i % 2:\n            self.{0}.pop()", "self.{0}[-1]"),
    ("self.l[i:j] = [x, y]", "self.{0} = list(range(size))", "self.{0}[i : i + 2] = [i, i]", "self.{0}[i]"),
    ("from one dict to another",
     "self.{0} = {{k: Row(k) for k in range(size)}}; self.{0}_done = {{k: Row(k) for k in range(50, size)}}",
     "job = self.{0}.pop(i); job.n += 1; self.{0}_done[i] = job; self.{0}[i] = self.{0}_done.pop(i)",
     "self.{0}[i].n"),
    ("a subclass of dict", "self.{0} = Table((k, k) for k in range(size))", "self.{0}[i] += 1", "self.{0}[i]"),
    ("a subclass of list, with rows", "self.{0} = Rows(Row(k) for k in range(size))", "self.{0}[i].n += 1",
     "self.{0}[i].n"),
    ("self.n += 1 beside a large list", "self.{0} = 0; self.{0}_rows = [[k] for k in range(size)]", "self.{0} += 1",
     "self.{0}"),
]  # fmt: skip

IDIOMS = [
    Idiom(name, *(text.format(f"a{number}").replace("size_of_all", "self.size") for text in texts))
    for number, (name, *texts) in enumerate(_TABLE)
]


def class_of(idiom: Idiom) -> str:
    """The name of the idiom's class in a module of :func:`module`."""
    return f"Idiom{IDIOMS.index(idiom)}"


def module(idioms: Sequence[Idiom] = IDIOMS) -> str:
    """A module with a class for each idiom, and ``Everything``, with the methods ``write0``, ``read0`` ... of all."""
    parts = [PRELUDE]
    for idiom in idioms:
        parts.append(
            f"class {class_of(idiom)}:\n"
            f"    def __init__(self, size):\n        self.size = size\n        {idiom.init}\n\n"
            f"    def write(self, i):\n        {idiom.write}\n\n"
            f"    def read(self, i):\n        return {idiom.read}\n"
        )
    parts.append("class Everything:\n    def __init__(self, size):\n        self.size = size")
    parts.append("\n".join(f"        {idiom.init}" for idiom in idioms) + "\n")
    for idiom in idioms:
        number = IDIOMS.index(idiom)
        parts.append(f"    def write{number}(self, i):\n        {idiom.write}\n")
        parts.append(f"    def read{number}(self, i):\n        return {idiom.read}\n")
    return "\n\n".join(parts)
