"""Things that programs of several processes need, made of nothing but the public API.

They are short enough to be copied and changed. Each is a handle on an object of the share under a name; whoever makes
the handle first makes the object. Handles can be passed to other processes. What a process holds is free again when it
dies.
"""

from ._caches import Cache, get_or_create, once
from ._counts import Counter, Histogram, Leaderboard, Progress, RateLimiter, TokenBucket
from ._locks import Barrier, Event, Lock, Semaphore
from ._queues import Job, JobQueue, PriorityQueue, Queue
from ._stash import Stash

__all__ = [
    "Barrier", "Cache", "Counter", "Event", "Histogram", "Job", "JobQueue", "Leaderboard", "Lock", "PriorityQueue",
    "Progress", "Queue", "RateLimiter", "Semaphore", "Stash", "TokenBucket", "get_or_create", "once",
]  # fmt: skip
