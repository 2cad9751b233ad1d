"""What stands for something published that cannot be loaded in this process."""

from typing import Any

from share.errors import NotShareableError

__all__ = ["Unreadable"]


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
