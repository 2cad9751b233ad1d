"""The arguments of one abstract call."""

from ._nodes import Node, NodeSet

__all__ = ["Args"]


class Args:
    """The arguments of one call, as sets of nodes."""

    __slots__ = ("keywords", "own", "positional", "rest", "rest_keywords")

    def __init__(self, positional: list[NodeSet], rest: NodeSet | None = None) -> None:
        self.positional = positional
        self.rest: NodeSet = rest or set()  # any number more, from ``*xs``
        self.keywords: dict[str, NodeSet] = {}
        self.rest_keywords: NodeSet = set()  # from ``**xs``
        self.own = False  # the first is what the callable was looked up on

    def all(self) -> NodeSet:
        """Every node that is passed, wherever."""
        nodes = set(self.rest | self.rest_keywords)
        return nodes.union(*self.positional, *self.keywords.values())

    def bound(self, receiver: Node) -> "Args":
        """The same with a receiver in front."""
        args = Args([{receiver}, *self.positional], self.rest)
        args.keywords, args.rest_keywords = self.keywords, self.rest_keywords
        args.own = True
        return args
