"""What the journal of a share holds, made without the share: the values of its names."""

import io
import pickle
import struct
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

from share import _protocol, cerial
from share._protocol import decode_bytes
from share.analysis import _plan
from share.cerial._standins import NotUnpickled, StandIn
from share.engine import Restored
from share.engine._images import DIRECTORY, SINCE, Image, folded, meta_of
from share.errors import CorruptDataError
from share.state import Replica

__all__ = ["CLASSES", "Kept"]

SLOT_SIZE = 128
FIRST_PAGE = 64  # slots
ABSENT, INLINE, BLOCK, REF, _, NODE, NODES = range(7)  # kinds of a version (see _layout.pxd)
BOXED = 1
#: What a reference is made with; nothing else of what is pickled need be called to show a journal.
CLASSES: dict[tuple[str, str], Callable[..., Any]] = {
    ("share._protocol", "reference"): _protocol.reference,
    ("share._protocol", "node_reference"): _protocol.node_reference,
}


class ShapeUnpickler(pickle.Unpickler):
    """Gives the plan of a class without the class: calls nothing of the user's."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("share.cerial._classes", "load_class"):
            return lambda token, *_: StandIn(token.decode(errors="replace").split("|")[1], object)
        found = getattr(_plan, name, None) if module == "share.analysis._plan" else None
        if is_dataclass(found):
            return found
        return frozenset if (module, name) == ("builtins", "frozenset") else StandIn(name, object)


class Kept:
    """A share's state, with what stands for its objects.

    Args:
        found: what the journal holds.
        identity: the name of the share in its references.
    """

    def __init__(self, found: Restored, identity: str) -> None:
        self._images = folded(found.bases, found.changes)
        self._objects: dict[int, Any] = {}
        self._todo: list[tuple[Any, tuple[str, ...], int]] = []
        self._identity = identity
        meta = meta_of(found.bases, found.changes)
        self._pages: list[int] = cerial.loads(meta)[4] if meta else []
        self.replica = Replica()

    def names(self) -> dict[str, Any]:
        """What the names of the share hold."""
        _protocol.resolvers[self._identity] = self._object
        _protocol.node_resolvers[self._identity] = lambda node, cell: self.replica.lookup(cell, node)
        try:
            cells = self._cells()
            self.replica.bring(
                {number: image.block for number, image in cells.items()},
                {number: bytes(image.log[SINCE:]) for number, image in cells.items() if image.log},
            )
            table = self._value(self._images[DIRECTORY]) if DIRECTORY in self._images else {}
            found = {}
            for name, (_, slot_at, _) in table.items():
                image = self._image(slot_at)
                if image.kind == REF:
                    found[name] = self._object(*image.payload)
                elif image.kind != ABSENT:
                    found[name] = self._value(image)
            while self._todo:
                self._fill(*self._todo.pop())
            return found
        finally:
            del _protocol.resolvers[self._identity], _protocol.node_resolvers[self._identity]

    def _cells(self) -> dict[int, Image]:
        found = {}
        number = 0
        for page, where in enumerate(self._pages):
            for place in range(FIRST_PAGE << page if where else 0):
                image = self._images.get(where + place * SLOT_SIZE)
                if image is not None and image.kind == NODES:
                    found[number + place] = image
            number += FIRST_PAGE << page
        return found

    def _image(self, at: int) -> Image:
        try:
            return self._images[at]
        except KeyError:
            raise CorruptDataError(f"slot {at:#x} is not in the journal") from None

    def _value(self, image: Image) -> Any:
        if image.kind == ABSENT:
            return None
        if image.kind == NODE:
            value = self.replica.lookup(image.payload[1], image.payload[0])
            return value[0] if image.payload[2] & BOXED else value
        if image.kind in {BLOCK, INLINE}:
            return decode_bytes(self._content(image))
        raise CorruptDataError(f"a slot holds a version of kind {image.kind}")

    def _content(self, image: Image) -> bytes:
        return image.block if image.kind == BLOCK else struct.pack("<5Q", *image.payload)[: image.length]

    def _object(self, key: int, flags_at: int, slots_at: int, shape_at: int, count: int) -> Any:
        """What stands for an object: one with its attributes, and no methods."""
        found = self._objects.get(key)
        if found is None:
            shape = decode_bytes(self._content(self._image(shape_at)))
            if isinstance(shape, NotUnpickled):
                shape = ShapeUnpickler(io.BytesIO(shape.data)).load()
            cls, cells, plan, *_ = shape
            if plan.kind == "opaque":  # a container, or encoded whole
                found = self._value(self._image(slots_at + SLOT_SIZE))
            else:
                found = type(cls.__qualname__, (), {})()
                self._todo.append((found, cells, slots_at))
            self._objects[key] = found
        return found

    def _fill(self, shown: Any, cells: tuple[str, ...], slots_at: int) -> None:
        attributes = vars(shown)
        for i, name in enumerate(("", *cells)):
            image = self._image(slots_at + i * SLOT_SIZE)
            if image.kind != ABSENT:
                value = self._value(image)
                attributes.update(value if not i else {name: value})
