"""Steps of generators that run in the coordinator: each is one command."""
from libc.stdint cimport uint64_t

from .._protocol cimport RUN
from ._nested cimport place_of, wildcard_of
from ._proxy cimport Proxy
from ._sending cimport send

from ._futures import call_in_loop


def step(Proxy proxy not None, tuple key not None, str action not None, value, bint wait):
    """A step of a generator that runs in the coordinator: (whether it has ended, what it yielded or returned)."""
    position = send_step(proxy, key, action, value, wait)
    return proxy.session.await_response(position, None) if wait else None


async def step_in_loop(Proxy proxy not None, tuple key not None, str action not None, value):
    """The same for an asynchronous generator, awaited in an event loop."""
    return await call_in_loop(proxy.session, lambda: send_step(proxy, key, action, value, True))


cdef uint64_t send_step(Proxy proxy, tuple key, str action, value, bint wait) except 0:
    cdef uint64_t* raised = wildcard_of(proxy)
    place = place_of(proxy, "", ())
    return send(proxy.session, RUN, b"step", place[0], (key, action, value), &raised, 1, wait)
