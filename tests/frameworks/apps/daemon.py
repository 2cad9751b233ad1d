"""Plain os.fork: children that count and leave by os._exit, and a daemon that outlives the program that started it."""

import os
import sys

from share import Share


class Counter:
    def __init__(self):
        self.n = 0

    def increment(self):
        self.n += 1

    def add(self, k):
        self.n += k
        return self.n


def children(counter, count, times):
    pids = []
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            for _ in range(times):
                counter.increment()
            counter.add(0)
            os._exit(0)
        pids.append(pid)
    return all(os.waitpid(pid, 0)[1] == 0 for pid in pids)


def become_daemon():
    """The usual two forks; True in the daemon."""
    if pid := os.fork():
        os.waitpid(pid, 0)
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    return True


if __name__ == "__main__":
    name, signals = os.environ["SHARE_NAME"], sys.argv[1]
    shared = Share.open(name)
    shared.counter = Counter()
    shared.parts = {"a": [Counter()]}
    part, rows = shared.parts["a"][0], shared.parts["a"]
    if not children(shared.counter, 2, 500):
        sys.exit("a child failed")
    print(shared.counter.n, flush=True)
    joined, tell = os.pipe()
    if become_daemon():
        part.increment()
        shared.counter.add(1)  # with its first call it uses the share on its own account
        os.close(tell)
        with open(f"{signals}/go") as go:  # a fifo: until somebody opens it to write
            go.read()
        for _ in range(10):
            shared.counter.increment()
            part.increment()
        rows.append(len(rows))
        with open(f"{signals}/n", "w") as answer:
            answer.write(f"{shared.counter.n} {part.n} {rows[1]}")
        shared.close()
        os._exit(0)
    os.close(tell)
    os.read(joined, 1)  # until the daemon has joined: the share ends with the last process that uses it
    shared.close()
