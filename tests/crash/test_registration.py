"""A process that is stopped in the middle of its registration, in an entry that another has left."""

import os
import signal

import pytest
from arena import state_of, until
from victims import Fatal

from share import Share
from share.testing._ledger import Words, fork

pytestmark = pytest.mark.testpoints


def test_it_is_not_taken_for_the_one_that_has_left() -> None:
    words = Words(2)
    with Share() as share:
        share.fatal = Fatal()
        share.flush()
        control = share.session_of().control

        def leave() -> None:
            share.fatal.work.call("")
            share.session_of().leave()

        def enter() -> None:
            os.environ["SHARE_TESTPOINT"] = "process.entered:stop"
            share.fatal.work.call("")
            words[0] = 1
            until(lambda: words[1], "the others")
            share.fatal.work.call("")

        os.waitpid(fork(leave), 0)
        until(lambda: len(control.processes()) == 2, "the entry that was left")
        child = fork(enter)
        until(lambda: state_of(child) == "T", "the registration")
        before = control.processes()
        assert any(word & (2**22 - 1) == child for _, word in before)
        os.waitpid(fork(leave), 0)  # has the coordinator look at the table
        until(lambda: len(control.processes()) == 3, "its entry")
        assert control.processes() == before
        os.kill(child, signal.SIGCONT)
        until(lambda: words[0], "its first call")
        os.waitpid(fork(leave), 0)
        until(lambda: len(control.processes()) == 3, "its entry")
        assert control.processes() == before
        words[1] = 1
        assert os.waitpid(child, 0)[1] == 0
