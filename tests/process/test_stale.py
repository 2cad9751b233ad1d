"""What has been read is kept, and never for longer than it is true."""

import multiprocessing
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from classes import Box
from ending import Ending, hooks

from share import DeletedObjectError, Share

READS: dict[str, tuple[Callable[[Share, int], Any], Callable[[Share], Any]]] = {
    "attribute": (lambda s, k: s.box.put(Ending(k)), lambda s: s.box.content.number),
    "name": (lambda s, k: setattr(s, "value", Ending(k)), lambda s: s.value.number),
}


@pytest.mark.parametrize("place", READS)
def test_a_value_that_ends_lets_another_thread_read(shared: Share, place: str) -> None:
    """Its end is the moment between the store of the new value and that of the value's position."""
    write, read = READS[place]
    shared.box = Box()
    write(shared, 0)
    assert read(shared) == 0
    reading, go, done = threading.Event(), threading.Event(), threading.Event()
    hooks["made", 1] = lambda: (reading.set(), go.wait(60))
    write(shared, 1)
    shared.flush()

    def first() -> None:
        read(shared)
        done.set()

    thread = threading.Thread(target=first)
    thread.start()
    assert reading.wait(60)  # it is decoding 1
    write(shared, 2)
    shared.flush()
    hooks["ended", 0] = lambda: (go.set(), done.wait(60))
    assert read(shared) == 2
    thread.join()
    assert [read(shared) for _ in range(3)] == [2, 2, 2]


def give_name(shared: Share, go: Any) -> None:
    go.wait()
    shared.x = Box()
    shared.flush()


class Gate:
    def __init__(self, gate: Any) -> None:
        self.gate = gate

    def wait(self) -> None:
        with open(self.gate) as gate:
            gate.read()


@pytest.mark.parametrize("how", ["assign", "delete"])
def test_an_object_that_another_process_gave_the_name_ends_with_it(
    shared: Share, how: str, tmp_path: Any
) -> None:
    context = multiprocessing.get_context("fork")
    go = context.Event()
    child = context.Process(target=give_name, args=(shared, go))
    child.start()  # before there is an x, so that it has no place for it
    shared.x = 1
    assert shared.x == 1
    shared.x = 2  # our own assignment to a known name
    shared.flush()
    go.set()
    child.join()
    box = shared.x
    box.content = 7
    assert box.content == 7
    os.mkfifo(tmp_path / "gate")
    shared.gate = Gate(str(tmp_path / "gate"))
    shared.flush()
    shared.gate.wait()
    if how == "assign":
        shared.x = 3
    else:
        del shared.x
    opener = threading.Timer(0.3, (tmp_path / "gate").write_text, ("",))
    opener.start()
    with pytest.raises(DeletedObjectError):
        box.content
    opener.join()


class Bag:
    """What is assigned from outside has no place of its own; with a list in it all of that is one part of the state."""

    def __init__(self) -> None:
        self.n = 1

    def names(self) -> list[str]:
        return sorted(self.__dict__)

    def has(self, name: str) -> bool:
        return hasattr(self, name)


LOOKS: dict[str, Callable[[Any], Any]] = {
    "vars": lambda bag: (sorted(vars(bag)), len(vars(bag))),
    "names": lambda bag: bag.names(),
    "has": lambda bag: bag.has("other"),
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("read_before", [False, True])
def test_attributes_without_a_place_of_their_own(shared: Share, look: str, read_before: bool) -> None:
    shared.bag, plain = Bag(), Bag()
    for bag in (shared.bag, plain):
        bag.items = [3]  # type: ignore[attr-defined]
    for turn in range(3):
        for bag in (shared.bag, plain):
            bag.other = turn  # type: ignore[attr-defined]
        assert not read_before or shared.bag.other == turn
        assert LOOKS[look](shared.bag) == LOOKS[look](plain)
        for bag in (shared.bag, plain):
            bag.items.append(turn)  # type: ignore[attr-defined]
        assert LOOKS[look](shared.bag) == LOOKS[look](plain)
        for bag in (shared.bag, plain):
            del bag.other  # type: ignore[attr-defined]
        assert not read_before or not hasattr(shared.bag, "other")
        assert LOOKS[look](shared.bag) == LOOKS[look](plain)
