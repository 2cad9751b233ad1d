"""Process-local things in state arrive as the documented rules say, and the caller's own stay untouched."""

import collections
import functools
import io
import logging
import os
import queue
import sys
import tempfile
import threading
import types
import weakref

import pytest

from share import cerial
from share.errors import NotShareableError


def again(value):
    return cerial.loads(cerial.dumps(value))


class Thing:
    def method(self):
        return 1


def test_a_lock_is_no_state():
    for make in (threading.Lock, threading.RLock):
        lock = make()
        lock.acquire()
        back = again({"lock": lock})["lock"]
        assert type(back) is type(lock) and back is not lock
        assert back.acquire(blocking=False)
        assert not lock.acquire(blocking=False) or make is threading.RLock


def test_a_condition_keeps_its_lock_relation():
    lock = threading.RLock()
    holder = [lock, threading.Condition(lock), threading.Condition()]
    back = again(holder)
    assert back[1]._lock is back[0] is not lock
    with back[1]:
        back[1].notify_all()
    with back[2]:
        assert back[2]._lock is not back[0]


def test_an_event_keeps_its_flag():
    event = threading.Event()
    assert not again(event).is_set()
    event.set()
    back = again(event)
    assert back.is_set()
    back.clear()
    assert event.is_set()


def test_a_semaphore_keeps_its_value():
    semaphore = threading.Semaphore(3)
    semaphore.acquire()
    back = again(semaphore)
    assert [back.acquire(blocking=False) for _ in range(3)] == [True, True, False]
    bounded = threading.BoundedSemaphore(2)
    bounded.acquire()
    back = again(bounded)
    assert [back.acquire(blocking=False) for _ in range(2)] == [True, False]
    back.release(2)
    with pytest.raises(ValueError, match="released too many times"):
        back.release()
    assert bounded._value == 1


def test_barriers_and_thread_locals_arrive_fresh():
    barrier = threading.Barrier(1, timeout=3)
    back = again(barrier)
    assert back.parties == 1 and back.wait() == 0
    local = threading.local()
    local.x = 1
    assert vars(again(local)) == {} and local.x == 1


@pytest.mark.parametrize("cls", [queue.Queue, queue.LifoQueue, queue.PriorityQueue])
def test_a_queue_keeps_its_items(cls):
    original = cls(5)
    for item in (3, 1, 2):
        original.put(item)
    with original.mutex:  # held: encoding must not wait for it
        back = again(original)
    order = [back.get() for _ in range(3)]
    assert order == [original.get() for _ in range(3)] and back.maxsize == 5
    for _ in range(3):
        back.task_done()
    back.join()
    assert back.empty() and type(back) is cls


def test_loggers_by_name():
    logger = logging.getLogger("share.test.cerial")
    assert again(logger) is logger and again([logging.getLogger()])[0] is logging.getLogger()
    adapter = again(logging.LoggerAdapter(logger, {"a": 1}))
    assert adapter.logger is logger and adapter.extra == {"a": 1}


def test_an_object_with_all_of_it():
    class Worker:
        def __init__(self):
            self.lock = threading.Lock()
            self.log = logging.getLogger("worker")
            self.done = threading.Event()
            self.items = [1, 2]

    worker = Worker()
    worker.lock.acquire()
    back = again(worker)
    assert type(back) is Worker and back.items == [1, 2] and not back.lock.locked() and worker.lock.locked()


# ---- files -----------------------------------------------------------------------------------------------


def test_a_file_for_reading_reopens_at_its_position(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("one\nzwei é\nthree\n", encoding="utf-8")
    with open(path, encoding="utf-8") as file:
        assert file.readline() == "one\n"
        with again(file) as back:
            assert back.readline() == "zwei é\n"
            assert (back.name, back.mode, back.encoding) == (str(path), "r", "utf-8")
        assert file.readline() == "zwei é\n"
    for buffering in (-1, 0):
        with open(path, "rb", buffering=buffering) as file:
            file.read(4)
            with again([file])[0] as back:
                assert back.read(4) == b"zwei" and type(back) is type(file)
            assert file.tell() == 4


@pytest.mark.parametrize("mode", ["w", "x", "r+", "w+", "a", "wb", "ab", "rb+", "xb"])
def test_a_file_for_writing_is_not_truncated(tmp_path, mode):
    path = tmp_path / "log"
    if "r" in mode:
        path.write_text("")
    text = (lambda s: s.encode()) if "b" in mode else str
    with open(path, mode) as file:
        file.write(text("first "))
        file.flush()
        with again(file) as back:
            back.write(text("second"))
        assert path.read_text() == "first second"


def test_standard_streams_are_those_of_the_receiver():
    assert again(sys.__stdout__) is sys.__stdout__
    assert again({"out": sys.stderr})["out"] is sys.stderr


def test_files_that_cannot_be_opened_again_are_refused(tmp_path):
    with open(tmp_path / "closed", "w") as file:
        pass
    with pytest.raises(NotShareableError, match="closed file"):
        cerial.dumps(file)
    read_end, write_end = os.pipe()
    with (
        open(read_end),
        open(write_end, "w") as pipe,
        pytest.raises(NotShareableError, match="regular files"),
    ):
        cerial.dumps([pipe])
    with tempfile.TemporaryFile() as file, pytest.raises(NotShareableError):
        cerial.dumps(file)
    with tempfile.NamedTemporaryFile() as file, pytest.raises(NotShareableError, match="share its name"):
        cerial.dumps(file)
    with open(tmp_path / "gone", "w") as file:
        os.unlink(tmp_path / "gone")
        with pytest.raises(NotShareableError):
            cerial.dumps(file)
        (tmp_path / "gone").write_text("another file")
        with pytest.raises(NotShareableError, match="no longer the file"):
            cerial.dumps(file)
    lines = open(tmp_path / "gone")  # noqa: SIM115
    next(lines)
    with lines, pytest.raises(NotShareableError, match="position"):
        cerial.dumps(lines)
    memory = again(io.StringIO("text"))
    assert memory.read() == "text"


# ---- weak references, views, methods ---------------------------------------------------------------------


def test_a_weak_reference_follows_what_the_value_holds():
    thing = Thing()
    back = again([thing, weakref.ref(thing)])
    assert back[1]() is back[0]
    assert again(weakref.ref(thing))() is None
    held = again({"held": thing, "by_name": weakref.WeakValueDictionary(a=thing, b=Thing())})
    assert dict(held["by_name"]) == {"a": held["held"]}
    keys = weakref.WeakKeyDictionary({thing: 1})
    back = again([thing, keys, weakref.WeakSet([thing]), weakref.WeakMethod(thing.method)])
    assert dict(back[1]) == {back[0]: 1} and list(back[2]) == [back[0]] and back[3]()() == 1
    with pytest.raises(NotShareableError, match="weak proxy"):
        cerial.dumps(weakref.proxy(thing))


@pytest.mark.parametrize(
    "view",
    [
        memoryview(b"abc"), memoryview(bytearray(b"abcdefgh")).cast("I"), memoryview(b""), memoryview(b"abcdef")[::2],
        memoryview(b"abcdef").cast("B", (2, 3)),
    ],
)  # fmt: skip
def test_a_memoryview_of_its_own(view):
    back = again(view)
    assert back == view and back.readonly == view.readonly and back.format == view.format


def test_bound_methods():
    thing = Thing()
    thing.odd = types.MethodType(lambda self: self, thing)
    back = again([thing, thing.method, thing.odd, Thing.method, dict.fromkeys, [].append, Thing().method])
    assert back[1].__self__ is back[0] and back[1]() == 1
    assert back[2]() is back[0] and back[0].odd() is back[0]
    assert back[3] is Thing.method and back[4] == dict.fromkeys
    partial = again(functools.partial(sorted, key=lambda x: -x))
    assert partial([1, 2]) == [2, 1]


# ---- the caller's objects --------------------------------------------------------------------------------


def test_iterators_are_not_advanced():
    table = {"a": 1, "b": 2}
    for make in (
        lambda: iter([1, 2, 3]), lambda: iter((1, 2)), lambda: iter("ab"), lambda: iter(range(3)),
        lambda: map(str, iter([1, 2])), lambda: zip([1, 2], "ab", strict=True), lambda: enumerate("ab"),
        lambda: reversed([1, 2]), lambda: filter(None, [0, 1, 2]), lambda: iter(table), lambda: iter({1, 2}),
        lambda: iter(collections.deque([1])),
    ):  # fmt: skip
        iterator = make()
        cerial.dumps(iterator)
        back = again([iterator])[0]
        assert list(back) == list(iterator) == list(make())


def test_a_generator_is_refused_and_not_consumed():
    generator = (x for x in range(3))
    with pytest.raises(NotShareableError, match="make a list of it first"):
        cerial.dumps({"rows": generator})
    assert list(generator) == [0, 1, 2]

    async def coroutine():
        return 1

    pending = coroutine()
    with pytest.raises(NotShareableError, match="await it"):
        cerial.dumps(pending)
    pending.close()


def test_the_state_of_an_object_is_not_changed():
    class Node:
        pass

    names = set(vars(Node))
    node = Node()
    node.items = [1, {2: 3}]
    items, before = node.items, dict(vars(node))
    cerial.dumps(node)
    assert vars(node) == before and node.items is items
    assert set(vars(Node)) == names
