"""``send``, ``call``, ``submit`` and ``aio`` as functions; a share whose names are declared in a class."""

import asyncio

import pytest

import share
from share import Share


class Counter:
    def __init__(self):
        self.n = 0

    def add(self, by, *, twice=False):
        self.n += 2 * by if twice else by
        return self.n

    def fail(self):
        raise KeyError(self.n)


class App(Share):
    counter: Counter


@pytest.fixture
def shared():
    with App() as shared:
        shared.counter = Counter()
        yield shared


def test_the_functions_do_what_the_methods_do(shared):
    assert share.send(shared.counter.add, 1) is None
    assert share.call(shared.counter.add, 1, twice=True) == 3
    assert share.submit(shared.counter.add, by=1).result() == 4

    async def main():
        return await asyncio.gather(*(share.aio(shared.counter.add, 1) for _ in range(3)))

    assert sorted(asyncio.run(main())) == [5, 6, 7]
    assert shared.counter.n == 7


def test_errors_go_where_those_of_the_methods_go(shared):
    with pytest.raises(KeyError):
        share.call(shared.counter.fail)
    with pytest.raises(KeyError):
        share.submit(shared.counter.fail).result()
    share.send(shared.counter.fail)
    with pytest.raises(KeyError):
        shared.flush()
    with pytest.raises(TypeError, match="missing"):
        share.send(shared.counter.add)


@pytest.mark.parametrize("name", ["send", "call", "submit"])
def test_what_is_not_a_method_of_a_shared_object_is_refused(shared, name):
    for wrong in (Counter().add, len, shared.counter):
        with pytest.raises(TypeError, match=rf"{name}\(\) takes a method of a shared object"):
            getattr(share, name)(wrong, 1)


def test_parts_and_containers_have_such_methods_too(shared):
    shared.names = [["a"]]
    share.send(shared.names[0].append, "b")
    assert share.call(shared.names[0].pop) == "b"
