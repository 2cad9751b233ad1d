"""Object <-> bytes for callers in Python."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from share.cerial._codec cimport Encoder, is_plain
from share.cerial._decoder cimport decode_value

from share.errors import CorruptDataError

cdef Encoder scratch = Encoder()        # for whoever comes first; nested calls make their own


def dumps(value: object, *, where: str = "value", reduce: object = None) -> bytes:
    """The bytes that stand for ``value``.

    Args:
        value: anything; it is neither changed nor consumed.
        where: what an error message calls the value.
        reduce: None, or a callable that is asked about each object without a built-in treatment: it returns
            NotImplemented, or what ``__reduce__`` may return, as ``pickle.Pickler.reducer_override`` does.

    Raises:
        NotShareableError: the value, or something in it, cannot travel; the message names where it is.

    >>> loads(dumps({"a": [1, 2.5, None]}))
    {'a': [1, 2.5, None]}
    """
    cdef Encoder encoder
    if scratch.busy or reduce is not None:
        encoder = Encoder()
        encoder.reduce = reduce
    else:
        encoder = scratch
    try:
        encoder.encode(value, where)
        return encoder.take()
    finally:
        encoder.clear()


def loads(data: bytes | bytearray | memoryview) -> object:
    """The value that ``data`` stands for; it shares no memory with ``data``.

    Args:
        data: what :func:`dumps` returned, in any contiguous buffer that stays as it is during the call.

    Raises:
        CorruptDataError: the bytes are damaged, cut short or followed by others.
    """
    cdef const unsigned char[::1] view
    cdef Py_ssize_t used = 0, size
    cdef const char* start
    if type(data) is bytes:
        start = PyBytes_AS_STRING(data)
        size = PyBytes_GET_SIZE(data)
    else:
        view = data
        size = view.shape[0]
        start = <const char*>&view[0] if size else NULL
    value = decode_value(start, size, &used)
    if used != size:
        raise CorruptDataError(f"{size - used} bytes are left over behind an encoded value")
    return value


def plain_copy(value: object) -> object:
    """A copy of ``value`` that shares nothing mutable with it: what another process would receive.

    Raises:
        NotShareableError: the value, or something in it, cannot travel.

    >>> original = [[1], [2]]
    >>> copy = plain_copy(original)
    >>> copy == original, copy[0] is original[0]
    (True, False)
    """
    if is_plain(value):
        return value
    return loads(dumps(value))


def is_immutable(value: object) -> bool:
    """Whether ``value`` is known to be immutable all the way down; False when in doubt.

    >>> is_immutable((1, "a")), is_immutable((1, []))
    (True, False)
    """
    return is_plain(value)
