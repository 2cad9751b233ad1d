"""The examples do what they say, and leave nothing behind however they end."""

import multiprocessing
import os
import re
import signal

import pytest

START_METHODS = multiprocessing.get_all_start_methods()


def left_of(segments):
    """Which of a share's segments, or of others with its name, still exist."""
    names = {re.match(r"share_[0-9a-f]+", segment)[0] for segment in segments}
    return [entry for entry in os.listdir("/dev/shm") if entry.startswith(tuple(names))]


@pytest.mark.parametrize("method", START_METHODS)
def test_wordcount_counts_like_a_serial_count(start, method):
    example = start("wordcount.py", "--files", "60", "--start-method", method)
    assert example.read_until("files")
    segments = example.segments()
    code, output = example.wait()
    assert code == 0, output + example.errors
    assert "The shared count is exactly the serial count." in output
    assert re.search(r"60/60 files\s*$", example.errors)
    assert segments
    assert left_of(segments) == []


def test_wordcount_says_so_when_the_counts_differ(start, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(
        "import collections\n"
        "collections.Counter.__eq__ = lambda self, other: False\n"
        "collections.Counter.__ne__ = lambda self, other: True\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    example = start("wordcount.py", "--files", "3")
    code, _ = example.wait()
    assert code == 1
    assert "WRONG" in example.errors


@pytest.mark.parametrize("method", START_METHODS)
def test_wordcount_leaves_nothing_after_ctrl_c(start, method):
    example = start("wordcount.py", "--start-method", method)
    assert example.read_until(r"\] \d+/\d+ files"), example.errors
    segments = example.segments()
    example.signal_all(signal.SIGINT)
    code, _ = example.wait()
    assert code == 130, example.errors
    if method == "fork":  # a spawned interpreter that is still starting up prints CPython's own traceback
        assert "Traceback" not in example.errors
    assert "resource_tracker" not in example.errors
    assert segments
    assert left_of(segments) == []


@pytest.mark.parametrize("method", START_METHODS)
def test_wordcount_leaves_nothing_after_its_main_process_is_killed(start, method):
    example = start("wordcount.py", "--start-method", method)
    assert example.read_until(r"\] \d+/\d+ files"), example.errors
    segments = example.segments()
    example.kill_owner()
    code, _ = example.wait()
    assert code == -signal.SIGKILL
    # The pool's own semaphores are another matter: CPython's tracker removes them, and says so.
    assert "leaked shared_memory" not in example.errors
    assert segments
    assert left_of(segments) == []


@pytest.mark.parametrize("method", START_METHODS)
def test_four_processes_count_exactly(start, method):
    code, output = start("live_counter.py", "--start-method", method).wait()
    assert (code, output) == (0, "40,000 increments\n")


def test_no_guard_is_needed(start):
    example = start("notebook_style.py")
    code, output = example.wait()
    assert (code, output, example.errors) == (0, "3 readings, mean 21.0 degrees\n", "")
