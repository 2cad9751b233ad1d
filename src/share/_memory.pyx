# cython: annotation_typing=False
"""The memory of a primitive: holding the buffer, and a header that says what is in it."""

cimport cython
from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint64_t

from ._atomic cimport load_acq, store_rel
from ._process cimport fork_count, pid_namespace

from .errors import SegmentError, ShareClosedError, ShareMemoryError

cdef extern from *:
    """
    #include <errno.h>
    #include <stdint.h>
    #include <sys/mman.h>
    #include <unistd.h>

    /* Finds memory for all pages of the range now. False if there is none: then touching them would be a SIGBUS, as
     * Python's SharedMemory reserves nothing. True too where the kernel (before Linux 5.14) cannot be asked. */
    static int sh_populate(const char *base, uint64_t bytes)
    {
    #if defined(__linux__)
        const int populate_write = 23;  /* MADV_POPULATE_WRITE */
        uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)base / page * page;
        while (madvise((void *)start, (uintptr_t)base + bytes - start, populate_write)) {
            if (errno == EFAULT || errno == ENOMEM) return 0;
            if (errno != EINTR && errno != EAGAIN) break;
        }
    #endif
        return 1;
    }
    """
    bint sh_populate(const char* base, uint64_t bytes) noexcept nogil


cdef uint64_t checksum(Header* header) noexcept nogil:
    """FNV-1a over the words: against damage, not against malice."""
    cdef uint64_t* words = <uint64_t*> header
    cdef uint64_t sum = 0xCBF29CE484222325ULL
    for i in range(6):
        sum = (sum ^ words[i]) * 0x100000001B3ULL
    return sum


cdef uint64_t integer(object value, str name, uint64_t least, uint64_t most) except? 0:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is an int, not {type(value).__name__}")
    if not least <= value <= most:
        raise ValueError(f"{name} is {value}; it must be between {least} and {most}")
    return value


@cython.binding(False)
cdef class Memory:
    """Base of the primitives: a writable buffer, held until :meth:`detach`."""

    cdef int hold(self, object buffer) except -1:
        if self.base != NULL:
            raise TypeError(f"a {type(self).__name__} is initialised once")
        try:
            PyObject_GetBuffer(buffer, &self.view, PyBUF_WRITABLE)
        except (TypeError, BufferError) as error:
            raise TypeError(f"buffer is a writable contiguous buffer, such as SharedMemory(...).buf, "
                            f"not {type(buffer).__name__} ({error})") from None
        if <uint64_t> self.view.buf % 8 != 0:
            PyBuffer_Release(&self.view)
            raise ValueError("the buffer's address is not a multiple of 8, as atomic words need it")
        self.base = <char*> self.view.buf
        self.available = self.view.len
        return 0

    cdef int begin_header(self, bytes magic, uint64_t count, uint64_t owners, uint64_t bytes_) except -1:
        cdef Header* header = <Header*> self.base
        cdef const char* name = magic
        if bytes_ > self.available:
            raise SegmentError(f"the buffer has {self.available} bytes, {bytes_} are needed")
        if not sh_populate(self.base, bytes_):
            raise ShareMemoryError(f"there is no memory for {bytes_} bytes of the buffer: /dev/shm is full or too "
                                   f"small; free some, or enlarge it (docker: --shm-size)")
        store_rel(&header.ready, 0)
        header.magic = (<uint64_t*> name)[0]
        header.version = LAYOUT_VERSION
        header.bytes = bytes_
        header.count = count
        header.owners = owners
        header.namespace = pid_namespace()
        header.checksum = checksum(header)
        return 0

    cdef void make_ready(self) noexcept:
        store_rel(&(<Header*> self.base).ready, 1)      # pairs with the acquire in read_header

    cdef Header* read_header(self, bytes magic) except NULL:
        cdef Header* header = <Header*> self.base
        cdef const char* name = magic
        cdef str what = magic[3:].decode().strip()
        cdef uint64_t ready
        if self.available < HEADER_BYTES:
            raise SegmentError(f"no {what} here: the buffer has only {self.available} bytes")
        ready = load_acq(&header.ready)         # pairs with the release in make_ready
        if header.magic == 0 and ready == 0:
            raise SegmentError(f"no {what} here (yet): the memory is empty; create=True makes one")
        if header.magic != (<uint64_t*> name)[0]:
            raise SegmentError(f"no {what} here: the memory holds something else")
        if header.version != LAYOUT_VERSION:
            raise SegmentError(f"this {what} has layout version {header.version}, this library knows "
                               f"version {LAYOUT_VERSION}; create it anew")
        if ready == 0:
            raise SegmentError(f"this {what} is half initialised: its creator is still at work or has died; "
                               f"try again, or create it anew")
        if ready != 1 or header.checksum != checksum(header):
            raise SegmentError(f"the header of this {what} is damaged; create it anew")
        if header.bytes > self.available:
            raise SegmentError(f"this {what} has {header.bytes} bytes, the buffer only {self.available}")
        if header.namespace != pid_namespace():
            raise SegmentError(f"this {what} belongs to another pid namespace, where the death of a process "
                               f"could not be proven from here")
        return header

    cdef int check(self) except -1:
        if self.base == NULL:
            raise ShareClosedError(f"this {type(self).__name__} has been detached from its memory")
        return 0

    def detach(self) -> None:
        """Let the buffer go, so that its owner can close it; afterwards this object is of no use.

        Raises ``BufferError`` while a claim is open or another thread waits.
        """
        if self.base == NULL:
            return
        if self.holders and self.holders_forks == fork_count():
            raise BufferError(f"this {type(self).__name__} is in use: a claim is open or a thread waits")
        self.leave()
        self.base = NULL
        PyBuffer_Release(&self.view)

    cdef void enter(self) noexcept:
        if self.holders_forks != fork_count():
            self.holders_forks = fork_count()
            self.holders = 0
        self.holders += 1

    cdef void quit(self) noexcept:
        if self.holders_forks == fork_count():
            self.holders -= 1

    cdef void leave(self) noexcept:
        pass

    def __dealloc__(self):
        # A Py_buffer, unlike a memoryview, is unknown to the garbage collector: the memory is still there
        # for the last words of a subclass, which have been said by now.
        if self.base != NULL:
            PyBuffer_Release(&self.view)

    @property
    def detached(self) -> bool:
        """Whether :meth:`detach` has been called."""
        return self.base == NULL

    def __enter__(self):
        self.check()
        return self

    def __exit__(self, *exc_info) -> None:
        self.detach()

    def __reduce__(self):
        raise TypeError(f"a {type(self).__name__} cannot be pickled: send the name of its shared memory and "
                        f"attach there")
