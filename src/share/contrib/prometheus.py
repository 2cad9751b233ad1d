"""Figures of a share for Prometheus: ``REGISTRY.register(ShareCollector(shared))``.

They are read from shared memory whenever Prometheus asks; nothing is sent to the share, and nothing is waited for.
"""

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from share import ShareClosedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from share import Share

__all__ = ["ShareCollector"]

_STATES = ("starting", "running", "lost", "closed")


class ShareCollector:
    """The figures of one share. All processes see the same ones: register it in one of them, or in each.

    Args:
        share: the share to look at.
        label: what the label ``share`` says; None: the name of its segment.
    """

    def __init__(self, share: "Share", label: str | None = None) -> None:
        self.share = share
        self.label = share.session_of().name if label is None else label

    def collect(self) -> "Iterator[Metric]":
        """The figures as they are now."""
        control, health = self.share.session_of().control, self.share.health()
        state = GaugeMetricFamily(
            "share_state", "1 for the state that the share is in.", labels=["share", "state"]
        )
        for each in _STATES:
            state.add_metric([self.label, each], float(health.state == each))
        yield state
        yield self._gauge(
            "share_queued_cells", "Cells of the ring that are queued and not committed.", health.backlog
        )
        yield self._gauge("share_ring_cells", "Cells of the ring.", control.cells)
        yield self._gauge(
            "share_running_seconds", "Time for which the coordinator has been running its present commands.",
            health.running_for,
        )  # fmt: skip
        yield self._gauge("share_memory_bytes", "Shared memory of the share.", health.memory)
        yield self._gauge("share_processes", "Processes that are registered.", len(control.processes()))
        yield self._counter("share_commands", "Commands that have been executed.", control.commands())
        yield self._counter("share_commit_position", "The commit position, in cells.", health.commit)
        yield self._counter(
            "share_takeovers", "Times that a dead coordinator was replaced.", control.takeovers()
        )
        try:
            errors = 0 if control.closed else len(self.share.read_errors(False))
        except ShareClosedError:
            errors = 0  # just now
        yield self._gauge("share_errors_kept", "Failed commands that are kept, at most 100.", errors)

    def _gauge(self, name: str, text: str, value: float) -> "Metric":
        found = GaugeMetricFamily(name, text, labels=["share"])
        found.add_metric([self.label], value)
        return found

    def _counter(self, name: str, text: str, value: float) -> "Metric":
        found = CounterMetricFamily(name, text, labels=["share"])
        found.add_metric([self.label], value)
        return found
