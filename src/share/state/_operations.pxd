# The bytes of a cell: what each command has changed in it, one after the other. A base has the same form.
#
#     COMMIT, number of the command, size, then within that size: operations, births before all others
#
# An operation is one byte, the id of a node, and operands.
#
#   operation              operands                    what it does
#   BORN                   kind, [class], [bytes]      from here on this id means a new, empty object; an opaque one has
#                                                      its content here: size, and what share.cerial makes of it
#   FILL                   the content                 of a new object, whole (see _contents.pyx)
#   FREE                                               the id will not be used again
#   CLASS                  encoded class               (the "id" is the number that stands for the class)
#   HOME                   name, cell                  where an attribute of a top-level object has its changes
#   UNUSED                                             (the "id" is the number of a cell that has gone)
#   RENEWED                first id                    this opaque object is the first id's, changed in place
#   LIST_SET               index, value                and so on: what the method of that name does
#   LIST_SLICE             start, count, step, n, n values
#   LIST_ORDER             n, for each place where its item was before
#   LIST_ASSIGN            as FILL                     the whole content anew
#   HEAP_PUSH, HEAP_POP    place                       where the item came to rest
#
# Numbers are base-128, low digits first. Indices are not negative. Signed numbers are zigzag.
#
# A value is as in share.cerial's _tags.pxd as far as scalars go; beside them:
#
#   tag                    body
#   TUPLE FROZENSET        count, then the items
#   NODE                   id, of a node in the same cell
#   FAR                    cell, id, kind, [class], of a node in another one
#   RECORD                 class, count, then the items: a tuple of a subclass
#   VALUE                  size, then another immutable value, encoded by share.cerial
cdef enum:
    BORN = 1
    FILL = 2
    FREE = 3
    CLASS = 4
    HOME = 5
    UNUSED = 6
    COMMIT = 7
    RENEWED = 8

    LIST_APPEND = 10
    LIST_SET = 11
    LIST_DELETE = 12
    LIST_INSERT = 13
    LIST_EXTEND = 14
    LIST_SLICE = 15
    LIST_DELETE_SLICE = 16
    LIST_CLEAR = 17
    LIST_REVERSE = 18
    LIST_ORDER = 19
    LIST_REPEAT = 20
    LIST_ASSIGN = 21
    HEAP_PUSH = 22
    HEAP_POP = 23

    DICT_SET = 30
    DICT_DELETE = 31
    DICT_POPITEM = 32
    DICT_CLEAR = 33
    DICT_ASSIGN = 34
    ORDERED_MOVE = 35           # key, 1: to the end, 0: to the front
    ORDERED_POPFIRST = 36
    DEFAULT_FACTORY = 37        # of a defaultdict

    SET_ADD = 40
    SET_DISCARD = 41
    SET_CLEAR = 42
    SET_ASSIGN = 43

    ATTRIBUTE_SET = 50
    ATTRIBUTE_DELETE = 51
    ATTRIBUTES_ASSIGN = 52      # class, then as FILL

    DEQUE_APPEND = 60
    DEQUE_APPENDLEFT = 61
    DEQUE_POP = 62
    DEQUE_POPLEFT = 63
    DEQUE_SET = 64
    DEQUE_DELETE = 65
    DEQUE_INSERT = 66
    DEQUE_ROTATE = 67
    DEQUE_CLEAR = 68
    DEQUE_REVERSE = 69
    DEQUE_ASSIGN = 70

    BYTES_SET = 80
    BYTES_SPLICE = 81           # start, how many go, bytes
    BYTES_APPEND = 82

    OPAQUE_ASSIGN = 90

    # In inverses only.
    CUT = 100                   # what is behind this length
    PLACE = 101                 # a key stands before another one
    RAISE_LEFT = 102            # put back at the left what a full deque let go there
    RAISE_RIGHT = 103

cdef enum:
    NODE = 40
    FAR = 41
    RECORD = 42
    VALUE = 43
