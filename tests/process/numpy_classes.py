"""A class with arrays, and what worker processes do to arrays."""

from typing import Any

import numpy as np

ARRAY_SIZE = 100_000


class Grid:
    """An object with an array, and places for more."""

    def __init__(self) -> None:
        self.values = np.zeros(ARRAY_SIZE)
        self.table: dict[str, Any] = {}
        self.frame: Any = None

    def total(self) -> float:
        return float(self.values.sum())

    def uniform(self) -> bool:
        return bool(self.values.min() == self.values.max())

    def filled(self, number: int) -> Any:
        return np.full(ARRAY_SIZE - number % 37, float(number))

    def fill(self, number: int) -> None:
        self.values = self.filled(number)

    def put(self, values: Any) -> None:
        values = np.array(values)
        values[0] = 0
        self.values = values

    def grow(self) -> None:
        self.frame["c"] = self.frame["a"] * 2


class Wave:
    """An object with a large array."""

    def __init__(self) -> None:
        self.numbers = np.zeros(100_000)
        self.other: Any = None

    def total(self) -> float:
        return float(self.numbers.sum())

    def spoil(self) -> None:
        self.numbers[::7] = 9
        raise ZeroDivisionError

    def spoil_and_store(self) -> int:
        self.numbers[::3] = 8
        self.other = (i for i in range(3))
        return 1


class Twice:
    """One array in two attributes."""

    def __init__(self) -> None:
        self.a = self.b = np.zeros(3)


def add_to_arrays(shared: Any) -> None:
    """Adds to elements, parts and whole arrays; other processes do it too."""
    grid = shared.grid
    for _ in range(250):
        shared.a[0] += 1
        shared.a[:2] += 1
        grid.values += 1
        grid.values[2] += 1


def fill_arrays(shared: Any, times: int) -> None:
    """Gives all elements of two arrays one value after the other."""
    for value in range(1, times + 1):
        shared.a[:] = value
        shared.grid.values[:] = value
        if value % 10 == 0:
            shared.flush()
