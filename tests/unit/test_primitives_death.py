"""Proof of death: true for the dead and zombies, never for the living, stopped or half-dead."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from share import _process

PID = (1 << 22) - 1
CHILD = "from share import _process; import sys; print(_process.this_process(), flush=True); sys.stdin.read()"


@pytest.fixture
def child() -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    word = int(process.stdout.readline())
    yield process, word
    process.kill()
    process.communicate()


def wait_without_reaping(pid: int) -> None:
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_the_word_names_this_process_and_stays() -> None:
    assert _process.this_process() & PID == os.getpid()
    assert _process.this_process() == _process.this_process()


def test_a_forked_child_has_a_word_of_its_own() -> None:
    forks, word = _process.forks_so_far(), _process.this_process()
    child = os.fork()
    if child == 0:
        right = _process.this_process() & PID == os.getpid() and _process.forks_so_far() == forks + 1
        os._exit(0 if right and _process.this_process() != word else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert _process.forks_so_far() == forks


def test_the_living_are_not_dead(child: tuple[subprocess.Popen[str], int]) -> None:
    assert not _process.is_proven_dead(child[1])
    assert not _process.is_proven_dead(_process.this_process())


def test_a_stopped_process_is_not_dead(child: tuple[subprocess.Popen[str], int]) -> None:
    child[0].send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child[0].pid, os.WSTOPPED | os.WNOWAIT)
    assert not _process.is_proven_dead(child[1])


def test_a_zombie_is_dead_and_so_is_it_when_reaped(child: tuple[subprocess.Popen[str], int]) -> None:
    child[0].kill()
    wait_without_reaping(child[0].pid)
    os.kill(child[0].pid, 0)  # would say that it lives
    assert _process.is_proven_dead(child[1])
    child[0].wait()
    assert _process.is_proven_dead(child[1])


def test_a_process_whose_first_thread_has_ended_is_not_dead_while_another_runs() -> None:
    program = """
import ctypes, threading, sys, os
from share import _process
print(_process.this_process(), flush=True)
def rest():
    sys.stdin.read(1)
    os._exit(0)
threading.Thread(target=rest).start()
ctypes.CDLL(None).syscall(60 if os.uname().machine == "x86_64" else 93, 0)   # exit of this thread alone
"""
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdin is not None
    word = int(child.stdout.readline())
    while state_of(child.pid) != "Z":
        os.sched_yield()
    assert not _process.is_proven_dead(word)
    child.stdin.write("x")
    child.stdin.close()
    wait_without_reaping(child.pid)
    assert _process.is_proven_dead(word)
    child.wait()
    child.stdout.close()


def state_of(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


def test_a_pid_in_use_by_a_later_process_does_not_hide_a_death() -> None:
    earlier = _process.this_process() - (1 << 22)
    assert _process.is_proven_dead(earlier)
    assert _process.pidfd_of(earlier) in (-1, -2)


def test_nobody_is_never_proven_dead() -> None:
    assert not _process.is_proven_dead(0)


def test_a_pidfd_is_of_exactly_that_process(child: tuple[subprocess.Popen[str], int]) -> None:
    fd = _process.pidfd_of(child[1])
    if fd == -2:
        pytest.skip("no pidfd here")
    with open(f"/proc/self/fdinfo/{fd}") as file:
        assert f"Pid:\t{child[0].pid}\n" in file.read()
    os.close(fd)


def test_no_descriptor_is_left_open(child: tuple[subprocess.Popen[str], int]) -> None:
    before = os.listdir("/proc/self/fd")
    for _ in range(10):
        _process.is_proven_dead(child[1])
        _process.is_proven_dead(_process.this_process() - (1 << 22))
    assert os.listdir("/proc/self/fd") == before


def test_a_word_without_a_pid_is_nobody() -> None:
    """Else whoever waits for that process would wait for ever; 0 stands for a free place."""
    assert _process.is_proven_dead(1 << 63) and _process.is_proven_dead(5 << 22)
    assert not _process.is_proven_dead(0)
