"""What cannot travel is named, with its path and a hint; nothing is left half done."""

import asyncio
import concurrent.futures
import gc
import multiprocessing
import queue
import socket
import sqlite3
import subprocess
import sys
import threading
import tracemalloc

import pytest

from share import cerial
from share.errors import CorruptDataError, NotShareableError


class Box:
    def __init__(self, **attributes):
        vars(self).update(attributes)


@pytest.fixture
def unshareable():
    with socket.socket() as made:
        yield made


def message(value, where="argument 1"):
    with pytest.raises(NotShareableError) as caught:
        cerial.dumps(value, where=where)
    return str(caught.value)


def test_the_path_leads_to_the_culprit(unshareable):
    value = Box(name="x", cache=Box(conn=[1, 2, 3, Box(socket=unshareable)]))
    text = message(value, "attribute words")
    assert text.startswith("attribute words.cache.conn[3].socket: socket objects cannot be shared")
    assert "connect in the process that needs it" in text
    assert message([0, (1, unshareable)]).startswith("argument 1[1][1]: socket")
    assert message({"a": {1: unshareable}}).startswith("argument 1['a'][1]: socket")
    assert message({("k", 1): unshareable}).startswith("argument 1[('k', 1)]: socket")
    assert message({Box(): 1, 2: Box(x=unshareable)}).startswith("argument 1[2].x: socket")
    assert message({unshareable: 1}).startswith("argument 1, key <socket>: socket")
    assert message({unshareable}).startswith("argument 1, member <socket>: socket")


def test_the_path_through_functions_and_classes(unshareable):
    def closure():
        return unshareable

    def default(x=unshareable):
        return x

    class Holder:
        shared = unshareable

    assert "argument 1, variable unshareable of " in message(closure)
    assert "argument 1, default of " in message(default)
    assert "class attribute" in message(Holder()) and "Holder.shared: socket" in message(Holder())
    assert "Holder.shared: socket" in message(Holder)


def test_cycles_and_slots_on_the_way(unshareable):
    class Slotted:
        __slots__ = ("inner", "me")

    value = Slotted()
    value.me, value.inner = value, [unshareable]
    assert message(value).startswith("argument 1.inner[0]: socket")


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (threading.Thread, "start it in the process"),
        (lambda: threading.Timer(1, print), "start it in the process"),
        (multiprocessing.Process, "share its pid"),
        (queue.SimpleQueue, "queue.Queue"),
        (concurrent.futures.Future, "result()"),
        (lambda: concurrent.futures.ThreadPoolExecutor(1), "start it"),
        (multiprocessing.Lock, "register()"),
        (multiprocessing.Queue, "register()"),
    ],
)
def test_things_of_one_process_are_refused_with_a_hint(make, hint):
    made = make()
    assert hint in message({"x": made})
    assert message({"x": made}).startswith("argument 1['x']: ")
    if make == multiprocessing.Queue:
        made.close()
        made.join_thread()


def test_things_that_need_closing_are_refused():
    with sqlite3.connect(":memory:") as connection:
        assert "connect" in message(connection)
    connection.close()
    one, two = multiprocessing.Pipe()
    with one, two:
        assert "needs no pipe" in message([one])
        assert "needs no pipe" in message([one])
        two.send(1)
        assert one.recv() == 1
    with subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE) as process:
        assert "pid" in message(process)
    loop = asyncio.new_event_loop()
    assert "start it in the process" in message(loop)
    loop.close()


def test_an_exception_in_the_users_own_hook_is_the_cause():
    class Odd:
        def __getstate__(self):
            raise LookupError("no state today")

    with pytest.raises(NotShareableError, match=r"value\[0\].*no state today") as caught:
        cerial.dumps([Odd()])
    assert isinstance(caught.value.__cause__, LookupError)


def test_too_deep():
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(NotShareableError, match="nested too deeply"):
        cerial.dumps(value)
    while value:
        value = value[0]


def test_interrupts_and_memory_errors_pass_through():
    for error in (KeyboardInterrupt, MemoryError, SystemExit):

        class Raises:
            def __reduce__(self, error=error):
                raise error

        with pytest.raises(error):
            cerial.dumps([Raises()])
    assert cerial.loads(cerial.dumps([1])) == [1]


def test_encoding_within_encoding():
    class Nested:
        def __init__(self, value):
            self.value = value

        def __reduce__(self):
            return cerial.loads, (cerial.dumps(self.value),)

    assert cerial.loads(cerial.dumps([Nested([1, Nested({2: 3})]), Nested("x")])) == [[1, {2: 3}], "x"]


def test_a_reduce_hook_is_asked_first():
    asked = []

    def hook(value):
        asked.append(value)
        return (str, ("stand-in",)) if type(value) is Box else NotImplemented

    box = Box()
    assert cerial.loads(cerial.dumps([1, "a", box, {2: box}], reduce=hook)) == [
        1,
        "a",
        "stand-in",
        {2: "stand-in"},
    ]
    assert asked and all(value is box or value is str for value in asked)
    assert type(cerial.loads(cerial.dumps(box))) is Box

    class Armed:
        def __reduce__(self):
            raise AssertionError("the hook comes first")

    armed = Armed()
    assert (
        cerial.loads(cerial.dumps(armed, reduce=lambda x: (str, ()) if x is armed else NotImplemented)) == ""
    )

    def refuse(value):
        raise NotShareableError("a nested share is refused")

    with pytest.raises(NotShareableError, match=r"argument 2\[1\]: a nested share is refused"):
        cerial.dumps([1, box], reduce=refuse, where="argument 2")
    assert type(cerial.loads(cerial.dumps(box))) is Box


def test_a_list_that_changes_while_it_is_encoded():
    items = [1, None, 2]

    def shrink(value):
        del items[:]
        return NotImplemented

    items[1] = Box()
    assert isinstance(cerial.loads(cerial.dumps(items, reduce=shrink)), list)
    table = {i: Box() for i in range(10)}

    def grow(value):
        table[len(table)] = 1
        return NotImplemented

    with pytest.raises(NotShareableError):
        cerial.dumps(table, reduce=grow)


def test_nothing_leaks():
    class Local:
        pass

    shared = []
    values = [
        [1, "text" * 50, {"a": [1.5, b"x" * 200]}], [shared, shared, (shared,)], Local(), [Local(), Local()], {1, 2},
        lambda x: x + 1, threading.Lock(), ["a" * 300] * 3, bytearray(9), [1, 2, 3, 4], [1.0] * 5, 2**100,
    ]  # fmt: skip
    broken = [(x for x in ()), {"a": threading.Thread()}]

    def exercise():
        for value in values:
            data = cerial.dumps(value)
            cerial.loads(data)
            for cut in (1, len(data) // 2):
                with pytest.raises(CorruptDataError):
                    cerial.loads(data[: len(data) - cut])
        for value in broken:
            with pytest.raises(NotShareableError):
                cerial.dumps(value)

    for _ in range(3):
        exercise()
    gc.collect()
    tracemalloc.start()
    try:
        exercise()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(30):
            exercise()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 15_000, grown
