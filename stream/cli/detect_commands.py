"""`tocsin detect`: the detectors over an archive, without Kafka."""

import io
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, islice
from types import FrameType
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from detectors.alert import Alert, Severity, encode_alert
from detectors.chain import Chain, warm_up
from detectors.sketcher import RawPost
from stream.alerts import Told
from stream.cli.alerts_commands import Printer
from stream.detection import VERSION, detector_settings
from stream.feeds import NdjsonFeed
from stream.settings import load_settings

_INTERRUPTED = 130
_CHUNK = 500


@dataclass(slots=True)
class Archive:
    """An archive on its way through the detectors.

    Attributes:
        n_posts: Lines fed.
        rejected: Lines that are no post, by reason.
        told: The last alert of each burst.
    """

    detectors: Chain
    append_ms: int
    """Every line counts as appended then; UTC milliseconds."""
    n_posts: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    told: dict[str, Alert] = field(default_factory=dict)

    def feed(self, lines: Sequence[bytes]) -> list[Alert]:
        """Take the next lines."""
        numbers = count(self.n_posts)
        posts = [RawPost(number, self.append_ms, line) for number, line in zip(numbers, lines, strict=False)]
        alerts = self.detectors.feed(posts)
        self.n_posts += len(lines)
        self.rejected.update(rejected.reason.value for _, rejected in self.detectors.rejected)
        return self._note(alerts)

    def end(self) -> list[Alert]:
        """No more lines: the slot that was open closes."""
        return self._note(self.detectors.end(after_s=60))

    def _note(self, alerts: list[Alert]) -> list[Alert]:
        self.told |= {alert.id: alert for alert in alerts}
        return alerts


@click.command(
    epilog="""\b
Examples:
  tocsin detect posts.ndjson
  tocsin detect 2024-05-1?.ndjson.gz --min-severity warning
  zcat *.gz | tocsin detect - --json > alerts.ndjson
"""
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="One alert a line, as on topic alerts; for programs.")
@click.option(
    "--min-severity",
    type=click.Choice([severity.value for severity in Severity]),
    default=Severity.INFO.value,
    help="Leave out what is less grave.",
)
def detect(*, files: tuple[str, ...], as_json: bool, min_severity: str) -> int:
    """Find the bursts in an archive: FILEs of one JSON post a line, gzipped or not, or - for stdin.

    The same detectors as the worker's, without Kafka: over the same posts they give the same
    alerts, with the same ids and counts, as a worker does over topics of one partition. Files
    are read one after the other as given; posts must be in order of time, more or less.

    Settings that decide (see `tocsin settings`) hold here too. Ctrl-C ends with a summary of
    what was read, exit code 130.
    """
    settings = load_settings()
    console = Console(stderr=True)
    least = Severity(min_severity).rank
    show = _print_json if as_json else Printer(in_full=False).show
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without UTF-8 must not end the run
    with console.status("getting the detectors ready (the first time up to a minute)…"):
        warm_up()
    archive = Archive(Chain(detector_settings(settings), VERSION), time.time_ns() // 1_000_000)

    def tell(alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            if alert.severity.rank >= least:
                show(Told(alert, archive.append_ms))

    began = time.monotonic()
    try:
        with _Stop() as stop:
            _read(files, archive, tell, console, stop)
    except BrokenPipeError:
        # The reader has had enough (`| head`): no more to say, also not when Python flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    click.echo(_summary(archive, time.monotonic() - began), err=True)
    return _INTERRUPTED if stop.asked else 0


class _Stop:
    """Ctrl-C ends between two chunks; a second one at once."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _read(
    files: Sequence[str],
    archive: Archive,
    tell: Callable[[Sequence[Alert]], None],
    console: Console,
    stop: _Stop,
) -> None:
    with _bar(console) as bar:
        for name in files:
            with NdjsonFeed(name) as feed:
                task = bar.add_task(feed.name, total=feed.total_bytes, note="")
                for lines in _chunks(feed):
                    tell(archive.feed(lines))
                    note = f"{archive.n_posts:,} posts, {len(archive.told):,} bursts"
                    bar.update(task, completed=feed.bytes_read, note=note)
                    if stop.asked:
                        return
    tell(archive.end())


def _chunks(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    for first in lines:
        yield [*chain([first], islice(lines, _CHUNK - 1))]


def _bar(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _print_json(told: Told) -> None:
    click.echo(encode_alert(told.alert))


def _summary(archive: Archive, wall_s: float) -> str:
    bursts = Counter(alert.severity for alert in archive.told.values())
    n_ringing = sum(alert.status == "firing" for alert in archive.told.values())
    counts = ", ".join(f"{bursts[severity]:,} {severity}" for severity in reversed(Severity))
    pace = f"{wall_s:.1f} s ({archive.n_posts / max(wall_s, 1e-9):,.0f}/s)"
    lines = [f"{archive.n_posts:,} posts in {pace}; bursts: {counts}; {n_ringing:,} ring at its end"]
    if archive.rejected:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in archive.rejected.most_common())
        lines.append(f"{archive.rejected.total():,} lines are no posts: {reasons}")
    if n_late := archive.detectors.clusterer.counts["late"]:
        lines.append(
            f"{n_late:,} posts came late, out of order of time: sorted, they would count in their slots"
        )
    return "\n".join(lines)
