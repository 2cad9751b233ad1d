# The layout of encoded values: one tag byte, then
#
#   tag                    body
#   NONE FALSE TRUE        nothing
#   INT8 .. INT64          the number, little-endian
#   BIGINT                 size, then two's complement, little-endian
#   FLOAT, COMPLEX         one or two IEEE doubles
#   STR                    size, then UTF-8 (lone surrogates pass)
#   BYTES, BYTEARRAY       size, then the bytes
#   TUPLE LIST SET FROZENSET   count, then the items
#   INTS                   count, width (1: 1, 2, 4 or 8), then a list's whole numbers, packed
#   FLOATS                 count, then a list's doubles, packed
#   DICT                   count, then key, value, key, value, ...
#   DATE TIME DATETIME TIMEDELTA   the fields (see _times.pxd)
#   UUID                   16 bytes
#   DECIMAL                size, then its text
#   ARRAY                  a numpy array of plain numbers (see _arrays.pxd)
#   CLASS                  size, then checksum (8), then "module:qualname", UTF-8
#   LOCAL_CLASS            size, then checksum (8), token size (2), token, pickled definition
#   ENUM                   a class (CLASS, LOCAL_CLASS or REF), then the member's name as a STR
#   OBJECT                 a class, count, then name, value, name, value, ... of its __dict__
#   REF                    the offset (4) of an earlier tag of this value that has MARK set
#   PICKLE                 checksum (8), size (8), then a pickle of that size
#   BUFFERS                checksum (8), size (8), then within that size: a pickle; padding; buffers,
#                          each at a multiple of 64; and last the directory: {offset, length, read-only}
#                          (8 bytes each) per buffer, the pickle's length (8), the number of buffers (8)
#
# `size` and `count` are base-128 numbers, low digits first, 1 to 9 bytes. A checksum is over the tag
# and all that follows it in the same record. Tag 0 is never written, so a zeroed page is refused.
cdef enum:
    NONE = 1
    FALSE = 2
    TRUE = 3
    INT8 = 4
    INT16 = 5
    INT32 = 6
    INT64 = 7
    BIGINT = 8
    FLOAT = 9
    COMPLEX = 10
    STR = 11
    BYTES = 12
    BYTEARRAY = 13
    TUPLE = 14
    LIST = 15
    SET = 16
    FROZENSET = 17
    DICT = 18
    DATE = 19
    TIME = 20
    DATETIME = 21
    TIMEDELTA = 22
    UUID = 23
    DECIMAL = 24
    CLASS = 25
    LOCAL_CLASS = 26
    ENUM = 27
    OBJECT = 28
    REF = 29
    PICKLE = 30
    BUFFERS = 31
    INTS = 32
    FLOATS = 33
    ARRAY = 34
    MARK = 128                  # added to a tag that a REF of the same value names

cdef enum:
    DEPTH = 100                 # deeper values are left to pickle
    ALIGN = 64                  # of buffers in a BUFFERS record
    PACKED = 4                  # a shorter list is written item by item
    LONG_TEXT = 128             # a longer str or bytes is written once, however often it occurs
