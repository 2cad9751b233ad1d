"""Classes of which several attributes hold the same object."""

import queue
from typing import Any


class Pair:
    """Two attributes that are one list, as its own code says."""

    def __init__(self) -> None:
        self.left: list[int] = []
        self.right = self.left
        self.count = 0

    def push(self, value: int) -> None:
        self.left.append(value)

    def count_up(self) -> None:
        self.count += 1

    def are_one(self) -> bool:
        return self.left is self.right

    def part_ways(self) -> None:
        self.right = list(self.right)


class Two:
    """Filled from outside: only an instance shows whether they are one."""

    def __init__(self, a: Any, b: Any) -> None:
        self.a = a
        self.b = b

    def add_to_a(self, value: Any) -> None:
        self.a.append(value)


class Node:
    def __init__(self, name: str) -> None:
        self.name, self.visits = name, 0


class Index:
    """The same objects in a list and by name."""

    def __init__(self, nodes: Any, by_name: Any, total: int) -> None:
        self.nodes, self.by_name, self.total = nodes, by_name, total

    def visit(self, name: str) -> None:
        self.by_name[name].visits += 1

    def visits(self) -> list[int]:
        return [node.visits for node in self.nodes]

    def are_one(self) -> bool:
        return all(self.by_name[node.name] is node for node in self.nodes)


def index_of(names: list[str]) -> Index:
    nodes = [Node(name) for name in names]
    return Index(nodes, {node.name: node for node in nodes}, 7)


class Line(queue.Queue[int]):
    """The one mutex of a queue is in all of its conditions."""

    def are_one(self) -> bool:
        return self.mutex is self.not_empty._lock is self.not_full._lock  # type: ignore[attr-defined]


class Maker:
    def make(self, share: Any) -> None:
        one: list[int] = []
        share.two = Two(one, one)


def push(pair: Pair, start: Any, rounds: int) -> None:
    """In another process: writes through one attribute, reads through the other at once."""
    start.wait()
    for value in range(rounds):
        pair.push(value)
        assert value in pair.right
        assert pair.are_one()


def written(method: Any) -> Any:
    """The attributes whose flags a call raises."""
    return method.plan.writes
