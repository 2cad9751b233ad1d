# cython: annotation_typing=False
"""What both rings have in common: records of bytes inside claims, and the verbs over them.

A claim's body holds one record or many (`put_many`), each {uint32 length, uint32 mark, payload} from a
multiple of eight on; where eight or more bytes are left, {END} follows. Subclasses know what a claim is.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from .._atomic cimport TESTPOINT, cas, load_acq, load_rlx, store_rlx
from .._process cimport fork_count, process_word, proven_dead
from .._ringbuf cimport CLAIM_CLOSED, CLAIM_OK
from .._wait cimport FOREVER, deadline_of, wake
from .._memory cimport LINE

from ..errors import CorruptDataError, RecordTooLargeError, ShareClosedError, ShareError, ShareTimeoutError

cdef enum:
    MARK = 0x43455253           # "SREC": a prefix without it is damage
    END = 0xFFFFFFFF            # as a length: no more records in this claim
    AT_ONCE = 0                 # as a deadline: long past


cdef inline uint64_t record_bytes(uint64_t length) noexcept nogil:
    return PREFIX + (length + 7) // 8 * 8


cdef inline char* put_record(char* at, const char* data, uint64_t length) noexcept nogil:
    (<uint32_t*> at)[0] = <uint32_t> length
    (<uint32_t*> at)[1] = MARK
    memcpy(at + PREFIX, data, length)
    return at + record_bytes(length)


cdef inline void put_end(char* at, char* end) noexcept nogil:
    if at + PREFIX <= end:
        (<uint32_t*> at)[0] = END
        (<uint32_t*> at)[1] = MARK


@cython.binding(False)
cdef class Ring(Memory):
    """A bounded queue of byte strings in shared memory; see :class:`MPSCRing` and :class:`SPSCRing`."""

    # ---- for subclasses --------------------------------------------------------------------------

    cdef int bind_words(self, char* at) noexcept:
        """Three lines: what the consumer sleeps on, what producers sleep on, the consumer's own."""
        self.items = <uint32_t*> at
        self.room = <uint32_t*> (at + LINE)
        self.consumer = <uint64_t*> (at + 2 * LINE)
        self.taken = self.consumer + 1
        return 0

    cdef int begin(self, uint64_t bytes_) except -1:
        raise NotImplementedError

    cdef int publish(self, uint64_t position, uint64_t capacity) except -1:
        raise NotImplementedError

    cdef int withdraw(self, uint64_t position, uint64_t capacity) except -1:
        raise NotImplementedError

    cdef int wait_room(self, uint64_t bytes_, int64_t deadline) except -1:
        raise NotImplementedError

    cdef void resume(self) noexcept:
        pass

    cdef int look(self) except -1:
        raise NotImplementedError

    cdef void step(self) noexcept:
        pass

    cdef int wait_records(self, int64_t deadline) except -1:
        raise NotImplementedError

    # ---- producer --------------------------------------------------------------------------------

    cdef int begin_or_wait(self, uint64_t bytes_, int64_t deadline) except -1:
        """1: begun; 0: no room until the deadline. Raises if the ring is closed."""
        cdef int answer
        while True:
            answer = self.begin(bytes_)
            if answer == CLAIM_OK:
                return 1
            if answer == CLAIM_CLOSED:
                raise ShareClosedError(f"this {type(self).__name__} is closed: it takes no more records")
            if deadline == AT_ONCE:
                return 0
            self.enter()
            try:
                answer = self.wait_room(bytes_, deadline)
            finally:
                self.quit()
            if answer == 0:
                return 0

    cdef int write(self, const char* data, uint64_t length, int64_t deadline) except -1:
        cdef char* at
        self.check()
        if length > self.largest:
            raise too_large(self, length)
        if self.begin_or_wait(record_bytes(length), deadline) == 0:
            return 0
        at = put_record(self.body, data, length)
        put_end(at, self.body + self.capacity)
        self.publish(self.position, self.capacity)
        wake(self.items)
        return 1

    def put(self, data, timeout: float | None = None) -> None:
        """Queue a record of bytes; wait for room for at most ``timeout`` seconds (None: for ever).

        Raises ``RecordTooLargeError``, ``ShareClosedError``, ``ShareTimeoutError``, ``TypeError``.
        """
        if not put_any(self, data, FOREVER if timeout is None else deadline_of(timeout)):
            raise ShareTimeoutError(f"no room in this {type(self).__name__} for {timeout} s")

    def try_put(self, data) -> bool:
        """Queue a record of bytes if there is room for it now; False if there is none."""
        return put_any(self, data, AT_ONCE)

    def put_many(self, records, timeout: float | None = None) -> int:
        """Queue records of bytes in this order, many in one claim; returns how many were queued.

        It is fewer than were given only if ``timeout`` seconds passed; if not even one was queued then,
        ``ShareTimeoutError`` is raised. Nothing is queued if any record is too large or no bytes. Records of
        other producers can come between these.
        """
        cdef list items = []
        cdef Py_ssize_t first = 0, last, count
        cdef uint64_t total, next_bytes
        cdef int64_t deadline = deadline_of(timeout)
        cdef char* at
        cdef bytes item
        self.check()
        for record in records:
            item = record if type(record) is bytes else as_bytes(record)
            if <uint64_t> PyBytes_GET_SIZE(item) > self.largest:
                raise too_large(self, PyBytes_GET_SIZE(item))
            items.append(item)
        count = len(items)
        while first < count:
            total = record_bytes(PyBytes_GET_SIZE(<bytes> items[first]))
            last = first + 1
            while last < count:
                next_bytes = record_bytes(PyBytes_GET_SIZE(<bytes> items[last]))
                if total + next_bytes > self.batch:
                    break
                total += next_bytes
                last += 1
            if self.begin_or_wait(total, deadline) == 0:
                if first == 0:
                    raise ShareTimeoutError(f"no room in this {type(self).__name__} for {timeout} s")
                return first
            at = self.body
            while first < last:
                item = <bytes> items[first]
                at = put_record(at, PyBytes_AS_STRING(item), PyBytes_GET_SIZE(item))
                first += 1
            put_end(at, self.body + self.capacity)
            self.publish(self.position, self.capacity)
            wake(self.items)
        return count

    def try_claim(self, length: int) -> Claim | None:
        """Claim room for a record of ``length`` bytes, to be written in place; None if there is none now.

        Until its commit or abort the claim holds up the records behind it, so do nothing slow in between.
        """
        return claim_of(self, length, AT_ONCE)

    def claim(self, length: int, timeout: float | None = None) -> Claim:
        """Like :meth:`try_claim`, but wait for room for at most ``timeout`` seconds (None: for ever)."""
        claim = claim_of(self, length, deadline_of(timeout))
        if claim is None:
            raise ShareTimeoutError(f"no room in this {type(self).__name__} for {timeout} s")
        return claim

    # ---- consumer --------------------------------------------------------------------------------

    cdef int become_consumer(self) except -1:
        """Takes the role if it is vacant or its holder is proven dead; raises if somebody else has it."""
        cdef uint64_t me = process_word(), other
        while True:
            other = load_acq(self.consumer)     # pairs with the CAS below and with the release in leave()
            if other == me:
                return 0
            if other != 0 and not proven_dead(other):
                raise ShareError(f"process {other & 0x3FFFFF} reads this {type(self).__name__}; "
                                 f"there can be one reader only")
            if cas(self.consumer, other, me):
                TESTPOINT("ring.became_consumer")
                self.resume()
                return 0

    cdef bytes take(self, bint* stepped, bint alone):
        """The next record or None; *stepped is set once a claim is through and there may be room.

        Not `alone`: records have been taken in this call; whatever would raise is left for the next.
        """
        cdef uint64_t at, length
        cdef bytes record
        cdef char* prefix
        cdef int state
        if load_rlx(self.consumer) != process_word():
            self.become_consumer()
        while True:
            state = self.look()
            if state == NOTHING:
                return None
            if state == DRAINED:
                if not alone:
                    return None
                raise ShareClosedError(f"this {type(self).__name__} is closed and empty")
            # One word says how far reading has come, however many records a claim has, so that a reader's
            # successor goes on with the very next one. Written by readers only, one at a time.
            at = load_rlx(self.taken)
            at = at - self.start if at > self.start else 0
            if at < self.capacity:
                break
            # Our predecessor was killed after it had taken the last record of the claim. (Beyond its end:
            # damage, and all that can be done is to read the claim from its start.)
            store_rlx(self.taken, self.start if at > self.capacity else self.start + self.capacity)
            if at == self.capacity:
                self.finish(stepped)
        prefix = self.body + at
        length = (<uint32_t*> prefix)[0] if at + PREFIX <= self.capacity else END
        if length > self.capacity or at + record_bytes(length) > self.capacity or \
                (<uint32_t*> prefix)[1] != MARK:
            if not alone:
                return None
            self.finish(stepped)
            raise CorruptDataError(f"a record of this {type(self).__name__} is damaged; it was skipped")
        record = PyBytes_FromStringAndSize(prefix + PREFIX, length)
        at += record_bytes(length)
        prefix = self.body + at
        if at + PREFIX > self.capacity or (<uint32_t*> prefix)[0] == END:
            self.finish(stepped)
        else:
            store_rlx(self.taken, self.start + at)
            TESTPOINT("ring.taken")
        return record

    cdef void finish(self, bint* stepped) noexcept:
        # First: a reader that is killed in between has taken the record, and its successor knows it.
        store_rlx(self.taken, self.start + self.capacity)
        TESTPOINT("ring.taken_last")
        self.step()
        stepped[0] = True

    def try_get(self) -> bytes | None:
        """Take the oldest record, or None if there is none now. Raises ``ShareClosedError`` when drained."""
        return take_one(self)

    def get(self, timeout: float | None = None) -> bytes:
        """Take the oldest record; wait for one for at most ``timeout`` seconds (None: for ever).

        Raises ``ShareTimeoutError``, ``ShareClosedError`` (closed and empty), ``CorruptDataError``.
        """
        cdef int64_t deadline = FOREVER if timeout is None else deadline_of(timeout)
        cdef bytes record = take_one(self)
        while record is None:
            self.await_records(deadline, timeout)
            record = take_one(self)
        return record

    def get_many(self, limit: int | None = None, timeout: float | None = None) -> list[bytes]:
        """Take the records that are there, at most ``limit``; wait for the first as :meth:`get` does."""
        cdef list records = []
        cdef uint64_t most, freed = 0
        cdef bint stepped = False
        cdef bytes record
        cdef int64_t deadline = deadline_of(timeout)
        if limit is None:
            most = <uint64_t> -1
        elif isinstance(limit, bool) or not isinstance(limit, int):
            raise TypeError(f"limit is an int or None, not {type(limit).__name__}")
        elif limit < 1:
            raise ValueError(f"limit is {limit}; it must be at least 1")
        else:
            most = min(limit, <uint64_t> 1 << 62)
        self.check()
        while True:
            try:
                # At most about one ring of records, however fast they come.
                while <uint64_t> len(records) < most and freed <= self.available:
                    record = self.take(&stepped, not records)
                    if record is None:
                        break
                    records.append(record)
                    if stepped:
                        stepped = False
                        freed += self.capacity
                        if freed & ~(self.batch - 1) != (freed - self.capacity) & ~(self.batch - 1):
                            wake(self.room)
            except CorruptDataError:
                if not records:
                    raise                       # else the damaged stamp is met again
            finally:
                if freed or stepped:
                    wake(self.room)
            if records:
                return records
            self.await_records(deadline, timeout)

    cdef int await_records(self, int64_t deadline, object timeout) except -1:
        cdef int answer
        self.check()
        self.enter()
        try:
            answer = self.wait_records(deadline)
        finally:
            self.quit()
        if answer == 0:
            raise ShareTimeoutError(f"no record in this {type(self).__name__} for {timeout} s")
        return 0

    def __iter__(self):
        """Records until the ring is closed and empty."""
        while True:
            try:
                record = self.get()
            except ShareClosedError:
                return
            yield record

    cdef void leave(self) noexcept:
        cas(self.consumer, process_word(), 0)


@cython.binding(False)
@cython.no_gc_clear                             # __dealloc__ needs the ring, which is in no cycle
cdef class Claim:
    """Room in a ring for one record: a writable buffer that is sent with :meth:`commit`.

    As a context manager it commits, or aborts if the block raises. One that is forgotten is aborted.
    """

    def __init__(self):
        raise TypeError("a Claim comes from try_claim() or claim() of a ring")

    def __dealloc__(self):
        if self.is_open:
            if self.forks == fork_count():      # the copy of a forked child is the parent's to finish
                self.ring.withdraw(self.position, self.capacity)
                wake(self.ring.items)
                self.ring.quit()

    cdef int check(self) except -1:
        if not self.is_open:
            raise ShareClosedError("this claim has been committed or aborted")
        if self.forks != fork_count():
            raise ShareError("this claim was made before a fork and belongs to the parent process")
        if self.exports:
            raise BufferError("release the memoryviews of this claim first")
        return 0

    def write(self, data, at: int = 0) -> None:
        """Copy bytes into the record, from its byte ``at`` on. Raises ``ValueError`` if they do not fit."""
        cdef Py_buffer view
        if not self.is_open:
            self.check()
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            if at < 0 or at > self.length or view.len > self.length - <Py_ssize_t> at:
                raise ValueError(f"{view.len} bytes at {at} do not fit into a claim of {self.length}")
            memcpy(self.body + PREFIX + <Py_ssize_t> at, view.buf, view.len)
        finally:
            PyBuffer_Release(&view)

    def commit(self) -> None:
        """Send the record. Raises ``ShareClosedError`` if the claim is over, ``BufferError`` if viewed."""
        self.check()
        (<uint32_t*> self.body)[0] = <uint32_t> self.length
        (<uint32_t*> self.body)[1] = MARK
        put_end(self.body + record_bytes(self.length), self.body + self.capacity)
        self.is_open = False
        self.ring.quit()
        self.ring.publish(self.position, self.capacity)
        wake(self.ring.items)

    def abort(self) -> None:
        """Give the room back; nothing is sent."""
        self.check()
        self.is_open = False
        self.ring.quit()
        self.ring.withdraw(self.position, self.capacity)
        wake(self.ring.items)                   # the consumer steps over it, and records behind it are free

    def __len__(self) -> int:
        return self.length

    def __getbuffer__(self, Py_buffer* view, int flags):
        if not self.is_open:
            self.check()
        PyBuffer_FillInfo(view, self, self.body + PREFIX, self.length, 0, flags)
        self.exports += 1

    def __releasebuffer__(self, Py_buffer* view):
        self.exports -= 1

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, trace) -> None:
        if self.is_open:
            if exc_type is None:
                self.commit()
            else:
                self.abort()

    def __reduce__(self):
        raise TypeError("a Claim cannot be pickled")


cdef bytes take_one(Ring ring):
    cdef bint stepped = False
    cdef bytes record
    ring.check()
    try:
        record = ring.take(&stepped, True)
    finally:
        if stepped:
            wake(ring.room)
    return record


cdef Claim claim_of(Ring ring, object length, int64_t deadline):
    cdef Claim claim
    if isinstance(length, bool) or not isinstance(length, int):
        raise TypeError(f"length is an int, not {type(length).__name__}")
    if length < 0:
        raise ValueError(f"length is {length}; it must not be negative")
    ring.check()
    if length > ring.largest:
        raise too_large(ring, length)
    claim = Claim.__new__(Claim)                # before the ring is touched: this may raise
    if ring.begin_or_wait(record_bytes(length), deadline) == 0:
        return None
    claim.ring = ring
    claim.body = ring.body
    claim.position = ring.position
    claim.capacity = ring.capacity
    claim.length = length
    claim.forks = fork_count()
    claim.is_open = True
    ring.enter()
    return claim


cdef bint put_any(Ring ring, object data, int64_t deadline) except -1:
    cdef Py_buffer view
    if type(data) is bytes:
        return ring.write(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), deadline)
    try:
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    except TypeError:
        raise not_bytes(data) from None
    try:
        return ring.write(<const char*> view.buf, view.len, deadline)
    finally:
        PyBuffer_Release(&view)


cdef bytes as_bytes(object data):
    try:
        return bytes(memoryview(data))
    except TypeError:
        raise not_bytes(data) from None


cdef object not_bytes(object data):
    return TypeError(f"a record is bytes or another contiguous buffer, not {type(data).__name__}; "
                     f"encode it first")


cdef object too_large(Ring ring, object length):
    return RecordTooLargeError(f"a record of {length} bytes; this {type(ring).__name__} takes at most "
                               f"{ring.largest}: make it larger, or send the data another way")
