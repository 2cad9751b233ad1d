"""Classes for ``with``."""

import threading
import traceback


class Busy:
    """Counts who is inside, and notes how they left."""

    def __init__(self):
        self.inside, self.left, self.shown = 0, [], ""

    def __enter__(self):
        self.inside += 1
        return self

    def __exit__(self, kind, error, trace):
        self.inside -= 1
        self.left.append((kind and kind.__name__, str(error)))
        self.shown = "".join(traceback.format_exception(kind, error, trace)) if kind else ""
        return kind is KeyError


class Strict:
    def __enter__(self):
        raise ValueError("closed")

    def __exit__(self, *what):
        raise OSError("not reached")


class Broken(Strict):
    def __enter__(self):
        return 7


class Unsent(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.lock = threading.Thread()


class Holder:
    def __init__(self):
        self.part = Busy()
