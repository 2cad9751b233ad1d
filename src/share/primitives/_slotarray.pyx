# cython: annotation_typing=False
"""Slots of two versions under one commit position: one writer, any number of readers, no lock.

A slot has 128 bytes: two versions {tag, kind, length, payload of 40 bytes}, owner. The layout is that of
_committed.pyx; the wait word is of those who wait for the next commit.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from .._atomic cimport TESTPOINT, pause, store_rlx
from .._committed cimport Committed, bytes_for, position_of
from .._layout cimport ABSENT, EMPTY, INLINE, INLINE_BYTES, Slot, SLOT_SIZE, Version
from .._slots cimport slot_begin, slot_drop_uncommitted, slot_publish, slot_read, slot_victim
from .._wait cimport wake

from ..errors import SegmentError, ShareTimeoutError

cdef bytes MAGIC = b"shrSLOT1"

cdef enum:
    MOST_ATTEMPTS = 1 << 14     # of a read at one commit position; a sound slot is whole at the next


@cython.binding(False)
cdef class Slots(Committed):
    """An array of slots of up to 40 bytes each, published together by one writer.

    The writer stores new versions with :meth:`publish` and shows all of them at once with :meth:`commit`.
    Readers never wait for it: a read copies the version that counts at the commit position and checks that it
    was not overwritten meanwhile; :meth:`snapshot` reads several slots as they are at one position.

    ``buffer`` is any writable buffer, in practice ``SharedMemory(...).buf``; the creator says ``create=True``
    and the number of slots ``n``. A writer that takes over from one that died calls :meth:`take_over` first.
    Raises ``SegmentError`` if the buffer is too small, holds no slots, or a slot that is read is damaged;
    ``ShareMemoryError`` if they are to be made and the buffer's shared memory does not fit into /dev/shm.

    >>> slots = Slots(bytearray(Slots.size_for(2)), 2, create=True)
    >>> slots.publish(0, b"one")
    >>> slots.read(0) is None                # not committed yet
    True
    >>> slots.commit()
    1
    >>> slots.read(0), slots.read(1)
    (b'one', None)
    """

    def __init__(self, buffer, n: int | None = None, *, create: bool = False) -> None:
        cdef uint64_t i
        self.open_cells(buffer, n, create, MAGIC, SLOT_SIZE, "slot")
        if create:
            for i in range(self.count):         # version 0 is ABSENT at position 0
                store_rlx(&(<Slot*> self.cells)[i].version[1].tag, EMPTY)
            self.make_ready()

    @staticmethod
    def size_for(n: int) -> int:
        """How many bytes of buffer ``n`` slots need."""
        return bytes_for(n, SLOT_SIZE)

    cdef Slot* slot(self, object index) except NULL:
        return <Slot*> self.cell(index)

    # -- the writer -----------------------------------------------------------------------------------

    def publish(self, index, data):
        """Store the next version of a slot (None: nothing there); readers see it after :meth:`commit`.

        ``data`` is bytes-like, at most 40 bytes. Publishing a slot twice before a commit replaces the first.
        """
        cdef Slot* slot = self.slot(index)
        cdef uint64_t[5] payload
        cdef Py_buffer view
        cdef uint64_t committed = self.committed()
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
        cdef uint64_t position = self.committed() + 1
        self.commit_at(position)
        TESTPOINT("slots.committed")
        wake(self.moved)
        return position

    def take_over(self) -> None:
        """Drop what a dead writer had published and not committed. Call it before the first publication."""
        cdef uint64_t i
        self.check()
        for i in range(self.count):
            slot_drop_uncommitted(&(<Slot*> self.cells)[i], self.committed())

    # -- readers --------------------------------------------------------------------------------------

    @property
    def position(self) -> int:
        """The commit position."""
        self.check()
        return self.committed()

    def read(self, index):
        """The committed bytes of a slot; None if there are none."""
        return self.snapshot(index)[1][0]

    def snapshot(self, *indices: int):
        """``(position, [bytes or None, ...])``: the slots as they are at one commit position."""
        cdef Version version
        cdef uint64_t owner = 0, c, before = 0
        cdef Slot* slot
        cdef int attempts = 0
        while True:
            self.check()
            c = self.committed()
            attempts = attempts + 1 if c == before else 0
            before = c
            values = []
            for index in indices:
                slot = self.slot(index)
                if not slot_read(slot, c, &version, &owner):
                    # Overwritten meanwhile, so that the position has moved; that may take a moment to be seen.
                    if attempts == MOST_ATTEMPTS:
                        raise SegmentError(f"slot {index} is damaged")
                    break
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
        cdef uint64_t goal = position_of(position)
        self.check()
        if not self.wait_for_commit(goal, timeout):
            raise ShareTimeoutError(f"position {position} is not reached after {timeout} s")
        return self.committed()
