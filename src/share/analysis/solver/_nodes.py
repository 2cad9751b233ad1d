"""The abstract values that the solver computes with.

A variable holds a set of nodes, each standing for objects that it may be at run time. Two nodes are equal only
if they are the same node.
"""

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..frontend._ir import Body

__all__ = ["Kind", "Node", "NodeSet", "Nodes", "Plain", "is_given"]


class Kind(enum.IntEnum):
    """What a node stands for."""

    SELF = 0  # the receiver
    STATE = 1  # the value of an attribute (``deep``: anything reachable from it); name None: of any attribute
    SITE = 2  # an object made at one place of the code, or that came in as an argument
    KNOWN = 3  # an object that exists now: a global, a function, a class, a module
    FUNC = 4  # a function made while running
    BOUND = 5  # a known function or callable bound to a receiver
    METH = 6  # ``receiver.name`` of a receiver that is not SELF, looked up when called
    SCALAR = 7  # an immutable value
    NONE = 8
    SUPER = 9  # ``super()`` of a receiver


class Plain:
    """The type of nodes for values that are plain, whatever they are: see ``are_plain``.

    Reading, calling or changing one runs no code but that of built-in types. It may hold other objects, though.
    """


class Node:
    """One abstract value; which fields mean something depends on ``kind``."""

    __slots__ = (
        "body", "deep", "elements", "hinted", "kind", "merged", "name", "obj", "outer", "part", "receiver", "type",
        "unknown",
    )  # fmt: skip

    def __init__(self, kind: Kind, name: str | None = None) -> None:
        self.kind = kind
        self.name = name  # STATE: attribute; METH: method; SCALAR: the text, if it is a str constant
        self.deep = False
        self.type: type | None = None  # SITE, SCALAR: its class, if known
        self.hinted = False  # SITE: its class is what an annotation says, so that it may be a subclass
        self.unknown = False  # SITE: may hold what was never seen being put in
        self.part: Node | None = None  # SITE, KNOWN: stands for the unseen things in it
        self.elements: list[set[Node]] | None = None  # SITE: element by element, of a tuple
        self.obj: Any = None  # KNOWN, BOUND: the object or function; SUPER: the class after which to look
        self.receiver: Node | None = None  # BOUND, METH, SUPER; SITE: what it is a live view of
        self.body: Body | None = None  # FUNC
        self.merged: Node | None = None  # SITE of unknown type: the one that now stands for it too
        self.outer: Any = None  # FUNC: the instance in which it was made

    def __repr__(self) -> str:
        shown = [self.kind.name, self.name or "", "deep" if self.deep else ""]
        shown.append(self.type.__name__ if self.type else "")
        shown.append(repr(self.obj)[:40] if self.obj is not None else "")
        shown.append(repr(self.receiver) if self.receiver else "")
        return f"<{' '.join(filter(None, shown))}>"


NodeSet = set[Node]


class Nodes:
    """Makes nodes so that equal things are one node."""

    def __init__(self, is_immutable: Callable[[type], bool]) -> None:
        self.receiver = Node(Kind.SELF)
        self.none = Node(Kind.NONE)
        self.is_immutable = is_immutable
        self.cache: dict[Any, Node] = {}
        self.outside = self.site("outside", None)  # whatever other code passes in

    def state(self, name: str | None, deep: bool = False) -> Node:
        """The value of an attribute, or anything reachable from it."""
        key = ("state", name, deep)
        node = self.cache.get(key)
        if node is None:
            node = self.cache[key] = Node(Kind.STATE, name)
            node.deep = deep
        return node

    def scalar(self, cls: type | None, text: str | None = None) -> Node:
        """An immutable value of a class (None: of any)."""
        key = ("scalar", cls, text)
        node = self.cache.get(key)
        if node is None:
            node = self.cache[key] = Node(Kind.SCALAR, text)
            node.type = cls
        return node

    def site(self, key: Any, cls: type | None, unknown: bool = True) -> Node:
        """An object made at the place ``key``."""
        node = self.cache.get((key, cls))
        if node is None:
            node = self.cache[key, cls] = Node(Kind.SITE)
            node.type, node.unknown = cls, unknown
        while node.merged is not None:
            node = node.merged
        return node

    def plain(self, key: Any) -> Node:
        """A plain value that came in at the place ``key``."""
        return self.site(key, Plain)

    def bound(self, function: Any, receiver: Node) -> Node:
        """A callable bound to a receiver."""
        key = ("bound", id(function), receiver)
        node = self.cache.get(key)
        if node is None:
            node = self.cache[key] = Node(Kind.BOUND)
            node.obj, node.receiver = function, receiver
        return node

    def method(self, name: str | None, receiver: Node) -> Node:
        """A method that is looked up by name when it is called."""
        key = ("method", name, receiver)
        node = self.cache.get(key)
        if node is None:
            node = self.cache[key] = Node(Kind.METH, name)
            node.receiver = receiver
        return node

    def super(self, cls: type, receiver: Node) -> Node:
        """``super(cls, receiver)``."""
        key = ("super", cls, receiver)
        node = self.cache.get(key)
        if node is None:
            node = self.cache[key] = Node(Kind.SUPER)
            node.obj, node.receiver = cls, receiver
        return node

    def known(self, value: Any) -> Node:
        """An object that exists now."""
        if value is None:
            return self.none
        cls = type(value)
        if cls is str:
            return self.scalar(str, value)
        if self.is_immutable(cls) or (cls in (tuple, frozenset) and all(map(self.is_plain, value))):
            return self.scalar(cls)
        key = ("known", id(value))
        node = self.cache.get(key)
        if node is None:
            node = self.cache[key] = Node(Kind.KNOWN)
            node.obj = value
        return node

    def is_plain(self, value: Any) -> bool:
        """Whether a value can be treated as an immutable one of its type."""
        return value is None or self.known(value).kind is Kind.SCALAR


def is_given(node: Node) -> bool:
    """Whether it may be, or be a part of, what a caller has passed."""
    return node.kind in (Kind.SITE, Kind.SCALAR) and (node.unknown or node.type is None or node.type is Plain)
