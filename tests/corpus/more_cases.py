"""More classes of packages, and classes of users that keep objects of such packages in attributes."""

from driving import Case

MORE = [
    Case(
        "more_itertools.SequenceView",
        "more_itertools",
        "from more_itertools import SequenceView, seekable, bucket",
        "{'l': [1, 2]}",
        (
            "len(SequenceView(x['l']))",
            "list(SequenceView(x['l']))",
            "x['l'].append({i})",
            "SequenceView(x['l'])[0]",
        ),
        "dict(x)",
    ),
    Case(
        "pyrsistent.pvector",
        "pyrsistent",
        "from pyrsistent import pvector, v, m, freeze, thaw\n"
        "class Box:\n"
        "    def __init__(self): self.items = v(1, 2)\n"
        "    def add(self, n): self.items = self.items.append(n)\n"
        "    def drop(self): self.items = self.items.delete(0)\n"
        "    def at(self, i): return self.items[i]",
        "Box()",
        (
            "x.add({i})",
            "x.drop()",
            "x.at(0)",
            "len(x.items)",
            "thaw(x.items)",
        ),
        "thaw(x.items)",
        fault="iterating over it is refused: its iterators cannot be sent",
    ),
    Case(
        "pyrsistent.PRecord",
        "pyrsistent",
        "from pyrsistent import PRecord, field\n"
        "class R(PRecord):\n"
        "    a = field(type=int)\n"
        "class Keeper:\n"
        "    def __init__(self): self.r = R(a=1)\n"
        "    def put(self, n): self.r = self.r.set(a=n)",
        "Keeper()",
        (
            "x.put({i})",
            "x.put('no')",
            "x.r.a",
            "x.r.serialize()",
        ),
        "dict(x.r)",
    ),
    Case(
        "boltons.queueutils.HeapPriorityQueue",
        "boltons",
        "from boltons.queueutils import HeapPriorityQueue",
        "HeapPriorityQueue()",
        (
            "x.add({s}, {i})",
            "x.pop()",
            "x.peek(None)",
            "len(x)",
            "x.remove({s})",
        ),
        "x.peek(None)",
    ),
    Case(
        "boltons.tableutils.Table",
        "boltons",
        "from boltons.tableutils import Table",
        "Table([[1, 2]], headers=['a', 'b'])",
        (
            "x.extend([[{i}, {i}]])",
            "len(x)",
            "x.to_text()",
            "x.headers",
            "x[0]",
        ),
        "x.to_text()",
    ),
    Case(
        "boltons.statsutils.Stats",
        "boltons",
        "from boltons.statsutils import Stats",
        "Stats([1, 2, 3])",
        (
            "x.mean",
            "x.data.append({i})",
            "x.median",
            "x.std_dev",
            "x.describe()",
            "x.clear_cache()",
        ),
        "list(x.data)",
    ),
    Case(
        "boltons.listutils.BarrelList",
        "boltons",
        "from boltons.listutils import BarrelList",
        "BarrelList([1, 2])",
        (
            "x.append({i})",
            "x.insert(0, {i})",
            "x.pop()",
            "len(x)",
            "x[0]",
            "x.extend([{i}])",
            "x.sort()",
        ),
        "list(x)",
        fault="its extend needs an attribute before that is there: pickle fails too",
    ),
    Case(
        "boltons.urlutils.QueryParamDict",
        "boltons",
        "from boltons.urlutils import QueryParamDict",
        "QueryParamDict([('a', '1')])",
        (
            "x.add({s}, 'v{i}')",
            "x.to_text()",
            "x.getlist({s})",
            "x.pop({s}, None)",
        ),
        "x.to_text()",
    ),
    Case(
        "boltons.cacheutils.ThresholdCounter",
        "boltons",
        "from boltons.cacheutils import LRI, ThresholdCounter",
        "ThresholdCounter(0.1)",
        (
            "x.add({s})",
            "x.update(['a', 'b'])",
            "x.most_common(2)",
            "x.get('a')",
            "x.elements() is None",
            "x.get_uncommon_count()",
        ),
        "sorted(x.items())",
    ),
    Case(
        "transitions.HierarchicalMachine",
        "transitions",
        "from transitions.extensions import HierarchicalMachine\n"
        "def make():\n"
        "    return HierarchicalMachine(states=['a', {'name': 'b', 'children': ['c', 'd']}], "
        "initial='a', transitions=[['go', 'a', 'b_c'], ['go', 'b_c', 'b_d'], ['back', '*', 'a']])",
        "make()",
        (
            "x.go()",
            "x.back()",
            "x.state",
            "x.is_a()",
            "x.may_go()",
        ),
        "x.state",
    ),
    Case(
        "a model with transitions",
        "transitions",
        "from transitions import Machine\n"
        "class Door:\n"
        "    def __init__(self):\n"
        "        self.log = []\n"
        "        self.machine = Machine(self, states=['open', 'shut'], initial='shut', "
        "transitions=[{'trigger': 'flip', 'source': 'shut', 'dest': 'open', 'after': 'note'}, "
        "{'trigger': 'flip', 'source': 'open', 'dest': 'shut'}])\n"
        "    def note(self): self.log.append(self.state)",
        "Door()",
        (
            "x.flip()",
            "x.state",
            "x.is_open()",
            "len(x.log)",
            "x.trigger('flip')",
        ),
        "(x.state, list(x.log))",
    ),
    Case(
        "simpy.Store",
        "simpy",
        "import simpy\n"
        "class Shop:\n"
        "    def __init__(self):\n"
        "        self.t, self.sold = 0.0, []\n"
        "    def run(self, n):\n"
        "        env = simpy.Environment()\n"
        "        shelf = simpy.Store(env, capacity=3)\n"
        "        def maker():\n"
        "            for i in range(n):\n"
        "                yield env.timeout(1)\n"
        "                yield shelf.put(i)\n"
        "        def buyer():\n"
        "            while True:\n"
        "                got = yield shelf.get()\n"
        "                self.sold.append(got)\n"
        "        env.process(maker())\n"
        "        env.process(buyer())\n"
        "        env.run(until=n + 2)\n"
        "        self.t += env.now\n"
        "        return self.t",
        "Shop()",
        (
            "x.run(3)",
            "len(x.sold)",
            "x.run(1)",
        ),
        "(x.t, list(x.sold))",
    ),
    Case(
        "networkx.MultiDiGraph",
        "networkx",
        "import networkx as nx",
        "nx.MultiDiGraph([(1, 2), (1, 2)])",
        (
            "x.add_edge({i}, {i}, key={s})",
            "x.number_of_edges(1, 2)",
            "x.remove_node({i})",
            "sorted(x.successors(1))",
            "x.out_degree(1)",
            "nx.number_weakly_connected_components(x)",
        ),
        "sorted(x.edges(keys=True), key=repr)",
    ),
    Case(
        "networkx.utils.UnionFind",
        "networkx",
        "from networkx.utils import UnionFind",
        "UnionFind([1, 2, 3])",
        (
            "x.union({i}, {i})",
            "x[{i}]",
            "sorted(map(sorted, x.to_sets()))",
        ),
        "sorted(map(sorted, x.to_sets()))",
    ),
    Case(
        "networkx.utils.MappedQueue",
        "networkx",
        "from networkx.utils.mapped_queue import MappedQueue",
        "MappedQueue([3, 1])",
        (
            "x.push({i})",
            "x.pop()",
            "len(x)",
            "{i} in x",
            "x.remove({i})",
        ),
        "len(x)",
    ),
    Case(
        "intervaltree on a class",
        "intervaltree",
        "from intervaltree import IntervalTree\n"
        "class Diary:\n"
        "    def __init__(self): self.tree = IntervalTree()\n"
        "    def book(self, a, b, who): self.tree[a:b] = who\n"
        "    def at(self, t): return sorted(i.data for i in self.tree[t])\n"
        "    def clear(self, a, b): self.tree.chop(a, b)",
        "Diary()",
        (
            "x.book({i}, {i} + 14, {s})",
            "x.at({i})",
            "x.clear(2, 4)",
            "len(x.tree)",
        ),
        "x.at(3)",
    ),
    Case(
        "portion.Interval",
        "portion",
        "import portion as P\n"
        "class Free:\n"
        "    def __init__(self): self.times = P.closed(0, 10)\n"
        "    def take(self, a): self.times -= P.closed(a, a + 1)\n"
        "    def give(self, a): self.times |= P.closed(a, a + 2)",
        "Free()",
        (
            "x.take({i})",
            "x.give({i})",
            "{i} in x.times",
            "str(x.times)",
        ),
        "str(x.times)",
    ),
    Case(
        "pint quantities",
        "pint",
        "import pint\n"
        "U = pint.UnitRegistry()\n"
        "pint.set_application_registry(U)\n"
        "class Tank:\n"
        "    def __init__(self): self.level = U.Quantity(1.0, 'liter')\n"
        "    def fill(self, n): self.level = self.level + U.Quantity(n, 'milliliter')\n"
        "    def drain(self): self.level = self.level / 2",
        "Tank()",
        (
            "x.fill({i})",
            "x.drain()",
            "str(x.level)",
            "x.level.to('ml').magnitude",
        ),
        "str(x.level)",
    ),
    Case(
        "arrow.Arrow",
        "arrow",
        "import arrow",
        "{'at': arrow.get(2026, 1, 1)}",
        (
            "x.update(at=x['at'].shift(days={i}))",
            "x['at'].isoformat()",
            "x['at'].day",
            "x['at'].humanize(arrow.get(2026, 1, 3))",
        ),
        "str(x['at'])",
    ),
    Case(
        "pendulum.Period",
        "pendulum",
        "import pendulum\n"
        "class Clock:\n"
        "    def __init__(self): self.start = self.now = pendulum.datetime(2026, 1, 1)\n"
        "    def tick(self, n): self.now = self.now.add(hours=n)\n"
        "    @property\n"
        "    def past(self): return (self.now - self.start).in_hours()",
        "Clock()",
        (
            "x.tick({i})",
            "x.past",
            "x.now.to_iso8601_string()",
        ),
        "x.past",
    ),
    Case(
        "chess.pgn.Game",
        "chess",
        "import chess, chess.pgn",
        "chess.pgn.Game()",
        (
            "x.headers['White'] = {s}",
            "x.headers['White']",
            "x.add_variation(chess.Move.from_uci('e2e4')) is None",
            "len(x.variations)",
            "x.is_end()",
        ),
        "(x.headers['White'], len(x.variations))",
    ),
    Case(
        "treelib in a class",
        "treelib",
        "from treelib import Tree\n"
        "class Files:\n"
        "    def __init__(self):\n"
        "        self.tree = Tree()\n"
        "        self.tree.create_node('/', '/')\n"
        "    def add(self, n): self.tree.create_node(n, n, parent='/')\n"
        "    def drop(self, n): return self.tree.remove_node(n)\n"
        "    def show(self): return sorted(n.tag for n in self.tree.children('/'))",
        "Files()",
        (
            "x.add('f{i}')",
            "x.drop('f{i}')",
            "x.show()",
            "x.tree.size()",
            "x.tree.depth()",
        ),
        "x.show()",
    ),
    Case(
        "anytree in a class",
        "anytree",
        "from anytree import Node, find, PreOrderIter\n"
        "class Org:\n"
        "    def __init__(self): self.root = Node('root')\n"
        "    def hire(self, n, under):\n"
        "        boss = find(self.root, lambda node: node.name == under) or self.root\n"
        "        Node(n, parent=boss)\n"
        "    def names(self): return [n.name for n in PreOrderIter(self.root)]\n"
        "    def height(self): return self.root.height",
        "Org()",
        (
            "x.hire({s}, {s})",
            "x.names()",
            "x.height()",
            "len(x.root.children)",
        ),
        "x.names()",
    ),
    Case(
        "lark.Tree",
        "lark",
        "from lark import Tree, Token",
        "Tree('start', [1, Tree('sub', [2])])",
        (
            "x.data",
            "len(x.children)",
            "x.pretty()",
            "x.children.append({i})",
            "x.data = {s}",
            "[t.data for t in x.iter_subtrees()]",
            "x.set('q', [{i}])",
        ),
        "(x.data, len(x.children))",
    ),
    Case(
        "an index of words",
        "",
        "import re, collections\n"
        "class Index:\n"
        "    def __init__(self): self.docs, self.words = {}, collections.defaultdict(set)\n"
        "    def add(self, k, text):\n"
        "        self.docs[k] = text\n"
        "        for w in re.findall(r'\\w+', text): self.words[w.lower()].add(k)\n"
        "    def find(self, w): return sorted(self.words.get(w, ()))\n"
        "    def rank(self): return sorted(self.words, key=lambda w: (-len(self.words[w]), w))[:3]",
        "Index()",
        (
            "x.add({i}, 'Ada tea')",
            "x.add({i}, {s})",
            "x.find('tea')",
            "x.rank()",
        ),
        "(x.find('ada'), x.rank())",
    ),
    Case(
        "sympy.Poly",
        "sympy",
        "import sympy\n"
        "X = sympy.Symbol('x')\n"
        "class P:\n"
        "    def __init__(self): self.p = sympy.Poly(X + 1, X)\n"
        "    def mul(self, n): self.p = self.p * (X + n) if self.p.degree() < 4 else sympy.Poly(X, X)\n"
        "    def at(self, v): return int(self.p.eval(v))",
        "P()",
        (
            "x.mul({i})",
            "x.at({i})",
            "x.p.degree()",
        ),
        "str(x.p)",
    ),
    Case(
        "jinja2 in a class",
        "jinja2",
        "import jinja2\n"
        "class Page:\n"
        "    def __init__(self): self.text, self.hits = 'hi {{ a }}', 0\n"
        "    def render(self, a):\n"
        "        self.hits += 1\n"
        "        return jinja2.Template(self.text).render(a=a)",
        "Page()",
        (
            "x.render({i})",
            "x.hits",
            "x.text = 'bye {{ a }}'",
        ),
        "(x.text, x.hits)",
    ),
    Case(
        "tinydb in a class",
        "tinydb",
        "from tinydb import TinyDB, where\n"
        "from tinydb.storages import MemoryStorage\n"
        "class Db:\n"
        "    def __init__(self): self.db = TinyDB(storage=MemoryStorage)\n"
        "    def put(self, n): return self.db.insert({'n': n})\n"
        "    def find(self, n): return [dict(d) for d in self.db.search(where('n') == n)]\n"
        "    def drop(self, n): self.db.remove(where('n') == n)",
        "Db()",
        (
            "x.put({i})",
            "x.find({i})",
            "x.drop({i})",
            "len(x.find(3))",
        ),
        "x.find(1)",
        fault="its __getattr__ recurses when it is loaded",
    ),
    Case(
        "pyparsing results",
        "pyparsing",
        "import pyparsing as pp\n"
        "class Calc:\n"
        "    def __init__(self): self.seen = []\n"
        "    def parse(self, text):\n"
        "        word = pp.Word(pp.nums).set_parse_action(lambda t: int(t[0]))\n"
        "        got = pp.DelimitedList(word).parse_string(text).as_list()\n"
        "        self.seen.append(got)\n"
        "        return sum(got)",
        "Calc()",
        (
            "x.parse('1,2')",
            "x.parse('x')",
            "len(x.seen)",
        ),
        "list(x.seen)",
    ),
    Case(
        "tomlkit in a class",
        "tomlkit",
        "import tomlkit\n"
        "class Conf:\n"
        "    def __init__(self): self.doc = tomlkit.parse('a = 1\\n[t]\\nb = 2\\n')\n"
        "    def put(self, n): self.doc['t']['b'] = n\n"
        "    def text(self): return tomlkit.dumps(self.doc)",
        "Conf()",
        (
            "x.put({i})",
            "x.text()",
        ),
        "x.text()",
    ),
    Case(
        "configobj in a class",
        "configobj",
        "from configobj import ConfigObj\n"
        "class Conf:\n"
        "    def __init__(self): self.c = ConfigObj({'s': {'b': '2'}})\n"
        "    def put(self, n): self.c['s']['b'] = n\n"
        "    def get(self): return self.c['s']['b']",
        "Conf()",
        (
            "x.put({s})",
            "x.get()",
        ),
        "x.get()",
    ),
    Case(
        "bidict in a class",
        "bidict",
        "from bidict import bidict\n"
        "class Names:\n"
        "    def __init__(self): self.b = bidict()\n"
        "    def put(self, k, v): self.b.forceput(k, v)\n"
        "    def whose(self, v): return self.b.inverse.get(v)\n"
        "    def drop(self, v): return self.b.inverse.pop(v, None)",
        "Names()",
        (
            "x.put({s}, {i})",
            "x.whose({i})",
            "x.drop({i})",
        ),
        "dict(x.b)",
    ),
]
