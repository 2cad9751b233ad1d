# Flags: 8-byte cells that hold the highest end position of any queued command that may write an attribute.
from libc.stdint cimport uint64_t
from ._atomic cimport BROKEN, fence_acq, fetch_max_rlx, load_acq, load_rlx


# Raises a flag to an end position. Relaxed: a call ends with a seq_cst operation (its commit CAS).
cdef inline void flag_raise(uint64_t* flag, uint64_t end) noexcept nogil:
    if not BROKEN("flags"):
        fetch_max_rlx(flag, end)


# The position that a reader has to wait for, loaded once per read, after whatever made it start reading.
# The fence pairs with the seq_cst operation that ends a call: who learned of the return sees the raised flag.
cdef inline uint64_t flag_read(const uint64_t* flag) noexcept nogil:
    fence_acq()
    return load_rlx(flag)
