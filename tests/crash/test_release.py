"""Test points cost nothing where they are not asked for: the compiled modules do not even contain their names."""

from pathlib import Path

import points
import pytest

import share
from share._control import TESTPOINTS

NAMES = sorted(
    {
        *points.CLIENT,
        *points.COORDINATOR,
        *points.SUCCESSOR,
        *points.RESCUER,
        *points.CLOSING_OWNER,
        *points.CLOSING_COORDINATOR,
    }
)


def compiled() -> bytes:
    return b"".join(path.read_bytes() for path in Path(share.__file__).parent.rglob("*.so"))


@pytest.mark.skipif(TESTPOINTS, reason="this is the build with test points")
def test_release_has_no_test_points() -> None:
    code = compiled()
    assert b"SHARE_TESTPOINT\0" not in code
    assert not [name for name in NAMES if name.encode() + b"\0" in code]


@pytest.mark.skipif(not TESTPOINTS, reason="this build has no test points")
def test_every_point_exists() -> None:
    code = compiled()
    assert not [name for name in NAMES if name.encode() + b"\0" not in code]
