"""``vars(proxy)``: the attributes of a shared object as a mapping that reads and writes through."""

from collections.abc import Iterator, MutableMapping
from typing import Any

from ._proxy import attribute_names

__all__ = ["Attributes"]


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

    def __repr__(self) -> str:
        return repr(dict(self))
