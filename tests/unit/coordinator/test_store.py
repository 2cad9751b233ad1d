"""What the coordinator publishes: a fresh store loads it, and a replica fed from shared memory equals what is live."""

import gc
import itertools
import os
import random
import struct
import sys
from collections import deque
from collections.abc import Iterator
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "state"))

from recorded_programs import Program, compare

from share import _segment
from share._cells import cells_for, with_aliases
from share._control import Control
from share._names import segments_of
from share._protocol import encode
from share.analysis import draft
from share.cerial import dumps
from share.coordinator._recovery import recover
from share.coordinator._store import Store
from share.errors import DeletedObjectError, NotShareableError

COMMIT, REFERENCES, TAIL, HEAD = 384, 520, 200704, 200704 + 128
tokens = itertools.count(1)


class Holder:
    """Its attributes are what a program works on."""

    def __init__(self) -> None:
        self.a: Any = None
        self.b: Any = None
        self.c: Any = None
        self.other: Any = None


class Driver:
    """A store that executes no commands of a ring, but what a test does to its live objects."""

    def __init__(self) -> None:
        name = f"share_{os.getpid():08x}{next(tokens):08x}"
        self.control = Control.create(name, 64, dumps({"path": []}))
        self.memory = SharedMemory(name)
        self.store = Store(self.control)
        recover(self.control, self.store)
        self.position = 0

    def create(self, name: str, instance: Any) -> Any:
        plan = draft(type(instance))
        if plan.kind == "opaque":
            shape, state = (type(instance), ("",), plan), instance
        else:
            state = dict(vars(instance))
            cells, groups = cells_for(plan, state, lambda _: False, instance)
            shape = (type(instance), cells, with_aliases(plan, groups))
        mirror = self.store.create(self.store.shape(encode(shape, "shape")), state)
        self.store.assign(name, mirror)
        return mirror

    def commit(self) -> None:
        self.store.prepare()
        self.position += 1
        self.store.publish(self.position)
        for word in (TAIL, HEAD, COMMIT):
            struct.pack_into("<Q", self.memory.buf, word, self.position)
        self.store.settle()

    def take_over(self) -> None:
        """What a successor finds."""
        self.store.close()
        self.store = Store(self.control)
        recover(self.control, self.store)

    def live(self, name: str) -> Any:
        return self.store.root_value(name)

    def close(self) -> None:
        self.store.close()
        self.memory.close()
        for each in (self.control.name, *segments_of(f"{self.control.name}_")):
            _segment.unlink(each)


@pytest.fixture
def driver() -> Iterator[Driver]:
    made = Driver()
    yield made
    made.close()
    del made
    gc.collect()


def touch(driver: Driver, name: str = "x") -> Any:
    live = driver.live(name)
    driver.store.note_change(driver.store.mirror_of(live), None)
    return live


def test_a_successor_has_what_was_committed(driver: Driver) -> None:
    driver.create("x", Holder())
    live = touch(driver)
    live.a = [1, [2], {"k": {3}}]
    live.b = live.a[1]
    live.c = (live.a[1], "t")
    driver.commit()
    live.a[1].append(5)
    live.a[2]["k"].add(9)
    driver.commit()
    live.a.append("lost")
    driver.take_over()
    live = driver.live("x")
    assert live.a == [1, [2, 5], {"k": {3, 9}}]
    assert live.b is live.a[1]
    assert live.c == ([2, 5], "t") and live.c[0] is live.b
    driver.commit()
    touch(driver)
    live.b.append(6)
    driver.commit()
    driver.take_over()
    assert driver.live("x").a[1] == [2, 5, 6]


class Expected:
    """Its plan says that its attributes have parts in common."""

    def __init__(self) -> None:
        self.a: list[Any] = []
        self.b: dict[int, Any] = {}

    def add(self) -> None:
        part = [len(self.a)]
        self.a.append(part)
        self.b[len(self.a)] = part


def test_what_its_plan_does_not_know_of_concerns_all_reads(driver: Driver) -> None:
    """A method that writes one attribute raises its flag; who reads what both hold must wait for that."""

    def has_references() -> bool:
        return bool(struct.unpack_from("<Q", driver.memory.buf, REFERENCES)[0])

    expected = driver.create("expected", Expected())
    expected.live.add()
    mirror = driver.create("x", Holder())
    live = touch(driver)
    live.a, live.b = [[1], [2]], {"b": 2}
    driver.commit()
    assert not mirror.mixed and not expected.mixed and not has_references()
    live.b["b"] = live.a[0]
    driver.commit()
    assert mirror.mixed and not expected.mixed and has_references()
    driver.take_over()
    live = touch(driver)
    assert live.b["b"] is live.a[0]


def test_an_attribute_that_is_part_of_another(driver: Driver) -> None:
    mirror = driver.create("x", Holder())
    touch(driver).a = [[1], [2]]
    driver.commit()
    assert not mirror.mixed
    live = touch(driver)
    live.c = live.a[0]
    driver.commit()
    assert mirror.mixed


def test_top_level_containers_are_nodes_and_stay_themselves(driver: Driver) -> None:
    driver.create("rows", [1])
    driver.create("x", Holder())
    driver.commit()
    live = touch(driver)
    live.a = {"rows": driver.live("rows"), "me": live}
    live.other = driver.live("rows")
    driver.commit()
    driver.live("rows").append(live)
    driver.commit()
    driver.take_over()
    live = driver.live("x")
    assert live.a["rows"] is driver.live("rows") is live.other
    assert live.a["me"] is live is driver.live("rows")[1]


def test_an_object_lives_as_long_as_something_refers_to_it(driver: Driver) -> None:
    driver.create("x", Holder())
    mirror = driver.create("y", Holder())
    driver.live("y").a = driver.live("y")
    driver.commit()
    live = touch(driver)
    live.a = [driver.live("y")]
    del live
    driver.commit()
    driver.store.assign("y", driver.store.root_value("missing"))
    driver.commit()
    assert mirror.id in driver.store.mirrors
    driver.take_over()
    (other,) = driver.live("x").a
    assert other.a is other
    del other
    mirrors = set(driver.store.mirrors)
    assert len(mirrors) == 2
    driver.live("x").a.clear()
    driver.commit()
    driver.commit()
    driver.take_over()


def test_a_name_that_goes_takes_what_only_it_held(driver: Driver) -> None:
    first = driver.create("x", Holder())
    driver.live("x").a = [driver.live("x")]
    driver.commit()
    missing = driver.store.root_value("missing")
    driver.store.assign("x", missing)
    driver.commit()
    assert first.id not in driver.store.mirrors
    driver.commit()
    assert driver.store.state.cells == [0]


def test_a_command_is_undone(driver: Driver) -> None:
    driver.create("x", Holder())
    live = touch(driver)
    live.a, live.b = [1, 2], {"k": []}
    driver.commit()
    a, b = live.a, live.b
    live = touch(driver)
    live.a.append(3)
    live.b["k"].append(1)
    live.b["z"] = {}
    live.a = "something else"
    live.c = [b]
    driver.create("y", Holder())
    live.b["open"] = (n for n in ())
    with pytest.raises(NotShareableError):
        driver.store.prepare()
    driver.store.abandon()
    assert driver.live("x") is live and live.a is a and live.b is b
    assert a == [1, 2] and b == {"k": []} and live.c is None
    assert driver.store.names() == ["x"]
    touch(driver)
    a.append(7)
    driver.commit()
    driver.take_over()
    assert vars(driver.live("x")) == {"a": [1, 2, 7], "b": {"k": []}, "c": None, "other": None}


def test_a_node_is_found_by_its_id_until_it_has_gone(driver: Driver) -> None:
    driver.create("x", Holder())
    live = touch(driver)
    live.a = [[1], [2]]
    driver.commit()
    number = driver.store.state.id_of(live.a[0])
    assert driver.store.node(number) is live.a[0]
    first = live.a.pop(0)
    driver.commit()
    assert driver.store.node(number) is first  # something may hold it here
    del first
    look_for_holders(driver)
    with pytest.raises(DeletedObjectError):
        driver.store.node(number)


def look_for_holders(driver: Driver) -> None:
    """Removes so many parts that it is looked, at the next commit, which are still held."""
    live = touch(driver)
    live.c = [[i] for i in range(1000)]
    driver.commit()
    live.c.clear()
    touch(driver)
    driver.commit()
    live.other = 1
    touch(driver)
    driver.commit()


def test_removed_parts_go_with_later_commits(driver: Driver) -> None:
    driver.create("x", Holder())
    live = touch(driver)
    live.a = [[1], [2]]
    driver.commit()
    number = driver.store.state.id_of(live.a[0])
    del live.a[0]
    driver.commit()
    look_for_holders(driver)
    with pytest.raises(DeletedObjectError):
        driver.store.node(number)


def test_what_is_changed_past_recording_is_published(driver: Driver) -> None:
    driver.create("x", Holder())
    live = touch(driver)
    live.a = [[1], deque([2])]
    driver.commit()
    for value in ("seen", "again"):
        live = touch(driver)
        list.append(live.a, value)
        list.append(live.a[0], [value])
        driver.store.note_unsure(driver.store.mirror_of(live), None)
        driver.commit()
        live.a[0][-1].append("recorded")
        driver.commit()
    driver.take_over()
    assert driver.live("x").a == [
        [1, ["seen", "recorded"], ["again", "recorded"]], deque([2]), "seen", "again"
    ]  # fmt: skip


def test_a_class_that_cannot_be_loaded_costs_only_its_objects(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "module_that_goes.py"
    module.write_text("class Part:\n    def __init__(self): self.n = 1\n    def hit(self): self.n += 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    driver.create("x", Holder())
    part = __import__("module_that_goes").Part()
    live = touch(driver)
    live.a, live.b = [part], [2]
    driver.commit()
    del live, part
    module.unlink()
    monkeypatch.delitem(sys.modules, "module_that_goes")
    for _ in range(2):
        driver.take_over()
        live = touch(driver)
        live.b.append(3)
        with pytest.raises(NotShareableError, match="cannot be loaded: ModuleNotFoundError"):
            live.a[0].hit()
        driver.commit()
    module.write_text("class Part:\n    def hit(self): self.n += 1\n")
    driver.take_over()
    live = touch(driver)
    live.a[0].hit()
    assert (live.a[0].n, live.b) == (2, [2, 3, 3])


@pytest.mark.parametrize("seed", range(12))
def test_random_programs(driver: Driver, seed: int) -> None:
    choose = random.Random(seed).randrange
    driver.create("x", Holder())
    driver.commit()
    program = Program.__new__(Program)
    program.choose = choose
    program.uid, program.only_recorded, program.held, program.log = 0, False, [], []
    plain = Holder()

    class Names:
        names: dict[str, Any]

    def begin() -> None:
        program.state = Names()  # type: ignore[assignment]
        program.state.names = vars(driver.live("x"))
        program.plain = vars(plain)
        program.held = []

    begin()
    for i in range(60):
        touch(driver)
        program.nodes = [(program.state.names, program.plain), *found(program)]
        for _ in range(1 + choose(8)):
            program.step()
        driver.commit()
        if i % 9 == 8:
            driver.take_over()
            begin()
        found(program)


def found(program: Program) -> list[tuple[Any, Any]]:
    recorded, plain = program.state.names, program.plain
    assert recorded.keys() == plain.keys()
    return compare([(recorded[name], plain[name]) for name in plain], unordered=frozenset())


class Told:
    """Counts how often one of it has been loaded."""

    loaded = 0

    @classmethod
    def load(cls) -> "Told":
        cls.loaded += 1
        return cls()

    def __reduce__(self) -> Any:
        return Told.load, ()


def test_undoing_looks_at_nothing_else(driver: Driver) -> None:
    driver.create("other", Holder())
    touch(driver, "other").a = [[Told()]]
    driver.create("x", Holder())
    live = touch(driver)
    live.a = [[1]]
    driver.commit()
    before = Told.loaded
    driver.store.note_unsure(driver.store.mirror_of(touch(driver)), None)
    live.a[0].append(2)
    assert not driver.store.abandon()
    assert driver.live("x") is live and live.a == [[1]]
    assert Told.loaded == before
    driver.take_over()
    assert Told.loaded > before


@pytest.mark.parametrize("is_seen", [True, False])
def test_what_is_unsure_is_undone_in_place_if_that_is_all(driver: Driver, is_seen: bool) -> None:
    driver.create("x", Holder())
    live = touch(driver)
    live.a = [1, {2}, {"k": [3]}, deque([4])]
    live.b = {1: live.a, (2, 3): bytearray(b"5")}
    driver.commit()
    mirror = driver.store.mirror_of(touch(driver))
    driver.store.note_unsure(mirror, None)
    live.a.append(live.b)
    live.a[1].add(6)
    live.b[(2, 3)] += b"7"
    live.c = live.a[2]
    if not is_seen:
        list.append(live.a[2]["k"], 8)
    assert driver.store.spoilt_ids() == {mirror.id}
    assert driver.store.abandon() == (not is_seen)
    found = driver.live("x")
    assert (found is live) == is_seen
    assert (found.a, found.b, found.c) == (
        [1, {2}, {"k": [3]}, deque([4])],
        {1: found.a, (2, 3): bytearray(b"5")},
        None,
    )
