"""A fast 64-bit checksum: 32 independent lanes of xor and multiply, which compilers turn into vector code."""

from libc.stdint cimport uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    /* Chosen at load time: with AVX2 the same loop runs three times as fast. Sanitizers cannot follow it. */
    #if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) \\
        && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    #define SHARE_CLONES __attribute__((target_clones("avx2", "default")))
    #else
    #define SHARE_CLONES
    #endif

    #define SHARE_LANES 32
    #define SHARE_BLOCK (4 * SHARE_LANES)

    /* Every step is one-to-one in `lane` and in `word`: damage to a single word can never cancel out. The
       shift brings high bits down, which a multiplication alone never does. */
    static inline uint64_t share_mix(uint64_t lane, uint64_t word)
    {
        lane = (lane ^ word) * UINT64_C(0x9E3779B97F4A7C15);    /* 2**64 / golden ratio */
        return lane ^ (lane >> 29);
    }

    typedef uint32_t share_vector __attribute__((vector_size(32)));      /* eight lanes */

    /* A macro, so that each clone compiles it for its own instructions. */
    #define SHARE_STEP(lanes, from) \\
        memcpy(&words, from, sizeof words); \\
        lanes = (lanes ^ words) * UINT32_C(0x9E3779B1); \\
        lanes ^= lanes >> 15;

    SHARE_CLONES static void share_blocks(uint32_t *lanes, const char *data, size_t blocks)
    {
        share_vector a, b, c, d, words;
        memcpy(&a, lanes, 32);
        memcpy(&b, lanes + 8, 32);
        memcpy(&c, lanes + 16, 32);
        memcpy(&d, lanes + 24, 32);
        for (; blocks; blocks--, data += SHARE_BLOCK) {
            SHARE_STEP(a, data)
            SHARE_STEP(b, data + 32)
            SHARE_STEP(c, data + 64)
            SHARE_STEP(d, data + 96)
        }
        memcpy(lanes, &a, 32);
        memcpy(lanes + 8, &b, 32);
        memcpy(lanes + 16, &c, 32);
        memcpy(lanes + 24, &d, 32);
    }

    static uint64_t share_checksum(const char *data, size_t size, uint64_t seed)
    {
        uint64_t total = share_mix(seed, size), word;
        size_t blocks = size / SHARE_BLOCK;
        if (blocks) {
            uint32_t lanes[SHARE_LANES];
            for (int i = 0; i < SHARE_LANES; i++)
                lanes[i] = (uint32_t)i + 1;
            share_blocks(lanes, data, blocks);
            data += blocks * SHARE_BLOCK;
            size -= blocks * SHARE_BLOCK;
            for (int i = 0; i < SHARE_LANES; i += 2)
                total = share_mix(total, (uint64_t)lanes[i] << 32 | lanes[i + 1]);
        }
        for (; size >= 8; size -= 8, data += 8) {
            memcpy(&word, data, 8);
            total = share_mix(total, word);
        }
        if (size) {
            word = 0;
            memcpy(&word, data, size);
            total = share_mix(total, word);
        }
        return share_mix(total, total >> 32);
    }
    """
    uint64_t share_checksum(const char* data, size_t size, uint64_t seed) noexcept nogil


cdef uint64_t checksum(const char* data, Py_ssize_t size, uint64_t seed) noexcept nogil:
    return share_checksum(data, <size_t>size, seed)


def checksum_of(const unsigned char[::1] data not None, uint64_t seed=0) -> int:
    """The checksum of ``data``, a 64-bit number that also depends on ``seed``.

    >>> checksum_of(b"abc") == checksum_of(b"abc") != checksum_of(b"abd")
    True
    """
    if data.shape[0] == 0:
        return share_checksum(NULL, 0, seed)
    return share_checksum(<const char*>&data[0], <size_t>data.shape[0], seed)
