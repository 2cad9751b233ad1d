"""The functions for all classes of a kind, on shared objects: ``dataclasses``, ``attrs``, ``vars``, ``match``."""

import dataclasses
from typing import Any

import attrs
import pytest
from described_classes import Attrs, Inner, Outer, Slotted

from share import Share


def test_functions_of_dataclasses(shared: Share) -> None:
    shared.d = Outer(1, [1, 2])
    proxy: Any = shared.d
    assert dataclasses.is_dataclass(proxy)
    assert [field.name for field in dataclasses.fields(proxy)] == ["n", "rows", "inner"]
    assert dataclasses.asdict(proxy) == {"n": 1, "rows": [1, 2], "inner": {"z": 1}}
    assert dataclasses.astuple(proxy) == (1, [1, 2], (1,))
    assert dataclasses.asdict(proxy.inner) == {"z": 1}
    changed = dataclasses.replace(proxy, n=7)
    assert type(changed) is Outer
    assert (changed.n, proxy.n) == (7, 1)
    match proxy:
        case Outer(n, rows):
            assert (n, rows) == (1, [1, 2])
        case _:
            pytest.fail("no match")


def test_functions_of_attrs(shared: Share) -> None:
    shared.a = Attrs()
    assert attrs.has(type(shared.a))
    assert attrs.asdict(shared.a) == {"n": 1, "rows": []}
    assert attrs.evolve(shared.a, n=5).n == 5


def test_vars_reads_and_writes_through(shared: Share) -> None:
    shared.d = Outer(1)
    names = vars(shared.d)
    assert set(names) == {"n", "rows", "inner"}
    names["rows"].append(3)
    names["n"] = 9
    names.update(extra=4)
    assert (shared.d.n, shared.d.rows, shared.d.extra) == (9, [3], 4)
    assert shared.d.__dict__ == {"n": 9, "rows": [3], "inner": Inner(), "extra": 4}
    del names["extra"]
    assert not hasattr(shared.d, "extra")
    with pytest.raises(KeyError):
        names["extra"]
    with pytest.raises(KeyError):
        del names["extra"]
    assert vars(shared.d.inner) == {"z": 1}
    inner, own = vars(shared.d.inner), {"z": 1}
    for name in "keys", "values", "items":
        assert repr(getattr(inner, name)()) == repr(getattr(own, name)())
    keys = inner.keys()
    inner["y"] = 2
    assert list(keys) == ["z", "y"] and keys & {"y", "x"} == {"y"}


def test_what_has_no_dict_has_none_here(shared: Share) -> None:
    shared.items, shared.slotted = [1], Slotted()
    for proxy in (shared.items, shared.slotted):
        with pytest.raises(TypeError, match="__dict__"):
            vars(proxy)
