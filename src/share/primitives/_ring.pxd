# What both rings have in common: records inside claims, and the verbs over them.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from .._memory cimport Memory

# What look() answers.
cdef enum:
    NOTHING = 0
    RECORDS = 1
    DRAINED = 2                 # closed, and nothing left

cdef enum:
    PREFIX = 8                  # bytes before each payload

cdef class Ring(Memory):
    cdef uint32_t* items        # wait word on which the consumer sleeps
    cdef uint32_t* room         # wait word on which producers sleep
    cdef uint64_t* consumer     # the process word of the reader
    cdef uint64_t* taken        # bytes since creation, up to the end of the last record that was taken
    cdef readonly uint64_t largest      # bytes of the longest record
    cdef uint64_t batch         # bytes of the longest claim of put_many

    # The claim that begin() has just made, or that look() has just seen; valid until the next call.
    cdef char* body
    cdef uint64_t position
    cdef uint64_t capacity      # bytes of the body
    cdef uint64_t start         # of look() alone: bytes since creation, where the body counts from

    cdef int bind_words(self, char* at) noexcept
    cdef int begin(self, uint64_t bytes_) except -1                 # CLAIM_OK, CLAIM_FULL or CLAIM_CLOSED
    cdef int publish(self, uint64_t position, uint64_t capacity) except -1
    cdef int withdraw(self, uint64_t position, uint64_t capacity) except -1
    cdef int wait_room(self, uint64_t bytes_, int64_t deadline) except -1
    cdef void resume(self) noexcept                                 # what a dead reader left half done
    cdef int look(self) except -1
    cdef void step(self) noexcept                                   # over the claim that look() saw
    cdef int wait_records(self, int64_t deadline) except -1

    cdef int begin_or_wait(self, uint64_t bytes_, int64_t deadline) except -1
    cdef int write(self, const char* data, uint64_t length, int64_t deadline) except -1
    cdef int become_consumer(self) except -1
    cdef bytes take(self, bint* stepped, bint alone)
    cdef void finish(self, bint* stepped) noexcept
    cdef int await_records(self, int64_t deadline, object timeout) except -1

cdef class Claim:
    cdef Ring ring
    cdef char* body
    cdef uint64_t position
    cdef uint64_t capacity
    cdef Py_ssize_t length
    cdef int exports
    cdef uint32_t forks
    cdef bint is_open

    cdef int check(self) except -1
