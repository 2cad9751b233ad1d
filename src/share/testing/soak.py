"""``python -m share.testing.soak --minutes N``: load, kills and stops at random, and the contract checked all the time.

Producers count their own commands and check every read; whenever one has ended or been killed, its count in the share
must lie between what had returned and what had begun. The coordinator is killed and stopped as well. Ends with status
1 at the first thing that is not as it should be.
"""

import os
import random
import signal
import sys
import time
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from share import Share
from share.testing._ledger import Books, Producer, Words, fork, left_of

__all__ = ["main"]


class Soak:
    """One long run: a share, some producers, and a hand that kills and stops."""

    def __init__(self, producers: int, ring: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.stop = Words(1)
        self.wanted = producers
        self.children: dict[int, int] = {}  # pid -> number
        self.lanes: dict[int, int] = {}  # pid -> lane
        self.last = 0
        self.counts = dict.fromkeys(
            (
                "commands",
                "producers killed",
                "producers stopped",
                "coordinators killed",
                "coordinators stopped",
            ),
            0,
        )
        self.recoveries: list[float] = []
        self.checked = 0
        self.share = Share(ring=ring)
        self.books = Books(self.share)
        self.control: Any = self.share.session_of().control
        self.safe_from = 0  # the coordinator is not killed again before this position is committed

    def start_producer(self) -> None:
        """Forks a producer that works until it is killed or told to stop."""
        self.last += 1
        who, seed = self.last, self.random.getrandbits(32)
        lane = min(set(range(self.wanted)) - set(self.lanes.values()))

        def produce() -> None:
            producer = Producer(self.books, who, seed, lane=lane)
            while not self.stop[0]:
                producer.step()
            self.share.flush()

        pid = fork(produce)
        self.children[pid], self.lanes[pid] = who, lane

    def collect(self, pid: int) -> None:
        """Takes note of a producer's end. Raises AssertionError if its count cannot be true."""
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert status in (0, -signal.SIGKILL), f"a producer ended with {status}"
        who = self.children.pop(pid)
        del self.lanes[pid]
        self.counts["commands"] += self.books.check(range(who, who + 1))
        self.checked += 1

    def strike(self) -> None:
        """One random misfortune."""
        kind = self.random.random()
        if kind < 0.45:
            victim = self.random.choice(list(self.children))
            os.kill(victim, signal.SIGKILL)
            self.counts["producers killed"] += 1
            self.collect(victim)
        elif kind < 0.6:
            victim = self.random.choice(list(self.children))
            self._pause(victim)
            self.counts["producers stopped"] += 1
        elif kind < 0.7:
            pid = self.control.coordinator_pid()
            if pid:
                self._pause(pid)
                self.counts["coordinators stopped"] += 1
        else:
            self._kill_coordinator()

    def _pause(self, pid: int) -> None:
        try:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(self.random.random() * 0.05)
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass  # a coordinator that has just been replaced

    def _kill_coordinator(self) -> None:
        # Two deaths during one command count as that command's fault.
        pid = self.control.coordinator_pid()
        if not pid or self.control.position() < self.safe_from:
            return
        self.safe_from = self.control.tail() + 1
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        start, at = time.monotonic(), self.control.position()
        while self.control.position() <= at:
            assert time.monotonic() - start < 60, "no recovery within a minute"
            time.sleep(0.0005)
        self.recoveries.append(time.monotonic() - start)
        self.counts["coordinators killed"] += 1

    def check(self) -> None:
        """What must hold at any time."""
        self.books.check_now()
        self.books.take_trail()

    def finish(self) -> None:
        """Ends everything; nothing may be left."""
        self.stop[0] = 1
        for pid in list(self.children):
            self.collect(pid)
        self.check()
        name = self.share.session_of().name
        self.share.close()
        assert not left_of(name), f"leaked segments: {left_of(name)}"

    def table(self, elapsed: float) -> Table:
        """The state of the run."""
        table = Table(title=f"share soak, {elapsed:.0f} s")
        table.add_column("what")
        table.add_column("count", justify="right")
        for what, count in self.counts.items():
            table.add_row(what, str(count))
        table.add_row("producers checked", str(self.checked))
        table.add_row("queued cells", str(self.control.backlog()))
        if self.recoveries:
            ordered = sorted(self.recoveries)
            table.add_row("recovery, median", f"{ordered[len(ordered) // 2] * 1e3:.0f} ms")
            table.add_row("recovery, longest", f"{ordered[-1] * 1e3:.0f} ms")
        return table


@click.command()
@click.option("--minutes", type=float, default=3.0, show_default=True)
@click.option("--producers", type=int, default=3, show_default=True)
@click.option("--ring", type=int, default=256, show_default=True, help="Cells of the command ring.")
@click.option("--seed", type=int, default=None, help="To repeat a run; schedules still differ.")
def main(minutes: float, producers: int, ring: int, seed: int | None) -> None:
    """Loads a share, kills and stops its processes at random, and checks that nothing is lost."""
    import logging

    logging.getLogger("share").setLevel(logging.ERROR)
    seed = time.time_ns() % 1_000_000 if seed is None else seed
    console = Console()
    console.print(f"seed {seed}")
    soak = Soak(producers, ring, seed)
    start = time.monotonic()
    with Live(soak.table(0), console=console, refresh_per_second=2) as live:
        while time.monotonic() - start < minutes * 60:
            while len(soak.children) < soak.wanted:
                soak.start_producer()
            time.sleep(soak.random.random() * 0.05)
            soak.strike()
            soak.check()
            live.update(soak.table(time.monotonic() - start))
        soak.finish()
        live.update(soak.table(time.monotonic() - start))
    console.print("nothing lost, repeated, torn or left behind")


if __name__ == "__main__":
    sys.exit(main())
