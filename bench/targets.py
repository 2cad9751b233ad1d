"""The ratios that ``share`` promises, as bench/targets.toml has them."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Target", "targets"]


@dataclass(frozen=True)
class Target:
    """How long an operation of share may take, compared with a peer in the same run."""

    operation: str
    peer: str
    most: float  # the time of share divided by that of the peer
    gate: bool = True  # whether the benchmarks fail beyond twice that
    why: str = ""  # they do not

    def __str__(self) -> str:
        return f"{self.operation} - {self.peer}"

    def fails(self, ratio: float) -> bool:
        return ratio > 2 * self.most


def targets() -> list[Target]:
    with (Path(__file__).parent / "targets.toml").open("rb") as file:
        return [Target(**row) for row in tomllib.load(file)["target"]]
