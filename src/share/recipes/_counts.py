"""Counter, Histogram, Leaderboard, Progress, RateLimiter and TokenBucket."""

import bisect
import sys
import time
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from share import Share, ShareTimeoutError

__all__ = ["Counter", "Histogram", "Leaderboard", "Progress", "RateLimiter", "TokenBucket"]

T = TypeVar("T")


class Numbers:
    """A number for each label."""

    def __init__(self) -> None:
        self.numbers: dict[Hashable, float] = {}

    def add(self, label: Hashable, number: float) -> None:
        self.numbers[label] = self.numbers.get(label, 0) + number


class Counter:
    """Counts, by labels; adding does not wait."""

    def __init__(self, shared: Share, name: str) -> None:
        self.counts: Numbers = shared.setdefault(name, Numbers())

    def add(self, number: float = 1, label: Hashable = None) -> None:
        """Adds to the count of a label."""
        self.counts.add(label, number)

    def __getitem__(self, label: Hashable) -> float:
        return self.counts.numbers.get(label, 0)

    @property
    def value(self) -> float:
        """The sum of all."""
        return sum(self.counts.numbers.values())


class Buckets:
    """How many values are in which bucket."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds, self.counts = bounds, [0] * (len(bounds) + 1)
        self.total, self.sum = 0, 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect.bisect_left(self.bounds, value)] += 1
        self.total += 1
        self.sum += value

    def quantile(self, part: float) -> float:
        rank, below = part * self.total, 0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            below += count
            if below >= rank:
                return bound
        return float("inf")


class Histogram:
    """The distribution of a value: how many of all processes' values are at most 5 ms, 10 ms, ... (``bounds``)."""

    BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

    def __init__(self, shared: Share, name: str, bounds: Sequence[float] = BOUNDS) -> None:
        self.buckets: Buckets = shared.setdefault(name, Buckets(tuple(sorted(bounds))))

    def observe(self, value: float) -> None:
        """Counts a value; does not wait."""
        self.buckets.observe(value)

    def counts(self) -> dict[float, int]:
        """How many values there are up to each bound, and beyond the last one (infinity), each counted once."""
        return dict(zip((*self.buckets.bounds, float("inf")), self.buckets.counts, strict=True))

    def quantile(self, part: float) -> float:
        """The bound that at least this part of all values does not exceed."""
        return self.buckets.quantile(part)


class Scores:
    """The best score of each player, and all in order."""

    def __init__(self) -> None:
        self.best: dict[Hashable, float] = {}
        self.order: list[tuple[float, int, Hashable]] = []
        self.count = 0

    def submit(self, who: Hashable, score: float) -> None:
        old = self.best.get(who)
        if old is not None and old >= score:
            return
        if old is not None:
            self.order = [entry for entry in self.order if entry[2] != who]
        self.best[who] = score
        self.count += 1  # of equal scores the one that came first is the better one
        self.order.insert(bisect.bisect_left(self.order, (-score, self.count)), (-score, self.count, who))

    def top(self, n: int) -> list[tuple[Hashable, float]]:
        return [(who, -score) for score, _, who in self.order[:n]]

    def rank(self, who: Hashable) -> int:
        return next(i for i, entry in enumerate(self.order, 1) if entry[2] == who)


class Leaderboard:
    """The best score of each player."""

    def __init__(self, shared: Share, name: str) -> None:
        self.scores: Scores = shared.setdefault(name, Scores())

    def submit(self, who: Hashable, score: float) -> None:
        """Counts if it is the player's best; does not wait."""
        self.scores.submit(who, score)

    def top(self, n: int = 10) -> list[tuple[Hashable, float]]:
        """The first ``n`` players with their scores; of equal scores the earlier one is first."""
        return self.scores.top(n)

    def rank(self, who: Hashable) -> int:
        """The place of a player, from 1. Raises KeyError if there is none of that name."""
        if who not in self.scores.best:
            raise KeyError(who)
        return self.scores.rank(who)


class Done:
    """How much of something is done."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0

    def add(self, number: int) -> None:
        self.done += number

    def beyond(self, seen: int) -> int:
        return 0 if self.done == seen else self.done + 1


class Progress:
    """How far many workers have got, together."""

    def __init__(self, shared: Share, name: str, total: int) -> None:
        self.shared = shared
        self.state: Done = shared.setdefault(name, Done(total))

    def update(self, number: int = 1) -> None:
        """So much more is done; does not wait."""
        self.state.add(number)

    def wrap(self, items: Iterable[T]) -> Iterator[T]:
        """The items, each counted when the next one is asked for."""
        for item in items:
            yield item
            self.update()

    def __str__(self) -> str:
        done, total = self.state.done, self.state.total
        filled = 40 * min(done, total) // total if total else 40
        return f"[{'#' * filled:<40}] {done}/{total}"

    def follow(self, timeout: float | None = None) -> Iterator[tuple[int, int]]:
        """(done, total), again each time that it has changed, until all is done, or nothing for ``timeout`` seconds."""
        seen = -1
        while seen < self.state.total:
            try:
                done = self.shared.wait_for(partial(self.state.beyond, seen), timeout)
            except ShareTimeoutError:
                return
            seen = done - 1
            yield seen, self.state.total

    def show(self, bar: Any = None, timeout: float | None = None) -> None:
        """Shows it until all is done: in a ``tqdm`` bar, in (rich progress, task id), or in a new bar.

        That is tqdm's if it is installed, else a line of text on standard error.
        """
        if bar is None:
            try:
                from tqdm import tqdm  # type: ignore[import-untyped,import-not-found,unused-ignore]

                bar = tqdm(total=self.state.total)
            except ImportError:
                pass
        for done, total in self.follow(timeout):
            if bar is None:
                print(f"\r{self}", end="\n" if done >= total else "", file=sys.stderr, flush=True)
            elif isinstance(bar, tuple):
                bar[0].update(bar[1], completed=done, total=total)
            else:
                bar.total, bar.n = total, done
                bar.refresh()


class Window:
    """When the last calls were allowed."""

    def __init__(self, calls: int, seconds: float) -> None:
        self.calls, self.seconds = calls, seconds
        self.times: deque[float] = deque()

    def allow(self) -> float:
        now = time.monotonic()
        while self.times and self.times[0] <= now - self.seconds:
            self.times.popleft()
        if len(self.times) < self.calls:
            self.times.append(now)
            return 0.0
        return self.times[0] + self.seconds - now


class Bucket:
    """Tokens that come back at a steady rate."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self.tokens, self.at = float(burst), time.monotonic()

    def allow(self) -> float:
        now = time.monotonic()
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.rate


class RateLimiter:
    """At most so many calls in any window of so many seconds, of all processes together."""

    def __init__(self, shared: Share, name: str, calls: int, seconds: float) -> None:
        self.state: Any = shared.setdefault(name, Window(calls, seconds))

    def allow(self) -> bool:
        """Whether a call may be made now; if so, it counts."""
        return bool(self.state.allow() <= 0)

    def wait(self, timeout: float | None = None) -> bool:
        """Sleeps until a call may be made; False: it would have to wait for longer than ``timeout`` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while (rest := self.state.allow()) > 0:
            if end is not None and time.monotonic() + rest > end:
                return False
            time.sleep(rest)
        return True


class TokenBucket(RateLimiter):
    """``rate`` calls a second in the long run, and up to ``burst`` at once."""

    def __init__(self, shared: Share, name: str, rate: float, burst: float = 1) -> None:
        self.state = shared.setdefault(name, Bucket(rate, burst))
