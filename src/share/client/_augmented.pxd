# Exact augmented assignment: values that remember the operation from `+=` to the store that follows it.
cdef object carrying(object value)
cdef object take_operation(object value)
cdef object note_operation(object result, str operation, object operand)
cdef bint is_augmented_store() noexcept
