"""Counts the words of the Python standard library with several processes and one shared object.

    python examples/wordcount.py [--processes N] [--start-method fork] [--files 0]

There are as many workers as cores. Each counts some files on its own and adds the result to the one ``WordCount`` that
all of them share. A recipe counts the files, for the progress bar. At the end the result is compared with that of a
serial count, which is timed as well; the exit code is 1 if they differ.
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

from share import Share, plain, recipes, shareable

FILES_AT_ONCE = 128
WORD = re.compile(r"[^\W\d]\w*")
interrupts = []  # Ctrl-C is only noted: as an exception it could leave the locks of the futures taken


@shareable
class WordCount:
    """An ordinary class: nothing in it knows about processes."""

    def __init__(self):
        self.files = 0
        self.words = Counter()

    def add(self, words, files):  # writes and returns nothing: queued, the worker goes on at once
        self.words.update(words)
        self.files += files

    def top(self, n):  # only reads: runs in the caller
        return self.words.most_common(n)


def count(paths):
    words = Counter()
    for path in paths:
        words.update(WORD.findall(path.read_text(encoding="utf-8", errors="replace")))
    return words


def count_files(shared, total, paths):  # runs in a worker
    # Counting is the work, so it is done here, by all workers at once. What is queued is its small result: one
    # command for all these files, because each command has the coordinator merge all the words that it brings.
    words = count(paths)
    shared.count.add(words, len(paths))
    recipes.Progress(shared, "progress", total).update(len(paths))


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


def parts_of(paths):
    return [paths[start : start + FILES_AT_ONCE] for start in range(0, len(paths), FILES_AT_ONCE)]


def count_shared(paths, processes, start_method):
    """Counts with several processes. Returns a WordCount, or None after Ctrl-C."""
    context = multiprocessing.get_context(start_method)
    with Share() as shared:
        shared.count = WordCount()  # copied in; shared.count now means the same object in every process
        with ProcessPoolExecutor(processes, context, initializer=start_worker) as pool:
            running = [pool.submit(count_files, shared, len(paths), part) for part in parts_of(paths)]
            progress = recipes.Progress(shared, "progress", len(paths))  # whoever comes first makes it
            while running and not interrupts:
                finished, running = wait(running, timeout=0.1, return_when=FIRST_EXCEPTION)
                if not interrupts:
                    if sys.stderr.isatty():
                        print(f"\r{progress} files", end="" if running else "\n", file=sys.stderr, flush=True)
                    for future in finished:
                        future.result()
            pool.shutdown(wait=False, cancel_futures=True)
        # plain: a copy that stays when the share is closed
        return None if interrupts else plain(shared.count)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--start-method", choices=multiprocessing.get_all_start_methods(), default="fork")
    parser.add_argument("--files", type=int, default=0, help="count only the first so many files")
    options = parser.parse_args()
    paths = standard_library()[: options.files or None]

    signal.signal(signal.SIGINT, lambda *_: interrupts.append(True))
    for path in paths:
        path.read_bytes()  # from here on the files are in memory, for the shared and for the serial count
    started = time.perf_counter()
    counted = count_shared(paths, options.processes, options.start_method)
    if counted is None:
        print("\ninterrupted", file=sys.stderr)
        return 130
    between = time.perf_counter()
    expected = count(paths)
    ended = time.perf_counter()
    words = counted.words

    print(f"shared, {options.processes} workers: {len(paths) / (between - started):,.0f} files/s")
    print(f"serial:            {len(paths) / (ended - between):,.0f} files/s")
    print(f"{sum(words.values()):,} words, {len(words):,} different; the most frequent:")
    for word, times in counted.top(10):
        print(f"{times:>9,} {word}")
    if words != expected:
        print("WRONG: the shared count is not the serial count", file=sys.stderr)
        return 1
    print("The shared count is exactly the serial count.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
