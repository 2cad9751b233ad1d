"""Views of a shared dict: live, like the built-in ones; each iteration is over one state."""

import sys
from collections import abc
from collections.abc import AsyncIterator, Iterator
from typing import Any

from ._containers import contents, is_item_in, is_value_in, iter_items, iter_keys, iter_values

__all__ = ["ItemsView", "KeysView", "ValuesView"]


class _View:
    __slots__ = ()
    _mapping: Any

    def __len__(self) -> int:
        return len(self._mapping)

    def __aiter__(self) -> AsyncIterator[Any]:
        from ._futures import each

        return each(self, self._mapping)

    def __repr__(self) -> str:
        name = type(self).__name__.removesuffix("View").lower()
        return repr(getattr(contents(self._mapping), name)())

    @classmethod
    def _from_iterable(cls, iterable: Any) -> set[Any]:
        return set(iterable)

    def __reduce__(self) -> Any:
        return _view, (self._mapping, type(self).__name__.removesuffix("View").lower())


def _view(mapping: Any, name: str) -> Any:
    return getattr(mapping, name)()


class KeysView(_View, abc.KeysView[Any]):
    """``shared.d.keys()``."""

    __slots__ = ("_place",)

    def __init__(self, mapping: Any, place: Any = None) -> None:
        super().__init__(mapping)
        self._place = place  # where it was made

    def __iter__(self) -> Iterator[Any]:
        return iter_keys(self._mapping, self._place, sys._getframe(1))

    def __reversed__(self) -> Iterator[Any]:
        found: Iterator[Any] = reversed(self._mapping)
        return found


class ValuesView(_View, abc.ValuesView[Any]):
    """``shared.d.values()``."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        return iter_values(self._mapping)

    def __contains__(self, item: object) -> bool:
        return is_value_in(self._mapping, item)

    def __reversed__(self) -> Iterator[Any]:
        return iter_values(self._mapping, True)


class ItemsView(_View, abc.ItemsView[Any, Any]):
    """``shared.d.items()``."""

    __slots__ = ()

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return iter_items(self._mapping)

    def __contains__(self, item: object) -> bool:
        return is_item_in(self._mapping, item)

    def __reversed__(self) -> Iterator[tuple[Any, Any]]:
        return iter_items(self._mapping, True)
