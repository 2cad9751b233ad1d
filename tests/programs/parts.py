"""What a user does with parts of objects that are held by a name: the same with plain objects and with shared ones.

``python parts.py NAME`` runs one of them, on a plain namespace and on a share, and prints where they differ.
"""

import collections
import copy
import dataclasses
import fractions
import functools
import sys

import users

from share import Share, plain


class Card:
    def __init__(self, title):
        self.title, self.tags = title, []

    def __repr__(self):
        return f"<Card {self.title}>"


class Board:
    def __init__(self):
        self.todo, self.done, self.seen = [Card("a"), Card("b")], [], {}

    def move(self, card):
        if card not in self.todo:
            raise LookupError(f"{card!r} is not here")
        self.todo.remove(card)
        self.done.append(card)

    def first(self):
        return self.todo[0]

    def find(self, title):
        return next(card for card in self.todo if card.title == title)


def moved(s):
    s.board = Board()
    s.board.move(s.board.todo[0])
    return [card.title for card in s.board.done], len(s.board.todo)


def returned(s):
    s.board = Board()
    s.board.first().tags.append(1)
    s.board.find("b").tags.append(2)
    return [list(card.tags) for card in s.board.todo]


def membership(s):
    s.rows, s.table = [Card("a"), Card("b")], {"a": Card("a")}
    x = s.rows[0]
    found = [x in s.rows, s.rows.index(x), s.rows.count(x), x in list(s.rows)]
    y = s.table["a"]
    found += [y in s.table.values(), ("a", y) in s.table.items(), x in s.table.values()]
    s.rows.remove(x)
    return [*found, len(s.rows)]


def keys(s):
    s.board = Board()
    x, y = s.board.todo
    s.board.seen[x] = 1
    s.board.seen[x] += 1
    return s.board.seen[x], s.board.seen.get(y), x in s.board.seen, next(iter(s.board.seen)) is x


class Folder:
    def __init__(self, name, parent=None):
        self.name, self.parent, self.children = name, parent, {}

    def mkdir(self, name):
        self.children[name] = Folder(name, self)

    def move_to(self, target):
        del self.parent.children[self.name]
        target.children[self.name] = self
        self.parent = target


def folders(s):
    s.root = Folder("")
    s.root.mkdir("home")
    s.root.mkdir("etc")
    home, etc = s.root.children["home"], s.root.children["etc"]
    home.mkdir("ann")
    ann = home.children["ann"]
    ann.move_to(etc)
    return list(etc.children), list(home.children), ann.parent.name, ann is etc.children["ann"]


class Cell:
    def __init__(self, sheet):
        self.sheet = sheet


class Sheet:
    def __init__(self):
        self.cells, self.n = {}, 0

    def cell(self, name):
        self.cells[name] = Cell(self)

    def mine(self):
        return self.cells["A"].sheet is self


def copies(s):
    s.sheet = Sheet()
    s.sheet.cell("A")
    found = []
    copied = plain if isinstance(s, Share) else copy.deepcopy  # of what is not shared, plain is that itself
    for made in (copied(s.sheet), copy.deepcopy(s.sheet)):
        made.n += 1
        found += [made.cells["A"].sheet is made, made.cells["A"].sheet.n]
    return [*found, s.sheet.n]


def back_reference(s):
    s.sheet = Sheet()
    s.sheet.cell("A")
    return s.sheet.mine()


class Ways:
    def __init__(self):
        self.known, self.last = {}, None

    def way(self, key):
        if key not in self.known:
            self.known[key] = (1, [key])
        return self.known[key]

    def step(self, key):
        self.last = (1, [key])
        return self.last


def in_tuples(s):
    s.ways = Ways()
    s.ways.way("a")[1].append(1)
    s.ways.way("a")[1].append(2)
    s.ways.step("b")[1].append(3)
    return s.ways.known["a"][1][:], s.ways.last[1][:]


class Station:
    def __init__(self):
        self.heard, self.board = collections.defaultdict(list), Board()

    def subscribe(self, name, callback):
        self.heard[name].append(callback)

    def on(self, name):
        return functools.partial(self.subscribe, name)

    def mover(self):
        return self.board.move


def methods(s):
    s.station = Station()
    s.station.on("z")(len)
    s.station.mover()(s.station.board.todo[0])
    return len(s.station.heard["z"]), len(s.station.board.done)


class Log:
    def __init__(self):
        self.recent = collections.deque(maxlen=3)

    def __iter__(self):
        return iter(self.recent)

    def latest(self):
        return reversed(self.recent)


def through_deques(s):
    s.log = Log()
    s.log.recent.extend(range(5))
    return list(s.log), list(s.log.latest())


class Cache(collections.OrderedDict):
    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        if len(self) > 2:
            del self[next(iter(self))]


def cache(s):
    s.d = Cache()
    s.d.update({1: 1, 2: 2, 3: 3})
    s.d |= {4: 4}
    s.d.setdefault(5, 5)
    return list(s.d.items())


class Line:
    def __init__(self, product):
        self.product, self.discount = product, fractions.Fraction(0)


class Cart:
    __slots__ = ("lines",)

    def __init__(self):
        self.lines = []

    def add(self, product):
        self.lines.append(Line(product))

    def __iadd__(self, product):
        self.add(product)
        return self


def carts(s):
    s.carts = {"a": Cart()}
    a = s.carts["a"]
    a += "tea"
    a.add("salt")
    return len(a.lines), len(s.carts["a"].lines), a.__slots__


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Points:
    def __init__(self):
        self.all, self.chosen = [Point(1, 2), Point(3, 4)], None

    def same(self, a, b):
        return a is b

    def is_me(self, other):
        return other is self

    def is_first(self, *, point):
        return point is self.all[0]


def unequal(s):
    s.points = Points()
    p, q = s.points.all
    return (
        p != Point(1, 2),
        Point(1, 2) != p,
        p != q,
        s.points.all != [Point(1, 2), Point(3, 4)],
        p != 5,
        p != p,
    )


def identities(s):
    s.points = points = Points()
    points = s.points
    p = points.all[0]
    found = [points.same(p, p), points.same(a=p, b=p), points.same(p, b=p), points.same(p, b=points.all[1])]
    return found, points.is_first(point=p), points.is_me(points), points.is_me(other=points), points.is_me(p)


def operands(s):
    s.cards, s.table, s.found = [Card("a"), Card("b")], {"a": Card("a")}, set()
    a, b = s.cards
    c = s.table["a"]
    s.found.add(a)
    s.pairs = [(1, Card("x"))]
    s.table["pairs"] = {(1, c): 2}
    pair = s.pairs[0]
    return (
        [s.cards == [a, b], [a, b] == s.cards, s.cards == [b, a], s.cards != [a, b], s.cards.index(b)],
        [s.table == {"a": c, "pairs": {(1, c): 2}}, ("a", c) in s.table.items(), s.table["pairs"][1, c]],
        [pair in s.pairs, (1, pair[1]) in s.pairs, s.pairs.index((1, pair[1])), s.pairs.count(pair)],
        [
            a in s.found,
            s.found == {a},
            {a} == s.found,
            s.found & {a} == {a},
            len(s.found | {a}),
            s.found <= {a, b},
        ],
    )


class Deck:
    def __init__(self):
        self.cards, self.n = [Card("a"), Card("b")], 0

    def walk(self):
        yield from self.cards
        return self.cards[0]

    def echo(self):
        got = yield self, [self.cards]
        yield got


def generators(s):
    s.deck, s.decks = Deck(), [Deck()]
    found = []
    for deck in (s.deck, s.decks[0]):
        for card in deck.walk():
            card.tags.append(1)
        steps = deck.walk()
        next(steps).tags.append(2)
        next(steps)
        try:
            next(steps)
        except StopIteration as end:
            end.value.tags.append(3)
        echo = deck.echo()
        me, lists = next(echo)
        lists[0].append(Card("c"))
        found += [me is deck, echo.send(5), [*echo], [(card.title, list(card.tags)) for card in deck.cards]]
    return found


class Shown:
    """Counts how often it is looked at."""

    def __init__(self):
        self.n = 0

    def __repr__(self):
        self.n += 1
        return "Shown"

    def __eq__(self, other):
        self.n += 1
        return False


class Made:
    """Makes its attributes when they are asked for."""

    def __init__(self):
        self.made = 0

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        self.made += 1
        value = []
        setattr(self, name, value)
        return value


class Given:
    def __init__(self):
        self.data = {"a": [1]}

    def __getattr__(self, name):
        try:
            return self.data[name]
        except KeyError:
            raise AttributeError(name) from None


def looks_that_write(s):
    s.shown, s.table = [Shown()], {"a": Shown()}
    texts = repr(s.shown), str(s.shown), repr(s.table), 3 in s.shown, [] in s.shown
    found = [texts, plain(s.shown)[0].n, s.shown[0].n, plain(s.table)["a"].n]
    s.made, s.others = Made(), [Made()]
    for made in (s.made, s.others[0]):
        found += [list(made.a)]
        made.a.append(1)
        made.a.append(2)
        found += [list(made.a), made.made, plain(made).made, hasattr(made, "__len__")]
    s.given, s.others = Given(), [Given()]
    for given in (s.given, s.others[0]):
        given.a.append(2)
        found += [list(given.a), hasattr(given, "b"), getattr(given, "c", 5)]
    return found


def changed_meanwhile(s):
    s.numbers, s.table, s.queue = {1, 2, 3}, {"a": 1, "b": 2, "c": 3}, collections.deque([1, 2, 3])
    seen = []
    for number in s.numbers:
        seen.append(number)
        if len(seen) == 1:
            s.numbers.remove(2 if number != 2 else 3)
            s.numbers.add(number + 2048)  # where the first one is, and behind it
    keys = []
    for key in s.table:
        keys.append(key)
        if key == "a":
            del s.table["b"]
            s.table["a2"] = 4
    try:
        for number in s.queue:
            s.queue.append(number)
    except RuntimeError as error:
        keys.append(str(error))
    return 2 in seen, 1 in seen, "b" in keys, "c" in keys, keys[-1]


#: What differs, and why.
KNOWN: dict[str, str] = {}
PROGRAMS = (
    "moved returned membership keys folders copies back_reference in_tuples methods through_deques cache carts "
    "unequal identities operands generators looks_that_write changed_meanwhile"
).split()

if __name__ == "__main__":
    sys.exit(users.main(sys.argv[1], globals()))
