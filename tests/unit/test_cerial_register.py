"""Registered types travel by their own two functions, also through processes that know nothing of them."""

import os
import pathlib
import subprocess
import sys

import pytest

import share
from share import cerial


class Handle:
    """Something pickle cannot do: it refuses."""

    def __init__(self, number):
        self.number = number

    def __reduce_ex__(self, protocol):
        raise TypeError("handles are not pickled")


class Derived(Handle):
    pass


@pytest.fixture
def registered():
    cerial.register(Handle, lambda handle: handle.number, Handle)
    yield
    cerial.unregister(Handle)


def again(value):
    return cerial.loads(cerial.dumps(value))


def test_it_travels_by_its_functions(registered):
    handle = Handle(5)
    back = again([handle, handle, {"x": handle}])
    assert type(back[0]) is Handle and back[0].number == 5
    assert back[0] is back[1] is back[2]["x"]


def test_only_the_exact_type(registered):
    with pytest.raises(TypeError, match="handles are not pickled"):
        cerial.dumps(Derived(1))


def test_registering_and_unregistering_take_effect_at_once(registered):
    assert again(Handle(1)).number == 1
    cerial.register(Handle, lambda handle: handle.number, lambda number: Handle(number + 100))
    assert again(Handle(1)).number == 101
    cerial.unregister(Handle)
    with pytest.raises(TypeError):
        cerial.dumps(Handle(1))
    cerial.register(Handle, lambda handle: handle.number, Handle)
    with pytest.raises(KeyError):
        cerial.unregister(Derived)


def test_wrong_arguments():
    with pytest.raises(TypeError, match="needs a class"):
        cerial.register("Handle", str, str)
    with pytest.raises(TypeError, match="two callables"):
        cerial.register(Handle, str, None)
    with pytest.raises(ValueError, match="encoding of its own"):
        cerial.register(int, str, int)


PROGRAM = """
import sys
from share import cerial

value = cerial.loads(bytes.fromhex(sys.argv[1]))
assert value.degrees == 20
value.degrees += 1
print(cerial.dumps([value])[0:].hex())
"""


def test_the_registration_travels_along():
    class Celsius:
        __slots__ = ("degrees",)

        def __init__(self, degrees):
            self.degrees = degrees

        def __reduce__(self):
            raise TypeError

    cerial.register(Celsius, lambda t: t.degrees, Celsius)
    try:
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM, cerial.dumps(Celsius(20)).hex()],
            capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONPATH": str(pathlib.Path(share.__file__).parent.parent)},
        )  # fmt: skip
        (back,) = cerial.loads(bytes.fromhex(result.stdout))
        assert type(back) is Celsius and back.degrees == 21
    finally:
        cerial.unregister(Celsius)
