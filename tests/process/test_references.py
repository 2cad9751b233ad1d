"""Proxies and shares as arguments, as state, and in other processes."""

import gc
import pickle
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from classes import Box, Counter, Registry, call_all, make_object, return_same

from share import DeletedObjectError, Share


def test_assigning_a_proxy_gives_the_object_a_second_name(shared: Share) -> None:
    """Both names are one object; it lives as long as it has one."""
    shared.one = Counter()
    shared.two = shared.one
    assert shared.two is shared.one
    shared.two.increment()
    assert shared.one.n == 1
    del shared.one
    shared.two.increment()
    assert shared.two.n == 2
    counter = shared.two
    shared.two = 5
    with pytest.raises(DeletedObjectError):
        counter.n


def test_assigning_an_object_to_its_own_name(shared: Share) -> None:
    """Changes nothing."""
    shared.counter = Counter()
    shared.counter.increment()
    counter = shared.counter
    shared.counter = shared.counter
    assert shared.counter is counter and counter.n == 1


def test_objects_that_refer_to_each_other(shared: Share) -> None:
    """A proxy in an argument becomes the object itself, and is kept as a reference, not a copy."""
    shared.a, shared.b, shared.registry = Counter(), Counter(), Registry()
    registry = shared.registry
    registry.put("a", shared.a)
    registry.put("b", shared.b)
    registry.put("again", shared.a)
    registry.increment_all()
    assert (shared.a.n, shared.b.n) == (2, 1)
    assert registry.total() == 5
    shared.a.increment()
    assert registry.total() == 7
    assert registry.first is shared.a
    registry.first = shared.b
    assert registry.first is shared.b


def test_a_reference_keeps_its_object(shared: Share) -> None:
    """An object whose name has gone lives on while another refers to it, and goes with the last one."""
    shared.counter, shared.registry = Counter(), Registry()
    counter = shared.counter
    shared.registry.put("c", counter)
    del shared.counter
    shared.registry.increment_all()
    assert counter.n == 1 and shared.registry.total() == 1
    shared.registry.drop("c")
    with pytest.raises(DeletedObjectError):
        counter.n
    with pytest.raises(DeletedObjectError):
        counter.next()


def test_methods_that_take_proxies(shared: Share) -> None:
    """They run on the objects inside the coordinator, in the same command."""
    shared.counter, shared.registry = Counter(), Registry()
    assert shared.registry.lend(shared.counter, 5) == 5
    assert shared.counter.n == 5
    shared.registry.lend.send(counter=shared.counter, times=3)
    assert shared.counter.n == 8


def test_methods_that_take_the_share(shared: Share) -> None:
    """Inside its coordinator the share is the namespace itself."""
    shared.registry, shared.counter = Registry(), Counter()
    assert shared.registry.fill(shared, "made", 5) == 3
    assert shared.made == 5
    assert shared.registry.fill(shared, "object", Counter()) == 4
    shared.object.increment()
    assert shared.object.n == 1
    assert shared.registry.fill(shared, "same", shared.counter) == 5
    assert shared.same is shared.counter


def test_results_that_are_objects_of_the_share(shared: Share) -> None:
    """They come back as proxies, whether the method ran here or there."""
    shared.counter, shared.box = Counter(), Box()
    shared.box.put(shared.counter)
    assert shared.box.get() is shared.counter
    assert shared.box.get.call() is shared.counter
    assert shared.box.content is shared.counter
    assert shared.box.swap([shared.counter, 1]) is shared.counter
    assert shared.box.content[0] is shared.counter
    shared.counter.increment()
    assert shared.box.content[0].n == 1


def test_queued_for_an_object_that_is_deleted_first(shared: Share) -> None:
    """A command whose argument has been deleted meanwhile fails, and says why."""
    shared.counter, shared.registry = Counter(), Registry()
    counter = shared.counter
    del shared.counter
    shared.flush()
    shared.registry.put("late", counter)
    with pytest.raises(DeletedObjectError):
        shared.flush()
    assert shared.registry.total() == 0
    with pytest.raises(DeletedObjectError):
        shared.again = counter
        shared.flush()


def test_proxies_of_another_share(shared: Share) -> None:
    """Objects of one share cannot be kept in another by reference: it is refused, or copied, never half of it."""
    with Share() as other:
        other.counter = Counter()
        other.counter.increment()
        try:
            shared.counter = other.counter
            assert shared.counter.n == 1
        except TypeError:
            return
        shared.counter.increment()
        assert other.counter.n in (1, 2)
        if other.counter.n == 1:
            assert shared.counter.n == 2


def test_pickled_proxies_are_one_object(context: Any, shared: Share) -> None:
    """Through a pool and back: the proxy that returns is the one that was sent."""
    shared.counter, shared.x = Counter(), 1
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert pool.submit(return_same, shared.counter).result() is shared.counter
        assert pool.submit(return_same, shared).result() is shared
        assert pool.submit(return_same, [shared.counter.increment]).result() == [shared.counter.increment]
        assert list(pool.map(call_all, [[shared.counter.next] * 5] * 4)) != []
        assert shared.counter.n == 20
        # Any process may create objects, and all see them.
        made = list(pool.map(make_object, [(shared, f"made_{i}") for i in range(6)]))
        assert sorted(shared) == sorted(["counter", "x", *made])
        for name in made:
            shared[name].increment()
        assert [shared[name].n for name in made] == [2] * 6
        # A task that refers to what has been deleted meanwhile.
        counter = shared.counter
        del shared.counter
        with pytest.raises(DeletedObjectError):
            pool.submit(call_all, [counter.next]).result()


def test_pickle_outlives_nothing(shared: Share) -> None:
    """A pickled proxy of a deleted object can be loaded, and says so when it is used."""
    shared.counter = Counter()
    data = pickle.dumps(shared.counter)
    del shared.counter
    shared.flush()
    gc.collect()
    with pytest.raises(DeletedObjectError):
        pickle.loads(data).n


def test_pickle_of_a_closed_share() -> None:
    """Loading it in another process, or here, says that the share has been closed."""
    with Share() as shared:
        shared.counter = Counter()
        data = [pickle.dumps(shared), pickle.dumps(shared.counter)]
    del shared
    gc.collect()
    for pickled in data:
        with pytest.raises((ConnectionError, OSError), match="closed"):
            pickle.loads(pickled).flush()
