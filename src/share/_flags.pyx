# cython: annotation_typing=False
"""Flags that say up to which position one has to wait; the commit position lowers them.

A flag has 8 bytes: the highest position to which it has been raised. The layout is that of _committed.pyx.
"""

cimport cython
from libc.stdint cimport uint64_t

from ._atomic cimport TESTPOINT, fence_sc
from ._committed cimport Committed, bytes_for, position_of
from ._wait cimport wake

from .errors import ShareTimeoutError

cdef bytes MAGIC = b"shrFLAG1"


@cython.binding(False)
cdef class FlagArray(Committed):
    """An array of flags; a flag is a position, and it is *up* while it is beyond the commit position.

    Whoever queues work at a position raises the flags of what the work will change; whoever does the work
    moves the commit position, which lowers every flag that it passes with one store. A reader that waits
    until a flag is down waits for the work queued before, and for none that is queued later.

    ``buffer`` is any writable buffer, in practice ``SharedMemory(...).buf``; the creator says ``create=True``
    and the number of flags ``n``. Raises ``SegmentError`` if the buffer is too small or holds no flags,
    ``ShareMemoryError`` if they are to be made and the buffer's shared memory does not fit into /dev/shm.

    >>> flags = FlagArray(bytearray(FlagArray.size_for(8)), 8, create=True)
    >>> flags.raise_to(3, 41)
    >>> flags.is_up(3), flags.is_up(4)
    (True, False)
    >>> flags.commit_to(41)
    >>> flags.wait_until_down(3, timeout=1)
    41
    """

    def __init__(self, buffer, n: int | None = None, *, create: bool = False) -> None:
        self.open_cells(buffer, n, create, MAGIC, sizeof(uint64_t), "flag")
        if create:
            self.make_ready()

    @staticmethod
    def size_for(n: int) -> int:
        """How many bytes of buffer ``n`` flags need."""
        return bytes_for(n, sizeof(uint64_t))

    cdef uint64_t* flag(self, object index) except NULL:
        return <uint64_t*> self.cell(index)

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
        return self.committed()

    def commit_to(self, position: int) -> None:
        """Move the commit position, lowering every flag up to it, and wake who waits. One process does this.

        Raises ``ValueError`` if it would go back.
        """
        cdef uint64_t goal = position_of(position)
        self.check()
        if goal < self.committed():
            raise ValueError(f"the commit position is {self.commit} already; it never goes back to "
                             f"{position}")
        self.commit_at(goal)
        TESTPOINT("flags.committed")
        wake(self.moved)

    def is_up(self, index: int, commit: int | None = None) -> bool:
        """Whether work that was queued with this flag is still to be done.

        ``commit`` stands for the array's own commit position where that lives elsewhere.
        """
        cdef uint64_t flag = flag_read(self.flag(index))
        return flag > (self.committed() if commit is None else position_of(commit))

    def wait_until_down(self, *indices: int, timeout: float | None = None) -> int:
        """Wait until the work queued so far with these flags is done; returns the commit position seen.

        The flags are read once, at the start: raised later, they are not waited for. Waits at most
        ``timeout`` seconds (None: for ever), then raises ``ShareTimeoutError``.
        """
        cdef uint64_t position = 0
        self.check()
        for index in indices:
            position = max(position, flag_read(self.flag(index)))
        if not self.wait_for_commit(position, timeout):
            raise ShareTimeoutError(f"flags {indices} are still up after {timeout} s: position {position} is "
                                    f"not reached")
        return self.committed()
