"""Slots of two versions under one commit position: one writer, any number of readers, no lock.

    0     header        magic, version, number of slots, checksum, ready
    128   commit        the position that readers read at
    256   moved         wait word of those who wait for commit
    384   slots         128 bytes each: two versions {tag, kind, length, payload of 40 bytes}, owner
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from .._atomic cimport TESTPOINT, load_acq, pause, store_rel, store_rlx
from .._layout cimport ABSENT, EMPTY, INLINE, INLINE_BYTES, Slot, SLOT_SIZE, Version
from .._slots cimport slot_begin, slot_drop_uncommitted, slot_publish, slot_read, slot_victim
from .._wait cimport FOREVER, deadline_of, wait_until, wake
from .._memory cimport HEADER_BYTES, LINE, Header, Memory, integer

from ..errors import SegmentError, ShareTimeoutError

cdef enum:
    COMMIT_AT = HEADER_BYTES
    MOVED_AT = HEADER_BYTES + LINE
    SLOTS_AT = HEADER_BYTES + 2 * LINE

cdef uint64_t MOST = 0x10000000000
cdef uint64_t LAST_POSITION = 0x7FFFFFFFFFFFFFFF
cdef bytes MAGIC = b"shrSLOT1"


cdef struct Goal:
    uint64_t* commit
    uint64_t position


cdef int reached(void* context) noexcept nogil:
    cdef Goal* goal = <Goal*> context
    return load_acq(goal.commit) >= goal.position       # pairs with the release in commit()


cdef class Slots(Memory):
    """An array of slots of up to 40 bytes each, published together by one writer.

    The writer stores new versions with :meth:`publish` and shows all of them at once with :meth:`commit`.
    Readers never wait for it: a read copies the version that counts at the commit position and checks that it
    was not overwritten meanwhile; :meth:`snapshot` reads several slots as they are at one position.

    ``buffer`` is any writable buffer, in practice ``SharedMemory(...).buf``; the creator says ``create=True``
    and the number of slots ``n``. A writer that takes over from one that died calls :meth:`take_over` first.
    Raises ``SegmentError`` if the buffer is too small or holds no slots.

    >>> slots = Slots(bytearray(Slots.size_for(2)), 2, create=True)
    >>> slots.publish(0, b"one")
    >>> slots.read(0) is None                # not committed yet
    True
    >>> slots.commit()
    1
    >>> slots.read(0), slots.read(1)
    (b'one', None)
    """

    cdef uint64_t* commit_word
    cdef uint32_t* moved
    cdef Slot* slots
    cdef uint64_t count

    def __init__(self, buffer, n: int | None = None, *, create: bool = False) -> None:
        cdef Header* header
        cdef uint64_t i
        if n is not None:
            integer(n, "n", 1, MOST)
        elif create:
            raise TypeError("create=True needs the number of slots, n")
        self.hold(buffer)
        if create:
            self.count = n
            self.begin_header(MAGIC, self.count, 0, SLOTS_AT + SLOT_SIZE * self.count)
            memset(self.base + COMMIT_AT, 0, SLOTS_AT - COMMIT_AT + SLOT_SIZE * self.count)
            for i in range(self.count):         # version 0 is ABSENT at position 0
                store_rlx(&(<Slot*> (self.base + SLOTS_AT))[i].version[1].tag, EMPTY)
            self.make_ready()
        else:
            header = self.read_header(MAGIC)
            self.count = header.count
            if n is not None and n != self.count:
                raise SegmentError(f"there are {self.count} slots here, not {n}")
        self.commit_word = <uint64_t*> (self.base + COMMIT_AT)
        self.moved = <uint32_t*> (self.base + MOVED_AT)
        self.slots = <Slot*> (self.base + SLOTS_AT)

    @staticmethod
    def size_for(n: int) -> int:
        """How many bytes of buffer ``n`` slots need."""
        return SLOTS_AT + SLOT_SIZE * integer(n, "n", 1, MOST)

    def __len__(self) -> int:
        return self.count

    cdef Slot* slot(self, object index) except NULL:
        cdef int64_t i
        self.check()
        if isinstance(index, bool) or not isinstance(index, int):
            raise TypeError(f"index is an int, not {type(index).__name__}")
        if not 0 <= index < self.count:
            raise IndexError(f"slot {index}: there are {self.count}")
        i = index
        return self.slots + i

    # -- the writer -----------------------------------------------------------------------------------

    def publish(self, index, data):
        """Store the next version of a slot (None: nothing there); readers see it after :meth:`commit`.

        ``data`` is bytes-like, at most 40 bytes. Publishing a slot twice before a commit replaces the first.
        """
        cdef Slot* slot = self.slot(index)
        cdef uint64_t[5] payload
        cdef Py_buffer view
        cdef uint64_t committed = load_acq(self.commit_word)
        cdef int victim = slot_victim(slot, committed)
        memset(payload, 0, sizeof(payload))
        if data is None:
            slot_begin(slot, victim)
            slot_publish(slot, victim, committed + 1, ABSENT, 0, payload)
            return
        try:
            PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        except (TypeError, BufferError):
            raise TypeError(f"data is bytes-like or None, not {type(data).__name__}") from None
        try:
            if view.len > INLINE_BYTES:
                raise ValueError(f"data has {view.len} bytes; a slot holds at most {INLINE_BYTES}")
            memcpy(payload, view.buf, view.len)
            slot_begin(slot, victim)
            slot_publish(slot, victim, committed + 1, INLINE, view.len, payload)
        finally:
            PyBuffer_Release(&view)

    def commit(self) -> int:
        """Show everything published since the last commit, at once. Returns the new commit position."""
        self.check()
        cdef uint64_t position = load_acq(self.commit_word) + 1
        # release: pairs with the acquire in read() and reached(); who sees the position sees the versions
        store_rel(self.commit_word, position)
        TESTPOINT("slots.committed")
        wake(self.moved)
        return position

    def take_over(self) -> None:
        """Drop what a dead writer had published and not committed. Call it before the first publication."""
        cdef uint64_t i
        self.check()
        for i in range(self.count):
            slot_drop_uncommitted(&self.slots[i], load_acq(self.commit_word))

    # -- readers --------------------------------------------------------------------------------------

    @property
    def position(self) -> int:
        """The commit position."""
        self.check()
        return load_acq(self.commit_word)

    def read(self, index):
        """The committed bytes of a slot; None if there are none."""
        return self.snapshot(index)[1][0]

    def snapshot(self, *indices: int):
        """``(position, [bytes or None, ...])``: the slots as they are at one commit position."""
        cdef Version version
        cdef uint64_t owner = 0, c
        cdef Slot* slot
        while True:
            self.check()
            c = load_acq(self.commit_word)          # pairs with the release in commit()
            values = []
            for index in indices:
                slot = self.slot(index)
                if not slot_read(slot, c, &version, &owner):
                    break                           # overwritten meanwhile: the position has moved
                if version.kind == ABSENT:
                    values.append(None)
                elif version.kind == INLINE and version.length <= INLINE_BYTES:
                    values.append((<char*> version.payload)[:version.length])
                else:
                    raise SegmentError(f"slot {index} is damaged")
            else:
                return c, values
            pause()

    def wait_for(self, position, timeout=None):
        """Wait until the commit position is at least ``position``; returns it.

        Waits at most ``timeout`` seconds (None: for ever), then raises ``ShareTimeoutError``.
        """
        cdef Goal goal
        cdef int64_t deadline = FOREVER if timeout is None else deadline_of(timeout)
        cdef int answer
        self.check()
        goal.commit = self.commit_word
        goal.position = integer(position, "position", 0, LAST_POSITION)
        if not reached(&goal):
            self.enter()
            try:
                answer = wait_until(self.moved, NULL, reached, &goal, deadline)
            finally:
                self.quit()
            if answer == 0:
                raise ShareTimeoutError(f"position {position} is not reached after {timeout} s")
        return load_acq(self.commit_word)
