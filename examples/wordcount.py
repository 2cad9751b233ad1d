"""Counts the words of the Python standard library with several processes and one shared object.

    python examples/wordcount.py [--processes 4] [--start-method fork] [--files 0]

Each worker counts a file on its own and adds the result to the one ``WordCount`` that all of them share. The
progress bar reads that object while it grows. At the end the result is compared with a serial count; the exit
code is 1 if they differ.
"""

import argparse
import multiprocessing
import os
import re
import signal
import sys
import sysconfig
import threading
import time
from collections import Counter
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from pathlib import Path

from share import Share, plain, shareable

WORD = re.compile(r"[^\W\d]\w*")
interrupts = []  # Ctrl-C is only noted: as an exception it could leave the locks of the futures taken


@shareable
class WordCount:
    """An ordinary class: nothing in it knows about processes."""

    def __init__(self):
        self.files = 0
        self.words = Counter()

    def add(self, words):  # writes and returns nothing: queued, the worker goes on at once
        self.words.update(words)
        self.files += 1

    def top(self, n):  # only reads: runs in the caller
        return self.words.most_common(n)


def words_of(path):
    return Counter(WORD.findall(path.read_text(encoding="utf-8", errors="replace")))


def count_file(shared, path):  # runs in a worker
    # Counting is the work, so it is done here, by all workers at once. What is queued is its small result.
    shared.count.add(words_of(path))


def start_worker():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's to handle
    threading.Thread(target=leave_with_parent, daemon=True).start()


def leave_with_parent():
    # The executor's workers would wait for ever for a main process that was killed.
    multiprocessing.parent_process().join()
    os._exit(1)


def standard_library():
    """The source files of the standard library, installed packages not counted."""
    root = Path(sysconfig.get_path("stdlib"))
    return sorted(path for path in root.rglob("*.py") if "site-packages" not in path.parts)


def show_progress(done, total):
    if sys.stderr.isatty():
        filled = 40 * done // total
        end = "\n" if done == total else ""
        print(f"\r[{'#' * filled:<40}] {done}/{total} files", end=end, file=sys.stderr, flush=True)


def count_shared(paths, processes, start_method):
    """Counts with several processes. Returns (words, the ten most frequent ones), or None after Ctrl-C."""
    context = multiprocessing.get_context(start_method)
    with Share() as shared:
        shared.count = WordCount()  # copied in; shared.count now means the same object in every process
        with ProcessPoolExecutor(processes, context, initializer=start_worker) as pool:
            running = [pool.submit(count_file, shared, path) for path in paths]
            while running and not interrupts:
                finished, running = wait(running, timeout=0.1, return_when=FIRST_EXCEPTION)
                if not interrupts:
                    show_progress(shared.count.files, len(paths))
                    for future in finished:
                        future.result()
            pool.shutdown(wait=False, cancel_futures=True)
        # plain: a copy that stays when the share is closed
        return None if interrupts else (plain(shared.count.words), shared.count.top(10))


def count_serially(paths):
    words = Counter()
    for path in paths:
        words.update(words_of(path))
    return words


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--start-method", choices=multiprocessing.get_all_start_methods(), default="fork")
    parser.add_argument("--files", type=int, default=0, help="count only the first so many files")
    options = parser.parse_args()
    paths = standard_library()[: options.files or None]

    signal.signal(signal.SIGINT, lambda *_: interrupts.append(True))
    started = time.perf_counter()
    counted = count_shared(paths, options.processes, options.start_method)
    if counted is None:
        print("\ninterrupted", file=sys.stderr)
        return 130
    words, top = counted
    between = time.perf_counter()
    expected = count_serially(paths)
    ended = time.perf_counter()

    print(f"shared, {options.processes} processes: {len(paths) / (between - started):,.0f} files/s")
    print(f"serial:              {len(paths) / (ended - between):,.0f} files/s")
    print(f"{sum(words.values()):,} words, {len(words):,} different; the most frequent:")
    for word, times in top:
        print(f"{times:>9,} {word}")
    if words != expected:
        print("WRONG: the shared count is not the serial count", file=sys.stderr)
        return 1
    print("The shared count is exactly the serial count.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
