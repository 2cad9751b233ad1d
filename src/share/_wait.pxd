# Sleeping and waking on a shared 32-bit wait word: odd = somebody may sleep.
from libc.stdint cimport int64_t, uint32_t

cdef enum:
    FOREVER = -1                # a deadline that never comes

cdef int64_t now_ns() noexcept nogil                                    # CLOCK_MONOTONIC
cdef int64_t coarse_ns() noexcept nogil                                 # the same at the last tick: cheaper

# Sleeper: w = announce(word); re-check the condition; sleep(word, w, timeout).
# fetch_or(1) | 1, then a seq_cst fence
cdef uint32_t announce(uint32_t* word) noexcept nogil
# 0 woken or changed, 1 time-out, 2 signal. Bounded by BACKSTOP whatever the timeout; negative: BACKSTOP.
cdef int sleep(uint32_t* word, uint32_t w, int64_t timeout_ns) noexcept nogil
# Waker: publish; then wake(word): seq_cst fence; if odd, CAS w -> w+1 and, if won, wake all.
cdef void wake(uint32_t* word) noexcept nogil
# bump and wake whatever the word says
cdef void wake_always(uint32_t* word) noexcept nogil
# The same for many conditions on one word: each is of a class, a bit of `awaited`, and only those wake up whose bits
# are among the waker's. w = announce_classes(...); re-check; sleep_classes(...); waker: publish; wake_classes(...).
cdef uint32_t announce_classes(uint32_t* word, uint32_t* awaited, uint32_t classes) noexcept nogil
cdef int sleep_classes(uint32_t* word, uint32_t w, uint32_t classes, int64_t timeout_ns) noexcept nogil
cdef void wake_classes(uint32_t* word, uint32_t* awaited, uint32_t classes) noexcept nogil
# How long a wait spins before it sleeps; tell spun() whether that was enough.
cdef int spin_rounds() noexcept nogil
cdef void spun(bint success) noexcept nogil

# A condition: 1 holds, 0 does not, -1 does not, and nobody may wake us when it does: look again soon.
ctypedef int (*Condition)(void* context) noexcept nogil

# The whole wait: spins, then sleeps until the condition holds (1) or the deadline (now_ns, or FOREVER) has
# passed (0). Call with the GIL: it is released meanwhile, and signal handlers run, so this can raise.
# Before each sleep it wakes `partner` (may be NULL) unconditionally: whoever is about to sleep on a
# partner's work makes sure that the partner is awake, as the waker in between may have been killed.
cdef int wait_until(uint32_t* word, uint32_t* partner, Condition holds, void* context,
                    int64_t deadline) except -1
# A deadline from a user's time-out in seconds (None: FOREVER). Raises TypeError, ValueError.
cdef int64_t deadline_of(object timeout) except? -2
