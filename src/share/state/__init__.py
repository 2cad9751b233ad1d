"""The state of a share: a graph of nodes, how changes to it are recorded, and how they are applied elsewhere."""

from share.state._replica import CellMissingError, Replica
from share.state._state import State

__all__ = ["CellMissingError", "Replica", "State"]
