# Where everything is: offsets and sizes of the control segment, slots, versions and heap blocks.
#
# Control segment (one a share, named by the share):
#
#      0 +---------------------------------------------------------------+
#        | header: magic, layout version, state, boot, pid namespace,    |
#        |         owner word, ring cells, configuration length          |
#    256 | role: epoch | state | coordinator's word          (own line)  |
#    384 | C, the commit position                            (own line)  |
#    512 | share-wide flag; "references exist"; root wildcard (own line) |
#    640 | wait word: work                                   (own line)  |
#    768 | wait word: commit                                 (own line)  |
#    896 | wait word: room                                   (own line)  |
#   1024 | poison, poison before it; running since; registrations;       |
#        | whom the coordinator waits for; count of commands             |
#   1152 | number of segments                                            |
#   1280 | directory slot (128)   1408 errors slot (128)                 |
#   1536 | wait word: changes, and which are waited for      (own line)  |
#   1664 | locators of the pages of cells' slots (26 words)              |
#   4096 | segment table: 4096 entries of 16 bytes {kind, size}          |
#  69632 | process table: 1024 entries of 64 bytes                       |
# 135168 | configuration of the coordinator, encoded (64 KiB)            |
# 200704 | command ring (see _ringbuf)                                   |
#        +---------------------------------------------------------------+
#
# A *locator* is segment index << 40 | offset. A slot (128 bytes):
#
#      0 | version 0: tag, kind | length << 32, payload (5 words) |  56 bytes
#     56 | version 1: the same                                    |  56 bytes
#    112 | owner: id of the object or cell that the slot serves   |
#    120 | purpose: 1 for the slot of a shape; of a cell, whose   |
#        | flags guard it; else 0                                 |
#
# Payload by kind: INLINE the encoded bytes; BLOCK {locator, length, generation, how many ranges lie behind
# an array's bytes, tag of the version since which they are complete: see coordinator/_ranges}; REF {object id, flags
# locator, slots locator, shape slot locator, cells}; ABSENT and DELETED nothing; NODE {node id, number of its cell,
# bits: BOXED, and from bit 8 on the kind of a built-in container}; NODES {base block: locator, length, generation;
# log block: locator (0: none), generation}, `length` being how much of the log the version has. Successive versions
# share base and log: what is behind the length is no version's yet.
#
# A cell holds nodes of the state (see state/_operations.pxd): its base is what they hold, whole; its log begins with 8
# bytes, the number of a commit: what later ones have changed follows. Who has applied that commit, or a later one,
# needs only the log. Slots of cells lie in pages, page i having 64 << i; the pages are never given back. A cell's
# purpose is the locator of the flags of the object in which its nodes are at home | index << 52 of the flag; index 0 is
# the wildcard.
#
# A heap block: {generation, capacity} and then its bytes, 64-byte aligned from the header on.
from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    LAYOUT_VERSION = 4          # of journals, too: a new one also where values or changes are written in another way
    LINE = 128
    # header, 8-byte words
    H_MAGIC = 0
    H_VERSION = 8
    H_STATE = 16                # 0 being built, 1 ready
    H_BOOT = 24
    H_PIDNS = 32
    H_OWNER = 40                # process word of the owner
    H_CELLS = 48
    H_CONFIG = 56               # where in its memory the configuration is << 32 | its bytes
    H_COUNTER = 64              # next process serial
    H_STARTED = 72              # process word of the process started to be coordinator
    H_NEXT_ID = 80              # the id after the last one given out
    H_STARTED_EPOCH = 104       # for which epoch of the role it was started
    H_RESCUES = 112             # C << 4 | how many rescues in a row began at that C
    H_RESCUED_AT = 120          # monotonic ns of the last of them
    H_TAKEN = 128               # how many coordinators have taken the role
    H_RESTORED = 136            # 1: what the journal has is in the slots
    H_IDENTITY = 144            # the number in the name that references in the journaled state have; 0: no journal
    H_DURABLE = 152             # D: all that was committed up to this position is stored
    H_STORED = 160              # the position of the journal's last record
    H_LIFE = 88                 # 0: as long as the owner; 1: until the last process leaves
    H_TOKEN = 96                # the number in the control segment's name
    ROLE = 256
    COMMIT = 384
    WIDE = 512                  # share-wide flag
    REFERENCES = 520            # bit 0: objects may refer to each other; above: how many commands may make them do so
    ROOT_FLAG = 528             # wildcard of the root: names without a cell of their own
    WAIT_WORK = 640
    WAIT_COMMIT = 768
    WAIT_ROOM = 896
    POISON = 1024               # end position << 2 | attempts of the command that runs, 0 = none
    POISON_BEFORE = 1032        # the same for commands that are replayed before that one
    RUNNING_SINCE = 1040        # monotonic ns, 0 = idle
    REGISTRATIONS = 1048
    AWAITED = 1056              # the number of the share that this one's coordinator waits for in a method, 0 = none
    AWAITED_UNTIL = 1064        # until when: C of that share; with ROOM_BIT until its head is not that any more
    AWAITED_SERIAL = 1072       # counts these waits
    COMMANDS = 1080             # how many commands have been executed, for whoever looks
    SEGMENTS = 1152
    WANTED = 1216               # entry + 1 << 32 | number << 20 | cells: who waits for how many cells; 0: nobody
    DIRECTORY_SLOT = 1280
    ERRORS_SLOT = 1408
    WAIT_CHANGE = 1536
    CLASSES = 1540              # classes of changes that somebody may be asleep for, a bit each (see _wait)
    LINES = 1544                # how often somebody has left a line of those who wait to run a command
    CELL_PAGES = 1664           # page i has FIRST_CELL_PAGE << i slots; 0: not there yet
    CELL_PAGE_COUNT = 26
    FIRST_CELL_PAGE = 64
    PURPOSE_INDEX = 52          # bits of the locator in the purpose of a cell's slot
    SEGMENT_TABLE = 4096
    SEGMENT_ENTRY = 16
    MAX_SEGMENTS = 4096
    PROCESS_TABLE = 69632
    PROCESS_ENTRY = 64
    MAX_PROCESSES = 1024
    ORDINARY_PROCESSES = 960    # the entries behind these are for successors, who must find one
    CONFIG = 135168
    CONFIG_SIZE = 65536
    RING = 200704
    # segment kinds
    SEGMENT_FLAGS = 1
    SEGMENT_SLOTS = 2
    SEGMENT_HEAP = 3
    # process entry, 8-byte words
    P_WORD = 0                  # process word, 0 = free, NOBODY = the process has left and queues nothing more
    P_SERIAL = 8                # of the registration, never reused
    P_RESPONSE = 16             # bytes of the response ring's data, 0 = none yet
    P_TOLD = 24                 # the failures of its commands up to this position have been raised there
    # slots
    SLOT_SIZE = 128
    PURPOSE_SHAPE = 1           # a slot that holds a shape, and does so for ever
    INLINE_BYTES = 40
    BLOCK_HEADER = 16
    LARGE_BLOCK = 1 << 18       # from this capacity on the memory of a free block may be given back
    LARGE_ARRAY = 1 << 16       # an array of so many bytes is published by what has changed of it
    MOST_RANGES = 128           # of a BLOCK
    # kinds of a version
    ABSENT = 0
    INLINE = 1
    BLOCK = 2
    REF = 3
    DELETED = 4                 # the object is gone, its slots await reuse
    NODE = 5                    # the value is a node
    NODES = 6                   # a cell: a base and a log of changes
    # bits of a NODE
    BOXED = 1                   # the value is the one item of that node, which is a list

cdef extern from *:
    """
    #define SH_MAGIC 0x3165726168732121ULL
    #define SH_EMPTY UINT64_MAX
    #define SH_CLOSED (1ULL << 63)
    """
    const uint64_t MAGIC "SH_MAGIC"
    const uint64_t EMPTY "SH_EMPTY"             # tag of a version that is nobody's: being written or never written
    const uint64_t ROOM_BIT "(1ULL << 62)"
    const uint64_t CLOSED_BIT "SH_CLOSED"       # set in C when the share is closed

cdef struct Version:
    uint64_t tag
    uint32_t kind
    uint32_t length
    uint64_t payload[5]

cdef struct Range:              # of an array's bytes that a version has otherwise than the one before
    uint64_t since              # the tag of that
    uint64_t start
    uint64_t length

cdef struct Slot:
    Version version[2]
    uint64_t owner
    uint64_t purpose


# In which page the slot of a cell is, and where in it.
cdef inline uint64_t page_of_cell(uint64_t cell, uint64_t* place) noexcept nogil:
    cdef uint64_t page = 0, n = cell // FIRST_CELL_PAGE + 1
    while n >> (page + 1):
        page += 1
    place[0] = cell - ((<uint64_t>1 << page) - 1) * FIRST_CELL_PAGE
    return page


cdef inline uint64_t locator(uint64_t segment, uint64_t offset) noexcept nogil:
    return segment << 40 | offset


cdef inline uint64_t locator_segment(uint64_t where) noexcept nogil:
    return where >> 40


cdef inline uint64_t locator_offset(uint64_t where) noexcept nogil:
    return where & ((<uint64_t>1 << 40) - 1)
