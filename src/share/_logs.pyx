"""Logs of changes: how a container's state is published as a base and what has been done to it since.

The log holds calls of the built-in types' own methods, with their arguments as they came in commands. Replayed on
a copy of the base they give the same state in every process: only methods are logged whose effect depends on nothing
but the state and the arguments (``set.pop`` depends on hashes, ``list.sort`` on a function), and that change the
container itself, never what it holds. Everything else publishes the state anew.
"""

from collections import Counter, OrderedDict, defaultdict, deque

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from .cerial._codec cimport decode

from .errors import CorruptDataError

cdef dict METHODS = {
    cls: {name.encode(): getattr(cls, name) for name in names.split()}
    for cls, names in (
        (list, "append extend insert pop remove reverse clear __setitem__ __delitem__ __iadd__ __imul__"),
        (dict, "pop popitem setdefault update clear __setitem__ __delitem__ __ior__"),
        (set, "add discard remove update difference_update intersection_update symmetric_difference_update clear "
              "__ior__ __iand__ __isub__ __ixor__"),
        (defaultdict, "pop popitem setdefault update clear __setitem__ __delitem__ __ior__"),
        (OrderedDict, "pop popitem setdefault update clear __setitem__ __delitem__ __ior__ move_to_end"),
        (Counter, "pop popitem setdefault update subtract clear __setitem__ __delitem__ __ior__ __iadd__ __isub__"),
        (bytearray, "append extend insert pop remove reverse clear __setitem__ __delitem__ __iadd__ __imul__"),
        (deque, "append appendleft extend extendleft insert pop popleft remove reverse rotate clear __setitem__ "
                "__delitem__ __iadd__ __imul__"),
    )
}


cdef bint is_logged(object cls, bytes name):
    cdef dict methods = METHODS.get(cls)
    return methods is not None and name in methods


cdef bint has_log(object cls):
    return cls in METHODS


cdef bytes entry(bytes name, bint keywords, const char* data, uint64_t size):
    cdef Entry head
    cdef uint64_t length = sizeof(Entry) + len(name) + size
    # Logs are written in words: an end within a word would make the write behind it touch what is not its own.
    head.size = (length + 7) // 8 * 8
    head.name_length = len(name)
    head.arguments = 0 if size == 0 else 2 if keywords else 1
    return (<const char*>&head)[:sizeof(Entry)] + name + data[:size] + bytes(head.size - length)


cdef object replay(object value, const char* data, uint64_t size):
    """Runs the entries of a log on a container and returns it. Raises CorruptDataError."""
    cdef Entry head
    cdef Py_ssize_t used = 0, more = 0
    cdef uint64_t at = 0, rest
    cdef dict methods = METHODS.get(type(value))
    cdef const char* arguments
    if methods is None:
        raise CorruptDataError(f"a log of changes to a {type(value).__name__}")
    while at < size:
        if size - at < sizeof(Entry):
            raise CorruptDataError("a log ends within an entry")
        memcpy(&head, data + at, sizeof(Entry))
        if head.size > size - at or head.size < sizeof(Entry) + head.name_length:
            raise CorruptDataError(f"an entry of {head.size} bytes in a log of {size}")
        method = methods.get((data + at + sizeof(Entry))[:head.name_length])
        if method is None:
            raise CorruptDataError("an unknown method in a log")
        arguments = data + at + sizeof(Entry) + head.name_length
        rest = head.size - sizeof(Entry) - head.name_length
        args = decode(arguments, rest, &used) if head.arguments else ()
        if head.arguments == 2:
            method(value, *args, **decode(arguments + used, rest - used, &more))
        else:
            method(value, *args)
        at += head.size
    return value
