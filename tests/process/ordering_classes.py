"""What the test of ordering drives: everything that writes notes who did it."""

import contextlib


class Refused(Exception):
    """Raised by what notes and then fails."""


class Journal:
    def __init__(self):
        self.entries, self.part, self.n, self.open = [], Part(), 0, 0
        self.last = {}

    def note(self, who, number):
        self.entries.append((who, number))
        self.last[who] = number

    def noted(self, who, number):
        self.note(who, number)
        return len(self.entries)

    def fail(self, who, number):
        self.note(who, number)
        raise Refused(who, number)

    async def note_later(self, who, number):
        return self.noted(who, number)

    def steps(self, who, *numbers):
        for number in numbers:
            self.note(who, number)
            yield len(self.entries)

    @contextlib.contextmanager
    def opened(self, who, first, second):
        self.note(who, first)
        self.open += 1
        yield len(self.entries)
        self.open -= 1
        self.note(who, second)

    def last_of(self, who):
        return self.last.get(who, -1)

    def is_here(self):
        return self.n >= 0


class Part:
    def __init__(self):
        self.entries = []

    def note(self, who, number):
        self.entries.append((who, number))
