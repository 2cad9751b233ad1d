"""A part lives as long as something stores it or some process has a proxy of it, as objects do in plain Python."""

import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import programs
import pytest

from share import DeletedObjectError, Share

FORK = multiprocessing.get_context("fork")
SPAWN = multiprocessing.get_context("spawn")


class Row:
    """A part."""

    def __init__(self, n: int = 0) -> None:
        self.n = n
        self.tags = [n]
        self.link: Any = None


class Table:
    """Holds parts, and says how many of them there are."""

    def __init__(self) -> None:
        self.rows = [Row(i) for i in range(4)]
        self.queue = deque(Row(i) for i in range(4))
        self.spare: Any = []

    def arrange(self, way: str) -> None:
        if way == "sort":
            self.rows.sort(key=lambda row: -row.n)
        elif way == "reverse":
            self.rows.reverse()
        elif way == "refill":
            rows = self.rows[:]
            self.rows.clear()
            self.rows.extend(rows)
        else:
            self.rows[1:] = self.rows[:0:-1]

    def last(self) -> Any:
        return self.rows.pop()

    def last_two(self) -> Any:
        return [self.rows.pop(), (self.rows.pop(), 5)]

    def first(self) -> Any:
        self.spare.append(1)
        return self.rows[0]

    def fail(self) -> Any:
        raise ValueError(self.rows.pop())

    def tie(self) -> None:
        first, second = self.rows[0], self.rows[1]
        first.link, second.link = second, first
        del self.rows[:2]

    def use(self, count: int) -> None:
        """Removes so many parts that it is looked which are held."""
        for i in range(count):
            self.spare.append([i])
        self.spare.clear()

    def count(self) -> int:
        gc.collect()
        return sum(type(each) is Row for each in gc.get_objects())


class Store:
    """Gives away what it has."""

    def __init__(self) -> None:
        self.items: list[int] = []

    def take(self) -> list[int]:
        items, self.items = self.items, []
        return items


def look(shared: Share) -> None:
    """Has the coordinator look, more than once, which of the removed parts are held."""
    for _ in range(3):
        shared.table.use.call(3000)


@pytest.fixture
def table(shared: Share) -> Any:
    shared.table = Table()
    return shared.table


def test_what_pop_gives_is_the_proxy_that_is_held(shared: Share, table: Any) -> None:
    held = table.rows[2]
    table.rows.insert(0, table.rows.pop())
    assert [row.n for row in table.rows] == [3, 0, 1, 2]
    assert table.rows.pop() is held
    table.rows.insert(0, held)
    held.n = 9
    assert table.rows[0] is held and table.rows[0].n == 9
    assert table.queue[0].n == 0
    kept = table.queue[0]
    assert table.queue.popleft() is kept
    assert type(table.queue.popleft()) is Row


@pytest.mark.parametrize("way", ["sort", "reverse", "refill", "slice"])
def test_what_only_an_undo_refers_to_is_not_stored(way: str, shared: Share, table: Any) -> None:
    """In a group of commands, of which the first has noted in which order the items were."""
    coordinator = shared.health().coordinator
    os.kill(coordinator, signal.SIGSTOP)
    try:
        table.arrange.send(way)
        answers = [table.last.submit(), table.last_two.submit()]
    finally:
        os.kill(coordinator, signal.SIGCONT)
    last, (second, (third, _)) = [answer.result(60) for answer in answers]
    assert type(last) is type(second) is type(third) is Row
    assert table.count.call() == 1 + 4


def test_what_nobody_holds_is_a_plain_object_with_the_parts_that_are_held(shared: Share, table: Any) -> None:
    tags, second = table.rows[3].tags, table.rows[2]
    row, (other, five) = table.last_two()
    assert type(row) is Row and row.tags is tags and five == 5
    assert other is second
    look(shared)
    tags.append(7)
    second.n = 8
    table.rows.append(row)
    table.rows.append(other)
    assert table.rows[2].tags is tags and tags == [3, 7]
    assert table.rows[3] is second and second.n == 8
    held = table.rows[3]
    with pytest.raises(ValueError, match="node") as caught:
        table.fail.call()
    assert caught.value.args[0] is held


def test_a_removed_part_is_kept_for_as_long_as_it_is_held(shared: Share, table: Any) -> None:
    held = [table.rows[0], table.rows[1].tags, table.queue[2]]
    table.rows.clear()
    table.queue.clear()
    for i in range(3):
        look(shared)
        held[0].n = held[2].n = i
        held[1].append(i)
        assert (held[0].n, held[1], held[2].n) == (i, [1, *range(i + 1)], i)
    os.kill(shared.health().coordinator, signal.SIGKILL)
    look(shared)
    assert (held[0].n, held[1], held[2].n) == (2, [1, 0, 1, 2], 2)
    table.rows.extend(held)
    assert all(one is other for one, other in zip(table.rows, held, strict=True))


def test_parts_that_only_hold_each_other(shared: Share, table: Any) -> None:
    """The collector finds them, and must not take them while one is held."""
    second = table.rows[1]
    table.tie()
    look(shared)
    assert table.count.call() == 2 + 2 + 4
    assert second.link.link is second
    os.kill(shared.health().coordinator, signal.SIGKILL)
    look(shared)
    second.link.n = 5
    assert second.link.n == 5 and second.link.link is second
    del second
    gc.collect()
    look(shared)
    assert table.count.call() == 2 + 4


def test_parts_that_nobody_holds_go(shared: Share, table: Any) -> None:
    held = [*table.rows, *table.queue]
    assert table.count.call() == 8
    table.rows.clear()
    table.queue.clear()
    look(shared)
    assert table.count.call() == 8
    del held
    look(shared)
    assert table.count.call() == 0


def hold(connection: Connection, table: Any) -> None:
    row = table.rows[0]
    connection.send(row.n)
    while (asked := connection.recv()) is not None:
        if asked == "add":
            row.n += 1
        elif asked == "store":
            table.rows.append(row)
        elif asked == "drop":
            row = None
            gc.collect()
        connection.send(None if row is None else row.n)
    connection.send(None)


@pytest.mark.parametrize("end", ["drop", "kill", "exit"])
def test_parts_that_another_process_holds(end: str, shared: Share, table: Any) -> None:
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=hold, args=(theirs, table))
    process.start()
    assert ours.recv() == 0
    row = table.rows.pop(0)
    assert not isinstance(row, Row) or type(row) is not Row  # the other process has it
    del row
    table.rows.clear()
    look(shared)
    ours.send("add")
    assert ours.recv() == 1
    ours.send("store")
    assert ours.recv() == 1
    assert [row.n for row in table.rows] == [1]
    table.rows.clear()
    look(shared)
    assert table.count.call() == 1 + 4
    if end == "drop":
        ours.send("drop")
        assert ours.recv() is None
    elif end == "kill":
        process.kill()
    if end != "kill":
        ours.send(None)
        ours.recv()
    if end != "drop":
        process.join(60)
    while table.count.call() != 4:  # until its entry has been given back
        look(shared)
    process.join(60)


def in_child(shared: Share, table: Any, held: Any, go: Connection, done: Connection) -> None:
    go.recv()
    held.n += 1
    table.rows.append(held)
    shared.flush()
    done.send(held.n)
    os._exit(0)


def test_a_forked_child_holds_what_its_parent_held(shared: Share, table: Any) -> None:
    held = table.rows[1]
    go, ours = FORK.Pipe(duplex=False)
    mine, done = FORK.Pipe(duplex=False)
    process = FORK.Process(target=in_child, args=(shared, table, held, go, done))
    process.start()
    del held
    gc.collect()
    table.rows.clear()
    look(shared)
    ours.send("go")
    assert mine.recv() == 2
    process.join(60)
    assert [row.n for row in table.rows] == [2]


def test_an_answer_on_its_way_holds_what_it_refers_to(shared: Share, table: Any) -> None:
    """Also when its caller takes it later than everything else, and when another coordinator has come meanwhile."""
    answers = [table.first.submit() for _ in range(3)]
    shared.flush()
    table.rows.clear()
    look(shared)
    rows = [answer.result(60) for answer in answers]
    assert rows[0] is rows[1] is rows[2]
    rows[0].n = 3
    table.rows.append(rows[0])
    assert table.rows[0].n == 3


def shuffle(table: Any, rounds: int) -> None:
    """Moves parts about while it holds them, so that none is lost."""
    for i in range(rounds):
        try:
            row = table.rows[i % 3]
            row.n += 1
            table.rows.insert(0, table.rows.pop())
            del row
        except IndexError:
            pass
        try:
            table.queue.append(table.queue.popleft())
        except IndexError:
            pass


def test_processes_that_move_parts_about(shared: Share, table: Any) -> None:
    held = [*table.rows, *table.queue]
    processes = [SPAWN.Process(target=shuffle, args=(table, 300)) for _ in range(2)]
    for process in processes:
        process.start()
    threads = [threading.Thread(target=shuffle, args=(table, 100)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for worker in [*threads, *processes]:
        worker.join(100)
    assert not shared.errors
    shared.flush()
    found = [*table.rows, *table.queue]
    assert len(found) == 8 and {id(row) for row in found} == {id(row) for row in held}
    assert sum(row.n for row in table.rows) == 6 + 2 * 300 + 2 * 100


def test_a_name_of_a_part_that_is_held(shared: Share, table: Any) -> None:
    shared.best = table.rows[0]
    held = shared.best
    table.rows.pop(0)
    del shared.best
    look(shared)
    held.n = 4
    assert held.n == 4
    shared.best = held
    assert shared.best.n == 4


def test_tokens_hold_nothing(shared: Share, table: Any) -> None:
    ours, theirs = SPAWN.Pipe()
    theirs.send(table.rows[0])
    data = ours.recv_bytes()
    table.rows.clear()
    look(shared)
    theirs.send_bytes(data)
    with pytest.raises(DeletedObjectError):
        ours.recv()


def put(store: Any, start: int, count: int) -> None:
    for i in range(start, start + count):
        store.items.append(i)


def test_an_attribute_that_is_replaced_while_others_add_to_it(shared: Share) -> None:
    """What is read as an attribute of an object at top level is held, too."""
    shared.store = Store()
    items = shared.store.items
    assert shared.store.take() is items
    processes = [SPAWN.Process(target=put, args=(shared.store, start, 300)) for start in (0, 300)]
    for process in processes:
        process.start()
    taken = []
    while any(process.is_alive() for process in processes):
        taken.append(shared.store.take())
    taken.append(shared.store.take())
    assert not shared.errors
    assert sorted(i for items in taken for i in items) == list(range(600))


FORKED_AT_ONCE = """
import gc, os, stat
is_killed = False
os.register_at_fork(after_in_child=lambda: is_killed and os.kill(os.getpid(), 9))  # before the library's own
import test_held
from share import Share

def count_pipes():
    return sum(stat.S_ISFIFO(os.stat(f"/proc/self/fd/{name}").st_mode) for name in open_files())

def open_files():
    return [name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]

with Share() as shared:
    shared.table = test_held.Table()
    held = list(shared.table.rows)
    pipes = count_pipes()
    for is_killed in (False, True, True):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    del held
    gc.collect()
    shared.table.rows.clear()
    test_held.look(shared)
    kept = shared.table.count.call()
    shared.table.queue[0]
    test_held.look(shared)
    print(kept, shared.table.count.call(), count_pipes() - pipes)
"""


def test_a_forked_child_that_is_killed_at_once_holds_nothing(tmp_path: Path) -> None:
    assert programs.run_script(tmp_path, FORKED_AT_ONCE) == "8 4 0\n"
