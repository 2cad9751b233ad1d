"""Commands that are functions of the coordinator: several attributes at once, compare and set, transactions."""

from functools import partial
from itertools import count
from operator import methodcaller

from libc.stdint cimport int64_t, uint32_t, uint64_t

from .._protocol cimport RUN, TRANSACT
from .._wait cimport FOREVER, deadline_of, now_ns
from ._nested cimport Nested, place_of, wildcard_of
from ._proxy cimport Proxy, own_descriptor
from ._sending cimport send
from ._session cimport MOST_RAISED, note_reference, Session, Shared

from .._program import search_path
from .._protocol import encode
from ..cerial import loads
from ..cerial._classes import find_class
from ..cerial._digests import code_of
from ..errors import ShareTimeoutError
from ._descriptors import Attribute
from ._noted import noted
from ._proxy import check_callback, plain
from ._waiting import check, wait_until_changed

cdef object tickets = count(1)


cdef Proxy shared_object(value, str function):
    if type(value).__name__ == "SharedArray":
        from ._arrays import proxy_for

        value = proxy_for(value)
    if not isinstance(value, Proxy):
        raise TypeError(f"{function}() takes a shared object, not {type(value).__name__}")
    return value


cdef object name_of_class(Proxy proxy):
    return type(proxy)._share_class_.__qualname__


cdef int same_share(Session session, Proxy proxy) except -1:
    if proxy.session is not session:
        raise ValueError(f"an object of share {proxy.session.name} was given to a function of share {session.name}")
    return 0


cdef int flags_of(Proxy proxy, names, uint64_t** raised) except -1:
    """The flags of the attributes that a command assigns: how many there are."""
    cdef int n = 0
    if proxy.is_nested:
        raised[0] = (<Nested>proxy).raised()
        return 1
    raised[0] = proxy.flags
    if type(proxy)._share_plan_.custom_setattr or len(names) > MOST_RAISED:
        return 1
    for name in names:
        descriptor = own_descriptor(proxy, name)
        index = descriptor.index if type(descriptor) is Attribute else 0
        if index == 0:
            raised[0] = proxy.flags         # a property may write anything; extras have the wildcard
            return 1
        raised[n] = proxy.flags + <uint32_t>index
        n += 1
    return n


def update(Session session not None, value, dict attributes not None):
    """``shared.update(obj, **attributes)``."""
    cdef Proxy proxy = shared_object(value, "update")
    cdef uint64_t* raised[MOST_RAISED]
    cdef bint wait = session.must_wait()
    same_share(session, proxy)
    if not attributes:
        return
    n = flags_of(proxy, attributes, raised)
    place = place_of(proxy, name_of_class(proxy), ())
    position = send(session, RUN, b"update", place[0], (*place, attributes), raised, n, wait)
    if wait:
        session.await_response(position, None)


def cas(Session session not None, value, str name not None, expected, new):
    """``shared.cas(obj, name, expected, new)``."""
    cdef Proxy proxy = shared_object(value, "cas")
    cdef uint64_t* raised[MOST_RAISED]
    same_share(session, proxy)
    n = flags_of(proxy, (name,), raised)
    place = place_of(proxy, name_of_class(proxy), ())
    position = send(session, RUN, b"cas", place[0], (*place, name, plain(expected), new), raised, n, True)
    return session.await_response(position, None)


def apply(Session session not None, value, str name not None, function, tuple args):
    """``shared.apply(obj, name, function, *args)``."""
    while True:
        old = plain(getattr(value, name))
        # The function may change what it is given.
        new = function(_copied(old), *args)
        if cas(session, value, name, old, new):
            return new


def _copied(value):
    import copy

    return copy.deepcopy(value)


def transact(Session session not None, function, tuple args, timeout):
    """``shared.transact(function, *args, timeout=timeout)``."""
    cdef uint64_t* raised = session.control.wide
    cdef int64_t deadline = FOREVER if timeout is None else deadline_of(timeout)
    cdef list values = list(args), places = []
    check_callback(function)
    for i, value in enumerate(args):
        if isinstance(value, Proxy) or type(value).__name__ == "SharedArray":
            proxy = shared_object(value, "transact")
            same_share(session, proxy)
            places.append((i, *place_of(proxy, name_of_class(proxy), ())))
            values[i] = None
    links = len({place[1] for place in places}) > 1         # it may make one refer to another
    payload = (function, tuple(values), tuple(places))
    note_loops(session, args)
    if deadline == FOREVER:
        return session.await_response(send(session, TRANSACT, b"transact", 0, payload, &raised, 1, True, links), None)
    session.limited(max(1, deadline))
    try:
        position = send(session, TRANSACT, b"transact", 0, payload, &raised, 1, True, links)
    finally:
        session.limited(None)
    return session.await_response(position, max(0, deadline - now_ns()) / 1e9)


cdef int note_loops(Session session, tuple args) except -1:
    """Loops of this thread go over what a transaction may change: all of the objects that it is given."""
    cdef uint64_t* raised
    if not session.over.under_way:
        return 0
    for value in args:
        if isinstance(value, Proxy):
            raised = wildcard_of(value)
            session.over.note_call(&raised, 1)
        elif isinstance(value, Shared):
            session.over.note_call(NULL, 1)
    return 0


def moved_on(Session session not None, error):
    """Has the coordinator make room for one that loads the new code of the class that a ClassChangedError names.

    False: the share may not move on, or the coordinator has what is in the file.
    """
    cdef uint64_t* raised = session.control.wide
    if error.place is None or loads(session.control.configuration()).get("on_new_code") != "upgrade":
        return False
    # Processes with the old code go by its plan, which may raise too few flags: they raise that of the share, too.
    note_reference(session.control)
    payload = (*error.place, code_of(find_class(*error.place)), search_path())
    if not session.await_response(send(session, TRANSACT, b"new_code", 0, payload, &raised, 1, True), None):
        return False
    session.await_response(send(session, TRANSACT, b"nothing", 0, (), &raised, 1, True), None)  # by the successor
    return True


def await_stored(Session session not None, timeout=None):
    """Waits until everything that has been queued before is in the journal, or raises why it cannot be."""
    session.await_response(send(session, RUN, b"store", 0, (), NULL, 0, True), timeout)


cdef str name_of(method):
    """The name of a method of a proxy: those of built-in containers are functions of ours with names of their own."""
    function = getattr(method, "__func__", None)
    cls = type(method.__self__)
    if function is not None and getattr(cls, method.__name__, None) is not function:
        for base in cls.__mro__:
            for name, value in vars(base).items():
                if value is function:
                    return name
    return method.__name__


def wait_then(Session session not None, predicate, method, tuple args, dict kwargs, timeout):
    """``shared.wait_then(predicate, method, *args, **kwargs)``."""
    cdef int64_t deadline = FOREVER if timeout is None else deadline_of(timeout)
    cdef Proxy proxy = shared_object(getattr(method, "__self__", None), "wait_then")
    cdef uint64_t* raised = wildcard_of(proxy)
    same_share(session, proxy)
    place = place_of(proxy, name_of_class(proxy), ())
    asked = predicate
    if isinstance(getattr(predicate, "__self__", None), Proxy):
        # A method of a proxy; there it has to be that of the object.
        asked = partial(methodcaller(name_of(predicate)), predicate.__self__)
    key = (*place, name_of(method), encode(asked, "predicate", session.reduce_argument))
    ticket = next(tickets)
    joined, first = False, True
    try:
        while True:
            lines = session.control.lines()
            value, watch = noted(session.control, predicate)
            if value or not joined:
                joined = True
                position = send(session, RUN, b"wait_then", place[0], (key, ticket, args, kwargs), &raised, 1, True)
                done, result = session.await_response(position, None)
                if done:
                    joined = False
                    return result
                first = result
            check(watch)
            if not wait_until_changed(watch, deadline, lines if value and not first else None):
                raise ShareTimeoutError(f"share {session.name}: after {timeout} s {predicate!r} is still false, or "
                                        f"others were first; {method.__name__}() has not been called")
    finally:
        if joined:
            send(session, RUN, b"leave_line", place[0], (key, ticket), &raised, 1, False)
