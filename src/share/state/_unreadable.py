"""What stands for something published that cannot be loaded in this process."""

from typing import Any

from share.errors import NotShareableError

__all__ = ["Unreadable", "UnreadableClass"]


class Unreadable:
    """Stands for a part of the state, an attribute, a name or an object that cannot be loaded in this process.

    What is published stays as it is until something else is assigned: ``content`` is that, of an opaque object, and
    ``error`` what its class raised.
    """

    __slots__ = ("__weakref__", "_share_content", "_share_error", "_share_why")

    def __init__(self, why: str, content: bytes = b"", error: BaseException | None = None) -> None:
        self._share_why, self._share_content, self._share_error = why, content, error

    def __repr__(self) -> str:
        return f"<{self._share_why}>"

    def __getattr__(self, name: str) -> Any:
        raise NotShareableError(self._share_why)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise NotShareableError(self._share_why)


class UnreadableClass:
    """Stands for a class that cannot be loaded: its instances have their attributes and contents, and no methods."""

    def __init__(self, content: bytes, error: BaseException) -> None:
        self.content, self.error = content, error
        self.made: dict[type, type] = {}

    def of(self, base: type) -> type:
        """The stand-in for nodes of that built-in class, ``object`` for others."""
        if base not in self.made:
            self.made[base] = type("Unreadable", (base,), {"__getattr__": self._refuse})
        return self.made[base]

    def _refuse(self, *_: Any) -> Any:
        raise NotShareableError(
            f"the class of this object cannot be loaded: {type(self.error).__name__}: {self.error}"
        )
