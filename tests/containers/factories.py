"""What CPython's tests take for ``list``, ``dict``, ...: classes whose calls give proxies of a live share."""

import functools
import importlib
import importlib.util
import itertools
import sys
import types
import unittest
from typing import Any

from share import Share, plain

_numbers = itertools.count()


class Made(type):
    """A call assigns an instance of the built-in class to a new name of the current share and reads it back."""

    share: Share | None = None
    base: type
    nested: bool

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = cls.base(*args, **kwargs)
        if Made.share is None:  # in the body of a module or class
            return made
        name = f"n{next(_numbers)}"
        if cls.nested:
            Made.share[name] = {"outer": [made]}
            return Made.share[name]["outer"][0]
        Made.share[name] = made
        return Made.share[name]

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.base)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, cls.base)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls.base, name)


def factory(base: type, nested: bool = False) -> Any:
    """The factory for a built-in class; ``nested`` gives proxies of parts instead of top-level ones."""
    return Made(base.__name__, (), {"base": base, "nested": nested, "__hash__": None})


class Subclassed(Made):
    """The same for classes: a subclass of the factory is one for a subclass, and its attributes are the class's."""

    def __new__(
        mcs,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        base: type | None = None,
        **kwargs: Any,
    ) -> Any:
        if base is None:
            real = tuple(parent.base if isinstance(parent, Made) else parent for parent in bases)
            base = types.new_class(name, real, kwargs, lambda made: made.update(namespace))
        return type.__new__(mcs, name, (), {"base": base, "nested": False})

    def __init__(cls, *args: Any, **kwargs: Any) -> None:
        pass

    def __setattr__(cls, name: str, value: Any) -> None:
        setattr(cls.base, name, value)

    def __getattribute__(cls, name: str) -> Any:
        if name in ("base", "nested", "__class__"):
            return type.__getattribute__(cls, name)
        return getattr(type.__getattribute__(cls, "base"), name)


def adapted(name: str, *replaced: tuple[str, str]) -> Any:
    """A module of CPython's suite for which these (module, class) are factories."""
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    modules = {where: importlib.import_module(where) for where, _ in replaced}
    originals = {(where, what): getattr(modules[where], what) for where, what in replaced}
    factories = {
        key: Subclassed(original.__name__, (), {}, base=original) for key, original in originals.items()
    }
    sys.modules[name] = module  # so that what it defines is the same there and here
    try:
        for (where, what), made in factories.items():
            setattr(modules[where], what, made)
        spec.loader.exec_module(module)
    finally:
        for (where, what), original in originals.items():
            setattr(modules[where], what, original)
    for key, value in list(vars(module).items()):
        if isinstance(value, types.ModuleType) and value.__name__ in modules:
            double = types.ModuleType(value.__name__)
            vars(double).update(vars(value))
            vars(double).update(
                {what: made for (where, what), made in factories.items() if where == value.__name__}
            )
            setattr(module, key, double)
        else:
            for at, original in originals.items():
                if value is original:
                    setattr(module, key, factories[at])
    return module


def module_copy(name: str) -> Any:
    """A module of CPython's suite, imported a second time, so that its globals can be replaced."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Held:
    """A list, and a method that has a function work on it."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def run(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self.items, *args, **kwargs)


class Elsewhere:
    """A module whose functions get their first argument, if it is a list, as one of the current share.

    What has become of it there is in the caller's list afterwards. With ``methods`` it is a part of an object, and
    a method of that calls the function; else the function gets the proxy.
    """

    def __init__(self, module: Any, methods: bool) -> None:
        self.module, self.methods = module, methods
        self.made: dict[Any, Any] = {}

    def __getattr__(self, name: str) -> Any:
        function = getattr(self.module, name)
        if function in self.made:
            return self.made[function]

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            first = args[0] if args else kwargs.get("a")
            if Made.share is None or type(first) is not list:
                return function(*args, **kwargs)
            share = Made.share
            share.held = Held()
            share.held.items = first
            try:
                if self.methods:
                    kwargs.pop("a", None)
                    return share.held.run(function, *args[1:], **kwargs)
                if args:
                    return function(share.held.items, *args[1:], **kwargs)
                return function(**{**kwargs, "a": share.held.items})
            finally:
                first[:] = plain(share.held.items)

        self.made[function] = call
        return call


class OnAShare:
    """Mixed into the test cases: a share for each class, empty at each test; writes wait, as in one process."""

    _share: Share

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()  # type: ignore[misc]
        cls._share = Share(writes="wait")
        cls._share.begun = True  # so its coordinator is there before the first test
        cls._share.flush()

    @classmethod
    def tearDownClass(cls) -> None:
        cls._share.close()
        super().tearDownClass()  # type: ignore[misc]

    def setUp(self) -> None:
        Made.share = self._share
        Made.share.clear()
        super().setUp()  # type: ignore[misc]

    def tearDown(self) -> None:
        super().tearDown()  # type: ignore[misc]
        Made.share = None


def except_for(reasons: dict[str, str]) -> Any:
    """Class decorator: these tests must fail, for the reasons given; one that passes is an error.

    A test that this Python's suite does not have is left out.
    """

    def decorate(cls: Any) -> Any:
        for name, reason in reasons.items():
            original = getattr(cls, name, None)
            if original is None:
                continue
            if reason.startswith("not run: "):
                setattr(cls, name, unittest.skip(reason)(_copy(original)))
            else:
                setattr(cls, name, unittest.expectedFailure(_copy(original)))
        return cls

    return decorate


def _copy(function: Any) -> Any:
    @functools.wraps(function)
    def run(self: Any) -> Any:
        return function(self)

    return run
