"""Live objects shared between processes, as easy as threads and nearly as fast as local.

>>> from share import Share, shareable
>>> @shareable
... class Counter:
...     def __init__(self):
...         self.n = 0
...     def increment(self):
...         self.n += 1
>>> with Share() as shared:
...     shared.counter = Counter()
...     shared.counter.increment()
...     shared.counter.n
1
"""

from share import errors as _errors
from share._api import FailedCommand, Health, Share, plain, shareable
from share._identity import ProcessId, this_process
from share._kinds import register_value
from share.client._callbacks import copied
from share.client._calls import aio, call, send, submit
from share.client._change import Change
from share.errors import *  # noqa: F403 -- it has an __all__ of public names only

__version__ = "0.1.0"

__all__ = [
    "Change", "FailedCommand", "Health", "ProcessId", "Share", "aio", "call", "copied", "plain", "register_value",
    "send", "shareable", "submit", "this_process",
]  # fmt: skip
__all__ += _errors.__all__
