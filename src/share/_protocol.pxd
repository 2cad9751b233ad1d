# What travels in the rings, and how a slot's version becomes a value.
#
# A command: {size u32, kind u8, flags u8, name length u16, target u64}, the name, the encoded arguments.
# If STORED is set, what follows the name refers to where the arguments lie in the sender's arena (see _arena.pyx); if
# SPILLED is, it is {serial u64, length u64} of the sender's spill segment (see _protocol.pyx).
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from ._control cimport Control
from ._layout cimport Version

cdef enum:
    COMMAND_HEADER = 16
    # kinds of command
    CALL = 1                    # target.name(*args, **kwargs)
    SET = 2                     # target.name = value
    DELETE = 3                  # del target.name
    GET = 4                     # target.name, evaluated by the coordinator
    ASSIGN = 5                  # root name = value
    CREATE = 6                  # root name = new object: (shape, state)
    LINK = 7                    # root name = object of that id
    REMOVE = 8                  # del root name
    CLEAR = 9
    # on what is at a path in the target's state; the arguments begin with the path
    CALL_AT = 11
    SET_AT = 12
    DELETE_AT = 13
    GET_AT = 14
    APPLY = 15                  # name: the in-place operator; target 0: the path is a root name
    # functions of the coordinator, by name; see coordinator/_transactions.py
    RUN = 16
    TRANSACT = 17               # one that must leave nothing behind if it raises
    # flags of a command
    RESPOND = 1
    SPILLED = 2
    NO_ARGUMENTS = 4
    KEYWORDS = 8                # kwargs follow the args
    IF_ABSENT = 16              # ASSIGN, CREATE: only if the name does not exist
    STORED = 32
    LINKS = 64                  # TRANSACT: it has been counted as one that may make one object refer to another
    # kinds of response
    RESULT = 1
    ERROR = 2
    RESULT_SPILLED = 3
    ERROR_SPILLED = 4
    RESULT_STORED = 5           # in the coordinator's arena for that process
    ERROR_STORED = 6
    RESPONSE_BYTES = 1 << 16    # data of a response ring: room for 264 answers
    RESPONSE_INLINE = 232       # largest payload that lies in it, not in the arena
    MOST_CELLS = 1 << 20        # of an object: more than any class can have attributes

cdef struct Command:
    uint32_t size
    uint8_t kind
    uint8_t flags
    uint16_t name_length
    uint64_t target

cdef str arguments_name(str share, uint64_t serial)
cdef str answers_name(str share, uint64_t serial)
cdef str spill_name(Control control, uint64_t entry, uint64_t number)
# How many it has unlinked.
cdef int drop_spills(Control control, uint64_t start, uint64_t end) except -1
# Copies bytes of a block, which may be reused meanwhile (see block_unchanged), in words: `to` has room for whole ones,
# `start` is a multiple of 8. False: its memory has been given back.
cdef bint copy_part(char* to, const char* block, uint64_t start, uint64_t length) noexcept nogil
# Bytes of a block, to be freed by the caller; NULL: the block has been reused. `start` is a multiple of 8.
cdef char* copy_of_block(Control control, uint64_t where, uint64_t start, uint64_t length,
                         uint64_t generation) except? NULL
# The value of a version that was read with slot_read. None and *torn = True: the block has been reused; retry
# with a new c. A REF gives what the share's resolver gives.
cdef object version_value(Control control, const Version* version, bint* torn)
