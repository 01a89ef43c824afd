"""What is seen while the demo runs: colours and a bar on a terminal, plain lines anywhere else."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from textwrap import fill, indent
from typing import IO

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from detectors.alert import Alert, AlertReason, Severity
from stream.alert_text import describe
from stream.demo.truth import Finding
from stream.safe_text import quote

STYLES = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_PLAIN_EVERY_S = 1800
_PLAIN_WIDTH = 96
_MIN_WIDTH = 40

_INTRO = (
    "Tocsin reads social posts and rings when many accounts suddenly say nearly the same thing.",
    (
        "What you will see: the 15th of May 2024, five hours at {speed:g} times the pace. 1,686 accounts on "
        "X and 80 on Facebook posted two texts against France in New Caledonia 5,332 times, one French, one "
        "English; VIGINUM, the French service against foreign digital interference, made it public. "
        "Everything you see is made up by a generator from its figures: each text, each account, and around "
        "them ten times as many posts of talk, headlines, bots, fans and apps in fourteen languages. No "
        "real person's post is in it, and nothing is downloaded."
    ),
    (
        "All of it runs on this machine and ends with this command: a broker of the Kafka protocol, Tocsin's "
        "worker in its own process, and the replay that feeds it. Ctrl-C stops everything."
    ),
)

LEGEND = """\
Each line is news of one burst, a text that many accounts post:
  what      rings: new · grew: doubled, or graver · resolved: quiet for 15 minutes
  severity  CRITICAL wakes someone · WARNING stands on the dashboard · INFO is a list
  in truth  what it is. Only the demo knows that: the worker sees posts like any others
Not shown: each doubling of what is not critical. Times are UTC (Paris time less two hours).
"""

_WHAT = {
    AlertReason.FIRST: "rings",
    AlertReason.GREW: "grew",
    AlertReason.RESOLVED: "resolved",
    AlertReason.MERGED: "merged",
    AlertReason.REPEAT: "repeat",
    AlertReason.MUTED: "muted",
    AlertReason.UNMUTED: "unmuted",
}
_HEADER = f"{'time':<9} {'severity':<8} {'what':<8} {'posts':>5} {'accounts':>8}  {'in truth':<12} words"
_WORDS_AT = _HEADER.index("words")
_WORDS_CELLS = (12, 90)


class Screen:
    """Everything that is printed.

    Args:
        out: where to; a terminal or not.
    """

    def __init__(self, out: IO[str]) -> None:
        self.console = Console(file=out, highlight=False, markup=False, emoji=False)
        self.is_live = self.console.is_terminal and not self.console.is_dumb_terminal
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._next_plain_s = 0.0

    def say(self, text: str | Text, style: str = "") -> None:
        """Print a line; outside a terminal it is never wrapped."""
        told = Text(text) if isinstance(text, str) else text
        if style:
            told.stylize(style)
        self.console.print(told, soft_wrap=not self.console.is_terminal)

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Say what takes a while, while it does."""
        if self.is_live:
            with self.console.status(Text(doing)):
                yield
        else:
            self.say(doing)
            yield

    def intro(self, speed: float) -> None:
        """What is about to be seen, at `speed` times real time."""
        for paragraph in (text.format(speed=speed) for text in _INTRO):
            self.say(paragraph if self.console.is_terminal else fill(paragraph, _PLAIN_WIDTH))
            self.say("")

    def legend(self) -> None:
        """What the lines mean that follow."""
        self.say(LEGEND)
        self.say(_HEADER, "underline" if self.is_live else "")

    def alert(self, alert: Alert, finding: Finding) -> None:
        """One line for one alert, cut to the width of a terminal."""
        least, most = _WORDS_CELLS
        n_cells = min(most, self.console.width - _WORDS_AT - 2) if self.console.is_terminal else most
        text = alert.exemplar.text or (alert.variants[0].text if alert.variants else "")
        line = Text(f"{alert.updated_at.astimezone(UTC):%H:%M:%S}  ")
        line.append(f"{alert.severity.upper():<8} ", STYLES[alert.severity])
        line.append(f"{_WHAT[alert.reason]:<8} {alert.posts:>5,} {alert.accounts:>8,}  ")
        line.append(f"{finding.label.short:<12} ", "bold" if finding.is_campaign else "dim")
        line.append(quote(text, max(least, n_cells)))
        self.say(line)

    def in_full(self, alert: Alert) -> None:
        """The alert as the person on call reads it."""
        title = "This is what the person on call gets"
        self.say("")
        if self.is_live:
            self.console.print(
                Panel(Text(describe(alert)), title=title, title_align="left", border_style="bold red")
            )
        else:
            self.say(f"{title}:")
            self.say(indent(describe(alert), "| ", lambda _line: True))
        self.say("")

    def mark(self, event_s: float, text: str) -> None:
        """Something that happens in the feed."""
        self.say(f"{_clock(event_s)}  ──── {text} ────", "bold magenta")

    @contextmanager
    def progress(self, n_posts: int) -> Iterator[None]:
        """Show how far the replay is, below what is printed meanwhile."""
        if not self.is_live:
            yield
            return
        narrow = self.console.width < _MIN_WIDTH
        columns = [TextColumn("{task.fields[clock]}", style="bold")]
        if not narrow:
            columns.append(BarColumn(bar_width=None))  # type: ignore[arg-type]  # any column will do
        columns.append(TextColumn("{task.fields[note]}"))
        with Progress(*columns, console=self.console, expand=not narrow, refresh_per_second=8) as bar:
            self._bar = bar
            self._task = bar.add_task("", total=n_posts, clock="--:--:--", note="")
            try:
                yield
            finally:
                self._bar = None

    def progressed(self, event_s: float, n_sent: int, n_read: int, rate: float) -> None:
        """Bring the progress up to date; outside a terminal a line every half hour of event time."""
        note = f"sent {n_sent:,}  read {n_read:,}  {rate:,.0f}/s"
        if self._bar is not None:
            self._bar.update(self._task, completed=n_sent, clock=_clock(event_s), note=note)
        elif event_s >= self._next_plain_s:
            if self._next_plain_s:
                self.say(f"{_clock(event_s)}  … {note}")
            self._next_plain_s = event_s - event_s % _PLAIN_EVERY_S + _PLAIN_EVERY_S


def _clock(event_s: float) -> str:
    return f"{datetime.fromtimestamp(event_s, UTC):%H:%M:%S}"
