"""The lock-free parts that ``share`` is built of, each usable alone over any writable shared buffer."""

from share._flags import FlagArray

from ._mpsc import MPSCRing
from ._ring import Claim, Ring
from ._slotarray import Slots
from ._spsc import SPSCRing
from ._waitword import WaitWord

__all__ = ["Claim", "FlagArray", "MPSCRing", "Ring", "SPSCRing", "Slots", "WaitWord"]
