"""Work in forked processes, and how they ended."""

import os
import traceback
from collections.abc import Callable


def in_child(work: Callable[[], None]) -> int:
    """Runs work in a forked process, whose exit code is 0 if it returns."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(code)
    return pid


def all_well(children: list[int]) -> bool:
    """Whether all of them, waited for, have ended with 0."""
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0] * len(children)
