# cython: annotation_typing=False
"""One 32-bit word in shared memory on which processes sleep until another one wakes them."""

cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from .._atomic cimport load32_acq
from .._wait cimport FOREVER, announce, deadline_of, now_ns, sleep, wake, wake_always
from .._memory cimport Memory, integer

from cpython.exc cimport PyErr_CheckSignals
from ..errors import SegmentError


@cython.binding(False)
cdef class WaitWord(Memory):
    """A wait word: a count that is odd while somebody may be asleep on it.

    It says *that* something happened and never what: the condition is the user's, in shared memory of its
    own. A sleeper announces itself, looks at its condition again and only then sleeps; a waker changes the
    condition first and wakes then. So no wake-up is lost, and without a sleeper a wake-up is no system call.

    ``buffer`` is any writable buffer; the word is its four bytes from ``offset`` (a multiple of four) on,
    which begin as zero. It has no header. Raises ``SegmentError`` if they are not there.

    >>> word = WaitWord(bytearray(4))
    >>> seen = word.announce()
    >>> word.wake()                         # another process, after it has changed the condition
    >>> word.sleep(seen, timeout=5)         # returns at once: the word has changed since
    True
    """

    cdef uint32_t* word

    def __init__(self, buffer, offset: int = 0) -> None:
        cdef uint64_t at = integer(offset, "offset", 0, <uint64_t> 1 << 62)
        if at % 4:
            raise ValueError(f"offset is {offset}; it must be a multiple of 4")
        self.hold(buffer)
        if at + 4 > self.available:
            raise SegmentError(f"no wait word at {offset}: the buffer has {self.available} bytes")
        self.word = <uint32_t*> (self.base + at)

    @property
    def value(self) -> int:
        """The word as it is now."""
        self.check()
        return load32_acq(self.word)            # pairs with the CAS in wake()

    def announce(self) -> int:
        """Say that the caller may be about to sleep; returns what :meth:`sleep` wants to know.

        Then look at the condition again, and sleep only if it still does not hold.
        """
        self.check()
        return announce(self.word)

    def sleep(self, seen: int, timeout: float | None = None) -> bool:
        """Sleep until the word is no longer what :meth:`announce` returned; False after ``timeout`` seconds.

        It may return True for no reason at all: look at the condition again. Signal handlers run meanwhile.
        """
        cdef uint32_t w = <uint32_t> integer(seen, "seen", 0, 0xFFFFFFFF)
        cdef int64_t deadline = FOREVER if timeout is None else deadline_of(timeout)
        cdef int64_t left = -1
        cdef int answer
        self.check()
        while True:
            if deadline != FOREVER:
                left = max(<int64_t> 0, deadline - now_ns())
            self.enter()
            with nogil:
                answer = sleep(self.word, w, left)
            self.quit()
            PyErr_CheckSignals()
            if answer == 0 or load32_acq(self.word) != w:       # pairs with the CAS in wake()
                return True
            if deadline != FOREVER and now_ns() >= deadline:
                return False

    def wake(self) -> None:
        """Wake all who sleep. Without any, it costs a fence and a look at the word."""
        self.check()
        wake(self.word)

    def wake_always(self) -> None:
        """Change the word and wake, whatever it says: for who follows a waker that may have been killed."""
        self.check()
        wake_always(self.word)

    def wait_for(self, condition, timeout: float | None = None) -> bool:
        """Sleep until ``condition()`` is true; False if it is not after ``timeout`` seconds.

        >>> WaitWord(bytearray(4)).wait_for(lambda: False, timeout=0.01)
        False
        """
        cdef int64_t deadline = FOREVER if timeout is None else deadline_of(timeout)
        if not callable(condition):
            raise TypeError(f"condition is a callable, not {type(condition).__name__}")
        while not condition():
            seen = self.announce()
            if condition():
                break
            if deadline != FOREVER and now_ns() >= deadline:
                return False
            self.sleep(seen, None if deadline == FOREVER else max(0, deadline - now_ns()) / 1e9)
        return True
