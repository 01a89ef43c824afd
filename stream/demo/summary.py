"""The end of a demo: one table of figures, what else rang, the verdict, where to look next."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from detectors.alert import Severity
from stream.demo.report import text_of
from stream.demo.screen import STYLES, Screen
from stream.demo.tally import Tally
from stream.safe_text import quote

_MAX_INFO = 12
_TOLD_PHASES = ("worker", "replay", "finish")
_LANGUAGES = {"en": "English", "fr": "French"}


def show(
    screen: Screen, told: dict[str, Any], tally: Tally, files: dict[str, Path], page_url: str, *, keeps: bool
) -> None:
    """Print it all.

    Args:
        screen: where to.
        told: of `stream.demo.report.figures`.
        tally: what rang.
        files: where to look next, by what is in them.
        page_url: where the page is.
        keeps: whether it stays.
    """
    screen.say("")
    table = Table(
        title="What happened", title_justify="left", title_style="bold", box=None, show_header=False
    )
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in rows(told):
        table.add_row(name, value)
    if screen.is_live:
        screen.console.print(table)
    else:
        screen.say("What happened")
        for name, value in rows(told):
            screen.say(f"{name + ':':<32} {value}")
    screen.say("")
    _background(screen, tally)
    _next(screen, files, page_url, keeps=keeps)
    _verdict(screen, told)
    if keeps:
        screen.say(f"The page stays at {page_url}, all else too, until Ctrl-C.", "bold")


def rows(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and value of each figure."""
    posts, delay, bursts = told["posts"], told["delay_s"], told["alerts"]["bursts"]
    yield "posts replayed, processed", f"{posts['replayed']:,}, {posts['processed']:,}"
    yield "rate", f"{told['posts_per_s']:,.0f} posts/s (the replay's pace, {_speed(told)})"
    for name, version in told["versions"].items():
        language = _LANGUAGES.get(name, name)
        yield f"{language} version, first alert", _milestone(version["first_alert"], version["posts"])
        yield f"{language} version, critical", _milestone(version["critical"], version["posts"])
    yield (
        "delay, post in to alert out",
        f"p50 {_ms(delay['p50'])}, p99 {_ms(delay['p99'])} of {delay['n']:,} alerts",
    )
    for severity, ended in bursts.items():
        campaign = told["alerts"]["bursts_of_the_campaign"][severity]["fired"]
        yield f"bursts, {severity}", _ended(ended, campaign)
    yield "dead letters", f"{posts['dead_letters']:,} posts could not be read"
    phases = told["phases_s"]
    took = ", ".join(f"{name} {phases[name]:.0f} s" for name in _TOLD_PHASES if name in phases)
    yield "time", f"{told['wall_s']:.0f} s in all ({took})"


def _speed(told: dict[str, Any]) -> str:
    return f"{told['scenario']['speed']:g} times real time" if told["scenario"]["speed"] else "unpaced"


def _milestone(found: dict[str, Any] | None, n_posts: int) -> str:
    if found is None:
        return "never"
    return f"at copy {found['copies']:,} of {n_posts:,}, {_span(found['after_s'])} after its first post"


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
    n_infos = sum(burst.severity is Severity.INFO for burst in bursts)
    n_hidden = max(0, n_infos - _MAX_INFO)
    screen.say("What rang of the background, gravest and largest first:", "bold")
    n_cells = max(20, screen.console.width - 50) if screen.console.is_terminal else 160
    for burst in bursts[: len(bursts) - n_hidden]:
        line = Text("  ")
        line.append(f"{burst.severity.upper():<8}", STYLES[burst.severity])
        line.append(f" {burst.last.posts:>5,} posts by {burst.last.accounts:>5,}  ")
        line.append(f"{burst.finding.label.short:<12} ", "dim")
        line.append(quote(text_of(burst), n_cells))
        screen.say(line)
    if n_hidden:
        screen.say(f"  … and {n_hidden} more of severity info, all in demo.json")
    screen.say("")


def _next(screen: Screen, files: dict[str, Path], page_url: str, *, keeps: bool) -> None:
    screen.say("Where to look next", "bold")
    stays = (
        "until Ctrl-C" if keeps else "while the demo runs; make demo KEEP=1 (tocsin demo --keep) leaves it up"
    )
    screen.say(f"  {page_url}  the page, {stays}")
    for what, path in files.items():
        screen.say(f"  {path}  {what}")
    screen.say("  README, “Reading an alert”; then your own Kafka:")
    screen.say("  tocsin topics create, tocsin worker, tocsin replay, tocsin alerts --follow")
    screen.say("")


def _verdict(screen: Screen, told: dict[str, Any]) -> None:
    for remark in told["remarks"]:
        screen.say(f"Note: {remark}.", "yellow")
    if told["ok"]:
        screen.say("It rang: the campaign reached critical, and nothing of the background did.", "bold green")
    for why in told["why_not"]:
        screen.say(f"FAILED: {why}.", "bold red")
