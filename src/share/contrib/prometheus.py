"""Figures of a share for Prometheus: ``REGISTRY.register(ShareCollector(shared))``.

They are read from shared memory whenever Prometheus asks; nothing is sent to the share, and nothing is waited for.
"""

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from share.contrib._figures import STATES, figures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from share import Share

__all__ = ["ShareCollector"]


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
        now = self.share.health().state
        state = GaugeMetricFamily(
            "share_state", "1 for the state that the share is in.", labels=["share", "state"]
        )
        for each in STATES:
            state.add_metric([self.label, each], float(now == each))
        yield state
        for figure in figures(self.share):
            family = CounterMetricFamily if figure.only_grows else GaugeMetricFamily
            found = family(f"share_{figure.name}", figure.text, labels=["share"])
            found.add_metric([self.label], figure.read())
            yield found
