"""What a journal says of a share's slots: entries, and the image of a slot that they come to.

A record has, by the number of a slot, what a commit has done to it: entries, one behind the other. What is in an image
is what a successor would find in shared memory, so that a share is restored as it is taken over.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from share.errors import CorruptDataError

__all__ = [
    "DIRECTORY",
    "META",
    "Image",
    "added",
    "dropped",
    "entry_of",
    "folded",
    "meta_entry",
    "meta_of",
    "whole",
]

# Numbers of what is no slot of a segment; those are locators, of which the least is 64.
META = 0
DIRECTORY = 1

_DROP, _WHOLE, _ADDED, _META = range(4)
_HEAD = struct.Struct("<BQQII5QQQ")  # what, owner, purpose, kind, length, payload, bytes of block and log
_PIECE = struct.Struct("<BQ")  # what, bytes
SINCE = 8  # bytes at the beginning of a log


@dataclass(slots=True)
class Image:
    """One slot.

    Attributes:
        owner: the id of whose slot it is.
        purpose: as the slot says.
        kind: of its version.
        length: of its version.
        payload: of its version; locators of blocks mean nothing.
        block: what is in the block that the version refers to.
        log: the same of its second one, that of the log of a cell.
    """

    owner: int
    purpose: int
    kind: int
    length: int
    payload: tuple[int, ...]
    block: bytes = b""
    log: bytearray = field(default_factory=bytearray)


def whole(
    owner: int, purpose: int, kind: int, length: int, payload: tuple[int, ...], block: bytes, log: bytes
) -> bytes:
    """The entry that says what is in a slot."""
    return b"".join(
        (
            _HEAD.pack(_WHOLE, owner, purpose, kind, length, *payload, len(block), len(log)),
            block,
            log,
        )
    )


def entry_of(image: Image) -> bytes:
    """The entry that says what is in an image."""
    return whole(
        image.owner,
        image.purpose,
        image.kind,
        image.length,
        image.payload,
        image.block,
        bytes(image.log),
    )


def added(since: bytes, data: bytes) -> bytes:
    """The entry that says what has come to the log of a cell."""
    return b"".join((_PIECE.pack(_ADDED, SINCE + len(data)), since, data))


def dropped() -> bytes:
    """The entry that says that a slot is nobody's any more."""
    return bytes((_DROP,))


def meta_entry(data: bytes) -> bytes:
    """The entry of META."""
    return _PIECE.pack(_META, len(data)) + data


def folded(bases: Mapping[int, bytes], changes: Mapping[int, bytes]) -> dict[int, Image]:
    """The images of all slots.

    Raises:
        CorruptDataError: there is something of which the entries do not make sense.
    """
    images = {}
    for number in bases.keys() | changes.keys():
        if number == META:
            continue
        image = None
        for data in (bases.get(number, b""), changes.get(number, b"")):
            try:
                image = _after(image, data)
            except (struct.error, IndexError) as error:
                raise CorruptDataError(f"what the journal says of slot {number:#x} is damaged") from error
        if image is not None:
            images[number] = image
    return images


def _after(image: Image | None, data: bytes) -> Image | None:
    at = 0
    while at < len(data):
        what = data[at]
        if what == _DROP:
            image = None
            at += 1
        elif what == _WHOLE:
            _, owner, purpose, kind, length, *rest = _HEAD.unpack_from(data, at)
            *payload, block, log = rest
            at += _HEAD.size
            end = at + block + log
            if end > len(data):
                raise IndexError(end)
            image = Image(
                owner,
                purpose,
                kind,
                length,
                tuple(payload),
                data[at : at + block],
                bytearray(data[at + block : end]),
            )
            at = end
        elif what == _ADDED:
            _, size = _PIECE.unpack_from(data, at)
            at += _PIECE.size
            if image is None or size < SINCE or at + size > len(data):
                raise IndexError(at)
            image.log[:SINCE] = data[at : at + SINCE]
            image.log += data[at + SINCE : at + size]
            image.length += size - SINCE
            at += size
        else:
            raise IndexError(at)
    return image


def meta_of(bases: Mapping[int, bytes], changes: Mapping[int, bytes]) -> bytes:
    """The last META; empty if there is none."""
    found = b""
    for data in (bases.get(META, b""), changes.get(META, b"")):
        at = 0
        while at < len(data):
            what, size = _PIECE.unpack_from(data, at) if at + _PIECE.size <= len(data) else (_DROP, 0)
            at += _PIECE.size
            if what != _META or at + size > len(data):
                raise CorruptDataError("what the journal says of the share's memory is damaged")
            found = data[at : at + size]
            at += size
    return found
