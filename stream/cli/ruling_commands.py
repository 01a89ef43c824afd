"""`tocsin mute`, `known`, `unmute`, `mutes`: what on-call answers an alert with."""

import asyncio
import getpass
import re
from collections.abc import Iterable
from datetime import UTC, datetime

import click

from detectors.alert import Alert
from detectors.ruling import Ruled, Ruling, RulingKind, Undo, encode_ruled
from stream.alert_text import clock
from stream.alerts import latest as latest_alerts
from stream.alerts import open_alerts
from stream.errors import TocsinError
from stream.rulings import MAX_FOR_S, Ruler, find, latest, open_rulings, ruling_on, taken, undo_of
from stream.safe_text import quote, shown
from stream.settings import Settings, load_settings

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_QUOTE_CELLS, _WORD_CELLS, _WHY_CELLS = 100, 64, 200
_DID = {
    RulingKind.MUTE: "muted",
    RulingKind.KNOWN: "a known template from now on",
    RulingKind.TRUE: "verdict true",
    RulingKind.FALSE: "verdict false",
}
NOT_TAKEN = (
    "asked, and not taken yet: no worker has BURST running, or it is catching up. "
    "It holds as soon as BURST has read it."
)


class Length(click.ParamType):
    """A length of time: 90s, 30m, 2h, 7d."""

    name = "length"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Seconds."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d{1,7})([smhd])", value)
        length_s = int(found[1]) * _UNITS_S[found[2]] if found else 0
        if not 0 < length_s <= MAX_FOR_S:
            self.fail(f"{value!r} is no length like 30m, 2h, 7d, up to {MAX_FOR_S // 86_400}d", param, ctx)
        return length_s


by_option = click.option(
    "--by",
    default=getpass.getuser,
    show_default="the user's name",
    help="Who decides; it is kept with the decision.",
)


@click.command(
    epilog="""\b
Examples:
  tocsin mute 5b0c9f --for 2h --why "a fan vote, ends at noon"
  tocsin mutes                               what is muted, by whom, until when
"""
)
@click.argument("alert_id")
@click.option("--for", "for_s", type=Length(), default="2h", show_default=True, help="Like 30m, 2h, 7d.")
@click.option("--why", required=True, help="For those who come after you.")
@by_option
def mute(alert_id: str, for_s: int, why: str, by: str) -> int:
    """Mute a burst's content and its near-copies, everywhere, for a while.

    ALERT_ID may be the beginning of the id. Muted bursts are counted and shown, and wake nobody;
    what rings of it is told as over. The time is the feed's own: in a replayed archive two hours
    are two of its hours.
    """
    return asyncio.run(decide(load_settings(), alert_id, RulingKind.MUTE, by=by, why=why, for_s=for_s))


@click.command(
    epilog="""\b
Example:
  tocsin known 5b0c9f --why "the weather bot of the ferry company"
"""
)
@click.argument("alert_id")
@click.option("--why", default="", help="For those who come after you.")
@by_option
def known(alert_id: str, why: str, by: str) -> int:
    """Call a burst's content an evergreen template: from now on it wakes nobody.

    Until it is undone, or surges: four times the posts of its busiest minute ring again.
    ALERT_ID may be the beginning of the id.
    """
    return asyncio.run(decide(load_settings(), alert_id, RulingKind.KNOWN, by=by, why=why))


@click.command()
@click.argument("name", metavar="ID")
@click.option("--why", default="", help="For those who come after you.")
@by_option
def unmute(name: str, why: str, by: str) -> int:
    """Take a mute, a known template or a verdict back: ID is its own or the alert's, or a beginning.

    What rings and was muted is told to people at once.
    """
    return asyncio.run(_undo(load_settings(), name, by=by, why=why))


@click.command()
@click.option("--all", "with_ended", is_flag=True, help="Those that hold no more, too: who, when, why.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
def mutes(*, with_ended: bool, as_json: bool) -> int:
    """List what is muted or known, by whom, why and until when."""
    held = [one for one in asyncio.run(read(load_settings())) if one.kind.silences]
    chosen = [one for one in held if with_ended or one.ended is None]
    for one in chosen:
        click.echo(encode_ruled(one) if as_json else "\n".join(told(one)))
    if not as_json:
        n_hidden = len(held) - len(chosen)
        hidden = f" ({n_hidden:,} ended: --all shows them)" if n_hidden else ""
        click.echo(f"{sum(one.ended is None for one in chosen):,} hold{hidden}")
    return 0


async def decide(
    settings: Settings, alert_id: str, kind: RulingKind, *, by: str, why: str, for_s: int = 0
) -> int:
    """Append a decision about the alert, wait for BURST, say what holds and how to undo it.

    Raises:
        TocsinError: no alert, or several, have that id.
    """
    async with open_alerts(settings) as alerts:
        alert = the_alert(alert_id, (told.alert for told in latest_alerts(await alerts.catch_up())))
    ruling = ruling_on(alert, kind, by=by, why=why, for_s=for_s)
    ruled = await _append(settings, ruling)
    click.echo("\n".join(told(ruled)) if ruled else f"{ruling.id[:8]}: {NOT_TAKEN}")
    click.echo(f"Undo: tocsin unmute {ruling.id[:8]}")
    return 0


async def _undo(settings: Settings, name: str, *, by: str, why: str) -> int:
    ruled = find(name, [one for one in await read(settings) if one.ended is None])
    after = await _append(settings, undo_of(ruled, by=by, why=why))
    click.echo("\n".join(told(after)) if after else f"{ruled.id[:8]}: {NOT_TAKEN}")
    return 0


async def _append(settings: Settings, decision: Ruling | Undo) -> Ruled | None:
    async with open_rulings(settings) as rulings:
        await rulings.catch_up()
        await Ruler(settings).append(decision)
        return await taken(rulings, decision)


async def read(settings: Settings) -> list[Ruled]:
    """The last word on every ruling, the newest first."""
    async with open_rulings(settings) as rulings:
        return latest(await rulings.catch_up())


def the_alert(prefix: str, alerts: Iterable[Alert]) -> Alert:
    """The alert whose id begins so.

    Raises:
        TocsinError: none does, or several.
    """
    fits = [alert for alert in alerts if alert.id.startswith(prefix)]
    if len(fits) == 1:
        return fits[0]
    if fits:
        names = ", ".join(shown(alert.id, _WORD_CELLS) for alert in fits[:10])
        raise TocsinError(f"{prefix} is the beginning of several alerts: {names}")
    raise TocsinError(f"no alert has an id that begins with {prefix}: tocsin alerts --all")


def told(one: Ruled) -> list[str]:
    """A ruling in two lines: what holds or held, for what; who, when, why."""
    until = f" until {_at(one.until_ms)} of the feed's time" if one.until_ms else ""
    what = _DID[one.kind] if one.ended is None else f"ended: {_DID[one.kind]}"
    by = f"by {shown(one.by, _WORD_CELLS)}, {_at(one.at_ms)}"
    lines = [
        f"{one.id[:8]}  {what}{until}: {quote(one.text, _QUOTE_CELLS)} (alert {shown(one.burst[:8], 16)})",
        f"          {by}{_because(one.why)}",
    ]
    if one.ended is not None:
        who = f"by {shown(one.ended.by, _WORD_CELLS)}, " if one.ended.by else ""
        lines.append(f"          ended {who}{_at(one.ended.at_ms)}{_because(one.ended.why)}")
    return lines


def _because(why: str) -> str:
    return f": {shown(why, _WHY_CELLS)}" if why else ""


def _at(moment_ms: int) -> str:
    return clock(datetime.fromtimestamp(moment_ms / 1000, UTC))
