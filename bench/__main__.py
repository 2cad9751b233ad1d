"""Measures every operation beside what one could use instead, in one run, and compares it with its targets.

python -m bench [--quick] [--rounds 51] [--only TEXT] [--json FILE] [--markdown FILE] [--plots FOLDER]

The exit code is 1 if something takes more than twice as long as its target (bench/targets.toml) allows; such a group is
measured anew up to two times. Peers that are not installed are named: `pip install '.[bench]'`, and a Redis server.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import quantiles
from typing import Any

from bench.cases import WORDS, Case, groups, setting
from bench.costs import Cost, costs
from bench.crew import Throughput, throughputs
from bench.latency import Latency, latencies
from bench.measure import Figures, measure
from bench.peers import PEERS
from bench.plots import draw
from bench.report import comparison, duration
from bench.sizes import BySize, by_size
from bench.targets import Target, targets

ATTEMPTS = 3
QUICK_ROUNDS = 11


def measured(cases: list[Case], names: dict[str, Any], rounds: int) -> Figures:
    """The figures of one group; measured anew if a target is missed by far."""
    for attempt in range(1, ATTEMPTS + 1):
        figures = measure(cases, names, rounds)
        if attempt == ATTEMPTS or not any(
            target.gate and target.fails(ratio) for target, ratio in compared(figures)
        ):
            break
    return figures


def compared(figures: Figures) -> list[tuple[Target, float]]:
    """The targets of that group and what was measured."""
    return [
        (target, 1 / figures.times[target.peer])
        for target in targets()
        if target.operation == figures.group and target.peer in figures.times
    ]


def rows(figures: Figures) -> list[str]:
    """The group's lines of the table."""
    ours, *others = figures.seconds.items()
    found = []
    for number, (name, seconds) in enumerate(others):
        left = (figures.group, duration(ours[1])) if number == 0 else ("", "")
        found.append(f"| {' | '.join((*left, name, duration(seconds), comparison(figures.times[name])))} |")
    return found


def latency_rows(found: list[Latency]) -> list[str]:
    """The table of percentiles."""
    head = [
        "| operation | of | " + " | ".join(found[0].seconds) + " |",
        "|---" * (2 + len(found[0].seconds)) + "|",
    ]
    return head + [
        f"| {row.operation} | {row.name} | {' | '.join(map(duration, row.seconds.values()))} |"
        for row in found
    ]


def throughput_rows(found: list[Throughput]) -> list[str]:
    """The table of what several processes do; the ratio is to share with as many."""
    ours = {(row.operation, row.processes): row.rate for row in found if row.name == "share"}
    return ["| operation | of | processes | a second | of share's |", "|---|---|---|---|---|"] + [
        f"| {row.operation} | {row.name} | {row.processes} | {row.rate:,.0f} "
        f"| {row.rate / ours[row.operation, row.processes]:.2g} × |"
        for row in found
    ]


def size_rows(found: list[BySize]) -> list[str]:
    """The table of containers' sizes; growth is from the smallest to the largest."""
    sizes = list(found[0].seconds)
    head = ["| operation | of | " + " | ".join(f"{size:,}" for size in sizes) + " | growth |"]
    head.append("|---" * (3 + len(sizes)) + "|")
    return head + [
        f"| {row.operation} | {row.name} | {' | '.join(map(duration, row.seconds.values()))} "
        f"| {row.seconds[sizes[-1]] / row.seconds[sizes[0]]:.1f} × |"
        for row in found
    ]


def cost_rows(found: list[Cost]) -> list[str]:
    """The table of what is paid once."""
    return ["| what | costs |", "|---|---|"] + [
        f"| {row.what} | {duration(row.value) if row.unit == 's' else f'{row.value:,.0f} B'} |"
        for row in found
    ]


def as_json(all_figures: list[Figures], more: dict[str, list[Any]], missing: list[str]) -> dict[str, Any]:
    """Everything that was measured, for programs."""
    return {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": len(os.sched_getaffinity(0)),
            "python": platform.python_version(),
            "kernel": platform.release(),
        },
        "missing": missing,
        "operations": [
            {
                "operation": figures.group,
                "name": name,
                "seconds": seconds,
                "quartiles": quantiles(figures.rounds[name], n=4) if len(figures.rounds[name]) > 1 else None,
                "rounds": len(figures.rounds[name]),
                "times as long as share": figures.times[name],
            }
            for figures in all_figures
            for name, seconds in figures.seconds.items()
        ],
        **{name: [asdict(row) for row in found] for name, found in more.items()},
        "targets": [
            {
                "operation": t.operation,
                "peer": t.peer,
                "most": t.most,
                "ratio": ratio,
                "gate": t.gate,
                "why": t.why,
            }
            for figures in all_figures
            for t, ratio in compared(figures)
        ],
    }


def judge(all_figures: list[Figures], say: Callable[[str], None]) -> bool:
    """Prints the targets beside what was measured; True if all hold that must."""
    say("\n| operation | compared with | share takes | target | |\n|---|---|---|---|---|")
    good = True
    for figures in all_figures:
        for target, ratio in compared(figures):
            verdict = "reached" if ratio <= target.most else "missed"
            if target.gate and target.fails(ratio):
                verdict, good = "FAILED: more than twice the target", False
            elif verdict == "missed" and target.why:
                verdict += f": {target.why}"
            say(f"| {target.operation} | {target.peer} | {ratio:.3g} × | {target.most:.3g} × | {verdict} |")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds of what has a target that can fail"
    )
    parser.add_argument("--rounds", type=int, help="51 if nothing is said")
    parser.add_argument("--only", default="", help="only operations whose names contain this")
    parser.add_argument("--json", type=Path, help="write everything into this file")
    parser.add_argument("--markdown", type=Path, help="write the tables into this file too")
    parser.add_argument("--plots", type=Path, help="draw latency, throughput and growth into this folder")
    options = parser.parse_args()
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else 51)
    gated = {target.operation for target in targets() if target.gate}
    lines: list[str] = []

    def say(text: str) -> None:
        print(text, flush=True)
        lines.append(text)

    all_figures = []
    with setting(options.quick) as names:
        missing = [package for name, package in PEERS.items() if name not in names]
        say("| operation | share | instead | takes | is |\n|---|---|---|---|---|")
        for operation, cases in groups().items():
            if options.only not in operation or (
                options.quick and (operation not in gated or operation == WORDS)
            ):
                continue
            all_figures.append(measured(cases, names, rounds))
            for row in rows(all_figures[-1]):
                say(row)
        more: dict[str, list[Any]] = {}
        for part, (measured_by, written) in PARTS.items():
            if not options.quick and options.only in part:
                more[part] = measured_by(names, rounds)
                say("\n" + "\n".join(written(more[part])))
    good = judge(all_figures, say)
    say(f"\nmissing: {', '.join(missing) or 'nobody'}")
    if options.json:
        options.json.write_text(json.dumps(as_json(all_figures, more, missing), indent=2) + "\n")
    if options.markdown:
        options.markdown.write_text("\n".join(lines) + "\n")
    if options.plots:
        draw(as_json(all_figures, more, missing), options.plots)
    return 0 if good else 1


#: What is measured beside the table of operations: how, and how its own table is written.
PARTS: dict[str, tuple[Callable[[dict[str, Any], int], list[Any]], Callable[[list[Any]], list[str]]]] = {
    "latency": (lambda names, rounds: latencies(names, 20 * rounds), latency_rows),
    "throughput": (lambda names, rounds: throughputs(names, min(rounds, 11)), throughput_rows),
    "sizes": (lambda names, rounds: by_size(names, min(rounds, 7)), size_rows),
    "costs": (lambda _, rounds: costs(min(rounds, 7)), cost_rows),
}

if __name__ == "__main__":
    sys.exit(main())
