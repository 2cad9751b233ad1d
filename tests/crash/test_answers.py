"""A client that was about to take an answer while a successor wrote another in its place."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from arena import processes_of, state_of, until
from victims import Answerer

from share import Share, ShareTimeoutError
from share.testing._ledger import Words, fork

pytestmark = pytest.mark.testpoints


@contextlib.contextmanager
def resumed_at_last(share: Share) -> Iterator[None]:
    """Whatever happens, no coordinator stays stopped: closing the share would wait for it."""
    try:
        yield
    finally:
        for pid in processes_of(share.session_of().name):
            os.kill(pid, signal.SIGCONT)


def test_an_answer_that_was_replaced_is_not_taken_for_damage(tmp_path: Path) -> None:
    words = Words(3)
    with Share() as share, resumed_at_last(share):
        share.answerer = Answerer(str(tmp_path / "go"))
        share.flush()
        session = share.session_of()

        def ask() -> None:
            mine = share.session_of()
            first = mine.control.tail() + 1
            for _ in range(2):
                with pytest.raises(ShareTimeoutError):
                    share.answerer.answer.call(timeout=0)
            words[0] = 1
            until(lambda: words[1], "the coordinator's stop")
            os.environ["SHARE_TESTPOINT"] = "spsc.looked:stop:2"
            mine.drain_until(first)
            assert len(share.answerer.answer()) == 600

        child = fork(ask)
        until(lambda: words[0], "two calls")
        (tmp_path / "go").touch()
        coordinator = session.control.coordinator_pid()
        until(lambda: state_of(coordinator) == "T", "the coordinator at the point")
        words[1] = 1
        until(lambda: state_of(child) == "T", "the client at the point")
        os.kill(coordinator, signal.SIGKILL)
        assert share.answerer.calls == 2  # a successor has answered anew
        os.kill(child, signal.SIGCONT)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert share.answerer.calls == 3
        assert share.errors == []
