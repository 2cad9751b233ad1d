"""Programs of two or three processes with nested data: each does the same with plain objects in one process.

``python processes.py NAME`` runs one of them. ``there(f, ...)`` has another process do a step;
``together(f, ...)`` has two of them do two steps at once, of which the order does not matter.
"""

import collections
import concurrent.futures
import dataclasses
import functools
import itertools
import multiprocessing
import sys
import typing

import users

from share import Share


def main(name: str) -> int:
    program = globals()[name]

    def in_turn(f, *columns):
        return [f(*row) for row in zip(*columns, strict=True)]

    wanted = users.run(
        functools.partial(program, there=lambda f, *args: f(*args), together=in_turn), users.Plain()
    )
    context = multiprocessing.get_context("fork")
    with Share() as shared, concurrent.futures.ProcessPoolExecutor(2, context) as pool:
        got = users.run(
            functools.partial(
                program,
                there=lambda f, *args: pool.submit(f, *args).result(),
                together=lambda f, *columns: list(pool.map(f, *columns)),
            ),
            shared,
        )
        shared.flush()
        if got == wanted:
            return 0
        print(f"plain:  {wanted}\nshared: {got}")
        return 1


# 1 inventory: the oldest batches go first
@dataclasses.dataclass
class Batch:
    number: int
    left: int
    notes: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Item:
    name: str
    price: float
    batches: list[Batch] = dataclasses.field(default_factory=list)
    tags: set[str] = dataclasses.field(default_factory=set)

    @property
    def left(self):
        return sum(batch.left for batch in self.batches)

    def take(self, n):
        taken = []
        while n and self.batches:
            batch = self.batches[0]
            here = min(n, batch.left)
            batch.left -= here
            n -= here
            taken.append((batch.number, here))
            if not batch.left:
                self.batches.pop(0)
        return taken


class Inventory:
    def __init__(self):
        self.items, self.empty, self.numbers = {}, [], 0

    def receive(self, name, n, *, price=1.0):
        item = self.items.setdefault(name, Item(name, price))
        self.numbers += 1
        item.batches.append(Batch(self.numbers, n))
        if item in self.empty:
            self.empty.remove(item)
        return item

    def sell(self, name, n):
        item = self.items[name]
        taken = item.take(n)
        if not item.batches and item not in self.empty:
            self.empty.append(item)
        return taken

    def worth(self):
        return sum(item.left * item.price for item in self.items.values())


def sell_some(inventory, name, n):
    return sum(count for _ in range(n) for _, count in inventory.sell(name, 1))


def mark_oldest(item, note):
    item.batches[0].notes.append(note)
    item.tags |= {note, item.name}
    return item.batches[0].number, sorted(item.tags)


def inventory(s, there, together):
    s.stock = Inventory()
    tea = s.stock.receive("tea", 5, price=2.0)
    s.stock.receive("tea", 7)
    rum = s.stock.receive("rum", 3)
    found = [tea.left, s.stock.items["tea"] is tea, s.stock.worth(), there(s.stock.sell, "tea", 6)]
    oldest = tea.batches[0]
    found += [
        oldest.number,
        oldest.left,
        there(mark_oldest, tea, "soon"),
        list(oldest.notes),
        sorted(tea.tags),
    ]
    found += [sorted(together(sell_some, [s.stock] * 2, ["tea"] * 2, [4, 2])), tea.left, len(s.stock.empty)]
    found += [s.stock.empty[0] is tea, tea in s.stock.empty, rum in s.stock.empty]
    tea.price *= 3
    there(s.stock.receive, "tea", 2)
    found += [s.stock.empty == [], s.stock.worth(), [(b.number, b.left) for b in tea.batches]]
    rum.batches.extend([Batch(90, 1), Batch(91, 2)])
    rum.batches[0], rum.batches[2] = rum.batches[2], rum.batches[0]
    rum.batches[1].left += 10
    found += [
        there(rum.take, 4),
        [(b.number, b.left) for b in rum.batches],
        dataclasses.asdict(rum)["batches"],
    ]
    return found


# 2 game: things change hands, and figures move about
class Figure:
    def __init__(self, name, life=10):
        self.name, self.life, self.bag, self.at, self.target = name, life, [], (0, 0), None

    def hit(self, other, n):
        other.life -= n
        self.target = other if other.life > 0 else None
        return other.life

    def give(self, thing, to):
        self.bag.remove(thing)
        to.bag.append(thing)


class World:
    def __init__(self):
        self.grid = collections.defaultdict(list)
        self.figures, self.graves = {}, []

    def add(self, name, at, **options):
        figure = self.figures[name] = Figure(name, **options)
        figure.at = at
        self.grid[at].append(figure)
        return figure

    def move(self, figure, dx, dy):
        self.grid[figure.at].remove(figure)
        if not self.grid[figure.at]:
            del self.grid[figure.at]
        figure.at = figure.at[0] + dx, figure.at[1] + dy
        self.grid[figure.at].append(figure)

    def bury(self):
        dead = [figure for figure in self.figures.values() if figure.life <= 0]
        for figure in dead:
            del self.figures[figure.name]
            self.grid[figure.at].remove(figure)
            self.graves.append(figure)
        return [figure.name for figure in dead]

    def near(self, figure):
        return [other for other in self.grid[figure.at] if other is not figure]


def walk(world, name, steps):
    for _ in range(steps):
        world.move(world.figures[name], 1, 0)


def strike(attacker, victim, times):
    return [attacker.hit(victim, 1) for _ in range(times)]


def game(s, there, together):
    s.world = World()
    ann, bob = s.world.add("ann", (0, 0)), s.world.add("bob", (0, 5), life=4)
    s.world.add("cid", (3, 0), life=2)
    sword = {"kind": "sword", "wear": [1, 2]}
    ann.bag.append(sword)
    ann.bag.append({"kind": "rope", "wear": []})
    sword = ann.bag[0]
    together(walk, [s.world] * 2, ["ann", "bob"], [3, 4])
    found = [
        ann.at,
        bob.at,
        sorted(s.world.grid),
        [f.name for f in s.world.near(ann)],
        s.world.near(ann)[0].life,
    ]
    there(ann.give, sword, bob)
    sword["wear"].append(3)
    found += [[t["kind"] for t in ann.bag], bob.bag[0]["wear"][-1], bob.bag[0] is sword, sword in bob.bag]
    found += [
        there(strike, ann, bob, 2),
        ann.target is bob,
        ann.target.name,
        there(strike, bob, s.world.figures["cid"], 2),
    ]
    cid = s.world.figures["cid"]
    found += [
        bob.target,
        s.world.bury(),
        [f.name for f in s.world.graves],
        cid.life,
        cid is s.world.graves[0],
    ]
    ann.target.bag[0]["kind"] = "axe"
    found += [sword["kind"], sorted(s.world.figures), [f.name for f in s.world.grid[3, 0]]]
    ann.bag, bob.bag = bob.bag, ann.bag
    found += [[t["kind"] for t in ann.bag], [t["kind"] for t in bob.bag], ann.bag[0] is sword]
    return found


# 3 document: sections are cut, pasted and referred to
class Section:
    def __init__(self, title, *children):
        self.title, self.children, self.lines, self.up = title, list(children), [], None
        for child in children:
            child.up = self

    def insert(self, i, child):
        child.up = self
        self.children.insert(i, child)
        return child

    def cut(self):
        self.up.children.remove(self)
        self.up = None
        return self

    def find(self, title):
        if self.title == title:
            return self
        for child in self.children:
            found = child.find(title)
            if found is not None:
                return found
        return None

    def numbered(self, prefix=""):
        yield prefix, self.title
        for i, child in enumerate(self.children, 1):
            yield from child.numbered(f"{prefix}{i}.")

    def depth(self):
        return 0 if self.up is None else self.up.depth() + 1


class Document:
    def __init__(self, root):
        self.root, self.notes, self.clipboard = root, {}, []

    def refer(self, key, section):
        self.notes[key] = section

    def cut(self, section):
        self.clipboard.append(section.cut())

    def paste(self, into, i=0):
        return into.insert(i, self.clipboard.pop())


def write(document, title, *lines):
    document.root.find(title).lines.extend(lines)


def numbers(document):
    return list(document.root.numbered())


def document(s, there, together):
    s.doc = Document(Section("book", Section("one", Section("one a"), Section("one b")), Section("two")))
    one, two, b = (s.doc.root.find(title) for title in ("one", "two", "one b"))
    s.doc.refer("see", b)
    there(write, s.doc, "one b", "hello", "world")
    found = [list(b.lines), list(s.doc.notes["see"].lines), s.doc.notes["see"] is b, b.depth(), b.up is one]
    s.doc.cut(b)
    found += [len(one.children), b.up, len(s.doc.clipboard), list(s.doc.root.numbered())]
    there(s.doc.paste, two)
    found += [b.up is two, two.children[0] is b, b.depth(), list(s.doc.root.numbered()), len(s.doc.clipboard)]
    there(setattr, b, "title", "two a")
    found += [s.doc.notes["see"].title, two.find("two a") is b, one.find("two a")]
    together(write, [s.doc] * 2, ["one", "two"], ["x", "y"])
    one.lines += ["z"]
    two.lines[:0] = one.lines
    found += [list(one.lines), list(two.lines)]
    s.doc.root.children.reverse()
    found += [there(numbers, s.doc), s.doc.root.children[1] is one]
    s.doc.root.children.sort(key=lambda section: section.title)
    found += [[c.title for c in s.doc.root.children], [c.up is s.doc.root for c in s.doc.root.children]]
    return found


# 4 graph: nodes that know each other
class Node:
    def __init__(self, key):
        self.key, self.edges, self.back, self.best = key, {}, set(), None


class Graph:
    def __init__(self):
        self.nodes = {}

    def node(self, key):
        if key not in self.nodes:
            self.nodes[key] = Node(key)
        return self.nodes[key]

    def connect(self, a, b, weight):
        one, other = self.node(a), self.node(b)
        one.edges[b] = [other, weight]
        other.back.add(a)

    def shortest(self, start):
        for node in self.nodes.values():
            node.best = None
        rest = collections.deque([(self.nodes[start], 0)])
        while rest:
            node, so_far = rest.popleft()
            if node.best is None or so_far < node.best:
                node.best = so_far
                rest.extend((other, so_far + weight) for other, weight in node.edges.values())
        return {key: node.best for key, node in sorted(self.nodes.items())}

    def drop(self, key):
        node = self.nodes.pop(key)
        for other in node.back:
            self.nodes[other].edges.pop(key, None)
        for other, _ in node.edges.values():
            other.back.discard(key)

    def reachable(self, key, seen=None):
        seen = set() if seen is None else seen
        if key not in seen:
            seen.add(key)
            for other, _ in self.nodes[key].edges.values():
                self.reachable(other.key, seen)
        return sorted(seen)


def ring(graph, keys):
    for a, b in itertools.pairwise(keys + keys[:1]):
        graph.connect(a, b, ord(b) - 90)


def graph(s, there, together):
    s.graph = Graph()
    together(ring, [s.graph] * 2, ["abcd", "cxyz"])
    a, c = s.graph.node("a"), s.graph.nodes["c"]
    found = [
        there(s.graph.shortest, "a"),
        a.best,
        c.best,
        sorted(c.edges),
        sorted(c.back),
        s.graph.reachable("x"),
    ]
    a.edges["b"][1] = 1
    a.edges["b"][0].edges["c"][1] += 2
    found += [
        there(s.graph.shortest, "a"),
        c.best,
        a.edges["b"][0] is s.graph.nodes["b"],
        c.edges["x"][0].key,
    ]
    a.edges["b"][0].edges["c"][0].edges["a"] = [a, 1]
    found += [there(s.graph.reachable, "a"), c.edges["a"][0] is a, there(s.graph.shortest, "z")]
    b = s.graph.nodes["b"]
    there(s.graph.drop, "c")
    found += [sorted(s.graph.nodes), sorted(b.edges), sorted(a.back), there(s.graph.reachable, "a")]
    return found


# 5 caches: with tags, least recently used first
class Cache:
    def __init__(self, size):
        self.size, self.entries, self.tags = size, collections.OrderedDict(), collections.defaultdict(set)
        self.stats = collections.Counter()

    def get(self, key, default=None):
        if key in self.entries:
            self.entries.move_to_end(key)
            self.stats["hit"] += 1
            return self.entries[key]["value"]
        self.stats["miss"] += 1
        return default

    def put(self, key, value, *tags):
        self.entries[key] = {"value": value, "tags": tags}
        self.entries.move_to_end(key)
        for tag in tags:
            self.tags[tag].add(key)
        while len(self.entries) > self.size:
            old, entry = self.entries.popitem(last=False)
            self._forget(old, entry)

    def _forget(self, key, entry):
        for tag in entry["tags"]:
            self.tags[tag].discard(key)
            if not self.tags[tag]:
                del self.tags[tag]
        self.stats.update(["gone"])

    def drop(self, tag):
        keys = sorted(self.tags.get(tag, ()))
        for key in keys:
            self._forget(key, self.entries.pop(key))
        return keys


class Caches:
    def __init__(self):
        self.by_name = {}

    def __getitem__(self, name):
        return self.by_name.setdefault(name, Cache(3))


def fill(cache, first):
    for i in range(first, first + 2):
        cache.put(i, [i], "even" if i % 2 == 0 else "odd", "all")


def caches(s, there, together):
    s.caches = Caches()
    pages = s.caches["pages"]
    there(fill, pages, 0)
    found = [
        pages.get(0),
        pages.get(9, "none"),
        list(pages.entries),
        dict(pages.stats),
        s.caches["pages"] is pages,
    ]
    pages.get(1).append("more")
    found += [there(pages.get, 1), list(pages.entries[1]["value"])]
    together(fill, [pages, s.caches["users"]], [2, 10])
    found += [
        list(pages.entries),
        {tag: sorted(keys) for tag, keys in pages.tags.items()},
        list(s.caches.by_name),
    ]
    found += [
        there(pages.drop, "even"),
        list(pages.entries),
        sorted(pages.tags),
        pages.stats["gone"],
        pages.stats["nothing"],
    ]
    held = s.caches["users"].entries[10]
    there(s.caches["users"].put, 10, "new")
    found += [held["value"], s.caches["users"].get(10), s.caches["users"].stats.most_common(1)]
    pages.stats -= collections.Counter(gone=1)
    pages.entries |= {"x": {"value": 1, "tags": ()}}
    found += [dict(pages.stats), there(list, pages.entries), "x" in s.caches["pages"].entries]
    return found


# 6 jobs: a queue with retries
class Job:
    def __init__(self, number, weight):
        self.number, self.weight, self.state, self.tries, self.log = number, weight, "new", 0, []

    def fail(self, why):
        self.tries += 1
        self.log.append(why)
        self.state = "dead" if self.tries > 2 else "new"


class Jobs:
    def __init__(self):
        self.waiting, self.running, self.done, self.dead = collections.deque(), {}, [], []

    def put(self, *weights):
        for weight in weights:
            self.waiting.append(Job(len(self.waiting) + len(self.done), weight))

    def claim(self, who):
        if not self.waiting:
            return None
        job = self.waiting.popleft()
        job.state = "running"
        self.running[job.number] = who, job
        return job

    def finish(self, job, ok=True):
        del self.running[job.number]
        if ok:
            job.state = "done"
            self.done.append(job)
            return
        job.fail("failed")
        (self.dead if job.state == "dead" else self.waiting).append(job)


def work(jobs, who):
    total = 0
    while (job := jobs.claim(who)) is not None:
        job.log.append("began")
        total += job.weight
        jobs.finish(job, job.weight % 5 != 0)
    return total


def jobs(s, there, together):
    s.jobs = Jobs()
    s.jobs.put(*range(1, 21))
    job = s.jobs.claim("me")
    found = [job.number, job.state, s.jobs.running[0][0], s.jobs.running[0][1] is job, len(s.jobs.waiting)]
    found += [sum(together(work, [s.jobs] * 2, ["x", "y"])), sorted(s.jobs.running), job.state, list(job.log)]
    there(s.jobs.finish, job)
    found += [job.state, s.jobs.done[-1] is job, sorted(j.weight for j in s.jobs.done)]
    found += [sorted((j.weight, j.tries, len(j.log), j.state) for j in s.jobs.dead), len(s.jobs.waiting)]
    while s.jobs.dead:
        again = s.jobs.dead.pop()
        again.tries = 0
        s.jobs.waiting.appendleft(again)
    s.jobs.waiting.rotate(1)
    for waiting in s.jobs.waiting:
        waiting.weight += 1
    found += [there(work, s.jobs, "z"), len(s.jobs.done), {j.state for j in s.jobs.done}]
    return found


# 7 events: a log, and what follows from it
class Event(typing.NamedTuple):
    kind: str
    key: str
    data: typing.Any


class Log:
    def __init__(self):
        self.events, self.state, self.cursors, self.watchers = [], {}, {}, collections.defaultdict(list)

    def emit(self, kind, key, data=None):
        self.events.append(Event(kind, key, data))
        if kind == "set":
            self.state[key] = data
        elif kind == "add":
            self.state.setdefault(key, []).append(data)
        elif kind == "del":
            self.state.pop(key, None)
        for box in self.watchers[kind]:
            box.append(len(self.events) - 1)

    def watch(self, kind):
        box = []
        self.watchers[kind].append(box)
        return box

    def news(self, who):
        begin = self.cursors.get(who, 0)
        self.cursors[who] = len(self.events)
        return self.events[begin:]

    def at(self, n):
        copy = Log()
        for event in self.events[:n]:
            copy.emit(*event)
        return copy


def emit(log, key, n):
    for i in range(n):
        log.emit("add", key, i)


def events(s, there, together):
    s.log = Log()
    adds = s.log.watch("add")
    s.log.emit("set", "x", {"deep": [1]})
    together(emit, [s.log] * 2, ["a", "b"], [5, 7])
    found = [
        len(adds),
        list(s.log.state["a"]),
        s.log.state["b"][-1],
        len(s.log.news("me")),
        list(there(s.log.news, "me")),
    ]
    s.log.state["x"]["deep"].append(2)
    s.log.emit("set", "y", s.log.state["x"])
    s.log.state["y"]["deep"].append(3)
    found += [
        s.log.state["x"]["deep"][:],
        s.log.events[0].data["deep"][:],
        s.log.state["x"] is s.log.state["y"],
    ]
    there(s.log.emit, "del", "x")
    found += [
        sorted(s.log.state),
        list(s.log.state["y"]["deep"]),
        s.log.events[-1].kind,
        [e.key for e in s.log.news("me")],
    ]
    old = s.log.at(1)
    found += [
        sorted(old.state),
        list(old.state["x"]["deep"]),
        len(old.events),
        adds is s.log.watchers["add"][0],
    ]
    found += [adds == list(range(1, 13)), collections.Counter(e.kind for e in s.log.events)]
    return found


# 8 LRU: a ring of links
class Link:
    def __init__(self, key=None, value=None):
        self.key, self.value = key, value
        self.before = self.after = self


class Ring:
    def __init__(self, size):
        self.size, self.links, self.root = size, {}, Link()

    def _out(self, link):
        link.before.after, link.after.before = link.after, link.before

    def _in(self, link):
        last = self.root.before
        last.after = self.root.before = link
        link.before, link.after = last, self.root

    def get(self, key):
        link = self.links.get(key)
        if link is None:
            return None
        self._out(link)
        self._in(link)
        return link.value

    def put(self, key, value):
        link = self.links.get(key)
        if link is not None:
            self._out(link)
        elif len(self.links) == self.size:
            oldest = self.root.after
            self._out(oldest)
            del self.links[oldest.key]
        link = self.links[key] = Link(key, value)
        self._in(link)

    def keys(self):
        link = self.root.after
        while link is not self.root:
            yield link.key
            link = link.after


def put_all(ring, keys):
    for key in keys:
        ring.put(key, [key])


def lru(s, there, together):
    s.ring = Ring(4)
    there(put_all, s.ring, "abcd")
    found = [list(s.ring.keys()), list(s.ring.get("a")), list(s.ring.keys()), there(s.ring.get, "z")]
    a = s.ring.links["a"]
    a.value.append("mine")
    there(put_all, s.ring, "ef")
    found += [
        list(s.ring.keys()),
        list(there(s.ring.get, "a")),
        a.after is s.ring.root,
        a.before.key,
        a.after.before is a,
    ]
    together(put_all, [s.ring] * 2, ["xx", "yy"])
    found += [sorted(s.ring.keys()), sorted(s.ring.links), len(s.ring.links), list(a.value)]
    s.ring.root.after.value = "first"
    found += [
        [link.value for link in s.ring.links.values() if link.value == "first"],
        len(list(s.ring.keys())),
    ]
    return found


# 9 chess: pieces on a board, swaps, captures, undo
class Piece:
    def __init__(self, colour, kind):
        self.colour, self.kind, self.moves = colour, kind, 0

    def __repr__(self):
        return f"{self.colour}{self.kind}"


class Board:
    def __init__(self):
        self.rows = [[None] * 8 for _ in range(8)]
        self.pieces, self.taken, self.history = {"w": [], "b": []}, [], []
        for colour, row in (("w", 0), ("b", 7)):
            for column, kind in enumerate("RNBQKBNR"):
                piece = Piece(colour, kind)
                self.pieces[colour].append(piece)
                self.rows[row][column] = piece
        self.kings = {"w": self.rows[0][4], "b": self.rows[7][4]}

    def move(self, here, to):
        (a, b), (c, d) = here, to
        piece, victim = self.rows[a][b], self.rows[c][d]
        if piece is None:
            raise LookupError(here)
        if victim is not None:
            self.pieces[victim.colour].remove(victim)
            self.taken.append(victim)
        self.rows[c][d], self.rows[a][b] = piece, None
        piece.moves += 1
        self.history.append((here, to, piece, victim))
        return victim

    def undo(self):
        (a, b), (c, d), piece, victim = self.history.pop()
        self.rows[a][b], self.rows[c][d] = piece, victim
        piece.moves -= 1
        if victim is not None:
            self.taken.remove(victim)
            self.pieces[victim.colour].append(victim)

    def swap(self, row, b, d):
        self.rows[row][b], self.rows[row][d] = self.rows[row][d], self.rows[row][b]

    def where(self, piece):
        return next((i, row.index(piece)) for i, row in enumerate(self.rows) if piece in row)

    def show(self):
        return ["".join(str(piece or "..") for piece in row) for row in self.rows]


def play(board, moves):
    return [repr(board.move(*move)) for move in moves]


def chess(s, there, together):
    s.board = Board()
    rook, king = s.board.rows[0][0], s.board.kings["w"]
    found = [
        there(play, s.board, [((0, 0), (7, 0)), ((0, 1), (2, 2))]),
        s.board.where(rook),
        rook.moves,
        s.board.show()[7],
    ]
    found += [
        rook in s.board.pieces["w"],
        len(s.board.pieces["b"]),
        s.board.taken[0].kind,
        s.board.rows[7][0] is rook,
    ]
    s.board.swap(0, 4, 6)
    s.board.rows[0][5], s.board.rows[0][6] = s.board.rows[0][6], s.board.rows[0][5]
    found += [
        there(s.board.show),
        s.board.where(king),
        s.board.rows[0][5] is king,
        s.board.kings["w"] is king,
    ]
    there(s.board.undo)
    there(s.board.undo)
    found += [s.board.show(), rook.moves, s.board.where(rook), s.board.taken == [], len(s.board.history)]
    found += [s.board.pieces["b"][-1] is s.board.rows[7][0], sorted(repr(p) for p in s.board.pieces["b"])]
    s.board.rows[0], s.board.rows[7] = s.board.rows[7], s.board.rows[0]
    found += [there(s.board.where, rook), s.board.where(king)]
    rook.kind = "X"
    s.board.rows[3:5] = [[None] * 7 + [rook], s.board.rows[1]]
    s.board.rows[4][0] = king
    found += [there(s.board.show), s.board.rows[1] is s.board.rows[4], s.board.rows[1][0] is king]
    try:
        there(s.board.move, (2, 2), (3, 3))
    except LookupError as error:
        found.append(error.args)
    return found


# 10 bank: accounts that are given to each other's methods
class Account:
    def __init__(self, number, balance):
        self.number, self.balance, self.entries = number, balance, []

    def transfer(self, to, n, *, text=""):
        if n > self.balance:
            raise ValueError(f"{self.number} has {self.balance}")
        self.balance -= n
        to.balance += n
        self.entries.append((-n, text))
        to.entries.append((n, text))
        return self.balance


class Customer:
    def __init__(self, name):
        self.name, self.accounts, self.favourite = name, [], None


class Bank:
    def __init__(self):
        self.customers, self.frozen = {}, set()

    def open(self, balance, *names):
        account = Account(sum(len(c.accounts) for c in self.customers.values()), balance)
        for name in names:
            customer = self.customers.setdefault(name, Customer(name))
            customer.accounts.append(account)
            customer.favourite = customer.favourite or account
        return account

    def total(self):
        return sum(
            a.balance for a in {id(a): a for c in self.customers.values() for a in c.accounts}.values()
        )

    def richest(self):
        return max((a for c in self.customers.values() for a in c.accounts), key=lambda a: a.balance)


def shuffle_money(one, other, n):
    for _ in range(n):
        one.transfer(other, 1)
        other.transfer(one, 2, text="back")


def bank(s, there, together):
    s.bank = Bank()
    ann, joint, bob = s.bank.open(100, "ann"), s.bank.open(50, "ann", "bob"), s.bank.open(0, "bob")
    found = [
        there(ann.transfer, joint, 30),
        joint.balance,
        s.bank.customers["bob"].accounts[0] is joint,
        s.bank.total(),
    ]
    try:
        there(bob.transfer, ann, 1)
    except ValueError as error:
        found.append(str(error))
    together(shuffle_money, [ann, joint], [joint, ann], [10, 10])
    found += [
        s.bank.total(),
        ann.balance,
        joint.balance,
        len(joint.entries),
        s.bank.customers["ann"].favourite is ann,
    ]
    s.bank.customers["bob"].favourite.transfer(bob, 5, text="pocket")
    found += [
        joint.balance,
        bob.entries[-1],
        s.bank.customers["bob"].favourite.number,
        s.bank.richest() is joint,
    ]
    s.bank.richest().balance += 1000
    s.bank.customers["ann"].accounts.sort(key=lambda a: -a.balance)
    found += [joint.balance, s.bank.customers["ann"].accounts[0] is joint, there(s.bank.total)]
    s.bank.customers["ann"].accounts.remove(joint)
    s.bank.customers["ann"].favourite = bob
    s.bank.frozen.add(joint.number)
    found += [joint in s.bank.customers["ann"].accounts, joint in s.bank.customers["bob"].accounts]
    found += [
        s.bank.customers["ann"].favourite is s.bank.customers["bob"].accounts[1],
        joint.number in s.bank.frozen,
    ]
    return found


# 11 sheet: cells that depend on cells
class Cell:
    def __init__(self):
        self.value, self.formula, self.needs, self.needed_by = 0, None, [], set()


class Sheet:
    def __init__(self):
        self.cells, self.runs = {}, 0

    def cell(self, name):
        found = self.cells.get(name)
        if found is None:
            found = self.cells[name] = Cell()
        return found

    def __setitem__(self, name, value):
        cell = self.cell(name)
        for old in cell.needs:
            self.cells[old].needed_by.discard(name)
        cell.formula, cell.needs = (value[1:].split("+"), []) if str(value).startswith("=") else (None, [])
        if cell.formula is None:
            cell.value = value
        else:
            cell.needs.extend(cell.formula)
            for needed in cell.needs:
                self.cell(needed).needed_by.add(name)
        self._run(name)

    def __getitem__(self, name):
        return self.cells[name].value

    def _run(self, name, seen=()):
        if name in seen:
            raise RecursionError(name)
        cell = self.cells[name]
        if cell.formula is not None:
            cell.value = sum(self.cells[needed].value for needed in cell.needs)
            self.runs += 1
        for other in sorted(cell.needed_by):
            self._run(other, (*seen, name))


def enter(sheet, cells):
    for name, value in cells:
        sheet[name] = value


def sheet(s, there, together):
    s.sheet = Sheet()
    there(enter, s.sheet, [("a", 1), ("b", 2), ("c", "=a+b"), ("d", "=c+c+a")])
    found = [
        s.sheet["c"],
        s.sheet["d"],
        s.sheet.runs,
        sorted(s.sheet.cells["a"].needed_by),
        list(s.sheet.cells["d"].needs),
    ]
    d = s.sheet.cells["d"]
    s.sheet["a"] = 10
    found += [d.value, there(s.sheet.__getitem__, "d")]
    together(enter, [s.sheet] * 2, [[("x", i) for i in range(5)], [("b", i) for i in range(7)]])
    found += [s.sheet["x"], s.sheet["b"], s.sheet["c"], d.value]
    s.sheet["c"] = "=x+x"
    found += [sorted(s.sheet.cells["b"].needed_by), d.value, list(d.formula)]
    try:
        there(enter, s.sheet, [("x", "=d")])
    except RecursionError as error:
        found.append(str(error))
    found += [list(s.sheet.cells["x"].needs), sorted(s.sheet.cells["d"].needed_by)]
    d.needs[:] = ["a"]
    there(enter, s.sheet, [("x", 0), ("a", 3)])
    found += [d.value, s.sheet["c"], s.sheet.cells["d"] is d]
    return found


# 12 chat: people in rooms, rooms of people
class Person:
    def __init__(self, name):
        self.name, self.rooms, self.unread = name, {}, collections.Counter()


class Room:
    def __init__(self, name):
        self.name, self.people, self.lines = name, [], collections.deque(maxlen=3)

    def say(self, who, text):
        self.lines.append((who.name, text))
        for person in self.people:
            if person is not who:
                person.unread[self.name] += 1
        return len(self.lines)


class Chat:
    def __init__(self):
        self.people, self.rooms = {}, {}

    def join(self, name, *rooms):
        person = self.people.setdefault(name, Person(name))
        for room in rooms:
            room = self.rooms.setdefault(room, Room(room))
            room.people.append(person)
            person.rooms[room.name] = room
        return person

    def leave(self, person, room):
        room.people.remove(person)
        del person.rooms[room.name]
        if not room.people:
            del self.rooms[room.name]

    def merge(self, one, other):
        for person in list(other.people):
            self.leave(person, other)
            if person not in one.people:
                one.people.append(person)
                person.rooms[one.name] = one
        one.lines.extend(other.lines)


def talk(room, person, n):
    for i in range(n):
        room.say(person, i)


def chat(s, there, together):
    s.chat = Chat()
    ann, bob, cid = s.chat.join("ann", "hall"), s.chat.join("bob", "hall", "pub"), s.chat.join("cid", "pub")
    hall, pub = s.chat.rooms["hall"], bob.rooms["pub"]
    found = [
        there(hall.say, ann, "hi"),
        list(hall.lines),
        bob.unread["hall"],
        ann.unread,
        [p.name for p in pub.people],
    ]
    together(talk, [hall, pub], [ann, bob], [5, 4])
    found += [
        dict(bob.unread),
        dict(cid.unread),
        list(hall.lines),
        list(pub.lines),
        hall.people[1] is pub.people[0],
    ]
    bob.unread.clear()
    there(s.chat.leave, bob, hall)
    found += [
        sorted(bob.rooms),
        [p.name for p in hall.people],
        ann in hall.people,
        bob in hall.people,
        hall is ann.rooms["hall"],
    ]
    there(talk, ann.rooms["hall"], ann, 1)
    found += [dict(bob.unread), len(hall.lines), hall.lines[-1]]
    there(s.chat.merge, hall, pub)
    found += [
        sorted(s.chat.rooms),
        [p.name for p in hall.people],
        list(hall.lines),
        sorted(cid.rooms),
        pub.people == [],
    ]
    found += [
        there(cid.rooms["hall"].say, cid, "late"),
        dict(ann.unread),
        hall.people[2].rooms["hall"] is hall,
    ]
    hall.people.sort(key=lambda person: person.name, reverse=True)
    hall.people[0].name = "sid"
    found += [cid.name, [p.name for p in s.chat.people.values()], s.chat.people["cid"] is cid]
    return found


PROGRAMS = "inventory game document graph caches jobs events lru chess bank sheet chat".split()

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
