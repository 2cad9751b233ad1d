"""Plans: what is in them, overrides, refusals, explanations, the command line."""

import collections
import dataclasses
import enum
import functools
import pickle
import threading
import time
from typing import Any, ClassVar, NamedTuple

import attrs
import pytest
from click.testing import CliRunner

from share.analysis import ClassPlan, MethodPlan, draft, explain, plan, reads, returns_value, writes
from share.analysis._members import members_of
from share.analysis._planner import Planner
from share.analysis.knowledge._plain import is_plain
from share.cli._explain import explain as explain_command
from share.errors import AnalysisError


class Stack:
    """Used by most tests below."""

    limit = 10

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.log = 0
        self._lock = threading.Lock()

    def push(self, x: Any) -> None:
        with self._lock:
            self.items.append(x)

    def pop(self) -> Any:
        return self.items.pop()

    def __len__(self) -> int:
        return len(self.items)

    def chain(self, x: Any) -> "Stack":
        self.log += x
        return self

    def full(self) -> bool:
        return len(self.items) >= self.limit

    def each(self) -> Any:
        yield from self.items

    async def later(self) -> int:
        return self.log

    def slow(self) -> None:
        time.sleep(1)

    def maybe(self, x: int) -> int | None:
        if x:
            return None
        return None

    @functools.cached_property
    def total(self) -> int:
        return len(self.items)

    @staticmethod
    def name() -> str:
        return "stack"

    @classmethod
    def make(cls) -> "Stack":
        return cls()


def test_plan_of_a_plain_class() -> None:
    found = plan(Stack)
    assert isinstance(found, ClassPlan)
    assert found.kind == "object"
    assert found.name == f"{__name__}:Stack"
    assert found.attributes[:3] == ("items", "log", "_lock")
    push, pop, size = found.methods["push"], found.methods["pop"], found.methods["__len__"]
    assert push.writes == {"items"} and not push.returns and not push.read_only
    assert pop.writes == {"items"} and pop.returns and pop.returns_alias
    assert size.read_only and size.reads == {"items"} and not size.returns_alias
    assert found.methods["full"].reads == {"items"}  # limit is a constant of the class
    assert found.methods["chain"].returns_self
    assert found.methods["each"].is_generator and found.methods["each"].read_only
    assert found.methods["later"].is_async and found.methods["later"].returns
    assert found.methods["slow"].blocks == ("time.sleep",)
    assert not found.methods["maybe"].returns
    assert found.methods["name"].kind == "staticmethod" and found.methods["make"].kind == "classmethod"
    assert found.getters["total"].writes == {"total"} and found.getters["total"].reads == {"items", "total"}


def test_plan_is_made_once_and_pickles() -> None:
    assert plan(Stack) is plan(Stack)
    assert pickle.loads(pickle.dumps(plan(Stack))) == plan(Stack)


@pytest.mark.parametrize(
    ("cls", "readers", "writers"),
    [
        (
            list,
            "__len__ __getitem__ __iter__ index count copy",
            "append extend __setitem__ sort pop __iadd__ clear",
        ),
        (
            dict,
            "__len__ __getitem__ __iter__ get keys values items",
            "__setitem__ setdefault pop update popitem",
        ),
        (set, "__len__ __contains__ union __or__ issubset", "add discard pop update __ior__ clear"),
        (collections.deque, "__len__ __getitem__ index copy", "append appendleft rotate popleft __setitem__"),
        (bytearray, "__len__ find decode upper", "append extend __setitem__ pop"),
        (collections.defaultdict, "get __len__ items copy", "__getitem__ __missing__ __setitem__ setdefault"),
        (collections.OrderedDict, "__getitem__ keys get", "move_to_end popitem __setitem__"),
        (collections.Counter, "__getitem__ most_common total get", "update subtract __setitem__ __iadd__"),
    ],
)
def test_containers(cls: type, readers: str, writers: str) -> None:
    found = plan(cls)
    assert found.kind == "opaque"
    assert {name for name in readers.split() if not found.methods[name].read_only} == set()
    assert {name for name in writers.split() if found.methods[name].writes is not None} == set()
    assert all(found.methods[name].reads is None for name in readers.split())


def test_what_changes_a_list_gives() -> None:
    found = plan(list).methods
    assert not found["append"].returns and not found["sort"].returns and found["pop"].returns


def test_iter_of_one_argument_calls_nothing() -> None:
    class Table:
        def __init__(self, size: int) -> None:
            self.rows = {k: str(k) for k in range(size)}
            self.free = [1, 2, 0]

        def first(self) -> int:
            return next(iter(self.rows))

        def again(self) -> None:
            self.rows[next(iter(self.rows))] = "seen"

        def all(self) -> list[object]:
            return list(iter(self.free.pop, 0))

    found = plan(Table).methods
    assert found["first"].read_only and not found["again"].unseen
    assert found["all"].writes == {"free"}  # of two, the first is called


def test_subclass_of_a_container() -> None:
    class Keyed(dict[str, int]):
        def bump(self, key: str) -> None:
            self[key] = self.get(key, 0) + 1

        def size(self) -> int:
            return len(self)

    found = plan(Keyed)
    assert found.kind == "opaque"
    assert found.methods["bump"].writes is None
    assert found.methods["size"].read_only and found.methods["size"].reads is None


def test_dataclass_attrs_slots() -> None:
    @dataclasses.dataclass
    class Point:
        x: int
        y: int = 0

        def move(self) -> None:
            self.x += 1

    @attrs.define
    class Pair:
        left: list[int]
        right: int = 0

        def put(self, x: int) -> None:
            self.left.append(x)

        def count(self) -> int:
            return len(self.left)

    class Slotted:
        __slots__ = ("a", "b")

        def set(self) -> None:
            self.b = 1

    assert plan(Point).attributes == ("x", "y")
    assert plan(Point).methods["move"].writes == {"x"}
    assert plan(Point).methods["__eq__"].read_only and plan(Point).methods["__repr__"].read_only
    assert plan(Point).methods["__init__"].writes == {"x", "y"}
    assert set(plan(Pair).attributes) >= {"left", "right"}
    assert plan(Pair).methods["put"].writes == {"left"} and plan(Pair).methods["count"].read_only
    assert plan(Slotted).attributes == ("a", "b") and plan(Slotted).methods["set"].writes == {"b"}


def test_enum_and_named_tuple_are_opaque_values() -> None:
    class Color(enum.Enum):
        RED = 1

        def shout(self) -> str:
            return self.name.upper()

    Pair = collections.namedtuple("Pair", "a b")
    assert plan(Pair).kind == "opaque" and plan(Pair).methods["_asdict"].read_only
    assert plan(Color).kind == "opaque" and plan(Color).methods["shout"].returns


def test_alias_groups() -> None:
    class Shared:
        def __init__(self) -> None:
            self.a = self.b = []  # type: ignore[var-annotated]
            self.c: list[int] = []

        def push(self) -> None:
            self.a.append(1)

    found = plan(Shared)
    assert found.alias_groups == (frozenset({"a", "b"}),)
    assert found.methods["push"].writes == {"a", "b"}


def test_tuples_of_an_assignment_are_no_aliases() -> None:
    class Two:
        def __init__(self, a: Any, b: Any) -> None:
            self.a, self.b = a, b

        def swap(self) -> None:
            self.a, self.b = self.b, self.a

    class Apart:
        def __init__(self, a: Any, b: Any) -> None:
            [self.a, self.b] = a, b

    assert plan(Apart).alias_groups == ()
    assert plan(Two).alias_groups == (frozenset({"a", "b"}),)  # by swapping


def test_child_that_knows_its_parent() -> None:
    class Child:
        def __init__(self, parent: Any) -> None:
            self.parent = parent

        def report(self) -> None:
            self.parent.total = 1

    class Parent:
        def __init__(self) -> None:
            self.total = 0
            self.child = Child(self)

        def go(self) -> None:
            self.child.report()

    writes_ = plan(Parent).methods["go"].writes
    assert writes_ is None or {"total", "child"} <= writes_


@pytest.mark.parametrize(
    "body",
    ["cls = type(self); cls.count = 1", "Bad.count += 1", "self.__class__.count = 1", "self.shared.append(1)",
     "del Bad.count", "setattr(type(self), 'count', 1)"],
)  # fmt: skip
def test_class_state_is_refused(body: str) -> None:
    space: dict[str, Any] = {"__name__": "made"}
    exec(f"class Bad:\n    count = 0\n    shared = []\n    def m(self):\n        {body}\n", space)
    with pytest.raises(AnalysisError, match=r"Bad\.m writes class state.*__init__"):
        plan(space["Bad"])


def test_construction_may_write_class_state() -> None:
    class Counted:
        made = 0

        def __init__(self) -> None:
            Counted.made += 1
            self.n = 0

        def read(self) -> int:
            return self.n

    assert plan(Counted).methods["read"].reads == {"n"}


def test_own_setattr_and_getattribute() -> None:
    class Watched:
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)

        def go(self) -> None:
            self.x = 1

    class Asked:
        def __getattribute__(self, name: str) -> Any:
            return super().__getattribute__(name)

    assert plan(Watched).custom_setattr and plan(Watched).methods["go"].writes is None
    assert plan(Asked).custom_getattribute and not plan(Stack).custom_getattribute


def test_decorators_override() -> None:
    class Said:
        def __init__(self) -> None:
            self.a, self.b = [1], [2]

        @writes("a")
        @reads("b")
        def wild(self, f: Any) -> None:
            f(self)

        @writes()
        def pure(self, f: Any) -> Any:
            return f(self.a)

        @returns_value(False)
        def quiet(self) -> int:
            self.a.append(1)
            return 1

        def calls(self, f: Any) -> None:
            self.wild(f)

    found = plan(Said).methods
    assert found["wild"].writes == {"a"} and found["wild"].reads == {"b"}
    assert found["pure"].read_only and found["pure"].reads == {"a"}
    assert not found["quiet"].returns
    assert found["calls"].writes == {"a"}  # what is said holds for callers too


def test_meta_overrides() -> None:
    class Said:
        _shared_meta: ClassVar = {
            "methods": {"wild": {"reads": ["a"], "writes": [], "returns": False}, "any": {"writes": ["*"]}},
            "properties": {"p": {"reads": ["a"], "writes": ["b"]}},
        }

        def __init__(self) -> None:
            self.a, self.b = 1, 2

        def wild(self, f: Any) -> Any:
            return f(self)

        def any(self) -> None:
            pass

        @property
        def p(self) -> Any:
            return open(self)  # type: ignore[call-overload]

        @p.setter
        def p(self, f: Any) -> None:
            f(self)

    found = plan(Said)
    assert found.methods["wild"].read_only and found.methods["wild"].reads == {"a"}
    assert not found.methods["wild"].returns
    assert found.methods["any"].writes is None
    assert found.getters["p"].reads == {"a"} and found.setters["p"].writes == {"b"}


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"methods": {"pushh": {}}}, "did you mean 'push'"),
        ({"methods": {"push": {"writes": ["itemz"]}}}, "did you mean 'items'"),
        ({"method": {}}, "did you mean 'methods'"),
        ({"methods": {"push": {"write": []}}}, "did you mean 'writes'"),
        ({"methods": {"push": ["items"]}}, "must be a dictionary"),
        ({"properties": {"nothing": {}}}, "has no property 'nothing'"),
        ([], "must be a dictionary"),
    ],
)
def test_wrong_overrides_suggest_the_nearest(meta: Any, message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        plan(type("Sub", (Stack,), {"_shared_meta": meta}))


def test_wrong_decorators() -> None:
    class Wrong:
        def __init__(self) -> None:
            self.items = 0

        @writes("item")
        def go(self) -> None:
            pass

    with pytest.raises(AnalysisError, match="did you mean 'items'"):
        plan(Wrong)
    with pytest.raises(AnalysisError, match="strings"):
        writes(1)  # type: ignore[arg-type]
    with pytest.raises(AnalysisError, match="takes a class"):
        plan(1)  # type: ignore[arg-type]


def test_meta_does_not_speak_for_later_overrides() -> None:
    class Base:
        _shared_meta: ClassVar = {"methods": {"go": {"writes": []}}}

        def go(self) -> None:
            pass

    class Sub(Base):
        def go(self) -> None:
            self.x = 1

    assert plan(Base).methods["go"].read_only and plan(Sub).methods["go"].writes == {"x"}


def test_explain_says_why() -> None:
    shown = str(explain(Stack))
    push = next(line for line in shown.splitlines() if line.startswith("push"))
    assert "queued" in push and "self.items.append(x)" in push and "items" in push
    assert next(line for line in shown.splitlines() if line.startswith("full")).split()[1] == "local"
    assert next(line for line in shown.splitlines() if line.startswith("pop")).split()[1] == "waits"
    assert "blocks on time.sleep" in shown


def test_command_line_explains() -> None:
    result = CliRunner().invoke(explain_command, ["queue:Queue"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "put" in result.output and "queue:Queue" in result.output


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("queue", "module:Class"),
        ("no_such_module:X", "cannot import"),
        ("queue:X", "has no"),
        ("os:path", "not a class"),
    ],
)
def test_command_line_says_what_is_wrong(target: str, message: str) -> None:
    result = CliRunner().invoke(explain_command, [target])
    assert result.exit_code == 2 and message in result.output


def test_a_method_plan_is_read_only_without_writes() -> None:
    made = MethodPlan("m", "method", frozenset(), frozenset(), returns=True)
    assert made.read_only
    assert not dataclasses.replace(made, writes=None).read_only


class Held:
    """Filled from outside, so that the analysis cannot know what with."""

    def __init__(self, value: Any, other: Any) -> None:
        self.value, self.other = value, other

    def listed(self) -> list[Any]:
        return [item for item in self.value if item in self.other]

    def looked_up(self, key: Any) -> Any:
        return self.value.get(key)

    def popped(self) -> Any:
        return self.value.pop()

    def called(self) -> Any:
        return self.value()

    def told(self, listener: Any) -> Any:
        return listener(self.value) or self.value[0]

    def walked(self) -> None:
        for _ in self.value:
            pass

    def compared(self) -> Any:
        return self.value.index(self)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("listed", {"value", "other"}),
        ("looked_up", {"value"}),
        ("popped", set()),  # a list has it, and changes
        ("called", {"value", "()"}),  # of plain values only functions that look at things can be called
        ("told", {"value", "()"}),  # what listens is then such a function too
        ("walked", set()),  # is queued without waiting, which looking at the state first would undo
        ("compared", {"value", "()"}),  # calls __eq__ of the object, which changes nothing
    ],
)
def test_what_is_read_while_it_is_plain(name: str, plain: set[str]) -> None:
    made = plan(Held).methods[name]
    assert made.plain == plain
    assert not made.read_only


def test_explain_tells_of_plain() -> None:
    line = next(line for line in str(explain(Held)).splitlines() if line.startswith("listed"))
    assert "local if plain" in line


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1, "a", None, {"k": (1.5, {2}, frozenset())}], True),
        (collections.deque([b"x"]), True),
        (collections.OrderedDict(a=[1]), True),
        ([[iter([1])]], False),
        ({"k": collections.defaultdict(list)}, False),
        (collections.Counter("a"), False),
        ((Stack,), False),
        ([[0] * 600, [0] * 600], False),  # too many to look at
    ],
)
def test_plain_values(value: Any, expected: bool) -> None:
    held = Held(value, iter([1]))
    assert is_plain(held, frozenset({"value"})) is expected
    assert not is_plain(held, frozenset({"*"}))


def test_plain_values_of_containers_and_slots() -> None:
    class Items(list[Any]):
        __slots__ = ("extra",)

    items = Items([1])
    assert is_plain(items, frozenset({"*"}))
    items.extra = iter([1])
    assert not is_plain(items, frozenset({"*"})) and is_plain(items, frozenset({"other"}))
    assert not is_plain(Items([iter([1])]), frozenset({"*"}))


def test_a_value_that_holds_itself_is_plain_or_not_like_any_other() -> None:
    round_and_round: list[Any] = []
    round_and_round.append(round_and_round)
    assert is_plain(Held(round_and_round, 0), frozenset({"value"}))


def test_a_method_that_can_only_raise_has_a_result() -> None:
    class Abstract:
        def __init__(self) -> None:
            self.n = 0

        def must(self) -> int:
            raise NotImplementedError

        def writes(self) -> int:
            self.n += 1
            raise ValueError(self.n)

        def may(self) -> int:
            if self.n:
                raise ValueError
            return self.n

    made = plan(Abstract).methods
    assert made["must"].returns and made["writes"].returns and made["may"].returns


class Row(list):  # type: ignore[type-arg]
    def past_recording(self, x):
        list.append(self, x)

    def seen(self, x):
        super().append(x)
        self.sort()
        self[0] = x


@pytest.mark.parametrize("cls", [list, dict, set, bytearray, collections.deque, collections.OrderedDict, Row])
def test_methods_of_containers_are_recorded(cls):
    found = draft(cls).methods
    written = {
        name: plan.unseen for name, plan in found.items() if plan.writes is None and plan.kind == "method"
    }
    written = {name: unseen for name, unseen in written.items() if name not in ("__new__", "fromkeys")}
    assert len(written) > 5
    assert {name for name, unseen in written.items() if unseen is None} == {"past_recording"} & found.keys()


class Stepper:
    def __init__(self):
        self.items, self.n = [1], 0

    def past(self):
        super(type(self.items), self.items).append(1)


def test_what_comes_after_a_parts_class_does_not_record():
    assert draft(Stepper).methods["past"].unseen in (None, {"items"})


class Spot(NamedTuple):
    n: int = 0


@dataclasses.dataclass(frozen=True)
class Frozen:
    n: int = 0


class Kept:
    """What its methods change is recorded, also where what an item is cannot be told from what is in it."""

    def __init__(self):
        self.counts = {k: collections.Counter(a=1) for k in range(3)}
        self.missing = collections.defaultdict(collections.Counter)
        self.spots, self.frozen = [Spot(1)], [Frozen(1)]

    def count(self, k, x):
        self.counts[k][x] += 1

    def count_missing(self, k, x):
        self.missing[k][x] += 1

    def add_field(self, k):
        self.spots[k] = Spot(self.spots[k].n + 1)

    def replace_named(self, k):
        self.spots[k] = self.spots[k]._replace(n=self.spots[k].n + 1)

    def replace(self, k):
        self.frozen[k] = dataclasses.replace(self.frozen[k], n=self.frozen[k].n + 1)


@pytest.mark.parametrize("name", ["count", "count_missing", "add_field", "replace_named", "replace"])
def test_counters_and_records_are_not_taken_for_unknown_code(name):
    found = draft(Kept).methods[name]
    assert found.unseen == frozenset() and found.writes


class Made:
    def __init__(self):
        self.parts, self.frozen = [[]], Holder([])

    def replaced(self):
        return dataclasses.replace(self.frozen, items=self.parts[0])

    def changed(self):
        dataclasses.replace(self.frozen, n=2).items.append(1)


@dataclasses.dataclass(frozen=True)
class Holder:
    items: list
    n: int = 1

    def __post_init__(self):
        self.items.append(1)


def test_replace_calls_the_class_with_the_fields():
    found = draft(Made).methods
    assert "parts" in found["replaced"].writes
    assert "frozen" in found["changed"].writes


def test_counters_are_not_followed():
    planner = Planner(Kept, 3_000)  # steps; it took 16,000 to follow how counts may be compared
    planner.solve(list(members_of(Kept)))
    assert planner.solved
