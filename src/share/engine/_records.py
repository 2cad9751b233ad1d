"""How commits are written into records: their bytes, cell by cell, with what a successor needs beside them."""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from share.errors import CorruptDataError

__all__ = ["BASE", "COMMIT", "EPOCH", "SLOTS", "SLOTS_BASE", "CommitRecord", "decoded", "encoded"]

# A record is a head, then for each cell its number and size, then the bytes of all cells.
FORMAT = 1
EPOCH = 1  # a home begins; its one cell is its name
COMMIT = 2  # what commits have added to cells
BASE = 3  # cells whole, at a position
SLOTS = 4  # as COMMIT, of a share's slots: see _images
SLOTS_BASE = 5  # as BASE, of these; also in the log, where what comes next does not go on from what is before
_HEAD = struct.Struct("<BBIQQQI")  # format, kind, checksum of all the rest, epoch, position, next id, cells
_CELL = struct.Struct("<QQ")


@dataclass(frozen=True)
class CommitRecord:
    """What one record says.

    Attributes:
        kind: EPOCH, COMMIT or BASE, SLOTS or SLOTS_BASE.
        epoch: which home has written it: each has one more than the one before it.
        position: the commit position after it.
        next_id: more than any id of a node that was given out before.
        cells: bytes by number of the cell.
    """

    kind: int
    epoch: int
    position: int
    next_id: int
    cells: dict[int, bytes]


def encoded(kind: int, epoch: int, position: int, next_id: int, cells: Mapping[int, bytes]) -> bytes:
    """The bytes of a record."""
    index = b"".join(_CELL.pack(cell, len(data)) for cell, data in cells.items())
    body = b"".join((index, *cells.values()))
    head = _HEAD.pack(FORMAT, kind, 0, epoch, position, next_id, len(cells))
    checksum = zlib.crc32(body, zlib.crc32(head))
    return _HEAD.pack(FORMAT, kind, checksum, epoch, position, next_id, len(cells)) + body


def decoded(data: bytes, what: str) -> CommitRecord:
    """What the bytes of a record say.

    Args:
        data: the record.
        what: names it in errors.

    Raises:
        CorruptDataError: it is damaged, or of a format that is not known here.
    """
    if len(data) < _HEAD.size:
        raise CorruptDataError(f"{what} is damaged: it has {len(data)} bytes")
    form, kind, checksum, epoch, position, next_id, count = _HEAD.unpack_from(data)
    if form != FORMAT:
        raise CorruptDataError(f"{what} has format {form}, this library knows {FORMAT}: use the same version")
    head = _HEAD.pack(form, kind, 0, epoch, position, next_id, count)
    if zlib.crc32(memoryview(data)[_HEAD.size :], zlib.crc32(head)) != checksum:
        raise CorruptDataError(f"{what} is damaged: its checksum is wrong")
    at = _HEAD.size + count * _CELL.size
    cells = {}
    for i in range(count):
        cell, size = _CELL.unpack_from(data, _HEAD.size + i * _CELL.size)
        cells[cell] = data[at : at + size]
        at += size
    return CommitRecord(kind, epoch, position, next_id, cells)
