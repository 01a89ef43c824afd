"""`tocsin alerts`: what rings, for people and for programs."""

import asyncio
import io
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import click
import orjson
from rich.console import Console
from rich.padding import Padding

from detectors.alert import Alert, Severity, encode_alert
from stream.alert_text import describe, headline, styled, styled_headline
from stream.alerts import Told, is_canary, latest, open_alerts
from stream.safe_text import shown
from stream.settings import load_settings

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Since(click.ParamType):
    """A moment: an RFC 3339 time with its zone, or a length of time before now."""

    name = "moment"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The moment as an aware time."""
        if isinstance(value, datetime):
            return value
        if length := re.fullmatch(r"(\d{1,6})([smhd])", value):
            return datetime.now(UTC) - timedelta(seconds=int(length[1]) * _UNITS_S[length[2]])
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail(f"{value!r} is neither like 30m, 2h, 7d nor like 2024-05-15T10:21:00Z", param, ctx)
        return moment


class Filter(NamedTuple):
    """Which alerts are wanted."""

    min_severity: Severity
    since_ms: float
    ids: tuple[str, ...]

    def wants(self, told: Told) -> bool:
        """Whether this one is."""
        return (
            told.alert.severity.rank >= self.min_severity.rank
            and told.append_ms >= self.since_ms
            and (told.alert.id.startswith(self.ids) if self.ids else not is_canary(told.alert))
        )


@click.command(
    epilog="""\b
Examples:
  tocsin alerts                              what rings now, gravest first
  tocsin alerts --follow                     and every change from now on
  tocsin alerts --all --since 12h            what rang since last evening
  tocsin alerts 5b0c9f                       all about one burst (the beginning of its id will do)
  tocsin alerts --follow --json --min-severity critical | while read -r alert; do …; done
"""
)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--follow", "-f", is_flag=True, help="Go on with each new transition; Ctrl-C ends.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, plus append_ms; for programs.")
@click.option("--all", "with_resolved", is_flag=True, help="Bursts that are over, too.")
@click.option(
    "--min-severity",
    type=click.Choice([severity.value for severity in Severity]),
    default=Severity.INFO.value,
    help="Leave out what is less grave.",
)
@click.option("--since", type=Since(), help="Told since: 30m, 2h, 7d ago, or 2024-05-15T10:21:00Z.")
def alerts(
    *,
    ids: tuple[str, ...],
    follow: bool,
    as_json: bool,
    with_resolved: bool,
    min_severity: str,
    since: datetime | None,
) -> int:
    """Print what rings now: `critical` and `warning` in full, `info` as a list.

    With an ID (or its beginning) that burst is told in full, over or not. Each transition is
    printed once, however often it stands on the topic. Nothing on the broker is changed.
    """
    wanted = Filter(Severity(min_severity), 0 if since is None else since.timestamp() * 1000, ids)
    show: Callable[[Told], None] = _print_json if as_json else Printer(in_full=bool(ids)).show
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without UTF-8 must not end the watch
    try:
        asyncio.run(_run(wanted, show, follow=follow, as_json=as_json, with_resolved=with_resolved))
    except BrokenPipeError:
        # The reader has had enough (`| head`): no more to say, also not when Python flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


async def _run(
    wanted: Filter, show: Callable[[Told], None], *, follow: bool, as_json: bool, with_resolved: bool
) -> None:
    async with open_alerts(load_settings()) as log:
        held = [told for told in latest(await log.catch_up()) if wanted.wants(told)]
        resolved = [told for told in held if told.alert.status == "resolved"]
        chosen = held if with_resolved or wanted.ids else [told for told in held if told not in resolved]
        for told in chosen:
            show(told)
        if not as_json:
            click.echo(_summary(held, n_hidden=len(held) - len(chosen)), err=follow)
        if not follow:
            return
        if not as_json:
            click.echo("following; Ctrl-C ends", err=True)
        async for told in log.follow():
            if wanted.wants(told):
                show(told)


def _summary(held: Sequence[Told], *, n_hidden: int) -> str:
    firing = Counter(told.alert.severity for told in held if told.alert.status == "firing")
    counts = ", ".join(f"{firing[s]:,} {s}" for s in reversed(Severity) if firing[s])
    n_muted = sum(told.alert.status == "firing" and told.alert.muted_by is not None for told in held)
    counts += f"; {n_muted:,} muted: tocsin mutes" if n_muted else ""
    hidden = f" ({n_hidden:,} over: --all shows them)" if n_hidden else ""
    return f"ringing: {counts}{hidden}" if counts else f"nothing rings{hidden}"


def _print_json(told: Told) -> None:
    value = orjson.loads(encode_alert(told.alert))
    click.echo(orjson.dumps({**value, "append_ms": told.append_ms}))


class Printer:
    """Alerts as text, coloured on a terminal.

    Args:
        in_full: Also what is only `info`.
    """

    def __init__(self, *, in_full: bool) -> None:
        self._in_full = in_full
        self._console = Console(highlight=False) if sys.stdout.isatty() else None

    def show(self, told: Told) -> None:
        """Print one."""
        alert = told.alert
        is_full = self._in_full or alert.severity is not Severity.INFO
        if self._console is None:
            click.echo(describe(alert) + "\n" if is_full else _listed(alert))
        elif is_full:
            for line in styled(alert).split("\n", allow_blank=True):
                # Wrapped lines keep the indentation of their first one.
                indent = len(line.plain) - len(line.plain.lstrip())
                self._console.print(Padding(line[indent:], (0, 0, 0, indent), expand=False))
            self._console.print()
        else:
            self._console.print(styled_headline(alert).append(f"  {_short_id(alert)}"))


def _listed(alert: Alert) -> str:
    return f"{headline(alert)}  {_short_id(alert)}"


def _short_id(alert: Alert) -> str:
    return shown(alert.id[:8], 16)
