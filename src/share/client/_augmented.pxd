# Exact augmented assignment: values that remember the operation from `+=` to the store that follows it.
cdef object carrying(object value)
cdef object take_operation(object value)
cdef bint is_augmented_store() noexcept
