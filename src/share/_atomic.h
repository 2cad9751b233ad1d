/* Atomic operations on plain integers in shared memory: the only place that spells a memory order.
 *
 * The names say the order: _rlx relaxed, _acq acquire, _rel release. Every use names its partner in a
 * comment ("pairs with ..."). C11 atomics proper would need _Atomic types, which Cython cannot declare.
 */
#ifndef SHARE_ATOMIC_H
#define SHARE_ATOMIC_H

#include <stdint.h>

_Static_assert(__atomic_always_lock_free(8, 0), "share needs 64-bit atomics that are always lock-free");
_Static_assert(__atomic_always_lock_free(4, 0), "share needs 32-bit atomics that are always lock-free");

/* ThreadSanitizer follows what an order publishes, but knows no fences. In its build (SHARE_SANITIZE=thread) a fence
 * is a read-modify-write, in the fence's order, of one word that all modules have in common. That orders all that
 * the fence orders, and somewhat more: any later fence is ordered behind it.
 *
 * A test has to see that an order which is missing would be reported. So in that build SHARE_DROP, a list
 * operation@function[,...], makes an operation relaxed where that function uses it. In any other the order is a
 * constant, and DROPPED nothing but 0. */
#ifdef __SANITIZE_THREAD__
#include <stdlib.h>
#include <string.h>

extern uint64_t sh_fence_word;
__asm__(".pushsection .bss.sh_fence_word,\"aw\",%nobits\n"
        ".balign 8\n.globl sh_fence_word\n.type sh_fence_word,%gnu_unique_object\n.size sh_fence_word,8\n"
        "sh_fence_word: .zero 8\n.popsection");

static const char *sh_drop;
__attribute__((constructor)) static void sh_read_drop(void) { sh_drop = getenv("SHARE_DROP"); }

/* Whether the list has this operation with what the C name of the function ends in. */
static inline int sh_dropped(const char *operation, const char *function)
{
    size_t n = strlen(operation), length = strlen(function), rest;
    for (const char *at = sh_drop; *at; at += *at == ',') {
        size_t entry = strcspn(at, ",");
        if (entry > n && !strncmp(at, operation, n) && at[n] == '@') {
            rest = entry - n - 1;
            if (rest <= length && !strncmp(function + length - rest, at + n + 1, rest)) return 1;
        }
        at += entry;
    }
    return 0;
}

#define DROPPED(operation) (sh_drop && sh_dropped(operation, function))
#define FENCE(order) ((void)__atomic_fetch_add(&sh_fence_word, 1, order))
#else
#define DROPPED(operation) 0
#define FENCE(order) __atomic_thread_fence(order)
#endif

static inline uint64_t sh_load_rlx(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
static inline uint64_t sh_load_acq_in(const char *function, const uint64_t *p)
{
    return DROPPED("load_acq") ? sh_load_rlx(p) : __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline void sh_store_rlx(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }
static inline void sh_store_rel_in(const char *function, uint64_t *p, uint64_t v)
{
    if (DROPPED("store_rel")) sh_store_rlx(p, v);
    else __atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/* Compare and swap, acquire on both outcomes and release on success. Returns 1 if it swapped. */
static inline int sh_cas_in(const char *function, uint64_t *p, uint64_t expected, uint64_t desired)
{
    if (DROPPED("cas"))
        return __atomic_compare_exchange_n(p, &expected, desired, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return __atomic_compare_exchange_n(p, &expected, desired, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Raises *p to at least v (relaxed; callers add fences). Returns the value that was there before. */
static inline uint64_t sh_fetch_max_rlx(uint64_t *p, uint64_t v)
{
    uint64_t seen = __atomic_load_n(p, __ATOMIC_RELAXED);
    while (seen < v &&
           !__atomic_compare_exchange_n(p, &seen, v, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) { }
    return seen;
}

static inline uint32_t sh_load32_rlx(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
static inline uint32_t sh_load32_acq_in(const char *function, const uint32_t *p)
{
    return DROPPED("load32_acq") ? sh_load32_rlx(p) : __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline void sh_store32_rlx(uint32_t *p, uint32_t v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }
static inline void sh_store32_rel(uint32_t *p, uint32_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
static inline uint32_t sh_fetch_or32(uint32_t *p, uint32_t v) { return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST); }
static inline uint32_t sh_fetch_and32(uint32_t *p, uint32_t v) { return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST); }
static inline uint32_t sh_fetch_add32(uint32_t *p, uint32_t v) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); }
static inline int sh_cas32_in(const char *function, uint32_t *p, uint32_t expected, uint32_t desired)
{
    if (DROPPED("cas32"))
        return __atomic_compare_exchange_n(p, &expected, desired, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return __atomic_compare_exchange_n(p, &expected, desired, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static inline void sh_fence_acq_in(const char *function) { if (!DROPPED("fence_acq")) FENCE(__ATOMIC_ACQUIRE); }
static inline void sh_fence_rel_in(const char *function) { if (!DROPPED("fence_rel")) FENCE(__ATOMIC_RELEASE); }
static inline void sh_fence_sc_in(const char *function) { if (!DROPPED("fence_sc")) FENCE(__ATOMIC_SEQ_CST); }

#define sh_load_acq(p) sh_load_acq_in(__func__, p)
#define sh_store_rel(p, v) sh_store_rel_in(__func__, p, v)
#define sh_cas(p, expected, desired) sh_cas_in(__func__, p, expected, desired)
#define sh_load32_acq(p) sh_load32_acq_in(__func__, p)
#define sh_cas32(p, expected, desired) sh_cas32_in(__func__, p, expected, desired)
#define sh_fence_acq() sh_fence_acq_in(__func__)
#define sh_fence_rel() sh_fence_rel_in(__func__)
#define sh_fence_sc() sh_fence_sc_in(__func__)

/* Copies bytes that another process may be overwriting; the caller validates afterwards. Word-wise
 * relaxed loads, so that a torn copy is a wrong value and never undefined behaviour. Both pointers are
 * 8-byte aligned; n is rounded up to a multiple of 8 by the caller's buffer. */
static inline void sh_copy_from_shared(void *to, const void *from, uint64_t n)
{
    uint64_t *d = (uint64_t *)to;
    const uint64_t *s = (const uint64_t *)from;
    for (uint64_t i = 0; i < (n + 7) / 8; i++) d[i] = __atomic_load_n(s + i, __ATOMIC_RELAXED);
}

static inline void sh_copy_to_shared(void *to, const void *from, uint64_t n)
{
    uint64_t *d = (uint64_t *)to;
    const unsigned char *s = (const unsigned char *)from;
    uint64_t i, w;
    for (i = 0; i + 8 <= n; i += 8) { __builtin_memcpy(&w, s + i, 8); __atomic_store_n(d + i / 8, w, __ATOMIC_RELAXED); }
    if (i < n) { w = 0; __builtin_memcpy(&w, s + i, n - i); __atomic_store_n(d + i / 8, w, __ATOMIC_RELAXED); }
}

static inline void sh_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* TESTPOINT(name): a place where the crash suite kills, stops or delays this process. Nothing at all in a
 * release build. Under SHARE_TESTPOINTS the environment says what happens and where:
 *
 *     SHARE_TESTPOINT=name:kill|stop|delay[:nth]   or   *:noise:seed
 *
 * kill and stop act at the nth time (from 1, default 1) that this process comes by, delay (20 ms) at each time
 * unless nth is given; noise makes a short pause of random length at every fourth of all points, or so, in a
 * sequence that the seed and the process (its id) decide. The variable is read at each hit, so that a forked child may set its own; the count is
 * one an extension module, which is enough as every name occurs in one module only.
 *
 * BROKEN(name): whether a mechanism is switched off, to see that the test of what it guarantees then fails. The
 * constant 0 in a release build. Under SHARE_TESTPOINTS, SHARE_BREAK names the mechanism. */
#ifdef SHARE_TESTPOINTS
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static inline void sh_testpoint_noise(const char *seed)
{
    static _Thread_local uint64_t random;
    if (!random) random = strtoull(seed, NULL, 10) * 0x9E3779B97F4A7C15ull + (uint64_t)getpid() * 0x2545F491ull + 1;
    random ^= random << 13; random ^= random >> 7; random ^= random << 17;
    if (random & 3) return;
    if (random & 60) for (uint64_t i = random >> 54; i; i--) sh_pause();
    else sched_yield();
}

static inline void sh_testpoint_hit(const char *name)
{
    static uint64_t hits;
    const char *want = getenv("SHARE_TESTPOINT");
    size_t n = strlen(name);
    if (want && !strncmp(want, "*:noise:", 8)) { sh_testpoint_noise(want + 8); return; }
    if (!want || strncmp(want, name, n) || want[n] != ':') return;
    const char *what = want + n + 1, *nth = strchr(what, ':');
    uint64_t hit = __atomic_add_fetch(&hits, 1, __ATOMIC_RELAXED);
    if (nth ? hit != strtoull(nth + 1, NULL, 10) : (hit != 1 && *what != 'd')) return;
    if (*what == 'k') kill(getpid(), SIGKILL);
    if (*what == 's') kill(getpid(), SIGSTOP);
    if (*what == 'd') { struct timespec t = {0, 20000000}; nanosleep(&t, NULL); }
}
#define TESTPOINT(name) sh_testpoint_hit(name)

static inline int sh_broken(const char *name)
{
    const char *off = getenv("SHARE_BREAK");
    return off && !strcmp(off, name);
}
#define BROKEN(name) sh_broken(name)
#else
#define BROKEN(name) 0
#define TESTPOINT(name) ((void)0)
#endif

#endif
