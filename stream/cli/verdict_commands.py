"""`tocsin verdict`, `verdicts`: whether alerts were right, as people judged them."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator

import click

from detectors.alert import Severity
from detectors.ruling import Ruled, RulingKind, encode_ruled
from stream.cli.ruling_commands import by_option, decide, read, told
from stream.settings import load_settings


@click.command(
    epilog="""\b
Examples:
  tocsin verdict 5b0c9f true --why "twelve new accounts, one text"
  tocsin verdicts                            and the precision they add up to
"""
)
@click.argument("alert_id")
@click.argument("said", metavar="true|false", type=click.Choice(["true", "false"]))
@click.option("--why", required=True, help="For those who come after you.")
@by_option
def verdict(alert_id: str, said: str, why: str, by: str) -> int:
    """Record whether an alert was right; it changes nothing that rings.

    ALERT_ID may be the beginning of the id; the latest verdict on a burst counts. Verdicts add
    up to the precision by severity (metric `tocsin_verdicts`).
    """
    return asyncio.run(decide(load_settings(), alert_id, RulingKind(said), by=by, why=why))


@click.command(
    epilog="""\b
Example:
  tocsin verdicts --json > verdicts.ndjson   for make eval, and to keep
"""
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
def verdicts(*, as_json: bool) -> int:
    """List the verdicts that count, and the precision by severity."""
    held = [one for one in asyncio.run(read(load_settings())) if not one.kind.silences and one.ended is None]
    for one in held:
        click.echo(encode_ruled(one) if as_json else "\n".join(told(one)))
    if not as_json:
        click.echo("\n".join(precision(held)))
    return 0


def precision(held: Iterable[Ruled]) -> Iterator[str]:
    """Per severity, the share of alerts that people called true."""
    counts = Counter((one.severity, one.kind) for one in held)
    for severity in reversed(Severity):
        n_true, n_false = (counts[severity, kind] for kind in (RulingKind.TRUE, RulingKind.FALSE))
        n = n_true + n_false
        share = f"{n_true / n:.0%} of {n:,} true" if n else "no verdict"
        yield f"{severity.value}: {share}"
