"""Draws what `python -m bench --json` wrote: latencies, throughput by processes, cost by size. Needs matplotlib.

python -m bench.plots FILE.json FOLDER
"""

import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["draw"]


def draw(found: dict[str, Any], folder: Path) -> None:
    """One file for each part that was measured."""
    import matplotlib

    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    for name, drawn in (("latency", latency), ("throughput", throughput), ("sizes", sizes)):
        if found.get(name):
            figure = drawn(found[name])
            figure.savefig(folder / f"{name}.svg", bbox_inches="tight")


def axes(titles: list[str]) -> tuple[Any, list[Any]]:
    """A figure with so many axes side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(titles), 3.6))
    made = figure.subplots(1, len(titles), squeeze=False)[0]
    for each, title in zip(made, titles, strict=True):
        each.set_title(title, fontsize=9)
        each.grid(alpha=0.3)
    return figure, list(made)


def by_operation(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["operation"], []).append(row)
    return found


def latency(rows: list[dict[str, Any]]) -> Any:
    """The share of calls that took so long, on a logarithmic scale."""
    groups = {name: group for name, group in by_operation(rows).items() if name.startswith("call")}
    figure, made = axes(list(groups))
    for each, group in zip(made, groups.values(), strict=True):
        for row in group:
            times = [float(start) * 1e6 for start in row["histogram"]]
            counts = [count / row["calls"] for count in row["histogram"].values()]
            each.step(times, counts, where="post", label=row["name"])
        each.set(xscale="log", xlabel="µs", ylabel="part of all calls")
        each.legend(fontsize=8)
    return figure


def throughput(rows: list[dict[str, Any]]) -> Any:
    """Operations a second of 1, 2 and 4 processes."""
    groups = by_operation(rows)
    figure, made = axes(list(groups))
    for each, group in zip(made, groups.values(), strict=True):
        for name in dict.fromkeys(row["name"] for row in group):
            points = [(row["processes"], row["rate"]) for row in group if row["name"] == name]
            each.plot(*zip(*points, strict=True), marker="o", label=name)
        each.set(yscale="log", xlabel="processes", ylabel="a second", xticks=[1, 2, 4])
        each.legend(fontsize=7)
    return figure


def sizes(rows: list[dict[str, Any]]) -> Any:
    """Microseconds of a write and a read, by the number of items."""
    groups = by_operation(rows)
    figure, made = axes(list(groups))
    for each, group in zip(made, groups.values(), strict=True):
        for row in group:
            items = [int(size) for size in row["seconds"]]
            each.plot(
                items, [value * 1e6 for value in row["seconds"].values()], marker="o", label=row["name"]
            )
        each.set(xscale="log", yscale="log", xlabel="items", ylabel="µs")
        each.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
