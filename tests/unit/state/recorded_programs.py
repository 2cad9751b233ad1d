"""Random programs that are run on recorded objects and, step for step, on plain ones."""

import collections
import gc
import operator
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

from share.state import Replica, State


class Row:
    def __init__(self, uid: int) -> None:
        self.uid = uid
        self.n = 0


class SubRow(Row):
    kind = "sub"

    @property
    def p(self) -> Any:
        return self.n

    @p.setter
    def p(self, value: Any) -> None:
        self.n = value


class SlotRow:
    __slots__ = ("n", "uid", "x")

    def __init__(self, uid: int) -> None:
        self.uid = uid
        self.n = 0


class MixedRow(SlotRow):
    def __init__(self, uid: int) -> None:
        super().__init__(uid)
        self.extra = None


class Checked(Row):
    """Its own ``__setattr__`` makes it a class whose instances are compared."""

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


class Named(list):
    pass


class Table(dict):
    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)

    def put(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)


class Bag(Counter):
    pass


Point = collections.namedtuple("Point", "x y")
ROWS = (Row, SubRow, SlotRow, MixedRow, Checked)
CONTAINERS = (Named, Table, Bag, list, set, deque, OrderedDict, defaultdict, Counter, dict, bytearray)
NAMES = ("n", "x", "y", "p")


def kind_of(value: Any) -> type:
    for base in CONTAINERS:
        if isinstance(value, base):
            return base
    return type(value)


def is_node(value: Any) -> bool:
    return kind_of(value) in CONTAINERS or isinstance(value, ROWS)


def key_of(value: Any) -> Any:
    """What tells a key of one side from the others, on the other side too."""
    if isinstance(value, tuple):
        return (type(value).__name__, *map(key_of, value))
    if isinstance(value, frozenset):
        return "frozenset", frozenset(map(key_of, value))
    if isinstance(value, ROWS):
        return "row", value.uid
    if is_node(value):
        return ("container",)
    return type(value).__name__, value


def attributes_of(value: Any) -> dict[str, Any]:
    found = dict(vars(value)) if hasattr(value, "__dict__") else {}
    if isinstance(value, SlotRow):
        for name in SlotRow.__slots__:
            if hasattr(value, name):
                found[name] = getattr(value, name)
    return found


def compare(
    pairs: list[tuple[Any, Any]], unordered: set[int] | frozenset[int] = frozenset()
) -> list[tuple[Any, Any]]:
    """Walks two graphs in step: the same values, the same order, the same identities. Returns the pairs of nodes."""
    partner: dict[int, Any] = {}
    taken: set[int] = set()
    rest, found = list(pairs), []
    while rest:
        a, b = rest.pop()
        kind = kind_of(a)
        assert kind is kind_of(b), (kind, kind_of(b))
        if isinstance(a, tuple):
            assert type(a) is type(b) and len(a) == len(b)
            rest.extend(zip(a, b, strict=True))
            continue
        if kind is frozenset:
            assert key_of(a) == key_of(b)
            continue
        if not is_node(a):
            assert a == b and type(a) is type(b), (a, b)
            continue
        if id(a) in partner:
            assert partner[id(a)] is b, f"two objects where there is one: {a!r}, {b!r}"
            continue
        assert id(b) not in taken, f"one object where there are two: {b!r}"
        partner[id(a)] = b
        taken.add(id(b))
        found.append((a, b))
        if isinstance(a, (list, deque)):
            assert len(a) == len(b), (a, b)
            rest.extend(zip(a, b, strict=True))
        elif isinstance(a, bytearray):
            assert bytes(a) == bytes(b)
        elif isinstance(a, dict):
            assert list(map(key_of, a)) == list(map(key_of, b))
            rest.extend(zip(a, b, strict=True))
            rest.extend(zip(a.values(), b.values(), strict=True))
        elif isinstance(a, set):
            by_key = {key_of(member): member for member in b}
            assert {key_of(member) for member in a} == by_key.keys()
            rest.extend((member, by_key[key_of(member)]) for member in a)
        if isinstance(a, deque):
            assert a.maxlen == b.maxlen
        if isinstance(a, (*ROWS, Named, Table, Bag)):
            x, y = attributes_of(a), attributes_of(b)
            assert x.keys() == y.keys(), (x, y)
            if not isinstance(a, SlotRow) and id(a) not in unordered:
                assert list(x) == list(y)
            rest.extend((x[name], y[name]) for name in x)
    return found


Pair = tuple[Any, Any]


class Program:
    """A state with a plain twin and a replica, and steps that are taken on all of them."""

    def __init__(self, choose: Callable[[int], int]) -> None:
        self.choose = choose  # a number below
        self.state = State()
        self.replica = Replica()
        self.plain: dict[str, Any] = {}
        self.uid = 0
        self.held: list[Pair] = []
        self.nodes: list[Pair] = [(self.state.names, self.plain)]
        self.only_recorded = False
        self.log: list[dict[int, bytes]] = []

    # ---- values ----

    def one_of(self, options: Any) -> Any:
        return options[self.choose(len(options))]

    def scalar(self) -> Any:
        return self.one_of(
            [
                None,
                True,
                1,
                -3,
                2**70,
                -(2**63),
                2**31,
                300,
                0.5,
                "k1",
                "k2",
                "k3",
                "",
                "\u00e9\ud800",
                "a" * 200,
                b"ab",
            ]
        )

    def key(self) -> Pair:
        which = self.choose(20)
        if which < 16:
            value = self.scalar()
            return value, value
        if which == 16:
            a, b = self.key(), self.key()
            return (a[0], b[0]), (a[1], b[1])
        if which == 17:
            value = frozenset([1, "z", self.choose(3)])
            return value, value
        rows = [pair for pair in self.nodes[:40] + self.held if isinstance(pair[0], ROWS)]
        return self.one_of(rows) if rows else ("k9", "k9")

    def value(self, depth: int = 2) -> Pair:
        which = self.choose(20)
        if which < 8 or depth < 0:
            value = self.scalar()
            return value, value
        if which < 10:
            a, b = self.value(depth - 1), self.value(depth - 1)
            if which == 8:
                return Point(a[0], b[0]), Point(a[1], b[1])
            return (a[0], b[0]), (a[1], b[1])
        if which < 12 and self.held:
            return self.one_of(self.held)
        if which < 15 and len(self.nodes) > 1:
            return self.nodes[1 + self.choose(len(self.nodes) - 1)]
        return self.fresh(depth)

    def fresh(self, depth: int = 2) -> Pair:
        kind = self.one_of([list, list, dict, dict, set, deque, OrderedDict, defaultdict, Counter, bytearray,
                            Named, Table, Bag, *ROWS, Row, SubRow])  # fmt: skip
        count = self.choose(4)
        if kind in ROWS:
            self.uid += 1
            a, b = kind(self.uid), kind(self.uid)
            if count and depth > 0:
                a.x, b.x = self.value(depth - 1)
            return a, b
        if kind is bytearray:
            return bytearray(b"abc" * count), bytearray(b"abc" * count)
        if issubclass(kind, (Counter, Bag)):
            keys = [self.key() for _ in range(count)]
            return kind([k[0] for k in keys]), kind([k[1] for k in keys])
        if issubclass(kind, dict):
            a, b = (defaultdict(list), defaultdict(list)) if kind is defaultdict else (kind(), kind())
            for _ in range(count):
                key, value = self.key(), self.value(depth - 1)
                a[key[0]], b[key[1]] = value
            return a, b
        if kind is set:
            keys = [self.key() for _ in range(count)]
            return {k[0] for k in keys}, {k[1] for k in keys}
        values = [self.value(depth - 1) for _ in range(count)]
        x, y = [v[0] for v in values], [v[1] for v in values]
        if kind is deque:
            limit = self.one_of([None, 3, 5])
            return deque(x, limit), deque(y, limit)
        return kind(x), kind(y)

    def values(self, most: int = 3) -> Pair:
        found = [self.value() for _ in range(self.choose(most + 1))]
        return [v[0] for v in found], [v[1] for v in found]

    def keys(self, most: int = 3) -> Pair:
        found = [self.key() for _ in range(self.choose(most + 1))]
        return [v[0] for v in found], [v[1] for v in found]

    # ---- steps ----

    def both(self, function: Callable[..., Any], *pairs: Pair) -> Pair | None:
        """What it returned on both sides; None if it raised, the same on both."""
        results = []
        for side in range(1 if self.only_recorded else 2):
            try:
                results.append((None, function(*[pair[side] for pair in pairs])))
            except Exception as error:
                results.append((type(error), str(error)))
        if self.only_recorded:
            results.append(results[0])
        assert results[0][0] is results[1][0], results
        return (results[0][1], results[1][1]) if results[0][0] is None else None

    def hold(self, pair: Pair | None) -> None:
        if (
            pair is not None
            and not self.only_recorded
            and is_node(pair[0])
            and pair[0] is not self.state.names
        ):
            self.held.append(pair)
            if len(self.held) > 8:
                del self.held[self.choose(len(self.held))]

    def step(self) -> None:
        target = self.one_of(self.held) if self.held and self.choose(5) == 0 else self.one_of(self.nodes)
        value = target[0]
        if value is self.state.names:
            self.step_names(target)
        elif isinstance(value, list):
            self.step_list(target)
        elif isinstance(value, OrderedDict) and self.choose(2):
            self.step_ordered(target)
        elif isinstance(value, dict):
            self.step_dict(target)
        elif isinstance(value, set):
            self.step_set(target)
        elif isinstance(value, deque):
            self.step_deque(target)
        elif isinstance(value, bytearray):
            self.step_bytes(target)
        else:
            self.step_row(target)
        if isinstance(value, (Named, Table, Bag)) and self.choose(5) == 0:
            self.step_row(target)
        if self.choose(6) == 0:
            self.hold(target)

    def step_names(self, target: Pair) -> None:
        name = self.one_of(["a", "b", "c", "d"])
        if self.choose(4) == 0:
            self.both(lambda d: d.pop(name), target)
        else:
            self.both(lambda d, v: operator.setitem(d, name, v), target, self.value())

    def step_list(self, target: Pair) -> None:
        size = len(target[0])
        i, j = self.choose(2 * size + 3) - size - 1, self.choose(2 * size + 3) - size - 1
        stride = self.one_of([None, None, None, 1, 2, -1, -2, 3])
        which = self.choose(26)
        if size > 14:
            which = self.one_of([2, 8, 15, 15, 22, 22])
        if which < 2:
            self.both(lambda x, v: x.append(v), target, self.value())
        elif which == 2:
            self.both(lambda x: operator.delitem(x, i), target)
        elif which == 3:
            self.both(lambda x, v: operator.setitem(x, i, v), target, self.value())
        elif which == 4:
            self.both(lambda x, v: x.insert(i, v), target, self.value())
        elif which == 5:
            self.both(lambda x, v: x.extend(v), target, self.values())
        elif which == 6:
            self.both(lambda x, v: operator.iadd(x, (y for y in v)) is x, target, self.values())
        elif which == 7 and size < 8:
            self.both(lambda x: operator.imul(x, size % 3) is x, target)
        elif which == 8:
            self.hold(self.both(lambda x: x.pop(i), target))
        elif which == 9:
            value = self.scalar()
            self.both(lambda x: x.remove(value), target)
        elif which == 10:
            self.both(lambda x: x.sort(key=lambda y: repr(key_of(y))[:3]), target)
        elif which == 11:
            self.both(lambda x: x.sort(), target)
        elif which == 12:
            self.both(lambda x: x.sort(key=lambda y: repr(key_of(y)), reverse=True), target)
        elif which == 13:
            self.both(lambda x: x.reverse(), target)
        elif which == 14:
            self.both(lambda x, v: operator.setitem(x, slice(i, j, stride), v), target, self.values())
        elif which == 15:
            self.both(lambda x: operator.delitem(x, slice(i, j, stride)), target)
        elif which == 16 and size < 8:
            self.both(lambda x: operator.setitem(x, slice(i, j), x), target)
        elif which == 17:
            self.both(swap_ends, target)
        elif which == 18:
            self.both(lambda x, v: x.__init__(v), target, self.values())
        elif which == 19:
            self.both(lambda x: operator.setitem(x, slice(None, None, -1), list(x)), target)
        elif which == 20 and size < 8:
            self.both(lambda x: x.extend(x), target)
        elif which == 21:
            self.both(lambda x: x.sort(key=lambda y: (x.append(1), 1)[1]), target)
        elif which == 22:
            self.both(lambda x: x.clear(), target)
        elif size:
            part = self.both(lambda x: x[i], target)
            self.hold(part)

    def step_dict(self, target: Pair) -> None:
        pairs = list(zip(target[0], target[1], strict=True)) if len(target[0]) == len(target[1]) else []
        key = self.one_of(pairs) if pairs and self.choose(5) < 3 else self.key()
        which = self.choose(15)
        if len(target[0]) > 12:
            which = self.one_of([3, 3, 4, 7, 14])
        if which < 3:
            self.both(lambda d, k, v: operator.setitem(d, k, v), target, key, self.value())
        elif which == 3:
            self.both(lambda d, k: operator.delitem(d, k), target, key)
        elif which == 4:
            self.hold(self.both(lambda d, k: d.pop(k), target, key))
        elif which == 5:
            self.both(lambda d, k: d.pop(k, 1), target, key)
        elif which == 6:
            self.hold(self.both(lambda d, k, v: d.setdefault(k, v), target, key, self.fresh()))
        elif which == 7:
            self.hold(self.both(lambda d: d.popitem()[1], target))
        elif which == 8:
            self.both(lambda d, k, v: d.update({k: v}), target, key, self.value())
        elif which == 9:
            self.both(lambda d, v: d.update([("a", v), (1, 2)], b=v), target, (5, 5))
        elif which == 10:
            self.both(lambda d, k, v: operator.ior(d, {k: v}) is d, target, key, (7, 7))
        elif which == 11:
            self.both(lambda d: operator.ior(d, d) is d, target)
        elif which == 12:
            self.both(count_up, target, key)
        elif which == 13:
            self.both(move_to_end, target, key)
        elif self.choose(2):
            self.both(lambda d: d.clear(), target)
        elif isinstance(target[0], defaultdict):
            self.hold(self.both(lambda d, k: d[k], target, key))
        elif isinstance(target[0], Table):
            self.both(lambda d, k, v: d.put(k, v), target, key, self.value())

    def step_ordered(self, target: Pair) -> None:
        pairs = list(zip(target[0], target[1], strict=True)) if len(target[0]) == len(target[1]) else []
        key = self.one_of(pairs) if pairs and self.choose(5) < 4 else self.key()
        which = self.choose(4)
        if which == 0:
            self.both(lambda d, k: d.move_to_end(k), target, key)
        elif which == 1:
            self.both(lambda d, k: d.move_to_end(k, last=False), target, key)
        elif which == 2:
            self.hold(self.both(lambda d: d.popitem(last=False)[1], target))
        else:
            self.both(lambda d: d.popitem()[0] and None, target)

    def step_set(self, target: Pair) -> None:
        key = self.key()
        which = self.choose(13)
        if which < 2:
            self.both(lambda s, k: s.add(k), target, key)
        elif which == 2:
            self.both(lambda s, k: s.discard(k), target, key)
        elif which == 3:
            self.both(lambda s, k: s.remove(k), target, key)
        elif which == 4 and target[0]:
            gone = target[0].pop()
            if not self.only_recorded:
                other = {key_of(member): member for member in target[1]}[key_of(gone)]
                target[1].remove(other)
                self.hold((gone, other))
        elif which == 5:
            self.both(lambda s, v: s.update(v, [1]), target, self.keys())
        elif which == 6:
            self.both(lambda s, v: operator.ior(s, set(v)) is s, target, self.keys())
        elif which == 7:
            self.both(lambda s, v: operator.iand(s, set(v)) is s, target, self.keys(6))
        elif which == 8:
            self.both(lambda s, v: operator.isub(s, set(v)) is s, target, self.keys(6))
        elif which == 9:
            self.both(lambda s, v: operator.ixor(s, set(v)) is s, target, self.keys(6))
        elif which == 10:
            function = self.one_of([operator.ior, operator.iand, operator.isub, operator.ixor])
            self.both(lambda s: function(s, s) is s, target)
        elif which == 11:
            self.both(lambda s, v: s.difference_update(v), target, self.keys(6))
        else:
            self.both(lambda s, v: s.__init__(v), target, self.keys())

    def step_deque(self, target: Pair) -> None:
        size = len(target[0])
        i = self.choose(2 * size + 3) - size - 1
        which = self.choose(15)
        if size > 12:
            which = self.one_of([3, 4, 9])
        if which == 0:
            self.both(lambda q, v: q.append(v), target, self.value())
        elif which == 1:
            self.both(lambda q, v: q.appendleft(v), target, self.value())
        elif which == 2:
            self.both(lambda q, v: q.extend(v), target, self.values())
        elif which == 3:
            self.hold(self.both(lambda q: q.pop(), target))
        elif which == 4:
            self.hold(self.both(lambda q: q.popleft(), target))
        elif which == 5:
            self.both(lambda q, v: operator.setitem(q, i, v), target, self.value())
        elif which == 6:
            self.both(lambda q: operator.delitem(q, i), target)
        elif which == 7:
            self.both(lambda q, v: q.insert(i, v), target, self.value())
        elif which == 8:
            self.both(lambda q: q.rotate(i), target)
        elif which == 9:
            self.both(lambda q: q.clear(), target)
        elif which == 10:
            self.both(lambda q: q.reverse(), target)
        elif which == 11:
            self.both(lambda q, v: q.extendleft(v), target, self.values())
        elif which == 12:
            value = self.scalar()
            self.both(lambda q: q.remove(value), target)
        elif which == 13 and size < 6:
            self.both(lambda q: operator.imul(q, 2) is q, target)
        else:
            self.both(lambda q, v: operator.iadd(q, v) is q, target, self.values())

    def step_bytes(self, target: Pair) -> None:
        size = len(target[0])
        i, j = self.choose(2 * size + 3) - size - 1, self.choose(2 * size + 3) - size - 1
        which = self.choose(13)
        functions: list[Callable[[bytearray], Any]] = [
            lambda b: operator.setitem(b, i, 65),
            lambda b: b.append(66),
            lambda b: b.extend(b"xyz"),
            lambda b: operator.setitem(b, slice(i, j), b"--"),
            lambda b: operator.delitem(b, i),
            lambda b: b.insert(i, 67),
            lambda b: b.pop(),
            lambda b: b.pop(i),
            lambda b: b.remove(97),
            lambda b: b.reverse(),
            lambda b: operator.iadd(b, b"!") is b,
            lambda b: operator.imul(b, size % 3) is b,
            lambda b: b.clear() if size > 20 else b.extend([1, 2]),
        ]
        self.both(functions[which], target)

    def step_row(self, target: Pair) -> None:
        which = self.choose(9)
        name = self.one_of(NAMES)
        if which < 4:
            self.both(lambda o, v: setattr(o, name, v), target, self.value())
        elif which == 4:
            self.both(lambda o: delattr(o, name), target)
        elif which == 5:
            self.both(count_attribute, target)
        elif which == 6:
            self.both(lambda o, v: o.x.append(v), target, self.value())
        elif which == 7:
            self.both(lambda o, v: setattr(o, "x", v), target, self.fresh())
        elif not isinstance(target[0], SlotRow):
            self.both(lambda o, v: setattr(o, "late", v), target, self.value())

    # ---- commands ----

    def command(self) -> None:
        """A few steps, of which every fourth time nothing is to remain."""
        self.only_recorded = self.choose(4) == 0
        for _ in range(1 + self.choose(4)):
            self.step()
        if self.only_recorded:
            self.state.undo()
            self.only_recorded = False
            compare([(self.state.names, self.plain), *self.held])
            self.publish()  # what was freed before
        else:
            self.publish()
        self.check()

    def publish(self) -> None:
        changes = self.state.end()
        self.log.append(changes)
        self.replica.apply(changes)

    def check(self) -> None:
        self.nodes = compare([(self.state.names, self.plain), *self.held])
        published = [
            (a, self.replica.node(self.state.id_of(a))) for a, _ in self.nodes if self.state.id_of(a)
        ]
        # Attributes of top-level objects are published one by one, so their order is not.
        compare(published, {id(a) for a, _ in published if self.state.cells_of(a)})
        assert len(self.replica) >= len(self.state)  # what is freed is published with the next command
        if len(self.nodes) > 90:
            for name in list(self.plain):
                self.both(lambda d: d.pop(name), (self.state.names, self.plain))  # noqa: B023  called at once
            self.held.clear()

    def reload(self) -> None:
        """A reader that comes now, and one that has been there, are both given bases."""
        self.publish()  # what has been freed since
        bases = {cell: self.state.base(cell) for cell in self.state.cells}
        late = Replica()
        late.load(bases)
        tops = {id(self.replica.node(n)) for n in self.all_ids() if self.state.cells_of(self.state.node(n))}
        compare([(self.replica.node(n), late.node(n)) for n in self.all_ids()], tops)
        before = {n: self.replica.node(n) for n in self.all_ids()}
        self.replica.load(bases)
        assert all(self.replica.node(n) is node for n, node in before.items())
        self.check()

    def fail_over(self) -> None:
        """The coordinator is replaced: another state goes on from what has been published."""
        self.publish()
        ids = {n: self.replica.node(n) for n in self.replica.node_ids()}
        bases = {cell: self.state.base(cell) for cell in self.state.cells}
        next_id, commits = self.state.next_id, self.state.commits
        self.held.clear()
        self.nodes.clear()
        self.state.close()
        self.state = State.load(bases, next_id=next_id)
        assert self.state.commits == commits and self.state.next_id == next_id
        gc.collect()
        self.publish()
        assert all(self.replica.node(n) is ids[n] for n in self.replica.node_ids())
        tops = {
            id(self.state.node(n)) for n in self.replica.node_ids() if self.state.cells_of(self.state.node(n))
        }
        for node, twin in compare([(self.state.names, self.plain)], tops):
            if id(node) in tops and hasattr(node, "__dict__"):
                # The order of its attributes is not published, so from here on it is another one.
                found = dict(vars(twin))
                vars(twin).clear()
                vars(twin).update((name, found[name]) for name in vars(node))
        self.check()

    def look_for_the_unseen(self) -> None:
        """Nothing has gone past recording."""
        self.publish()
        found, changes = self.state.check(self.replica)
        assert not found and not changes

    def all_ids(self) -> list[int]:
        return [n for cell in self.state.cells for n in self.replica.ids_in(cell)]

    def finish(self) -> None:
        """When nothing is held any more, nothing is left: no node, no reference to a recording type."""
        self.held.clear()
        self.nodes.clear()
        for name in list(self.state.names):
            del self.state.names[name]
        self.plain.clear()
        self.publish()
        for _ in range(3):
            gc.collect()
            self.replica.apply(self.state.end())
        assert len(self.state) == 1 and self.state.cells == [0], self.state.cells
        assert len(self.replica) == 1
        self.state.close()


def swap_ends(items: list[Any]) -> None:
    items[0], items[-1] = items[-1], items[0]


def count_up(counts: dict[Any, Any], key: Any) -> None:
    counts[key] = counts.get(key, 0) + 1


def move_to_end(items: dict[Any, Any], key: Any) -> None:
    items[key] = items.pop(key)


def count_attribute(row: Any) -> None:
    row.n += 1
