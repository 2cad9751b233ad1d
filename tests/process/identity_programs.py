"""Programs that hold parts of the state while two processes change what holds these, and the same on plain objects."""

from collections import OrderedDict, deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from share.client._session import Shared

KEYS = ["a", "b", 3, (1, "t")]


class Row:
    def __init__(self, n: int) -> None:
        self.n = n
        self.link: Any = None

    def link_to(self, other: Any) -> None:
        self.link = other

    def linked(self) -> Any:
        return self.link

    def is_linked_to(self, other: Any) -> bool:
        return self.link is other


class Slotted:
    __slots__ = ("link", "n")

    def __init__(self, n: int) -> None:
        self.n = n
        self.link: Any = None


class Board:
    """The top-level object."""

    def __init__(self) -> None:
        self.rows: Any = [[1], {"a": [2]}, Row(3)]
        self.table: Any = {"a": [4], "b": Row(5)}
        self.queue: Any = deque([[6], Slotted(7)])
        self.order: Any = OrderedDict(a=[8])

    def swap_ends(self) -> None:
        if self.rows:
            self.rows[0], self.rows[-1] = self.rows[-1], self.rows[0]

    def add_past_recording(self, n: int) -> None:
        list.append(self.rows, n)

    def put_first(self, part: Any) -> None:
        self.rows.insert(0, part)

    def first(self) -> Any:
        return self.rows[0] if self.rows else None

    def all_rows(self) -> Any:
        return [part for part in self.rows]

    def holds(self, part: Any) -> bool:
        return any(each is part for each in self.rows)

    def place_of(self, part: Any) -> int:
        return next((i for i, each in enumerate(self.rows) if each is part), -1)


def weight(part: Any) -> int:
    return len(part) if hasattr(part, "__len__") else 2


def sort(items: Any) -> None:
    items.sort(key=weight)


def swap(items: Any, i: int, j: int) -> None:
    items[i], items[j] = items[j], items[i]


def move(source: Any, i: int, target: Any) -> None:
    part = source[i]
    del source[i]
    target.append(part)


def pop_and_push(source: Any, i: int, target: Any) -> None:
    target.append(source.pop(i))


def rotate(items: Any) -> None:
    items.append(items.popleft() if isinstance(items, deque) else items.pop(0))


def pop_key_and_push(source: Any, key: Any, target: Any) -> None:
    target.append(source.pop(key))


def move_key(source: Any, key: Any, target: Any) -> None:
    part = source[key]
    del source[key]
    target[key] = part


def assign(target: Any, key: Any, value: Any) -> None:
    target[key] = value


def delete(target: Any, key: Any) -> None:
    del target[key]


def count_up(target: Any) -> None:
    target.n += 1


def replace(target: Any, name: str, value: Any) -> None:
    setattr(target, name, value)


def take(target: Any, key: Any) -> Any:
    return target[key]


def take_attribute(target: Any, name: str) -> Any:
    return getattr(target, name)


def call(target: Any, name: str, *args: Any) -> Any:
    return getattr(target, name)(*args)


def work(connection: Connection, board: Any) -> None:
    """The other process: does what it is told, with what it holds."""
    held: dict[int, Any] = {0: board}
    while (asked := connection.recv()) is not None:
        number, function, args, places = asked
        try:
            if function is None:
                held = {key: part for key, part in held.items() if key in args}
                result = None
            else:
                result = function(*[held[place] if kind == "held" else place for kind, place in places])
                if isinstance(result, Shared):
                    held[number] = result
            connection.send((None, result))
        except Exception as error:
            connection.send((error, None))
        asked = args = places = result = None  # so that nothing is held but what is in the dict


Handle = tuple[
    Any, Any
]  # what it is among the plain objects, and here; None: only the other process holds it


class Program:
    """A board that is shared, its plain twin, and parts of it that both processes hold."""

    def __init__(self, board: Any, connection: Connection, choose: Callable[[int], int]) -> None:
        self.choose = choose
        self.connection = connection
        self.plain = Board()
        self.model: dict[int, Any] = {0: self.plain}
        self.here: dict[int, Any] = {0: board}
        self.there: set[int] = {0}
        self.last = 0
        self.n = 100

    def one_of(self, options: Any) -> Any:
        return options[self.choose(len(options))]

    def fresh(self) -> Any:
        self.n += 1
        n, kind = self.n, self.choose(6)
        return [
            lambda: [n],
            lambda: {"a": n},
            lambda: Row(n),
            lambda: [[n], [n]],
            lambda: Slotted(n),
            lambda: n,
        ][kind]

    def part(self, *classes: type) -> int | None:
        """The number of something that is held and has one of those classes."""
        found = [number for number, part in self.model.items() if isinstance(part, classes)]
        return self.one_of(found) if found else None

    def run(self, function: Callable[..., Any], *places: tuple[str, Any]) -> None:
        """The same on the plain objects and on the shared ones, in one of the processes."""
        self.last += 1
        number = self.last
        needed = {place for kind, place in places if kind == "held"}
        can_here, can_there = needed <= self.here.keys(), needed <= self.there
        if not can_here and not can_there:
            return

        def arguments(held: Any) -> list[Any]:
            return [held[p] if kind == "held" else p() if kind == "fresh" else p for kind, p in places]

        try:
            expected, failed = function(*arguments(self.model)), None
        except Exception as error:
            expected, failed = None, error
        try:
            if can_here and (not can_there or self.choose(2)):
                result = function(*arguments(self.here))
                if isinstance(result, Shared):
                    self.here[number] = result
            else:
                sent = [(kind if kind == "held" else "", p() if kind == "fresh" else p) for kind, p in places]
                self.connection.send((number, function, None, sent))
                error, result = self.connection.recv()
                if error is not None:
                    raise error
                if isinstance(result, Shared):
                    self.there.add(number)
                    self.here[number] = result
        except Exception as error:
            assert failed is not None, (function, places, error)
            assert type(error) is type(failed), (function, places, error, failed)
            return
        assert failed is None, (function, places, failed)
        if function is replace:
            self.read_again()
        if is_part(expected):
            # What something stores or holds is a proxy, and the rest a plain object.
            is_held = any(expected is part for part in reachable(self.model.values()))
            assert isinstance(result, Shared) == is_held, (function, places, result, expected, is_held)
        if isinstance(result, Shared):
            assert is_part(expected), (function, expected)
            self.model[number] = expected
        elif not is_part(expected):
            assert same_value(result, expected), (function, places, result, expected)

    def read_again(self) -> None:
        """Attributes of the board: what either process has read of them before is what it holds, and no more."""
        look_at_attributes(self.here[0])
        self.connection.send((0, look_at_attributes, None, [("held", 0)]))
        assert self.connection.recv()[0] is None

    def pop(self, items: int, i: int) -> None:
        """Takes something out, to keep or to store it elsewhere."""
        size, ends = len(self.model[items]), isinstance(self.model[items], deque)
        kind = self.choose(4)
        if kind == 0:
            self.run(rotate, ("held", items))
        elif ends:
            self.run(call, ("held", items), ("", self.one_of(["pop", "popleft"])))
        elif kind == 1:
            self.run(call, ("held", items), ("", "pop"), ("", i))
        elif kind == 2:
            self.run(pop_and_push, ("held", items), ("", i), ("held", self.part(list, deque)))
        else:
            self.run(pop_and_push, ("held", items), ("", size - 1), ("held", items))

    def step(self) -> None:
        which = self.choose(20)
        items, table = self.part(list, deque), self.part(dict)
        if which >= 18:
            if items is not None and self.model[items]:
                self.pop(items, self.choose(len(self.model[items])))
            if table is not None and items is not None and self.choose(2):
                self.run(pop_key_and_push, ("held", table), ("", self.one_of(KEYS)), ("held", items))
            return
        row, any_part = self.part(Row, Slotted, Board), self.part(list, dict, deque, Row, Slotted)
        value = ("held", any_part) if any_part is not None and self.choose(2) else ("fresh", self.fresh())
        if which < 10 and items is not None:
            size = len(self.model[items])
            i, j = (self.choose(size), self.choose(size)) if size else (0, 0)
            if size > 9:
                which = self.one_of([2, 2, 3, 8])
            if which == 0:
                self.run(call, ("held", items), ("", "append"), value)
            elif which == 1:
                self.run(call, ("held", items), ("", "insert"), ("", i), value)
            elif which == 2 and size:
                self.run(delete, ("held", items), ("", i))
            elif which == 3:
                self.run(call, ("held", items), ("", self.one_of(["clear", "reverse", "reverse"])))
            elif which == 4 and size:
                self.run(assign, ("held", items), ("", i), value)
            elif which == 5 and size:
                self.run(swap, ("held", items), ("", i), ("", j))
            elif which == 6 and size and isinstance(self.model[items], list):
                self.run(sort, ("held", items))
            elif which == 7 and size:
                other = self.part(list, deque)
                self.run(move, ("held", items), ("", i), ("held", other))
            elif size:
                self.run(take, ("held", items), ("", i))
            return
        if which < 14 and table is not None:
            key = self.one_of(KEYS)
            if which == 10:
                self.run(assign, ("held", table), ("", key), value)
            elif which == 11:
                self.run(delete, ("held", table), ("", key))
            elif which == 12:
                self.run(move_key, ("held", table), ("", key), ("held", self.part(dict)))
            else:
                self.run(take, ("held", table), ("", key))
            return
        if row is None:
            return
        if isinstance(self.model[row], Board):
            name = self.one_of(["rows", "table", "queue", "order"])
            if which == 14:
                found = self.part(type(getattr(self.model[row], name)))
                if found is not None and self.choose(3) == 0:
                    self.run(replace, ("held", row), ("", name), ("held", found))
            elif which == 15 and any_part is not None:
                self.run(call, ("held", row), ("", "put_first"), ("held", any_part))
                self.run(call, ("held", row), ("", "holds"), ("held", any_part))
                self.run(call, ("held", row), ("", "place_of"), ("held", any_part))
            elif which == 16:
                self.run(call, ("held", row), ("", self.one_of(["swap_ends", "first"])))
            else:
                self.run(take_attribute, ("held", row), ("", name))
        elif which == 14:
            self.run(count_up, ("held", row))
        elif which == 15:
            self.run(replace, ("held", row), ("", "link"), value)
        elif which == 16 and isinstance(self.model[row], Row):
            self.run(call, ("held", row), ("", "link_to"), value)
            self.run(call, ("held", row), ("", "linked"))
            if value[0] == "held":
                self.run(call, ("held", row), ("", "is_linked_to"), value)
        else:
            self.run(take_attribute, ("held", row), ("", "link"))

    def check(self) -> None:
        """Both are the same, seen from the board and from each part that is held, also of those that were removed."""
        compare([(self.here[0], self.plain)])
        while len(self.model) > 14:
            number = self.one_of(list(self.model)[1:])
            del self.model[number]
            self.here.pop(number, None)
            self.there.discard(number)
        self.connection.send((0, None, set(self.there), ()))
        self.connection.recv()
        by_model: dict[int, Any] = {}
        for number, part in self.here.items():
            known = by_model.setdefault(id(self.model[number]), part)
            assert known is part, f"two proxies of {part!r}"
        compare([(self.here[number], self.model[number]) for number in self.here])


def look_at_attributes(board: Any) -> None:
    for name in ("rows", "table", "queue", "order"):
        getattr(board, name)


def reachable(parts: Any) -> list[Any]:
    """All plain parts that these hold, themselves included."""
    met: dict[int, Any] = {}
    rest = list(parts)
    while rest:
        part = rest.pop()
        if not is_part(part) or id(part) in met:
            continue
        met[id(part)] = part
        if isinstance(part, (list, deque)):
            rest.extend(part)
        elif isinstance(part, dict):
            rest.extend(part.values())
        else:
            names = ("rows", "table", "queue", "order") if isinstance(part, Board) else ("n", "link")
            rest.extend(getattr(part, name) for name in names)
    return list(met.values())


def is_part(value: Any) -> bool:
    return isinstance(value, (list, dict, deque, Row, Slotted, Board))


def same_value(found: Any, expected: Any) -> bool:
    return bool(found == expected) and type(found).__name__ == type(expected).__name__


def compare(pairs: list[Any]) -> list[Any]:
    """Walks proxies and plain objects in step: the same values, order and identities. The plain parts that were met."""
    partner: dict[int, Any] = {}
    taken: dict[int, Any] = {}
    kept, seen, rest = [], [], list(pairs)
    while rest:
        shared, plain = rest.pop()
        if not is_part(plain):
            assert same_value(shared, plain), (shared, plain)
            continue
        assert isinstance(shared, Shared), (shared, plain)
        assert shared.__class__ is type(plain), (shared, plain)
        if id(shared) in partner:
            assert partner[id(shared)] is plain, f"one object where there are two: {shared!r}"
            continue
        assert id(plain) not in taken, f"two objects where there is one: {shared!r}"
        partner[id(shared)] = plain
        taken[id(plain)] = shared
        kept.append(shared)
        seen.append(plain)
        if isinstance(plain, (list, deque)):
            assert len(shared) == len(plain), (shared, plain)
            rest.extend(zip(shared, plain, strict=True))
        elif isinstance(plain, dict):
            assert list(shared) == list(plain), (shared, plain)
            rest.extend(zip(shared.values(), plain.values(), strict=True))
        else:
            names = ("rows", "table", "queue", "order") if isinstance(plain, Board) else ("n", "link")
            rest.extend((getattr(shared, name), getattr(plain, name)) for name in names)
    return seen


class Key:
    """Its hash needs what it holds."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.n == other.n

    def __hash__(self) -> int:
        return hash(self.n)


class Index:
    """Keys that are at home in one attribute, and a dict and a set in others."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.places: dict[Key, int] = {}
        self.some: set[Key] = set()

    def add(self, count: int) -> None:
        for _ in range(count):
            self.keys.append(Key(len(self.keys)))
            self.places[self.keys[-1]] = len(self.places)
            if len(self.keys) % 2:
                self.some.add(self.keys[-1])

    def place(self, n: int) -> int:
        return self.places[Key(n)]


def look_up(index: Any, numbers: list[int]) -> Any:
    """In a process that knows nothing yet; each number in another order of what is read first."""
    found: list[Any] = [index.places[Key(n)] for n in numbers]
    found += [index.place(n) for n in numbers]
    found += [Key(n) in index.some for n in numbers]
    found += [len(index.keys), index.keys[0] in index.places, [key.n for key in index.places][:2]]
    return found


class Answers:
    """What methods that only read give: parts, and things that hold parts."""

    def __init__(self) -> None:
        self.rows = [Row(i) for i in range(4)]
        self.table = {"a": [1], "b": [2]}

    def items(self) -> Any:
        return self.table.items()

    def values(self) -> Any:
        return self.table.values()

    def pairs(self) -> Any:
        return list(enumerate(self.rows))

    def by_n(self) -> Any:
        return {row.n: row for row in self.rows}

    def backwards(self) -> Any:
        return reversed(self.rows)

    def large(self, is_large: Callable[[Any], bool]) -> Any:
        return [row for row in self.rows if is_large(row)]

    def later(self) -> Any:
        return lambda: len(self.rows)

    def refuse(self) -> None:
        raise ValueError(self.rows[0])

    def generated(self) -> Any:
        for row in self.rows:
            yield row.n
