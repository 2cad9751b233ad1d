"""A search for the night: libFuzzer, led by what the compiled modules execute, tries bytes on every decoder.

Needs clang and atheris, and modules that report their coverage:

    CC=clang SHARE_SANITIZE=address,undefined,fuzzer-no-link python setup.py build_ext --inplace --force
    export LD_PRELOAD=$(python -c 'import atheris; print(atheris.path())')/asan_with_fuzzer.so
    ASAN_OPTIONS=detect_leaks=0 PYTHONPATH=src python tests/fuzz/guided.py -max_total_time=3600 corpus/

The first byte of an input chooses the decoder. A rejection is an exception of the library's own; anything else, a
crash, a sanitizer's report, a hang or too much memory ends the run and leaves the input in a file. ``corpus/`` (it may
be missing) is filled with inputs that reach something new.
"""

import sys
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from uuid import UUID

import atheris

from share import ShareError, cerial
from share.primitives import FlagArray, MPSCRing, Slots, SPSCRing

ROUNDS = 6
#: Tags of records with a checksum: CLASS, LOCAL_CLASS, PICKLE, BUFFERS (docs/cerial.md).
CHECKED = {25, 26, 30, 31}


def decode(data: bytes) -> None:
    try:
        cerial.loads(data)
    except ShareError:
        raise
    except Exception:
        # libFuzzer sees what a checksum is compared with, and forges it. What is behind it then is as good as code.
        if all(byte & 0x7F not in CHECKED for byte in data):
            raise


def ring_of(kind: type[MPSCRing] | type[SPSCRing], data: bytes) -> None:
    ring = kind(bytearray(data))
    for _ in range(ROUNDS):
        with suppress(ShareError):
            ring.try_get()
        with suppress(ShareError):
            ring.put(b"some bytes", timeout=0)
    ring.close()


def slots(data: bytes) -> None:
    found = Slots(bytearray(data))
    with suppress(ShareError, IndexError):
        found.read(0)
    with suppress(ShareError, IndexError):
        found.snapshot(0, 1)
    with suppress(ShareError, IndexError):
        found.publish(1, b"some bytes" * 4)
        found.commit()


def flags(data: bytes) -> None:
    found = FlagArray(bytearray(data))
    with suppress(ShareError, IndexError):
        found.raise_to(1, 5)
    with suppress(ShareError, IndexError):
        found.wait_until_down(0, timeout=0)


DECODERS: list[Callable[[bytes], None]] = [
    decode, partial(ring_of, MPSCRing), partial(ring_of, SPSCRing), slots, flags
]  # fmt: skip


def seeds() -> list[bytes]:
    """Sound inputs of each kind to begin with."""
    found: list[bytes] = []
    for value in (
        None, True, 2**70, -1, 1.5, 2j, "text", b"bytes", bytearray(b"a"), (1, "a"), [1, [2]], {"a": {1: 2}}, {1, 2},
        frozenset({1}), deque([1], 3), OrderedDict(a=1), datetime(2020, 1, 2, tzinfo=UTC), Decimal("1.5"),
        UUID(int=5), range(3), slice(1, 2), len, bytes(300), [0.5] * 40, {str(i): i for i in range(40)},
    ):  # fmt: skip
        found.append(b"\0" + cerial.dumps(value))
    ring = bytearray(MPSCRing.size_for(8))
    full = MPSCRing(ring, 8, create=True)
    full.put(b"a record")
    full.put(b"another" * 20)
    found.append(b"\1" + ring)
    ring = bytearray(SPSCRing.size_for(256))
    SPSCRing(ring, 256, create=True).put(b"a record")
    found.append(b"\2" + ring)
    table = bytearray(Slots.size_for(3))
    some = Slots(table, 3, create=True)
    some.publish(0, b"value")
    some.publish(1, b"value" * 8)
    some.commit()
    found.append(b"\3" + table)
    array = bytearray(FlagArray.size_for(3))
    FlagArray(array, 3, create=True).raise_to(0, 1)
    found.append(b"\4" + array)
    return found


def test_one_input(data: bytes) -> None:
    if data:
        with suppress(ShareError):
            DECODERS[data[0] % len(DECODERS)](data[1:])


def main() -> None:
    folder = next((Path(arg) for arg in sys.argv[1:] if not arg.startswith("-")), None)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds()):
            (folder / f"seed-{number:02}").write_bytes(seed)
    for seed in seeds():
        test_one_input(seed)
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
