"""Four processes increment one shared counter 10,000 times each; the total is exact, read at once.

python examples/live_counter.py [--start-method fork]
"""

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

from share import Share, shareable


@shareable
class Counter:
    def __init__(self):
        self.value = 0

    def increment(self):
        self.value += 1


def work(shared, times):
    counter = shared.counter
    for _ in range(times):
        counter.increment()  # queued: nothing is waited for, and nothing is lost


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--start-method", choices=multiprocessing.get_all_start_methods(), default="fork")
    context = multiprocessing.get_context(parser.parse_args().start_method)

    with Share() as shared:
        shared.counter = Counter()
        with ProcessPoolExecutor(4, context) as pool:
            for done in [pool.submit(work, shared, 10_000) for _ in range(4)]:
                done.result()
        total = shared.counter.value  # a read sees every call that returned before it, in any process
    print(f"{total:,} increments")
    return 0 if total == 40_000 else 1


if __name__ == "__main__":
    sys.exit(main())
