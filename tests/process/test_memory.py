"""Shared memory stays bounded, is given back, and its end is an exception."""

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from classes import Box, Counter, Gate, Log
from objects import Odd
from programs import LIMIT, environment, wait_for

from share import Share
from share._names import segments_of


def test_ten_thousand_objects_come_and_go(shared: Share) -> None:
    """Objects that are made and deleted use the same memory again, in the coordinator and here."""
    for _ in range(500):
        shared.box = Box("x" * 100)
    shared.flush()
    before, segments = shared.health().memory, len(segments_of(name := shared.session_of().name))
    coordinator = psutil.Process(shared.health().coordinator)
    resident = coordinator.memory_info().rss
    for number in range(10_000):
        shared.box = Box("x" * 100)
        if number % 100 == 0:
            assert shared.box.content == "x" * 100
    del shared.box
    shared.flush()
    gc.collect()
    assert shared.health().memory <= 2 * before + 2_000_000
    assert len(segments_of(name)) <= segments + 20
    assert coordinator.memory_info().rss < resident + 30_000_000


def test_ten_thousand_names_come_and_go(shared: Share) -> None:
    """The same few names, deleted and made again."""
    for number in range(10_000):
        name = f"name_{number % 10}"
        shared[name] = number
        if number % 7 == 0:
            del shared[name]
    shared.flush()
    assert 8 <= len(shared) <= 10
    assert shared.health().memory < 5_000_000


def test_a_value_that_grows(shared: Share) -> None:
    """It holds what it and its last versions need, also after a take-over; and nothing when it has been deleted."""
    size = 300_000
    while size < 8_000_000:
        size = size * 21 // 20
        shared.value = bytes(size)
        shared.log = [bytes(size)]
        shared.log.append(bytes(size))
    shared.flush()
    assert shared.health().memory < 3 * 4 * size + 10_000_000
    psutil.Process(shared.health().coordinator).kill()
    for number in range(5):
        shared.value = bytes([number]) * size
        assert shared.value == bytes([number]) * size
    del shared.value, shared.log
    shared.flush()
    shared.value = bytes(1_000_000)
    shared.value = b""
    shared.flush()
    assert shared.health().memory < 25_000_000


def test_a_value_that_changes_size(shared: Share) -> None:
    """Growing and shrinking state leaves no hole behind that cannot be used again."""
    shared.box = Box()
    for _ in range(3):
        for size in (10, 1_000, 100_000, 3_000_000, 5_000, 50):
            shared.box.put("x" * size)
            assert len(shared.box.content) == size
    assert shared.health().memory < 60_000_000


def test_responses_and_spills_are_given_back(shared: Share) -> None:
    """A thousand large results and arguments leave no segment."""
    shared.odd = Odd()
    shared.odd.apply(len)
    before = set(os.listdir("/dev/shm"))
    for _ in range(100):
        assert shared.odd.apply(lambda items: "x" * 100_000) == "x" * 100_000
        shared.odd.send("y" * 200_000)
    shared.flush()
    name = repr(shared).split()[1].rstrip(":")
    # The coordinator unlinks what it has read right after it has committed.
    wait_for(
        lambda: (
            not [s for s in set(os.listdir("/dev/shm")) - before if s.startswith((f"{name}_s", f"{name}_a"))]
        )
    )


def test_abandoned_answers_are_given_back(shared: Share, tmp_path: Path) -> None:
    """Calls that are given up, large answers included, cost nothing afterwards."""
    shared.odd, shared.gate = Odd(), Gate()
    shared.gate.enter.send(str(tmp_path / "open"))
    for _ in range(50):
        with pytest.raises(TimeoutError):
            shared.odd.apply.call(large, timeout=0)
    (tmp_path / "open").touch()
    assert shared.odd.apply(len) == 3
    shared.flush()
    assert shared.odd.apply(len) == 3
    name = repr(shared).split()[1].rstrip(":")
    wait_for(lambda: not [s for s in os.listdir("/dev/shm") if s.startswith(f"{name}_a")])


def large(items: Any) -> str:
    """A result that takes a segment of its own."""
    return "x" * 200_000


def test_small_ring_fills_and_goes_on() -> None:
    """The producers wait for room, and nothing is lost; commands larger than the ring go beside it."""
    with Share(ring=64) as shared:
        shared.log = Log()
        for number in range(2000):
            shared.log.write(number, "x" * (number % 1500))
        shared.log.write("large", "y" * 1_000_000)
        assert shared.log.count() == 2001
        assert [who for who, _ in shared.log.all()] == [*range(2000), "large"]


@pytest.mark.parametrize("ring", [0, 63, 65, 100, -1, 1 << 30])
def test_ring_of_an_impossible_size(ring: int) -> None:
    """Refused with a ValueError (OverflowError for a negative one), and nothing is left."""
    with pytest.raises((ValueError, OverflowError)):
        Share(ring=ring)


FULL = """
import os
from share import Share, ShareMemoryError
from classes import Box, Counter
from objects import Odd

def fill():
    with open("/dev/shm/rest", "wb") as file:
        try:
            while True:
                os.posix_fallocate(file.fileno(), file.tell(), 4096)
                file.seek(4096, 1)
        except OSError:
            pass

def flush():
    try:
        shared.flush()
    except* ShareMemoryError:
        pass

def expect_full(use):
    try:
        use()
    except ShareMemoryError as error:
        assert isinstance(error, MemoryError) and "/dev/shm" in str(error)
    else:
        raise AssertionError("nothing was raised")

with Share() as shared:
    shared.counter, shared.box, shared.odd = Counter(), Box(), Odd()
    assert shared.counter.next() == 1
    fill()
    large = b"x" * 4_000_000
    expect_full(lambda: setattr(shared, "big", large))      # the argument finds no room
    expect_full(lambda: shared.box.put(large))
    expect_full(lambda: shared.box.put.call(large))
    assert shared.counter.next() == 2 and "big" not in shared and shared.box.content is None
    for number in range(200):                               # the state finds no room
        shared[f"name_{number}"] = b"y" * 10_000
    flush()
    assert shared.counter.next() == 3 and 3 < len(shared) < 203
    expect_full(lambda: shared.odd.apply(lambda items: "z" * 100_000))
    try:
        Share()
    except ShareMemoryError:
        pass
    os.unlink("/dev/shm/rest")
    shared.big = large
    shared.box.put(large)
    assert shared.big == large == shared.box.content and shared.counter.next() == 4
    flush()                                                 # now there is room for the errors too
    assert all(isinstance(failed.error, ShareMemoryError) for failed in shared.errors) and shared.errors
print(os.listdir("/dev/shm"))
"""


def test_shared_memory_is_full(tmp_path: Path) -> None:
    """ShareMemoryError for whoever asked; what was there stays, and once there is room again, all goes on.

    In a mount namespace with a small /dev/shm of its own.
    """
    alone = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=16m tmpfs /dev/shm && exec "$@"', "sh"]
    if subprocess.run([*alone, "true"], capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    (tmp_path / "script.py").write_text(FULL)
    done = subprocess.run(
        [*alone, sys.executable, str(tmp_path / "script.py")],
        env=environment(), capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_many_processes_one_after_the_other(shared: Share) -> None:
    """Entries of the process table, response rings and spills of the dead are used again."""
    import multiprocessing

    from classes import ask_once

    shared.counter = Counter()
    context = multiprocessing.get_context("fork")
    for _ in range(60):
        child = context.Process(target=ask_once, args=(shared,))
        child.start()
        child.join()
        assert child.exitcode == 0
    assert shared.counter.next() == 61
    name = repr(shared).split()[1].rstrip(":")
    # The coordinator is told of a death when the dead one may long be forgotten here.
    wait_for(lambda: len([s for s in os.listdir("/dev/shm") if s.startswith(f"{name}_r")]) < 10)


class Leaf:
    def __init__(self, outer: Any) -> None:
        self.outer = outer


class Tree:
    def __init__(self) -> None:
        self.leaves = [Leaf(self.__dict__.setdefault("around", {"all": []})) for _ in range(20)]
        self.around["all"].extend(self.leaves)  # type: ignore[attr-defined]

    def walk(self) -> Any:
        yield from self.leaves


def test_parts_that_are_held_do_not_keep_what_was_read_before(shared: Share) -> None:
    """Each generator takes what this process has decoded with it."""
    shared.trees = {"a": Tree()}
    tree = shared.trees["a"]
    held = []
    for number in range(20):
        leaf = tree.leaves[number]
        assert len(leaf.outer["all"]) == 20
        held.append(leaf)
        assert sum(1 for _ in tree.walk()) == 20
    gc.collect()
    here = sum(1 for found in gc.get_objects() if type(found) is Leaf)
    assert here <= 60, (here, len(held))
    assert all(len(leaf.outer["all"]) == 20 for leaf in held)
