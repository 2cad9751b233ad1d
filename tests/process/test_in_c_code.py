"""What C code takes that wants bytes, a slice or a time zone itself."""

import array
import datetime
import hashlib
import io
import struct
import zoneinfo
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from share import Share

BYTES: dict[str, Callable[[Any], Any]] = {
    "bytes": bytes,
    "bytearray": bytearray,
    "after bytes": lambda x: b"q" + x,
    "join": lambda x: b"-".join([x, b"z", x]),
    "memoryview": lambda x: (memoryview(x).format, memoryview(x).tolist()),
    "numpy": lambda x: (np.array(x).dtype, np.asarray(x).tolist(), np.frombuffer(x, "u1").tolist()),
    "digest": lambda x: hashlib.sha256(x).hexdigest(),
    "write": lambda x: io.BytesIO().write(x),
    "unpack": lambda x: struct.unpack_from("<2s", x),
    "find": lambda x: b"xxab".find(x),
    "replace": lambda x: b"xabx".replace(x, b"-"),
    "number": lambda x: int.from_bytes(x, "big"),
}


@pytest.mark.parametrize("name", BYTES)
@pytest.mark.parametrize(
    "value", [bytearray(b"ab"), array.array("i", [1, 2, 300])], ids=["bytearray", "array"]
)
def test_bytes(shared: Share, value: Any, name: str) -> None:
    use = BYTES[name]
    shared.value, shared.holder = value, SimpleNamespace(part=value)
    assert use(shared.value) == use(shared.holder.part) == use(value)


@pytest.mark.parametrize("value", [bytearray(b"ab"), array.array("i", [1, 2])], ids=["bytearray", "array"])
def test_nothing_is_written_into_a_copy(shared: Share, value: Any) -> None:
    shared.value = value
    view = memoryview(shared.value)
    with pytest.raises(TypeError, match="read-only"):
        view[0] = 5
    with pytest.raises(TypeError, match="read-write bytes-like"):
        io.BytesIO(b"xyz").readinto(shared.value)
    shared.value.append(7)  # a view of a plain one would forbid that
    assert (view.tolist(), shared.value[-1]) == (list(value), 7)


VALUES: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "slice": (slice(1, 3), lambda x: "abcd"[x]),
    "zone": (zoneinfo.ZoneInfo("UTC"), lambda x: datetime.datetime(2026, 1, 1, tzinfo=x).utcoffset()),
    "union": (int | str, lambda x: isinstance(3, x)),
    "alias": (list[int], lambda x: (x == list[int], x.__args__)),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(shared: Share, name: str) -> None:
    value, use = VALUES[name]
    shared.value, shared.holder = value, SimpleNamespace(part=value)
    assert type(shared.value) is type(shared.holder.part) is type(value)
    assert use(shared.value) == use(shared.holder.part) == use(value)


def test_a_slice_that_can_be_changed(shared: Share) -> None:
    shared.value = slice([1], None)
    shared.value.start.append(2)
    assert shared.value.start == [1, 2]
