"""``make eval DATA=../shared/data``: how well Tocsin hears, on real posts and on made-up ones.

Prints a table and writes ``build/eval.json`` (rows: id, measure, value, unit, reach, holds,
cases, made_up; shares as 0-1). ``make eval ONLY=quiet`` runs the rows whose names begin so.
Everything goes through the detectors of ``tocsin detect``. A row whose folder is missing is
named, and the others go on.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import orjson
from rich.console import Console
from rich.progress import track
from rich.table import Table

from detectors.chain import warm_up
from tests.eval import (
    calibration,
    copies,
    evasion,
    firsts,
    heldout,
    heldout_likeness,
    quiet,
    scripts,
    separation,
    trolls,
    verdicts,
)
from tests.eval.data import Data, NoData
from tests.eval.rows import Row, Setup
from tests.support.figures import describe_machine, figure


class Part(NamedTuple):
    """Rows that are measured together."""

    rows: tuple[str, ...]
    """Their names, or how their names begin."""
    measure: Callable[[Setup], list[Row]]

    def gives(self, only: str) -> bool:
        """Whether it has a row whose name begins with `only`."""
        return any(row.startswith(only) or only.startswith(row) for row in self.rows)


PARTS = (
    Part(("verdict_",), verdicts.measure),
    Part(("copies_recall", "copies_false", "rewording_recall"), copies.measure),
    Part(("troll_recall_8", "troll_recall_all", "troll_"), trolls.measure),
    Part(("first_copies", "critical_copies", "slow_first"), firsts.measure),
    Part(("evasion_",), evasion.measure),
    Part(("scripts_gap",), scripts.measure),
    Part(("quiet_",), quiet.measure),
    Part(("separation_",), separation.measure),
    Part(("heldout_likeness_",), heldout_likeness.measure),
    Part(("heldout_troll_", "heldout_law_"), heldout.measure),
    Part(("calibration_", "evergreen_"), calibration.measure),
)


def main() -> int:
    """Run the rows asked for; exit code 0 whatever they show: figures are judged by people."""
    parser = argparse.ArgumentParser(prog="make eval", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with d3lta, ira, stream, background")
    parser.add_argument("--only", default=os.environ.get("ONLY", ""), help="rows whose names begin so")
    parser.add_argument("--out", type=Path, default=Path("build/eval.json"))
    arguments = parser.parse_args()
    parts = [part for part in PARTS if part.gives(arguments.only)]
    if not parts:
        parser.error(f"no row begins with {arguments.only!r}: {', '.join(n for p in PARTS for n in p.rows)}")
    if not arguments.data.is_dir():
        parser.error(f"{arguments.data} is no folder; make eval DATA=path/to/data")
    console = Console(stderr=True)
    setup = Setup(
        data=Data(arguments.data),
        say=lambda text: console.print(f"[dim]{text}[/dim]", highlight=False),
        track=lambda things, name: track(things, name, console=console, transient=True),
    )
    with console.status("getting the detectors ready (the first time up to a minute)…"):
        warm_up()
    rows, skipped = evaluate(parts, setup, arguments.only)
    document = {"machine": describe_machine(), "rows": [row.as_dict() for row in rows], "skipped": skipped}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    show(rows, skipped)
    if (table := evasion.escapes(rows)) is not None:
        Console(width=None if sys.stdout.isatty() else 140).print(table)
    return 0


def evaluate(
    parts: tuple[Part, ...] | list[Part], setup: Setup, only: str
) -> tuple[list[Row], dict[str, str]]:
    """The rows whose names begin with `only`; and why others could not be measured, by name."""
    rows: list[Row] = []
    skipped = {}
    for part in parts:
        began = time.monotonic()
        try:
            measured = [row for row in part.measure(setup) if row.id.startswith(only)]
        except NoData as lack:
            skipped |= {name: str(lack) for name in part.rows if name.startswith(only)}
            setup.say(f"{', '.join(part.rows)}: {lack}; left out")
            continue
        rows += measured
        names = ", ".join(row.id for row in measured[:3]) + ("…" if len(measured) > 3 else "")
        setup.say(f"{names}: {time.monotonic() - began:.0f} s")
    return rows, skipped


def show(rows: list[Row], skipped: dict[str, str]) -> None:
    """The table; in it * marks rows with made-up authors, † with made-up times."""
    table = Table()
    for heading in ("row", "measure", "value", "reach", "holds"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        marks = "*" * ("author" in row.made_up) + "†" * ("time" in row.made_up)
        value = f"{row.value:.4f}" if row.unit == "share" else f"{figure(row.value)} {row.unit}"
        table.add_row(row.id + marks, row.measure, value, row.reach, row.verdict)
    for name, lack in skipped.items():
        table.add_row(name, lack, "–", "", "left out")
    lacks = set().union(*(row.made_up for row in rows))
    said = {"author": "* authors missing, each post an account", "time": "† times missing, a second apart"}
    table.caption = "; ".join(text for name, text in said.items() if name in lacks)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


if __name__ == "__main__":
    sys.exit(main())
