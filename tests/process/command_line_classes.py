"""Classes of objects that the command line looks at; other programs import them."""

import os
import time


class Odd(Exception):
    pass


class Mute(Exception):
    def __str__(self):
        raise TypeError("not even this")


class Desk:
    def __init__(self):
        self.n, self.parts, self.table = 0, ["a", ["b"]], {"k": {1: "one"}}

    def fail(self):
        raise Odd("on purpose")

    def fail_mutely(self):
        raise Mute

    def grow(self):
        self.n += 1

    @property
    def double(self):
        self.n *= 2  # a property that writes: to look at it must change nothing that is shared
        return self.n

    def sleep_until(self, path):
        while not os.path.exists(path):
            time.sleep(0.005)
