"""numpy arrays and other buffers: equal, own memory, nothing aliased."""

import pickle

import pytest

from share import cerial
from share.errors import CorruptDataError

numpy = pytest.importorskip("numpy")


def again(value):
    return cerial.loads(cerial.dumps(value))


@pytest.mark.parametrize("dtype", [*"?bBhHiIlLqQefdFD", "g", ">i4", "U3", "S3", "M8[s]", "i4,f8", "O"])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 4), (2, 0, 3), (2, 3, 4)])
def test_an_array_comes_back_equal(dtype, shape):
    array = numpy.zeros(shape, dtype)
    if array.size and dtype != "i4,f8":
        array.flat[0] = 1 if dtype != "M8[s]" else numpy.datetime64(1, "s")
    back = again(array)
    assert type(back) is numpy.ndarray
    assert back.dtype == array.dtype and back.dtype.char == array.dtype.char and back.shape == shape
    assert back.tobytes() == array.tobytes() or dtype == "O"
    assert back.flags.writeable


@pytest.mark.parametrize(
    "array",
    [
        numpy.arange(10_000).reshape(100, 100).T,
        numpy.arange(10_000)[::3],
        numpy.asfortranarray(numpy.arange(10_000.0).reshape(100, 100)),
        numpy.arange(100)[10:20],
        numpy.broadcast_to(numpy.arange(3), (4, 3)),
    ],
    ids=["transposed", "strided", "fortran", "slice", "broadcast"],
)
def test_views_come_back_as_arrays_of_their_own(array):
    back = again(array)
    assert (back == array).all() and back.shape == array.shape and back.flags.writeable
    if array.flags.forc:
        assert back.flags.f_contiguous == array.flags.f_contiguous


@pytest.mark.parametrize("size", [3, 100_000])
@pytest.mark.parametrize(
    "wrap", [lambda a: a, lambda a: {"k": a}, lambda a: frozenset({("x", 1)}) and [a, len]]
)
def test_nothing_is_aliased(size, wrap):
    array = numpy.arange(size)
    data = bytearray(cerial.dumps(wrap(array)))
    back = cerial.loads(data)
    data[:] = bytes(len(data))
    array = array.copy()
    inner = back["k"] if isinstance(back, dict) else back[0] if isinstance(back, list) else back
    assert (inner == array).all()
    inner[0] = 7
    assert array[0] == 0


def test_read_only_stays_read_only():
    for order in "CF":
        array = numpy.ones((100, 100), order=order)
        array.flags.writeable = False
        assert not again(array).flags.writeable


def test_one_array_met_twice_is_one_array():
    array = numpy.arange(5)
    back = again([array, array, {"a": array}])
    assert back[0] is back[1] is back[2]["a"]


def test_subclasses_are_left_to_pickle():
    matrix = numpy.ma.masked_array([1, 2, 3], [False, True, False])
    back = again(matrix)
    assert type(back) is type(matrix) and back.sum() == 4


def test_scalars():
    for value in (numpy.float64(1.5), numpy.int32(7), numpy.bool_(True), numpy.str_("a")):
        assert again(value) == value and type(again(value)) is type(value)


def test_many_long_buffers_travel_beside_the_pickle():
    views = {i: pickle.PickleBuffer(bytes([i]) * (5000 + i)) for i in range(40)}
    data = cerial.dumps([len, views])
    back = cerial.loads(data)[1]
    assert {i: bytes(view) for i, view in back.items()} == {i: bytes([i]) * (5000 + i) for i in range(40)}
    assert all(type(view) is bytes for view in back.values())
    writable = cerial.loads(cerial.dumps([len, pickle.PickleBuffer(bytearray(9000))]))[1]
    assert type(writable) is bytearray


def test_a_damaged_buffer_is_found():
    array = numpy.zeros(10_000, "M8[s]")
    data = bytearray(cerial.dumps(array))
    data[len(data) // 2] ^= 1
    with pytest.raises(CorruptDataError, match="checksum"):
        cerial.loads(data)
