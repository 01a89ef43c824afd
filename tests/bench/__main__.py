"""``make bench``: measured in one run on this machine, against the real peer where there is one.

Prints a table, writes ``build/bench.json`` (rows: id, measure, value, unit, peers, ratio,
reach, holds) and draws ``build/bench-*.png``. ``make bench ONLY=organic`` runs one,
``SHORT=1`` tries it in seconds: its figures mean nothing.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from tests.bench import (
    delay,
    detector,
    growth,
    memory,
    organic,
    plots,
    scale_out,
    signature,
    stages,
    start,
    worker,
)
from tests.bench.rows import Row, Setup
from tests.support.figures import describe_machine, figure

ROWS: dict[str, Callable[[Setup], list[Row]]] = {
    "signature": signature.measure,
    "organic": organic.measure_organic,
    "hot": organic.measure_hot,
    "memory": memory.measure,
    "growth": growth.measure,
    "detector": detector.measure,
    "stages": lambda setup: asyncio.run(stages.measure(setup)),
    "start": lambda setup: asyncio.run(start.measure(setup)),
    "worker": lambda setup: asyncio.run(worker.measure(setup)),
    "scale_out": lambda setup: asyncio.run(scale_out.measure(setup)),
    "delay": lambda setup: asyncio.run(delay.measure(setup)),
}


def main() -> int:
    """Run the rows asked for; exit code 0 whatever they show: figures are judged by people."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=[*ROWS, ""], default=os.environ.get("ONLY", ""))
    parser.add_argument("--repeat", type=int, default=3, help="runs of each row; medians are shown")
    parser.add_argument("--short", action="store_true", help="try it in seconds; the figures mean nothing")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    arguments = parser.parse_args()
    console = Console(stderr=True)
    setup = Setup(
        repeat=1 if arguments.short else arguments.repeat,
        short=arguments.short,
        say=lambda text: console.print(f"[dim]{text}[/dim]"),
    )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    machine, rows = describe_machine(), list[Row]()
    for name, run in ROWS.items():
        if arguments.only in {"", name}:
            rows += run(setup)
            # Written as they come: an hour's figures must not hang on the last one.
            document = {"machine": machine, "short": arguments.short, "rows": [row.as_dict() for row in rows]}
            arguments.out.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    for row in rows:
        plots.draw(row, machine, arguments.out.parent)
    show(rows, machine)
    return 0


def show(rows: list[Row], machine: dict[str, str | int]) -> None:
    """The table."""
    table = Table(title=f"{machine['cores']} × {machine['cpu']}, Python {machine['python']}")
    for heading in ("row", "measure", "value", "peers", "ratio", "reach", "holds"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        peers = ", ".join(f"{name} {figure(value)}" for name, value in row.peers.items())
        ratio = "" if row.ratio is None else f"{row.ratio:.1f}×"
        value = f"{figure(row.value)} {row.unit}"
        table.add_row(row.id, row.measure, value, peers, ratio, row.reach, row.verdict)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


if __name__ == "__main__":
    sys.exit(main())
