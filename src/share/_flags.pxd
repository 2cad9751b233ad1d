# Flags: 8-byte cells that hold the highest end position of any queued command that may write an attribute.
from libc.stdint cimport uint64_t
from ._atomic cimport fetch_max_rlx, load_acq, load_rlx


# Raises a flag to an end position. Relaxed: a call ends with a seq_cst operation (its commit CAS).
cdef inline void flag_raise(uint64_t* flag, uint64_t end) noexcept nogil:
    fetch_max_rlx(flag, end)
