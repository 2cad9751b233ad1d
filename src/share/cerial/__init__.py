"""Objects to bytes and back, exactly as another process would receive them."""

from share.cerial._bytes import dumps, is_immutable, loads, plain_copy
from share.cerial._registry import register, unregister

__all__ = ["dumps", "is_immutable", "loads", "plain_copy", "register", "unregister"]
