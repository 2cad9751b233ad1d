"""NumPy arrays: read without copies, written by commands, never seen torn. Tables of pandas as values."""

import copy
import os
import pickle
import signal
from typing import Any

import numpy as np
import pytest
from numpy_classes import ARRAY_SIZE, Grid, Twice, add_to_arrays, fill_arrays

from share import Share, plain
from share.cerial import dumps


@pytest.fixture
def grid(shared: Share) -> Any:
    shared.grid = Grid()
    return shared.grid


DTYPES = [*"i1 u8 f2 f4 f8 c8 c16 ? M8[s] m8[ns] S3 U4".split(), [("x", "i4"), ("y", "f8")]]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_an_array_of_any_plain_type_comes_back(shared: Share, dtype: Any) -> None:
    zeros = np.zeros((3, 4), dtype)
    for array in (zeros, np.asfortranarray(zeros), zeros[::2, ::3], np.zeros((), dtype), zeros[:0]):
        shared.a = array
        assert isinstance(shared.a, np.ndarray)
        assert (shared.a.dtype, shared.a.shape) == (array.dtype, array.shape)
        assert np.array_equal(shared.a, array)
        assert plain(shared.a).flags.writeable


@pytest.mark.parametrize("dtype", ["i4", "f8", "c16", "?"])
def test_an_array_of_numbers_travels_without_pickle(dtype: str) -> None:
    encoded = dumps(np.zeros(1000, dtype))
    assert len(encoded) < np.zeros(1000, dtype).nbytes + 100
    assert b"numpy" not in encoded


def test_an_unchanged_array_is_read_without_a_copy(shared: Share, grid: Any) -> None:
    shared.a = np.arange(10)
    shared.n = 0
    for read in (lambda: shared.a, lambda: grid.values):
        first = read()
        shared.n += 1
        assert read() is first
        first += 1
        assert read() is not first
    grid.table["k"] = np.arange(5)
    first = grid.table["k"]
    assert np.shares_memory(first, grid.table["k"])


def test_what_is_read_cannot_be_changed(shared: Share, grid: Any) -> None:
    shared.a = np.arange(6)
    grid.table["k"] = np.arange(6)
    for array in (shared.a, grid.values, grid.table["k"]):
        before = plain(array)
        for change in (
            lambda a: a.setflags(write=True),
            lambda a: np.add(a, 1, out=a),
            lambda a: np.asarray(a).__setitem__(0, 5),
            lambda a: a.T.__setitem__(0, 5),
            lambda a: setattr(a, "shape", (a.size, 1)),
            lambda a: setattr(a, "dtype", "u1"),
            lambda a: a.resize(2),
            lambda a: np.copyto(a, 0),
        ):
            with pytest.raises((ValueError, AttributeError)):
                change(array)
        assert np.array_equal(array, before)
    assert shared.a.shape == (6,)
    with pytest.raises(ValueError):
        shared.a.reshape(2, 3)[0, 0] = 1


def test_assignments_are_commands(shared: Share, grid: Any) -> None:
    shared.a = np.zeros(6, int)
    grid.table["k"] = np.zeros(6, int)
    shared.l = [np.zeros(6, int)]
    grid.new = np.zeros(6, int)

    def change(get: Any) -> None:
        get()[1:3] = 5
        get()[0] = -1
        get()[[3, 4]] = [7, 8]
        get()[get() == 5] = 6
        get()[...] += 1
        get()[1:3] *= 2
        get()[1:3][0] = 3
        get()[5] += 40
        get()[5] += 2
        get()[[0, 1]] -= 1
        get().sort()

    twin = np.zeros(6, int)
    change(lambda: twin)
    for get in (lambda: shared.a, lambda: grid.table["k"], lambda: shared.l[0], lambda: grid.new):
        change(get)
        assert get().tolist() == twin.tolist()
    grid.values[2:4] = 9
    grid.values += 1
    grid.values /= 2
    assert grid.values[:5].tolist() == [0.5, 0.5, 5, 5, 0.5]
    assert grid.total() == plain(grid.values).sum()
    shared.a += shared.l[0]
    shared.a @= np.eye(6, dtype=int)
    assert shared.a.tolist() == (twin * 2).tolist()
    shared.flush()


def test_part_of_it_read_before_is_a_private_copy_or_the_part(shared: Share) -> None:
    shared.a = np.zeros(4, int)
    part, chosen, number = shared.a[:2], shared.a[[2, 3]], shared.a[0]
    part += 1
    chosen += 1
    number += 1
    assert shared.a.tolist() == [1, 1, 0, 0]
    assert (chosen.tolist(), number) == ([1, 1], 1)


def test_arithmetic_gives_plain_arrays(shared: Share) -> None:
    shared.a = np.arange(6.0).reshape(2, 3)
    a = shared.a
    for made in (a + 1, 1 + a, -a, np.sqrt(a), a @ a.T, a.copy(), copy.copy(a), a == a, plain(a)):
        assert type(made) is np.ndarray
        made[0, 0] = 0
    assert isinstance(a.sum(), float)
    assert a.mean(axis=0).tolist() == [1.5, 2.5, 3.5]
    assert repr(a) == repr(np.arange(6.0).reshape(2, 3))
    assert a.sum().__class__ is np.float64
    assert shared.a.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_storing_an_array_elsewhere_copies_it(shared: Share, grid: Any) -> None:
    shared.a = np.zeros(3)
    shared.b = shared.a
    grid.other = shared.a
    grid.put(shared.a)
    shared.a += 1
    shared.b[0] = 5
    grid.other[1] = 5
    assert shared.a.tolist() == [1, 1, 1]
    assert shared.b.tolist() == [5, 0, 0]
    assert grid.other.tolist() == [0, 5, 0]
    assert grid.values.tolist() == [0, 0, 0]


def test_a_pickled_array_is_the_array_in_the_share(shared: Share, grid: Any) -> None:
    shared.a = np.zeros(3)
    for array in (shared.a, grid.values):
        found = pickle.loads(pickle.dumps(array))
        found[0] = 7
    assert (shared.a[0], grid.values[0]) == (7, 7)
    assert pickle.loads(pickle.dumps(shared.a[1:])).tolist() == [0, 0]


def test_snapshots_hold_arrays(shared: Share, grid: Any) -> None:
    shared.a = np.zeros(3)
    a, found, values = shared.snapshot(shared.a, grid, grid.values)
    a[0] = found.values[0] = values[0] = 9
    assert shared.a[0] == grid.values[0] == 0


def test_arrays_of_objects_are_private_copies(shared: Share, grid: Any) -> None:
    grid.values = np.array([[1], None], dtype=object)
    grid.values[0].append(2)
    assert grid.values[0] == [1]
    with pytest.raises(ValueError):
        grid.values[0] = 5


def test_numpy_numbers_are_values(shared: Share, grid: Any) -> None:
    shared.n, grid.table["n"] = np.float32(1), np.int64(1)
    for _ in range(3):
        shared.n += np.float32(2)
        grid.table["n"] += 2
    assert (shared.n, grid.table["n"]) == (7, 7)
    assert shared.n.__class__ is np.float32
    assert type(plain(grid).table["n"]) is np.int64
    shared.flag = np.True_
    assert shared.flag


def test_errors_are_reported(shared: Share) -> None:
    shared.a = np.zeros(3, int)
    with shared.waiting():
        with pytest.raises(IndexError):
            shared.a[7] = 1
        with pytest.raises(TypeError):
            shared.a += 0.5
    assert shared.a.tolist() == [0, 0, 0]


@pytest.mark.parametrize("method", ["fork"])
def test_every_element_counts_exactly(context: Any, shared: Share, grid: Any) -> None:
    shared.a = np.zeros(3, int)
    workers = [context.Process(target=add_to_arrays, args=(shared,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert shared.a.tolist() == [2000, 1000, 0]
    assert grid.values[:3].tolist() == [1000, 1000, 2000]


@pytest.mark.parametrize("method", ["fork"])
def test_a_reader_never_sees_a_torn_array(context: Any, shared: Share, grid: Any) -> None:
    shared.a = np.zeros(ARRAY_SIZE)
    writer = context.Process(target=fill_arrays, args=(shared, 400))
    writer.start()
    seen = set()
    while 400 not in seen:
        for array in (shared.a, grid.values):
            assert array.min() == array.max()
        seen.add(int(array[0]))
    writer.join()
    assert writer.exitcode == 0


def test_pandas_tables_are_values(shared: Share, grid: Any) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None]}, index=pandas.Index([5, 6, 7], name="i"))
    grid.frame = frame
    pandas.testing.assert_frame_equal(grid.frame, frame)
    mine = grid.frame
    mine.loc[5, "a"] = 100
    pandas.testing.assert_frame_equal(grid.frame, frame)
    grid.table["f"] = frame["a"]
    pandas.testing.assert_series_equal(grid.table["f"], frame["a"])
    grid.table["when"] = pandas.Timestamp("2024-01-02")
    assert grid.table["when"] == pandas.Timestamp("2024-01-02")
    grid.grow()
    assert list(grid.frame.columns) == ["a", "b", "c"]
    assert grid.frame.c.tolist() == [2, 4, 6]


def read_frame(share: Share, results: Any) -> None:
    frame = share.frame
    results.put((dict(frame.sum()), list(frame["a"]), frame.shape, list(frame.columns)))


@pytest.mark.parametrize("method", ["spawn"], ids=["other"])
def test_a_frame_with_a_name_is_read_here_and_written_by_commands(shared: Share, context: Any) -> None:
    pandas = pytest.importorskip("pandas")
    plain_frame = pandas.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5]})
    shared.frame = plain_frame.copy()
    frame = shared.frame
    assert frame.sum.plan.read_only
    for _ in range(2):
        pandas.testing.assert_series_equal(frame.sum(), plain_frame.sum())
        pandas.testing.assert_frame_equal(frame.describe(), plain_frame.describe())
        assert frame.shape == plain_frame.shape and len(frame) == len(plain_frame)
        for each in (frame, plain_frame):
            each["c"] = each["a"] * 2
            each.update(pandas.DataFrame({"b": [9.5]}))
            each.insert(0, f"d{len(each.columns)}", [7, 8, 9])
    got = frame["a"]
    got[0] = 100  # a result is a copy
    pandas.testing.assert_frame_equal(plain(frame), plain_frame)
    results = context.SimpleQueue()
    child = context.Process(target=read_frame, args=(shared, results))
    child.start()
    child.join()
    assert child.exitcode == 0
    expected = (dict(plain_frame.sum()), list(plain_frame["a"]), plain_frame.shape, list(plain_frame.columns))
    assert results.get() == expected


@pytest.mark.parametrize("method", ["spawn"], ids=["other"])
def test_an_array_that_is_held_is_written_to_again_and_again(shared: Share, context: Any) -> None:
    """In a container it is a node, known by its first id however often it changes in place."""
    shared.d = {"a": np.zeros(4), "rows": [np.arange(3)]}
    held, row = shared.d["a"], shared.d["rows"][0]
    for i in range(4):
        held[i] = i + 1
    shared.d["rows"].insert(0, "x")
    row[0] = 7
    held += 1
    shared.d["a"] *= 2
    shared.d["a"][1:3] -= 1
    assert shared.d["a"].tolist() == [4, 5, 7, 10]
    assert shared.d["rows"][1].tolist() == [7, 1, 2]
    os.kill(shared.health().coordinator, signal.SIGKILL)
    held[0] = 50
    row.fill(3)
    assert shared.d["a"].tolist() == [50, 5, 7, 10]
    assert shared.d["rows"][1].tolist() == [3, 3, 3]
    assert pickle.loads(pickle.dumps(shared.d["a"])).tolist() == [50, 5, 7, 10]


def test_an_array_in_two_attributes_is_read_as_it_is(shared: Share) -> None:
    shared.grid = Twice()
    for i in range(1, 20):
        for written in ("a", "b"):
            for read in ("a", "b"):
                getattr(shared.grid, written)[0] = i
                assert getattr(shared.grid, read)[0] == i


def test_a_generator_of_random_numbers_goes_on(shared: Share) -> None:
    shared.grid = Grid()
    expected = np.random.default_rng(3)
    shared.grid.rng = np.random.default_rng(3)
    for _ in range(3):
        assert shared.grid.rng.random() == expected.random()
        assert shared.grid.rng.integers(10, size=3).tolist() == expected.integers(10, size=3).tolist()
    rng = shared.grid.rng
    assert rng.normal() == expected.normal()
    assert shared.grid.rng.random() == expected.random()


def test_scalars_show_as_those_of_numpy(shared: Share) -> None:
    for dtype in ("i1", "u2", "i8", "f4", "f8", "c16", "?", "S3", "U3"):
        shared.a = value = np.zeros(1, dtype)[0]
        assert repr(shared.a) == repr(value)
