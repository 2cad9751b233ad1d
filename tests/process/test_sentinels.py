"""What is compared by identity is the same object in every process: sentinels, singletons, members of enumerations."""

import subprocess
import sys
from typing import Any

from sentinel_classes import MISSING, RECORD, Shelf, look

from share import Share
from share.cerial import dumps, loads


def look_and_tell(share: Share, results: Any) -> None:
    results.put(look(share))


def test_sentinels_are_the_same_everywhere(shared: Share, context: Any) -> None:
    shared.shelf = Shelf()
    assert look(shared)
    shared.shelf.bare = MISSING
    shared.bare = MISSING
    assert shared.bare is MISSING and look(shared)
    results = context.SimpleQueue()
    child = context.Process(target=look_and_tell, args=(shared, results))
    child.start()
    child.join()
    assert child.exitcode == 0 and results.get()


def test_what_nobody_has_a_name_for_travels_as_a_new_object() -> None:
    thing = object()
    assert type(loads(dumps(thing))) is object and loads(dumps(thing)) is not thing
    twice = loads(dumps([thing, thing]))
    assert twice[0] is twice[1]
    local = type(RECORD)()
    assert loads(dumps(local)) is not local and type(loads(dumps(local))) is type(RECORD)


PROGRAM = """
from share import Share
MISSING = object()
class Missing: pass
TOO = Missing()
class Slot:
    def __init__(self): self.value, self.other, self.n = MISSING, TOO, 0
    def empty(self): return self.value is MISSING and self.other is TOO
    def empty_there(self): self.n += 1; return self.empty()
    def fill(self, value=MISSING): self.value = value; return value is MISSING
if __name__ == "__main__":
    with Share() as share:
        share.slot = Slot()
        assert share.slot.empty() and share.slot.empty_there() and share.slot.value is MISSING
        assert share.slot.fill() and share.slot.empty()
        assert not share.slot.fill(5) and not share.slot.empty()
        assert share.slot.fill(MISSING) and share.slot.empty_there() and share.slot.other is TOO
        print("fine")
"""


def test_sentinels_of_a_main_module() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "fine\n", done.stderr
