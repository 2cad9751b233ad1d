# Sleeping and waking on a shared 32-bit wait word: odd = somebody may sleep.
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef int64_t now_ns() noexcept nogil                                    # CLOCK_MONOTONIC

# Sleeper: w = announce(word); re-check the condition; sleep(word, w, timeout).
cdef uint32_t announce(uint32_t* word) noexcept nogil                   # fetch_or(1) | 1, then a seq_cst fence
cdef int sleep(uint32_t* word, uint32_t w, int64_t timeout_ns) noexcept nogil   # 0 woken or changed, 1 time-out, 2 signal
# Waker: publish; then wake(word): seq_cst fence; if odd, CAS w -> w+1 and, if won, wake all.
cdef void wake(uint32_t* word) noexcept nogil
cdef void wake_always(uint32_t* word) noexcept nogil                    # bump and wake whatever the word says
cdef int spin_rounds() noexcept nogil                                   # how long a wait spins before it sleeps
