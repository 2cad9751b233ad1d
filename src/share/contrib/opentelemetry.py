"""Figures of a share for OpenTelemetry: ``observe(shared)``, once in one of the processes that use it.

They are read from shared memory whenever they are exported; nothing is sent to the share, and nothing is waited for.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import CallbackOptions, Meter, Observation, get_meter

from share.contrib._figures import STATES, figures

if TYPE_CHECKING:
    from share import Share

__all__ = ["observe"]


def observe(share: "Share", label: str | None = None, meter: Meter | None = None) -> None:
    """Has the figures of a share exported.

    Args:
        share: the share to look at.
        label: what the attribute ``share`` says; None: the name of its segment.
        meter: makes the instruments; None: the one named ``share`` of the global provider.
    """
    maker: Any = meter or get_meter("share")
    named = {"share": share.session_of().name if label is None else label}

    def states(_: CallbackOptions) -> Iterator[Observation]:
        now = share.health().state
        for state in STATES:
            yield Observation(int(now == state), {**named, "state": state})

    maker.create_observable_gauge(
        "share.state", [states], description="1 for the state that the share is in."
    )
    for figure in figures(share):
        create = maker.create_observable_counter if figure.only_grows else maker.create_observable_gauge
        create(f"share.{figure.name}", [_read(figure.read, named)], unit=figure.unit, description=figure.text)


def _read(read: Callable[[], float], named: dict[str, str]) -> Callable[[CallbackOptions], list[Observation]]:
    return lambda _: [Observation(read(), named)]
