"""Sleeping and waking between processes: a futex where there is one, else bounded back-off sleeps.

A wait word is a 32-bit count in shared memory. Odd means that somebody may be asleep on it; a waker makes it
even by adding one. Nobody counts the sleepers, so a killed one leaves nothing to repair: at worst the word
stays odd and the next waker makes one system call for nothing.
"""

import os

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint32_t

from ._atomic cimport TESTPOINT, cas32, fence_sc, fetch_add32, fetch_and32, fetch_or32, load32_acq, load32_rlx, \
    pause, store32_rlx

cdef extern from *:
    """
    #include <errno.h>
    #include <limits.h>
    #include <stdint.h>
    #include <time.h>
    #if defined(__linux__)
    #include <linux/futex.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    #endif

    static int64_t sh_now_ns(void)
    {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    }

    /* The time of the last timer tick, a few milliseconds old at most, for a fraction of the price. */
    static int64_t sh_coarse_ns(void)
    {
    #ifdef CLOCK_MONOTONIC_COARSE
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    #else
        return sh_now_ns();
    #endif
    }

    /* 0, or the errno of the sleep. */
    static int sh_nanosleep(int64_t ns)
    {
        struct timespec t = {ns / 1000000000, ns % 1000000000};
        return nanosleep(&t, NULL) ? errno : 0;
    }

    #ifdef SHARE_TESTPOINTS
    #define SH_TESTPOINTS 1
    #else
    #define SH_TESTPOINTS 0
    #endif

    #if defined(SYS_futex)
    /* Without FUTEX_PRIVATE_FLAG: the word is found by its page, not by this process's address of it. */
    static int sh_futex_wait(uint32_t *word, uint32_t w, int64_t ns)
    {
        struct timespec t = {ns / 1000000000, ns % 1000000000};
        return syscall(SYS_futex, word, FUTEX_WAIT, w, &t, NULL, 0) ? errno : 0;
    }
    static int sh_futex_wake(uint32_t *word)
    {
        return syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0) < 0 ? errno : 0;
    }
    /* The time is absolute here. */
    static int sh_futex_wait_classes(uint32_t *word, uint32_t w, uint32_t classes, int64_t ns)
    {
        int64_t end = sh_now_ns() + ns;
        struct timespec t = {end / 1000000000, end % 1000000000};
        return syscall(SYS_futex, word, FUTEX_WAIT_BITSET, w, &t, NULL, classes) ? errno : 0;
    }
    static int sh_futex_wake_classes(uint32_t *word, uint32_t classes)
    {
        return syscall(SYS_futex, word, FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, classes) < 0 ? errno : 0;
    }
    #else
    static int sh_futex_wait_classes(uint32_t *word, uint32_t w, uint32_t classes, int64_t ns) { return ENOSYS; }
    static int sh_futex_wake_classes(uint32_t *word, uint32_t classes) { return ENOSYS; }
    static int sh_futex_wait(uint32_t *word, uint32_t w, int64_t ns) { return ENOSYS; }
    static int sh_futex_wake(uint32_t *word) { return ENOSYS; }
    #endif
    """
    int64_t sh_now_ns() noexcept nogil
    int64_t sh_coarse_ns() noexcept nogil
    int sh_nanosleep(int64_t ns) noexcept nogil
    int sh_futex_wait(uint32_t* word, uint32_t w, int64_t ns) noexcept nogil
    int sh_futex_wake(uint32_t* word) noexcept nogil
    int sh_futex_wait_classes(uint32_t* word, uint32_t w, uint32_t classes, int64_t ns) noexcept nogil
    int sh_futex_wake_classes(uint32_t* word, uint32_t classes) noexcept nogil
    const bint SH_TESTPOINTS
    const int EINTR
    const int ETIMEDOUT

cdef enum:
    BACKSTOP = 1000000000       # ns: no sleep is longer, so a lost wake-up costs at most this
    SOON = 2000000              # ns: the sleep of one whose condition may come true without a waker
    FIRST_NAP = 20000           # ns: the fallback's naps double from this ...
    LAST_NAP = 2000000          # ... to this
    PROBE_EVERY = 64            # waits: one in so many spins to the full
    LEAST_PART = 32             # of the full length: the shortest spin
    SPINS = 2000                # rounds of the pause instruction: some 20 to 60 us

cdef uint32_t probe = 0
cdef bint no_futex = os.environ.get("SHARE_NO_FUTEX") == "1" or sh_futex_wake(&probe) != 0
# one core: a spin only delays the other
cdef int spins = SPINS if len(os.sched_getaffinity(0)) > 1 else 0
# of the next wait: doubled by a spin that succeeds, halved by one that does not
cdef uint32_t budget = spins
cdef uint32_t waits = 0


def uses_futex() -> bool:
    """Whether this process sleeps in the kernel (a futex) or in naps (``SHARE_NO_FUTEX=1``, no futex).

    >>> isinstance(uses_futex(), bool)
    True
    """
    return not no_futex


cdef int64_t now_ns() noexcept nogil:
    return sh_now_ns()


cdef int64_t coarse_ns() noexcept nogil:
    return sh_coarse_ns()


cdef int spin_rounds() noexcept nogil:
    # Threads may lose each other's counts: these only choose between two right ways of waiting.
    cdef uint32_t count = load32_rlx(&waits) + 1
    store32_rlx(&waits, count)
    return spins if count % PROBE_EVERY == 0 else load32_rlx(&budget)


cdef void spun(bint success) noexcept nogil:
    # A spin pays where the partner runs on another core, and only keeps it from running where it does not;
    # which of the two it is shows in whether spins succeed. A full-length probe now and then finds out that it
    # has changed.
    cdef uint32_t rounds = load32_rlx(&budget)
    if success:
        store32_rlx(&budget, min(<uint32_t> spins, rounds * 2))
    else:
        store32_rlx(&budget, max(<uint32_t> spins // LEAST_PART, rounds // 2))


cdef uint32_t announce(uint32_t* word) noexcept nogil:
    # The fence pairs with the one in wake(): of "I announced, then looked at the condition" and "it
    # published, then looked at the word" at least one sees the other's store. The store-load order on both
    # sides is what makes a lost wake-up impossible; x86 needs it too.
    cdef uint32_t w = fetch_or32(word, 1) | 1
    TESTPOINT("wait.announced")
    fence_sc()
    return w


cdef int sleep(uint32_t* word, uint32_t w, int64_t timeout_ns) noexcept nogil:
    if timeout_ns < 0 or timeout_ns > BACKSTOP:
        timeout_ns = BACKSTOP
    if no_futex:
        return nap(word, w, timeout_ns)
    cdef int error = sh_futex_wait(word, w, timeout_ns)     # the kernel compares word with w itself
    return 1 if error == ETIMEDOUT else 2 if error == EINTR else 0


cdef int nap(uint32_t* word, uint32_t w, int64_t timeout_ns) noexcept nogil:
    """The fallback of sleep(): naps that double, until the word has changed."""
    cdef int64_t end = sh_now_ns() + timeout_ns, length = FIRST_NAP, left
    while load32_acq(word) == w:                            # pairs with the CAS in wake()
        left = end - sh_now_ns()
        if left <= 0:
            return 1
        if sh_nanosleep(min(length, left)) == EINTR:
            return 2
        length = min(length * 2, <int64_t> LAST_NAP)
    return 0


cdef void wake(uint32_t* word) noexcept nogil:
    fence_sc()                                              # pairs with the fence in announce()
    cdef uint32_t w = load32_rlx(word)
    if not w & 1:
        return
    # One waker wins and pays for the system call. Whoever loses lost to a waker that came after its own
    # publishing or to a sleeper; and a sleeper that announced after this CAS re-checks and sees the
    # publishing.
    if cas32(word, w, w + 1):
        TESTPOINT("wait.bumped")
        sh_futex_wake(word)                                 # also from a process that naps: others may not


cdef void wake_always(uint32_t* word) noexcept nogil:
    # Adding two keeps an odd word odd: its sleepers announce themselves anew only after they have run. The
    # changed value is what makes one return that was between its re-check and its futex_wait.
    fence_sc()                                              # pairs with the fence in announce()
    fetch_add32(word, 2)
    TESTPOINT("wait.bumped_always")
    sh_futex_wake(word)


cdef uint32_t announce_classes(uint32_t* word, uint32_t* awaited, uint32_t classes) noexcept nogil:
    # The word first: a waker clears our bits and then changes the word. If it clears the bits that we set here,
    # the word changes after we have read it, and we do not fall asleep without them.
    cdef uint32_t w = load32_acq(word)
    fetch_or32(awaited, classes)
    TESTPOINT("wait.announced")
    fence_sc()                                              # pairs with the fence in wake_classes
    return w


cdef int sleep_classes(uint32_t* word, uint32_t w, uint32_t classes, int64_t timeout_ns) noexcept nogil:
    if timeout_ns < 0 or timeout_ns > BACKSTOP:
        timeout_ns = BACKSTOP
    if no_futex:
        return nap(word, w, timeout_ns)
    cdef int error = sh_futex_wait_classes(word, w, classes, timeout_ns)
    return 1 if error == ETIMEDOUT else 2 if error == EINTR else 0


cdef void wake_classes(uint32_t* word, uint32_t* awaited, uint32_t classes) noexcept nogil:
    fence_sc()                                              # pairs with the fence in announce_classes
    classes &= load32_rlx(awaited)
    if classes == 0:
        return
    # Whoever sleeps with one of these bits is woken by the last step; so no sleeper is without a bit of its own.
    fetch_and32(awaited, ~classes)
    fetch_add32(word, 1)
    TESTPOINT("wait.bumped")
    sh_futex_wake_classes(word, classes)


cdef int wait_until(uint32_t* word, uint32_t* partner, Condition holds, void* context,
                    int64_t deadline) except -1:
    cdef int answer = 0
    cdef uint32_t w
    cdef int64_t length
    with nogil:
        answer = holds(context)
        if answer <= 0:
            for _ in range(spin_rounds()):
                pause()
                answer = holds(context)
                if answer > 0:
                    break
            spun(answer > 0)
    while answer <= 0:
        with nogil:
            w = announce(word)
            answer = holds(context)
            if answer <= 0:
                length = BACKSTOP if answer == 0 else SOON
                if deadline != FOREVER:
                    length = max(<int64_t> 0, min(length, deadline - sh_now_ns()))
                if partner != NULL:
                    wake_always(partner)
                sleep(word, w, length)
                answer = holds(context)
        if answer <= 0:
            PyErr_CheckSignals()
            if deadline != FOREVER and sh_now_ns() >= deadline:
                return 0
    return 1


cdef int64_t deadline_of(object timeout) except? -2:
    if timeout is None:
        return FOREVER
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(f"timeout is a number of seconds or None, not {type(timeout).__name__}")
    if timeout != timeout:
        raise ValueError("timeout is not a number")
    # A century stands for any longer time, infinity included.
    return sh_now_ns() + <int64_t> (min(max(timeout, 0), 3e9) * 1e9)


def has_testpoints() -> bool:
    """Whether this build has the named test points (``SHARE_TESTPOINTS=1`` at build time).

    >>> isinstance(has_testpoints(), bool)
    True
    """
    return SH_TESTPOINTS
