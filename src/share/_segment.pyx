"""Lifetime of shared-memory segments: create, attach, unlink, without the resource tracker."""

import errno
import os
import sys

import _posixshmem

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer

from share._atomic cimport TESTPOINT

from share.errors import SegmentError, ShareMemoryError

cdef extern from "<sys/mman.h>" nogil:
    int madvise(void* start, size_t length, int advice)
    const int MADV_REMOVE

cdef object memory_class = None
cdef tuple NO_MEMORY = (errno.ENOSPC, errno.ENOMEM, errno.EDQUOT, errno.EFBIG)


cdef object memory_of(str name, bint create, uint64_t size):
    global memory_class
    if memory_class is None:
        memory_class = _memory_class()
    return beside_streams(memory_class, name, create, size)


cdef list spare = []                # descriptors that are there to be closed when there are no others
cdef int spares = 0


def keep_descriptors(int count) -> None:
    """From now on segments find so many descriptors when other code of this process has taken all that there are."""
    global spares
    spares = count
    fill_up()


cdef int fill_up() except -1:
    try:
        while len(spare) < spares:
            spare.append(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        pass                            # others still have them
    return 0


cdef object beside_streams(opened, first, second, third):
    try:
        return behind_fillers(opened, first, second, third)
    except OSError as error:
        if error.errno != errno.EMFILE or not spare:
            raise
    while spare:
        os.close(spare.pop())
    return behind_fillers(opened, first, second, third)


cdef object behind_fillers(opened, first, second, third):
    """What that call gives. In a process that has closed its standard streams what it opens is none of them."""
    cdef list fillers = []
    try:
        while len(fillers) < 3:
            descriptor = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            fillers.append(descriptor)
            if descriptor > 2:
                break
        return opened(first, second, third)
    finally:
        for descriptor in fillers:
            os.close(descriptor)


def _memory_class():
    """SharedMemory without the resource tracker, made at the first use: its import takes as long as ours."""
    import mmap
    from multiprocessing import shared_memory

    # The tracker of a process unlinks, when that process ends, whatever the process had opened: also segments
    # that others still use. So ours never hear of the tracker. Python 3.13 can be told; before that, the POSIX
    # half of SharedMemory.__init__ is done here, without its registration.
    class Memory(shared_memory.SharedMemory):
        if sys.version_info >= (3, 13):

            def __init__(self, name, create, size):
                super().__init__(name=name, create=create, size=size, track=False)

        else:

            def __init__(self, name, create, size):
                flags = os.O_RDWR | (os.O_CREAT | os.O_EXCL if create else 0)
                self._name = "/" + name
                self._flags = flags
                self._fd = _posixshmem.shm_open(self._name, flags, mode=0o600)
                try:
                    if create:
                        os.ftruncate(self._fd, size)
                    self._size = os.fstat(self._fd).st_size
                    self._mmap = mmap.mmap(self._fd, self._size)
                except BaseException:
                    os.close(self._fd)
                    self._fd = -1
                    if create:
                        _posixshmem.shm_unlink(self._name)
                    raise
                self._buf = memoryview(self._mmap)

        def __del__(self):
            # The inherited one would unmap, at the whim of the collector, what our pointers still lead to. The
            # mapping goes with the mmap object, once nobody exports its buffer any more.
            pass

    return Memory


def unlink(str name) -> bool:
    """Removes the name of a segment; whoever has it mapped keeps it. False if there was none."""
    try:
        _posixshmem.shm_unlink("/" + name)
        TESTPOINT("segment.unlinked")
    except FileNotFoundError:
        return False
    return True


@cython.binding(False)
@cython.no_gc_clear
cdef class Segment:
    """A mapped segment.

    Use :meth:`create` or :meth:`attach`. The mapping lasts until the object is collected, so that a raw
    pointer into it is valid for as long as its holder also holds the segment.
    """

    def __cinit__(self):
        self.mapped = False

    def __dealloc__(self):
        if self.mapped:
            self.mapped = False
            PyBuffer_Release(&self.view)

    @staticmethod
    def create(str name, uint64_t size, uint64_t reserved=0):
        """Creates a segment of ``size`` bytes, zeroed, its memory reserved; or only that of the first ones.

        Raises FileExistsError if the name is taken, ShareMemoryError if there is not enough memory.
        """
        cdef Segment self = Segment()
        try:
            memory = memory_of(name, True, size)
        except OSError as error:
            if error.errno in NO_MEMORY:
                raise no_room(size, error.errno) from error
            raise
        try:
            # Without this a full /dev/shm would show as SIGBUS at the first touch of a page.
            TESTPOINT("segment.created")
            os.posix_fallocate(memory._fd, 0, reserved or size)
        except BaseException as error:      # Ctrl-C too: to reserve much memory takes a while
            memory.close()
            unlink(name)
            if isinstance(error, OSError) and error.errno in NO_MEMORY:
                raise no_room(size, error.errno) from error
            raise
        self._map(memory, name)
        return self

    @staticmethod
    def attach(str name, uint64_t least=0):
        """Maps an existing segment of at least ``least`` bytes that this user owns.

        Raises SegmentError (with ``errno`` ENOENT if there is none of that name).
        """
        cdef Segment self = Segment()
        try:
            memory = memory_of(name, False, 0)
        except FileNotFoundError as error:
            raise SegmentError(errno.ENOENT, f"no shared-memory segment named {name!r}: was the share closed?") \
                from error
        except ValueError as error:         # an empty file cannot be mapped
            raise SegmentError(errno.EINVAL, f"segment {name!r} is empty or still being created") from error
        except PermissionError as error:
            raise SegmentError(errno.EACCES, f"segment {name!r} belongs to another user") from error
        # No attribute that is a property, no method of SharedMemory: a signal handler that raises in their Python code
        # would leave the descriptor open.
        try:
            status = os.fstat(memory._fd)
            if status.st_uid != os.geteuid():
                raise SegmentError(errno.EACCES, f"segment {name!r} belongs to another user (uid {status.st_uid})")
            if memory._size < least:
                raise SegmentError(errno.EINVAL,
                                   f"segment {name!r} has {memory._size} bytes where at least {least} are needed: "
                                   "not one of ours, or damaged")
        except BaseException:
            memory.close()
            raise
        self._map(memory, name)
        return self

    cdef int reserve(self, uint64_t start, uint64_t length) except -1:
        """Reserves the memory of a part. Raises ShareMemoryError, or SegmentError if the segment has been unlinked."""
        try:
            descriptor = beside_streams(_posixshmem.shm_open, "/" + self.name, os.O_RDWR, 0o600)
        except FileNotFoundError:
            raise SegmentError(errno.ENOENT, f"segment {self.name!r} has been removed: was the share closed?") from None
        try:
            os.posix_fallocate(descriptor, start, length)
        except OSError as error:
            if error.errno in NO_MEMORY:
                raise no_room(length, error.errno) from error
            raise
        finally:
            os.close(descriptor)
            fill_up()
        return 0

    cdef void give_back(self, uint64_t start, uint64_t length) noexcept:
        """Frees the memory of a part, of whole pages; it is zero if it is used again."""
        madvise(self.base + start, length, MADV_REMOVE)

    cpdef _map(self, memory, str name):
        self.memory = memory
        self.name = name
        # Not of memory.buf: the collector clears a memoryview in a cycle, exported or not; releasing it then crashes.
        PyObject_GetBuffer(memory._mmap, &self.view, PyBUF_SIMPLE | PyBUF_WRITABLE)
        self.mapped = True
        self.base = <char*>self.view.buf
        self.size = self.view.len
        os.close(memory._fd)        # the mapping stays
        memory._fd = -1
        fill_up()

    def __repr__(self):
        return f"<Segment {self.name!r} of {self.size} bytes>"


def no_room(size, number):
    """The error for who asks for more memory than there is."""
    if number == errno.ENOMEM:
        return ShareMemoryError(f"cannot reserve {size} bytes of shared memory: this process, its container or the "
                                "machine has no memory left")
    return ShareMemoryError(
        f"cannot reserve {size} bytes of shared memory: /dev/shm is full or too small; "
        "free some, enlarge it (docker: --shm-size), or share less"
    )
