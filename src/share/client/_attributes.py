"""``vars(proxy)``: the attributes of a shared object as a mapping that reads and writes through."""

from collections.abc import ItemsView, Iterator, KeysView, MutableMapping, ValuesView
from typing import Any

from ._proxy import attribute_names

__all__ = ["Attributes"]


class _Keys(KeysView[str]):
    _mapping: Any

    def __repr__(self) -> str:
        return repr(dict(self._mapping).keys())


class _Values(ValuesView[Any]):
    _mapping: Any

    def __repr__(self) -> str:
        return repr(dict(self._mapping).values())


class _Items(ItemsView[str, Any]):
    _mapping: Any

    def __repr__(self) -> str:
        return repr(dict(self._mapping).items())


class Attributes(MutableMapping[str, Any]):
    """What ``__dict__`` of a proxy gives: of the object's own attributes, in no certain order."""

    __slots__ = ("_proxy",)

    def __init__(self, proxy: Any) -> None:
        self._proxy = proxy

    def __getitem__(self, name: str) -> Any:
        if name not in attribute_names(self._proxy):
            raise KeyError(name)
        return getattr(self._proxy, name)

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self._proxy, name, value)

    def __delitem__(self, name: str) -> None:
        if name not in attribute_names(self._proxy):
            raise KeyError(name)
        delattr(self._proxy, name)

    def __iter__(self) -> Iterator[str]:
        return iter(attribute_names(self._proxy))

    def __len__(self) -> int:
        return len(attribute_names(self._proxy))

    def keys(self) -> KeysView[str]:
        return _Keys(self)

    def values(self) -> ValuesView[Any]:
        return _Values(self)

    def items(self) -> ItemsView[str, Any]:
        return _Items(self)

    def __repr__(self) -> str:
        return repr(dict(self))
