# What an object of each class is to the state: decided once a class.
cdef enum:
    # Beside the kinds of nodes, which are smaller:
    EITHER = 20                 # a value or a node, which depends on the object
    NAMED_TUPLE = 21

cdef class Shape:
    cdef readonly object cls
    cdef readonly int kind
    cdef readonly int number            # of the class, for kinds with CLASSED; -1: it has none
    cdef readonly bytes record          # the class, encoded
    cdef readonly tuple slots           # names of the attributes that are in slots
    cdef readonly bint has_dict
    cdef public bint is_prepared        # its changes are seen
    cdef public bint is_compared        # they are not, so its nodes are compared
    cdef readonly bint is_frozen        # of EITHER: a dataclass, which is an instance if it is no value

# The shape of a class, made when first asked for.
cdef Shape shape_of(object cls)
# Another type that is to be taken for a known one.
cdef int same_shape(object cls, object known) except -1
# All classes that have a number, in order.
cdef list numbered
cdef int forget_shapes() except -1
# Gives a class the next number, whatever it is to the state.
cdef int number_class(object cls) except -1

# What an object is to the state.
cdef enum:
    IS_VALUE = 0
    IS_NODE = 1
    IS_BOXED = 2                # a tuple, or the like, with nodes in it
    IS_OPAQUE = 3
cdef int role_of(object value) except -1
# Of a node's class: the kind if it is a built-in container, else 0.
cdef int built_in_kind(object cls) noexcept
cdef bint is_node_class(object cls) except -1
# Whether it is written in Python and has no built-in base but object: object.__new__ makes its instances.
cdef bint is_plain_class(object cls) noexcept
cdef bint is_sentinel(object value, Shape shape) except -1
