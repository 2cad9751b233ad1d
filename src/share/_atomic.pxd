# Atomic operations on plain integers in shared memory (see _atomic.h).
from libc.stdint cimport uint32_t, uint64_t


cdef extern from "_atomic.h" nogil:
    uint64_t load_rlx "sh_load_rlx"(const uint64_t* p) noexcept
    uint64_t load_acq "sh_load_acq"(const uint64_t* p) noexcept
    void store_rlx "sh_store_rlx"(uint64_t* p, uint64_t v) noexcept
    void store_rel "sh_store_rel"(uint64_t* p, uint64_t v) noexcept
    bint cas "sh_cas"(uint64_t* p, uint64_t expected, uint64_t desired) noexcept
    uint64_t fetch_max_rlx "sh_fetch_max_rlx"(uint64_t* p, uint64_t v) noexcept
    uint32_t load32_rlx "sh_load32_rlx"(const uint32_t* p) noexcept
    uint32_t load32_acq "sh_load32_acq"(const uint32_t* p) noexcept
    void store32_rlx "sh_store32_rlx"(uint32_t* p, uint32_t v) noexcept
    void store32_rel "sh_store32_rel"(uint32_t* p, uint32_t v) noexcept
    uint32_t fetch_or32 "sh_fetch_or32"(uint32_t* p, uint32_t v) noexcept
    uint32_t fetch_and32 "sh_fetch_and32"(uint32_t* p, uint32_t v) noexcept
    uint32_t fetch_add32 "sh_fetch_add32"(uint32_t* p, uint32_t v) noexcept
    bint cas32 "sh_cas32"(uint32_t* p, uint32_t expected, uint32_t desired) noexcept
    void fence_acq "sh_fence_acq"() noexcept
    void fence_rel "sh_fence_rel"() noexcept
    void fence_sc "sh_fence_sc"() noexcept
    void copy_from_shared "sh_copy_from_shared"(void* to, const void* source, uint64_t n) noexcept
    void copy_to_shared "sh_copy_to_shared"(void* to, const void* source, uint64_t n) noexcept
    void pause "sh_pause"() noexcept
    void TESTPOINT(const char* name) noexcept
    bint BROKEN(const char* name) noexcept
