"""Classes whose methods change containers in every way there is, for tests of what is published of it."""

import heapq
import random
from collections import defaultdict, deque
from typing import Any

LARGE = 500


def add_to(value: Any, what: Any) -> None:
    """Appends, if it can."""
    if isinstance(value, list):
        value.append(what)


class Job:
    """A mutable element."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.notes: list[Any] = []


class Everything:
    """Containers that are long enough to be tracked, and methods on them."""

    def __init__(self) -> None:
        self.items: list[Any] = list(range(LARGE))
        self.rows: list[Any] = [[i] for i in range(LARGE)]
        self.table: dict[Any, Any] = {i: str(i) for i in range(LARGE)}
        self.lists: dict[Any, Any] = {i: [i] for i in range(LARGE)}
        self.seen: set[Any] = set(range(LARGE))
        self.queue: deque[Any] = deque(range(LARGE))
        self.jobs: deque[Any] = deque(Job(i) for i in range(LARGE))
        self.groups: defaultdict[Any, Any] = defaultdict(list, {i: [i] for i in range(LARGE)})
        self.heap: list[Any] = list(range(LARGE))
        self.total = 0

    # Each method takes a number, which decides where it acts.

    def append(self, n: int) -> None:
        self.items.append(n)

    def append_row(self, n: int) -> None:
        row: list[Any] = [n]
        self.rows.append(row)
        self.rows[-1] = row
        row.append("later")

    def append_twice(self, n: int) -> None:
        row = [n]
        self.rows.append(row)
        self.rows.append(row)

    def change_last_row(self, n: int) -> None:
        add_to(self.rows[-1], n)

    def change_row(self, n: int) -> None:
        row = self.rows[n % len(self.rows)]
        self.items.append(n)
        add_to(row, {"n": n})

    def change_row_and_move_it(self, n: int) -> None:
        row = self.rows[n % len(self.rows)]
        self.rows.insert(0, n)
        add_to(row, "moved")

    def change_popped_row(self, n: int) -> None:
        row = self.rows.pop()
        if isinstance(row, list):
            row.append("popped")
        self.total += 1

    def change_each_row(self, n: int) -> None:
        for row in self.rows:
            if isinstance(row, list) and row and row[0] == n:
                row.append("each")

    def slice(self, n: int) -> None:
        self.items[n % 5 : n % 5 + 2] = [n, n + 1, n + 2]
        del self.items[-3:-1]

    def change_in_slice(self, n: int) -> None:
        for row in self.rows[n % 7 : n % 7 + 2]:
            if isinstance(row, list):
                row.append("slice")

    def extend(self, n: int) -> None:
        self.items.extend(i for i in range(n, n + 3))
        self.items += (i for i in range(2))

    def sort(self, n: int) -> None:
        self.items.sort(key=lambda x: -x)

    def push(self, n: int) -> None:
        heapq.heappush(self.heap, n)

    def pop_heap(self, n: int) -> int:
        return heapq.heappop(self.heap)

    def shuffle(self, n: int) -> None:
        random.Random(n).shuffle(self.items)

    def by_the_class(self, n: int) -> None:
        list.append(self.items, n)
        dict.__setitem__(self.table, n, "by the class")

    def swap(self, n: int) -> None:
        i = n % len(self.items)
        self.items[0], self.items[i] = self.items[i], self.items[0]

    def replace(self, n: int) -> None:
        self.items = list(range(n, n + LARGE))

    def set_item(self, n: int) -> None:
        self.table[n] = n
        self.table.pop(n - 3, None)

    def fail_late(self, n: int) -> None:
        self.table[("late", n)] = n
        raise ValueError(n)

    def update(self, n: int) -> None:
        self.table.update({n: "u"}, word=n)
        self.table |= {"or": n}

    def update_with_lists(self, n: int) -> None:
        self.lists.update({n: [n], -n: [n]})
        self.lists[-n].append(n)

    def list_of(self, n: int) -> None:
        add_to(self.lists.setdefault(n, []), n)

    def change_list_and_delete_it(self, n: int) -> None:
        found = self.lists.get(n % 50)
        if found is not None:
            self.lists[("kept", n)] = found
            del self.lists[n % 50]
            add_to(found, "kept")

    def change_lists(self, n: int) -> None:
        for found in self.lists.values():
            if isinstance(found, list) and found[0] == n:
                found.append("all")

    def new_list(self, n: int) -> None:
        new: dict[str, Any] = {}
        self.lists[n] = new
        new["inner"] = [n]
        self.lists[n]["inner"].append(n + 1)

    def group(self, n: int) -> None:
        self.groups[n].append(n)
        self.groups[("new", n)].append(n)

    def see(self, n: int) -> None:
        self.seen.add(n)
        self.seen.discard(n - 2)
        self.seen |= {n * 2}
        self.seen.symmetric_difference_update(range(n, n + 3))

    def unsee(self, n: int) -> None:
        self.total += len(self.seen) and self.seen.pop()

    def enqueue(self, n: int) -> None:
        self.queue.append(n)
        self.queue.appendleft(-n)
        self.queue.rotate(n % 3)

    def dequeue(self, n: int) -> int:
        return self.queue.popleft() if self.queue else -1

    def add_job(self, n: int) -> None:
        self.jobs.append(Job(n))
        self.jobs[-1].notes.append("new")

    def work(self, n: int) -> None:
        job = self.jobs[0]
        job.notes.append(n)
        self.jobs.popleft()
        self.jobs[n % len(self.jobs)].number += 1

    def requeue(self, n: int) -> None:
        job = self.jobs.popleft()
        self.jobs.append(job)
        job.notes.append("again")

    def clear_table(self, n: int) -> None:
        if n % 7 == 0:
            self.table.clear()

    def through_a_variable(self, n: int) -> None:
        add, rows = self.items.append, self.rows
        list(map(add, range(2)))
        rows[n % len(rows)] = [n]

    def reversed_rows(self, n: int) -> None:
        for row in reversed(self.rows):
            if isinstance(row, list):
                row.append("reversed")
                break

    def concatenated(self, n: int) -> None:
        both: list[Any] = [[0], *self.rows]
        more = [[1]] + self.rows  # noqa: RUF005
        for row in (both[1], more[2]):
            if isinstance(row, list):
                row.append("concatenated")


METHODS = sorted(
    name for name, value in vars(Everything).items() if callable(value) and not name.startswith("_")
)


def state(thing: Any) -> dict[str, Any]:
    """What can be compared of an object."""
    found = dict(vars(thing))
    found["jobs"] = [(job.number, job.notes) for job in found["jobs"]]
    return found
