"""A segment that cannot be completed leaves no name behind."""

import errno
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from share import ShareMemoryError
from share._segment import Segment

FEW = """
import os, resource, sys
from share import ShareMemoryError
from share._segment import Segment
Segment.create(sys.argv[1] + "_first", 4096)                    # all that is imported late is there
limit = int(open("/proc/self/statm").read().split()[0]) * 4096 + (64 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    Segment.create(sys.argv[1], 128 << 20)                      # there is no address space to map it into
except ShareMemoryError:
    print("full")
os.unlink(f"/dev/shm/{sys.argv[1]}_first")
"""


@pytest.fixture
def name() -> str:
    return f"share_{secrets.token_hex(8)}"


def test_no_address_space(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", FEW, name], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "full\n"), done.stderr
    assert not Path("/dev/shm", name).exists()


@pytest.mark.parametrize(
    ("call", "error", "raised"),
    [
        ("ftruncate", OSError(errno.ENOSPC, "full"), ShareMemoryError),
        ("ftruncate", OSError(errno.EPERM, "no"), PermissionError),
        ("posix_fallocate", OSError(errno.ENOSPC, "full"), ShareMemoryError),
        ("posix_fallocate", OSError(errno.EPERM, "no"), PermissionError),
        ("posix_fallocate", KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_a_step_fails(
    name: str, monkeypatch: pytest.MonkeyPatch, call: str, error: BaseException, raised: type[BaseException]
) -> None:
    """Also for Ctrl-C while much memory is being reserved."""

    def fail(*_: int) -> None:
        raise error

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(raised):
        Segment.create(name, 4096)
    assert not Path("/dev/shm", name).exists()
