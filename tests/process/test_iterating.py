"""Loops over shared containers that another process changes meanwhile, or the loop itself does."""

from collections import deque

import pytest
from forked import all_well, in_child

from share import Share


def change(shared: Share) -> None:
    shared.table.pop("b")
    shared.table["new"], shared.table["other"] = 9, 9
    shared.names.discard("b")
    shared.names |= {"new", "other"}
    shared.rows.append(9)
    shared.queue.append(9)


def test_what_another_process_changes(shared: Share) -> None:
    shared.table, shared.names = dict.fromkeys("abc", 1), {"a", "b", "c"}
    shared.rows, shared.queue = [1, 2, 3], deque([1, 2, 3])
    loops = [
        iter(each) for each in (shared.table, shared.table.items(), shared.names, shared.rows, shared.queue)
    ]
    first = [next(loop) for loop in loops]
    assert all_well([in_child(lambda: change(shared))])
    keys, items, names, rows, queue = ([begun, *loop] for begun, loop in zip(first, loops, strict=True))
    assert keys == ["a", "c"]
    assert items == [("a", 1), ("c", 1)]
    assert set(names) - {"b"} == {"a", "c"}
    assert rows == queue == [1, 2, 3, 9]
    assert shared.table == {"a": 1, "c": 1, "new": 9, "other": 9}


def test_what_the_loop_itself_changes(shared: Share) -> None:
    shared.table, shared.names, shared.queue = dict.fromkeys("abc", 1), {"a", "b"}, deque([1, 2])
    with pytest.raises(RuntimeError, match="dictionary changed size"):
        for name in shared.table:
            shared.table[name + "x"] = 1
    with pytest.raises(RuntimeError, match="Set changed size"):
        for name in shared.names:
            shared.names.add(name + "x")
    with pytest.raises(RuntimeError, match="mutated"):
        for _ in shared.queue:
            shared.queue.append(1)
