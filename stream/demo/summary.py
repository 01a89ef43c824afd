"""The end of a demo: one table of figures, what else rang, the verdict, where to look next."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from detectors.alert import Severity
from stream.demo.report import text_of
from stream.demo.screen import Screen
from stream.demo.tally import Tally

_MAX_INFO = 12
_STYLES = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_LANGUAGES = {"en": "English", "fr": "French"}


def show(screen: Screen, told: dict[str, Any], tally: Tally, files: dict[str, Path]) -> None:
    """Print it all.

    Args:
        screen: where to.
        told: of `stream.demo.report.figures`.
        tally: what rang.
        files: where to look next, by what is in them.
    """
    screen.say("")
    table = Table(title="What happened", show_header=False, title_justify="left", title_style="bold")
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows(told):
        table.add_row(name, value)
    if screen.is_live:
        screen.console.print(table)
    else:
        for name, value in rows(told):
            screen.say(f"{name + ':':<27} {value}")
    screen.say("")
    _background(screen, tally)
    _next(screen, files)
    _verdict(screen, told)


def rows(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and value of each figure."""
    posts, delay, bursts = told["posts"], told["delay_s"], told["alerts"]["bursts"]
    yield "posts replayed, processed", f"{posts['replayed']:,}, {posts['processed']:,}"
    yield "rate", f"{told['posts_per_s']:,.0f} posts/s (the replay's pace, {_speed(told)})"
    for name, version in told["versions"].items():
        of = f"{_LANGUAGES.get(name, name)} version, {version['posts']:,} posts"
        yield of, f"first alert {_milestone(version['first_alert'])}"
        yield "", f"critical {_milestone(version['critical'])}"
    yield "delay, post in to alert out", f"p50 {_ms(delay['p50'])}, p99 {_ms(delay['p99'])} of {delay['n']:,} alerts"
    for severity, ended in bursts.items():
        campaign = told["alerts"]["bursts_of_the_campaign"][severity]["fired"]
        yield f"bursts, {severity}", _ended(ended, campaign)
    letters = posts["dead_letters"]
    yield "dead letters", f"{letters:,}" + ("" if letters else " (posts that could not be read)")
    phases = told["phases_s"]
    took = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in phases.items())
    yield "time", f"{told['wall_s']:.0f} s in all: {took}"


def _speed(told: dict[str, Any]) -> str:
    return f"{told['scenario']['speed']:g} times real time" if told["scenario"]["speed"] else "unpaced"


def _milestone(found: dict[str, Any] | None) -> str:
    if found is None:
        return "never"
    true = found["true_copies"]
    drift = "" if true == found["copies"] else f" ({true:,} in the feed by then)"
    return f"at copy {found['copies']:,}{drift}, {_span(found['after_s'])} after its first post"


def _ended(ended: dict[str, int], n_campaign: int) -> str:
    if not ended["fired"]:
        return "none"
    parts = [f"{ended[how]:,} {how}" for how in ("resolved", "merged") if ended[how]]
    if ended["ringing"]:
        parts.append(f"{ended['ringing']:,} still ringing")
    n_other = ended["fired"] - n_campaign
    return f"{n_campaign:,} of the campaign, {n_other:,} of the background: {', '.join(parts)}"


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:,.0f} ms"


def _background(screen: Screen, tally: Tally) -> None:
    bursts = tally.background
    if not bursts:
        screen.say("Nothing of the background rang.")
        return
    screen.say("Of the background rang (in truth: what it is):", "bold")
    infos = [burst for burst in bursts if burst.severity is Severity.INFO]
    hidden = infos[_MAX_INFO:]
    for burst in bursts[: len(bursts) - len(hidden)]:
        line = Text("  ")
        line.append(f"{burst.severity.upper():<8} ", _STYLES[burst.severity])
        line.append(f"{burst.last.posts:>5,} posts by {burst.last.accounts:,}  “{text_of(burst)}”")
        line.append(f"  ← {burst.finding.label}", "dim")
        screen.say(line)
    if hidden:
        screen.say(f"  … and {len(hidden)} more of severity info, all in demo.json")
    screen.say("")


def _next(screen: Screen, files: dict[str, Path]) -> None:
    screen.say("Where to look next", "bold")
    for what, path in files.items():
        screen.say(f"  {path}  {what}")
    screen.say("  README.md, section “Reading an alert”; then the settings, and how to run a worker on your Kafka:")
    screen.say("  tocsin topics create, tocsin worker, tocsin alerts --follow")
    screen.say("")


def _verdict(screen: Screen, told: dict[str, Any]) -> None:
    for remark in told["remarks"]:
        screen.say(f"Note: {remark}.", "yellow")
    if told["ok"]:
        screen.say("It rang: the campaign reached critical, and nothing of the background did.", "bold green")
    for why in told["why_not"]:
        screen.say(f"FAILED: {why}.", "bold red")
