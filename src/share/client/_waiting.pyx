"""Waiting for changes: sleeps that end when a commit publishes something that was read before them."""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint32_t, uint64_t

from .._atomic cimport load_acq, pause
from .._control cimport ANSWERS, Control, LINE, ROOM
from .._layout cimport CLOSED_BIT
from .._wait cimport FOREVER, announce_classes, deadline_of, now_ns, sleep_classes, spin_rounds, spun, wake_always
from ._noted cimport Watch

from ..errors import ShareTimeoutError
from ._noted import noted

cdef enum:
    LOOK_NS = 500000000         # the longest sleep: then it looks whether everybody it depends on lives


cdef uint32_t fall_asleep(Control control, uint32_t classes) noexcept nogil:
    """To be called first; then look again; then sleep on what it gives."""
    cdef uint32_t w = announce_classes(control.wait_change, control.awaited, classes)
    # Who waits, wakes: the producer that should have done it may have been killed before it did.
    if load_acq(control.ring.tail) > load_acq(control.commit) & ~CLOSED_BIT:
        wake_always(control.wait_work)
    return w


def wait_until_changed(Watch watch not None, int64_t deadline, lines=None):
    """Waits until something that was noted has changed. False: the deadline has passed.

    lines: not None for one who is not first in a line: how many had left one when it was told so. It also returns when
    somebody else has, and now and then, as a successor of the coordinator may not know of who was first.
    """
    cdef Control control = watch.control
    cdef bint line = lines is not None
    cdef uint32_t w, classes = watch.classes | (LINE if line else 0)
    cdef int64_t now, length
    cdef bint found = False
    cdef int answer, _
    with nogil:
        for _ in range(spin_rounds()):
            if watch.published():
                found = True
                break
            pause()
        spun(found)
    while not found:
        with nogil:
            w = fall_asleep(control, classes)
        if watch.changed() or line and control.lines() != lines:
            return True
        with nogil:
            now = now_ns()
            length = LOOK_NS if deadline == FOREVER or deadline - now > LOOK_NS else deadline - now
            answer = sleep_classes(control.wait_change, w, classes, length) if length > 0 else 1
        PyErr_CheckSignals()
        if watch.changed() or line and control.lines() != lines:
            return True
        if deadline != FOREVER and now_ns() >= deadline:
            return False
        if answer == 1:
            control.look_after()
            if line:
                return True
    return True


def wait_for(Control control not None, predicate, timeout=None):
    """The first true value that the predicate gives; see :meth:`share.Share.wait_for`."""
    cdef int64_t deadline = FOREVER if timeout is None else deadline_of(timeout)
    while True:
        value, watch = noted(control, predicate)
        if value:
            return value
        check(watch)
        if not wait_until_changed(watch, deadline):
            raise ShareTimeoutError(f"share {control.name}: after {timeout} s {predicate!r} is still false")


def check(Watch watch not None):
    """Raises ValueError if there is nothing to wait for."""
    if not watch.count and not watch.processes:
        raise ValueError("the predicate is false and has read nothing of the share, so that no change can make it "
                         "true: have it read the shared objects that it depends on, through their proxies")


def is_changed(Watch watch not None):
    """Whether something that was noted has changed since."""
    return watch.changed()


def rouse(Control control not None):
    """Has the bridges look again at what they are to wait for."""
    control.wake_waiters(ANSWERS)


def bridge_announce(Control control not None, uint32_t classes, bint room):
    """The word to sleep on, and the classes: those of some watches, answers, and perhaps room in the ring."""
    classes |= ANSWERS | (ROOM if room else 0)
    return fall_asleep(control, classes), classes


def bridge_spin(Control control not None, uint64_t c):
    """Waits for some microseconds for a commit after C; whether there was one."""
    cdef int _
    cdef bint found = False
    with nogil:
        for _ in range(spin_rounds()):
            if load_acq(control.commit) != c:
                found = True
                break
            pause()
        spun(found)
    return found


def bridge_sleep(Control control not None, uint32_t w, uint32_t classes):
    """Sleeps, if nothing has changed since. True: nobody has woken us."""
    cdef int answer
    with nogil:
        answer = sleep_classes(control.wait_change, w, classes, LOOK_NS)
    return answer == 1


def look_after(Control control not None):
    """Has a successor started if the coordinator is dead."""
    control.look_after()
