"""Large NumPy arrays: published and read by what has changed of them, as they are all the same."""

import os
import random
import signal
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy_classes import Wave

from share import NotShareableError, Share, plain


@pytest.fixture
def wave(shared: Share) -> Any:
    shared.wave = Wave()
    return shared.wave


def address(array: Any) -> int:
    return array.__array_interface__["data"][0]


def kill(shared: Share) -> None:
    os.kill(shared.health().coordinator, signal.SIGKILL)


def changes(rng: random.Random) -> list[Any]:
    """What may be done to an array of one dimension, on a shared one as on a plain one."""
    size = rng.choice((9_000, 40_000, 300_001))
    at, to = sorted(rng.randrange(size) for _ in range(2))
    number = rng.randrange(100)
    return [
        lambda a: a.__setitem__(at % a.size, number),
        lambda a: a.__setitem__(a.size - 1, number),
        lambda a: a.__setitem__(slice(at % a.size, to % a.size), number),
        lambda a: a.__setitem__(slice(None, None, 1 + at % 5_000), number),
        lambda a: a.__setitem__(slice(None), number),
        lambda a: a.fill(0),
        lambda a: a.__setitem__(0, a[0]),
        lambda a: a.sort(),
        np.zeros(size, rng.choice(("f8", "i8", "u1", "c16"))),
        np.arange(size, dtype="f4"),
    ]


@pytest.mark.parametrize("seed", range(12))
def test_any_changes_are_read_as_those_of_a_plain_array(shared: Share, wave: Any, seed: int) -> None:
    """Some of what is read is kept, and stays as it was."""
    rng = random.Random(seed)
    twins: dict[str, Any] = {"a": np.zeros(40_000), "b": np.zeros(40_000)}
    shared.a, wave.numbers = twins["a"], twins["b"]
    kept: list[tuple[Any, Any]] = []
    for step in range(60):
        name = rng.choice("ab")
        change = rng.choice(changes(rng))
        if isinstance(change, np.ndarray):
            twins[name] = change.copy()
            if name == "a":
                shared.a = change
            else:
                wave.numbers = change
        else:
            change(twins[name])
            change(shared.a if name == "a" else wave.numbers)
        if seed % 3 == 0 and step % 20 == 10:
            shared.flush()
            kill(shared)
        for which in "ab" if rng.random() < 0.6 or step > 50 else "":
            found = shared.a if which == "a" else wave.numbers
            assert found.dtype == twins[which].dtype
            assert np.array_equal(found, twins[which])
            if rng.random() < 0.2:
                kept.append((found, twins[which].copy()))
    for found, expected in kept:
        assert np.array_equal(found, expected)


def test_what_nobody_has_any_more_is_brought_up_to_date_in_its_place(shared: Share, wave: Any) -> None:
    shared.a = np.zeros(100_000)
    for read in (lambda: shared.a, lambda: wave.numbers):
        first = address(read())
        for i in range(200):
            read()[i * 400] = i + 1
            assert read()[i * 400] == i + 1
            assert address(read()) == first
        assert read().sum() == 200 * 201 / 2


def test_what_somebody_has_stays_as_it_was_read(shared: Share) -> None:
    shared.a = np.zeros(100_000)
    for hold in (
        lambda a: a,
        lambda a: a[5:9],
        lambda a: np.asarray(a)[5:],
        lambda a: a.view(np.ndarray).reshape(1000, 100).T[50:, 1],
        memoryview,
        lambda a: np.frombuffer(a)[3:],
        lambda a: a.flat,
    ):
        shared.a.fill(1)
        held = hold(shared.a)
        before = np.array(held)
        assert before.min() == 1
        shared.a[7] = 5
        shared.a[::100] = 6
        assert shared.a[7] == 5
        assert np.array_equal(np.array(held), before)
        held = None
    shared.a.fill(1)
    array = shared.a
    look = weakref.ref(array)
    del array
    shared.a[7] = 5
    assert shared.a[7] == 5
    assert look() is None or look()[7] == 1


def test_a_reader_that_looks_rarely_has_all_of_it(shared: Share) -> None:
    """More changes than are told of have been made meanwhile, each far from the others."""
    shared.a = np.zeros(1 << 20, "u1")
    twin = np.zeros(1 << 20, "u1")
    rng = random.Random(1)
    for count in (1, 3, 50, 64, 65, 127, 128, 129, 500):
        for _ in range(count):
            at = rng.randrange(1 << 20)
            shared.a[at] = twin[at] = rng.randrange(1, 255)
            shared.flush()
        assert np.array_equal(shared.a, twin)
        shared.a[:: 1 << 13] = twin[:: 1 << 13] = rng.randrange(255)
        assert np.array_equal(shared.a, twin)


def test_it_is_undone(shared: Share, wave: Any) -> None:
    before = plain(wave.numbers)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            shared.transact(Wave.spoil, wave)
        assert np.array_equal(wave.numbers, before)
        with pytest.raises(NotShareableError):
            wave.spoil_and_store()
        assert np.array_equal(wave.numbers, before)
        wave.numbers[3] = before[3] = before[3] + 1
        assert np.array_equal(wave.numbers, before)


def test_a_method_reads_it_where_the_caller_is(shared: Share, wave: Any) -> None:
    for i in range(5):
        wave.numbers[i * 1000] = 1
        assert wave.total() == i + 1
        assert wave.total.call() == i + 1


def test_who_waits_for_changes_gets_them(shared: Share, wave: Any) -> None:
    changes = shared.changes(wave, "numbers")
    next(changes)
    for i in range(5):
        wave.numbers[i] = i + 1
        assert next(changes).value[: i + 1].tolist() == list(range(1, i + 2))


def test_it_is_restored_from_a_journal(tmp_path: Path) -> None:
    for i in range(3):
        with Share(journal=tmp_path / "a.db") as shared:
            if not i:
                shared.a = np.zeros(100_000)
            for k in range(4):
                shared.a[i * 10 + k] += 1
                assert shared.a.sum() == i * 4 + k + 1
            assert shared.a[0] == 1


def write_it(shared: Share, times: int) -> None:
    for i in range(1, times + 1):
        # The same in the first and the last place, and in between: whoever sees two of them sees a torn array.
        shared.a[[0, 50_000, 99_999]] = i
        if i % 10 == 0:
            shared.a[:] = i


@pytest.mark.parametrize("method", ["fork"])
def test_changes_of_parts_are_never_seen_torn(context: Any, shared: Share) -> None:
    shared.a = np.zeros(100_000)
    writer = context.Process(target=write_it, args=(shared, 2000))
    writer.start()
    last = 0
    held: Any = None
    while last < 2000:
        array = shared.a
        first, rest = int(array[0]), array[1:50_000]
        assert array[50_000] == array[99_999] == first >= last
        assert rest.min() == rest.max() <= first
        last, held = first, rest if first % 3 else None
        del array, rest
    assert held is not None
    writer.join()
    assert writer.exitcode == 0
