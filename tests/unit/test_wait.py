"""Wait words: no wake-up is lost, time-outs end, signals are noticed."""

import mmap
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from share import _wait
from share.errors import SegmentError, ShareClosedError
from share.primitives import WaitWord


def shared() -> mmap.mmap:
    return mmap.mmap(-1, 4096)


def test_a_word_begins_even_and_is_odd_once_announced() -> None:
    word = WaitWord(bytearray(8), 4)
    assert word.value == 0
    assert word.announce() == 1
    assert word.value == 1
    assert word.announce() == 1


def test_a_wake_makes_an_odd_word_even_and_leaves_an_even_one() -> None:
    word = WaitWord(bytearray(4))
    word.wake()
    assert word.value == 0
    word.announce()
    word.wake()
    assert word.value == 2


def test_wake_always_changes_the_word_whatever_it_says() -> None:
    word = WaitWord(bytearray(4))
    word.wake_always()
    assert word.value == 2
    seen = word.announce()
    word.wake_always()
    assert word.value not in (seen, seen + 1)
    assert word.sleep(seen, timeout=60)


def test_sleep_ends_at_once_if_the_word_has_changed_since() -> None:
    word = WaitWord(bytearray(4))
    seen = word.announce()
    word.wake()
    assert word.sleep(seen)


def test_sleep_tells_a_time_out() -> None:
    word = WaitWord(bytearray(4))
    begun = time.monotonic()
    assert not word.sleep(word.announce(), timeout=0.05)
    assert time.monotonic() - begun >= 0.05


def test_a_sleeping_thread_lets_others_run_and_is_woken() -> None:
    word = WaitWord(bytearray(4))
    woken: list[bool] = []
    seen = word.announce()
    thread = threading.Thread(target=lambda: woken.append(word.sleep(seen, timeout=60)))
    thread.start()
    word.wake()
    thread.join()
    assert woken == [True]


def test_two_processes_hand_a_count_to_and_fro_without_losing_a_wake_up() -> None:
    memory = shared()
    ping, pong = WaitWord(memory, 0), WaitWord(memory, 128)
    rounds = 3000

    def count() -> int:
        return int(struct.unpack_from("q", memory, 256)[0])

    def set_count(value: int) -> None:
        struct.pack_into("q", memory, 256, value)

    child = os.fork()
    if child == 0:
        for i in range(rounds):
            ping.wait_for(lambda i=i: count() == 2 * i + 1)  # type: ignore[misc]
            set_count(2 * i + 2)
            pong.wake()
        os._exit(0)
    took = []
    for i in range(rounds):
        begun = time.monotonic()
        set_count(2 * i + 1)
        ping.wake()
        assert pong.wait_for(lambda i=i: count() == 2 * i + 2, timeout=60)  # type: ignore[misc]
        took.append(time.monotonic() - begun)
    assert os.waitpid(child, 0)[1] == 0
    # A lost wake-up would be made good by the backstop, one second later. (Some rounds may be long on a busy machine.)
    assert sorted(took)[rounds * 9 // 10] < 0.5


def test_a_signal_handler_runs_while_its_process_sleeps_and_may_raise() -> None:
    program = """
from share.primitives import WaitWord
word = WaitWord(bytearray(4))
try:
    print("ready", flush=True)
    word.sleep(word.announce())
except KeyboardInterrupt:
    print("interrupted")
"""
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    while Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
        os.sched_yield()
    child.send_signal(signal.SIGINT)
    assert child.communicate(timeout=60)[0] == "interrupted\n"


def test_wait_for_sees_a_condition_that_holds_already_and_ends_at_the_time_out() -> None:
    word = WaitWord(bytearray(4))
    assert word.wait_for(lambda: True)
    assert not word.wait_for(lambda: False, timeout=0)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((b"1234",), TypeError, "writable"),
        ((3,), TypeError, "not int"),
        ((bytearray(4), 2), ValueError, "multiple of 4"),
        ((bytearray(4), 4), SegmentError, "4 bytes"),
        ((bytearray(4), "0"), TypeError, "offset is an int"),
    ],
)
def test_a_bad_buffer_or_offset_is_refused(
    arguments: tuple[object, ...], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        WaitWord(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("timeout", "error"), [("1", TypeError), (True, TypeError), (float("nan"), ValueError)]
)
def test_a_bad_time_out_is_refused(timeout: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        WaitWord(bytearray(4)).sleep(0, timeout=timeout)  # type: ignore[arg-type]


def test_a_detached_word_says_so_and_frees_its_buffer() -> None:
    memory = bytearray(4)
    word = WaitWord(memory)
    with pytest.raises(BufferError):
        memory.append(0)
    with word:
        pass
    memory.append(0)
    assert word.detached
    with pytest.raises(ShareClosedError, match="detached"):
        word.wake()


def test_the_environment_variable_chooses_the_fallback() -> None:
    program = "from share import _wait; print(_wait.uses_futex())"
    environment = {**os.environ, "SHARE_NO_FUTEX": "1"}
    assert subprocess.check_output([sys.executable, "-c", program], env=environment) == b"False\n"


def test_this_run_uses_what_it_was_told() -> None:
    assert _wait.uses_futex() == (os.environ.get("SHARE_NO_FUTEX") != "1")
