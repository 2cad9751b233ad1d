# cython: annotation_typing=False
"""Flags that say up to which position one has to wait, and the commit position that lowers them.

    0     header        magic, version, number of flags, checksum, ready
    128   commit        the position up to which everything is done
    256   lowered       wait word of those who wait for commit
    384   flags         8 bytes each
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from ._atomic cimport TESTPOINT, fence_sc, load_acq, store_rel, store_rlx
from ._wait cimport FOREVER, deadline_of, wait_until, wake
from ._memory cimport HEADER_BYTES, LINE, Header, Memory, integer

from .errors import SegmentError, ShareTimeoutError

cdef enum:
    COMMIT_AT = HEADER_BYTES
    LOWERED_AT = HEADER_BYTES + LINE
    FLAGS_AT = HEADER_BYTES + 2 * LINE

cdef uint64_t MOST = 0x10000000000
cdef uint64_t LAST_POSITION = 0x7FFFFFFFFFFFFFFF
cdef bytes MAGIC = b"shrFLAG1"


cdef struct Goal:
    uint64_t* commit
    uint64_t position


cdef int reached(void* context) noexcept nogil:
    cdef Goal* goal = <Goal*> context
    return load_acq(goal.commit) >= goal.position       # pairs with the release in commit_to()


cdef class FlagArray(Memory):
    """An array of flags; a flag is a position, and it is *up* while it is beyond the commit position.

    Whoever queues work at a position raises the flags of what the work will change; whoever does the work
    moves the commit position, which lowers every flag that it passes with one store. A reader that waits
    until a flag is down waits for the work queued before, and for none that is queued later.

    ``buffer`` is any writable buffer, in practice ``SharedMemory(...).buf``; the creator says ``create=True``
    and the number of flags ``n``. Raises ``SegmentError`` if the buffer is too small or holds no flags.

    >>> flags = FlagArray(bytearray(FlagArray.size_for(8)), 8, create=True)
    >>> flags.raise_to(3, 41)
    >>> flags.is_up(3), flags.is_up(4)
    (True, False)
    >>> flags.commit_to(41)
    >>> flags.wait_until_down(3, timeout=1)
    41
    """

    cdef uint64_t* commit_word
    cdef uint32_t* lowered
    cdef uint64_t* flags
    cdef uint64_t count

    def __init__(self, buffer, n: int | None = None, *, create: bool = False) -> None:
        cdef Header* header
        cdef uint64_t i
        if n is not None:
            integer(n, "n", 1, MOST)
        elif create:
            raise TypeError("create=True needs the number of flags, n")
        self.hold(buffer)
        if create:
            self.count = n
            self.begin_header(MAGIC, self.count, 0, FLAGS_AT + 8 * self.count)
            for i in range((FLAGS_AT - COMMIT_AT) // 8 + self.count):
                store_rlx(<uint64_t*> (self.base + COMMIT_AT) + i, 0)
            self.make_ready()
        else:
            header = self.read_header(MAGIC)
            self.count = header.count
            if n is not None and n != self.count:
                raise SegmentError(f"this FlagArray has {self.count} flags, not {n}")
        self.commit_word = <uint64_t*> (self.base + COMMIT_AT)
        self.lowered = <uint32_t*> (self.base + LOWERED_AT)
        self.flags = <uint64_t*> (self.base + FLAGS_AT)

    @staticmethod
    def size_for(n: int) -> int:
        """How many bytes of buffer ``n`` flags need."""
        return FLAGS_AT + 8 * integer(n, "n", 1, MOST)

    cdef uint64_t* flag(self, object index) except NULL:
        cdef int64_t i
        self.check()
        if isinstance(index, bool) or not isinstance(index, int):
            raise TypeError(f"index is an int, not {type(index).__name__}")
        if not 0 <= index < self.count:
            raise IndexError(f"flag {index}: there are {self.count}")
        i = index
        return self.flags + i

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> int:
        """The highest position to which the flag has been raised."""
        return flag_read(self.flag(index))

    def raise_to(self, index: int, position: int) -> None:
        """Raise a flag to a position; a flag that is higher stays. After the return every reader sees it."""
        flag_raise(self.flag(index), position_of(position))
        TESTPOINT("flags.raised")
        fence_sc()                              # pairs with the fence in flag_read: the call's end

    @property
    def commit(self) -> int:
        """The position up to which everything is done."""
        self.check()
        return load_acq(self.commit_word)       # pairs with the release in commit_to()

    def commit_to(self, position: int) -> None:
        """Move the commit position, lowering every flag up to it, and wake who waits. One process does this.

        Raises ``ValueError`` if it would go back.
        """
        cdef uint64_t goal = position_of(position)
        self.check()
        if goal < load_acq(self.commit_word):   # our own
            raise ValueError(f"the commit position is {self.commit} already; it never goes back to "
                             f"{position}")
        store_rel(self.commit_word, goal)       # pairs with the acquire in reached() and commit
        TESTPOINT("flags.committed")
        wake(self.lowered)

    def is_up(self, index: int, commit: int | None = None) -> bool:
        """Whether work that was queued with this flag is still to be done.

        ``commit`` stands for the array's own commit position where that lives elsewhere.
        """
        cdef uint64_t flag = flag_read(self.flag(index))
        if commit is not None:
            return flag > position_of(commit)
        return flag > load_acq(self.commit_word)        # pairs with the release in commit_to()

    def wait_until_down(self, *indices: int, timeout: float | None = None) -> int:
        """Wait until the work queued so far with these flags is done; returns the commit position seen.

        The flags are read once, at the start: raised later, they are not waited for. Waits at most
        ``timeout`` seconds (None: for ever), then raises ``ShareTimeoutError``.
        """
        cdef Goal goal
        cdef int64_t deadline = FOREVER if timeout is None else deadline_of(timeout)
        cdef int answer
        self.check()
        goal.commit = self.commit_word
        goal.position = 0
        for index in indices:
            goal.position = max(goal.position, flag_read(self.flag(index)))
        if not reached(&goal):
            self.enter()
            try:
                answer = wait_until(self.lowered, NULL, reached, &goal, deadline)
            finally:
                self.quit()
            if answer == 0:
                raise ShareTimeoutError(f"flags {indices} are still up after {timeout} s: position "
                                        f"{goal.position} is not reached")
        return load_acq(self.commit_word)       # pairs with the release in commit_to()


cdef uint64_t position_of(object position) except? 0:
    return integer(position, "position", 0, LAST_POSITION)
