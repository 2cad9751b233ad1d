"""Segments are their user's alone: mode 0600, the owner looked at, no symbolic link followed."""

import os
import stat
from pathlib import Path

import pytest

from share import SegmentError, Share
from share._names import new_name
from share._segment import Segment

FOLDER = Path("/dev/shm")


def test_every_segment_of_a_share_has_mode_0600() -> None:
    before = os.umask(0)
    try:
        with Share() as shared:
            shared.x = b"x" * 100_000
            shared.flush()
            name = shared.session_of().name
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in FOLDER.glob(f"{name}*")}
            assert len(modes) > 1 and set(modes.values()) == {0o600}
    finally:
        os.umask(before)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_segment_of_another_user_is_refused() -> None:
    name = new_name()
    Segment.create(name, 4096)
    try:
        os.chown(FOLDER / name, 12345, -1)
        with pytest.raises(SegmentError, match="another user"):
            Segment.attach(name)
    finally:
        (FOLDER / name).unlink()


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(bytes(4096))
    link = FOLDER / new_name()
    link.symlink_to(target)
    try:
        with pytest.raises((SegmentError, OSError)):
            Segment.attach(link.name)
        with pytest.raises(OSError):
            Segment.create(link.name, 4096)
        assert target.read_bytes() == bytes(4096)
    finally:
        link.unlink()
