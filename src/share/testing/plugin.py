"""The pytest plugin: ``share``, a share for each test, which finds what is left behind; ``run_share``, one for the run.

Installed with the package (entry point ``pytest11``). Under pytest-xdist ``run_share`` is the same one in all workers.
"""

import gc
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from share import Share

__all__ = ["run_share", "share"]

_PATIENCE = 5.0  # seconds that a share which is being closed may take to disappear


@pytest.fixture
def share() -> "Iterator[Share]":
    """A share for this test alone, ended after it.

    The test fails if a queued command has raised and the test did not look (``share.flush()`` raises what this process
    has queued), or if shares that the test itself has made are still there.
    """
    from share import Share

    before = _own_shares()
    shared = Share()
    try:
        yield shared
    finally:
        failed = _end(shared)
        left = _left(before)
    if failed:
        pytest.fail(f"queued commands have raised and nobody waited for them: {failed}", pytrace=False)
    if left:
        pytest.fail(
            f"shares that this test has made are not closed: {', '.join(left)}; "
            "use `with Share() as shared:`, or close()",
            pytrace=False,
        )


@pytest.fixture(scope="session")
def run_share(request: pytest.FixtureRequest) -> "Iterator[Share]":
    """One share for the whole run, also if pytest-xdist runs it in several workers.

    ``recipes.once(run_share, "setup", function)`` does what shall be done once, in whichever worker comes first.
    """
    shared = _of_run(request.config)
    yield shared
    if failed := _end(shared):
        pytest.fail(f"queued commands have raised and nobody waited for them: {failed}", pytrace=False)


_key = pytest.StashKey["Share"]()


def _of_run(config: pytest.Config) -> "Share":
    from share import Share

    if _key not in config.stash:
        # What xdist tells its workers.
        run = getattr(config, "workerinput", {}).get("testrunuid")
        config.stash[_key] = Share.open(f"pytest-{run}") if run else Share()
    return config.stash[_key]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Opens the share of the run in each worker before any of them runs a test, so that none finds it gone again."""
    wanted = any("run_share" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and not session.config.option.collectonly:
        _of_run(session.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends it if no test has come to use it."""
    if shared := config.stash.get(_key, None):
        shared.close()


def _end(shared: "Share") -> str:
    """Ends a share; returns what its flush raises."""
    from share import ShareClosedError

    try:
        shared.flush()
    except ShareClosedError:
        pass  # the test has closed it
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        shared.close()
    return ""


def _own_shares() -> set[str]:
    """The names of the shares that this process, or one under it, has made."""
    from share.maintenance import shares

    return {info.segment for info in shares() if _is_ours(info.owner) or _is_ours(info.coordinator)}


def _is_ours(pid: int) -> bool:
    """Whether a process is this one or a descendant of it."""
    while pid > 1 and pid != os.getpid():
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return pid == os.getpid()


def _left(before: set[str]) -> list[str]:
    """Shares of this process that were not there before; those that are just ending are waited for."""
    until = time.monotonic() + _PATIENCE
    while left := _own_shares() - before:
        gc.collect()  # one that is only part of a cycle closes now, and says that it was not closed
        if time.monotonic() > until:
            break
        time.sleep(0.01)  # nothing tells us when a name disappears
    return sorted(left)
