"""Gives the lower modules of this folder what they need of those above them, each loaded when it is first asked for."""

from importlib import import_module
from types import ModuleType
from typing import Any

from . import _nested, _proxy, _replica


def _arrays() -> ModuleType:
    return import_module("share.client._arrays")  # needs numpy, which whoever has an array has imported


def _views() -> ModuleType:
    from . import _views

    return _views


def _take_snapshot(*objects: Any) -> Any:
    from ._snapshots import snapshot

    return snapshot(*objects)


def _class_factory(cls: type) -> type:
    from ._classes import nested_class

    return nested_class(cls)


def set_hooks() -> None:
    """Sets them all, once."""
    _proxy.nested_factory = _nested.nested_at
    _proxy.node_factory = _nested.node_proxy
    _proxy.arrays = _arrays
    _proxy.views = _views
    _proxy.take_snapshot = _take_snapshot
    _nested.class_factory = _class_factory
    _replica.forget_found = _nested.forget_found
