"""Syntax trees made in several threads: CPython 3.11 confuses how deep each is if the collector runs code meanwhile."""

import gc
import sys
import threading
from collections.abc import Iterator

import pytest

from share.analysis.frontend._source import parse

TEXT = "def f(a, b=[1, 2, 3]):\n    return [a + b * c(d, e=f) for a in b if (x and y or z)]\n" * 40


class Circle:
    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        for _ in range(300):  # long enough for another thread to come in
            pass


@pytest.fixture
def often_switched() -> Iterator[None]:
    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(50)
    sys.setswitchinterval(1e-6)
    yield
    gc.set_threshold(*threshold)
    sys.setswitchinterval(interval)


def test_trees_made_in_threads(often_switched: None) -> None:
    wrong: list[BaseException] = []

    def work(deeper: int) -> None:
        if deeper:
            work(deeper - 1)
            return
        for _ in range(60):
            circles = [Circle() for _ in range(20)]
            del circles
            try:
                assert len(parse(TEXT).body) == 40
            except BaseException as error:
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(7 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
