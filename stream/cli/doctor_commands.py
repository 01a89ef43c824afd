"""`tocsin doctor`: is all well, and if not, what is to be done."""

import asyncio

import click
import orjson

_MARKS = {"ok": ("ok   ", "green"), "note": ("note ", "yellow"), "wrong": ("WRONG", "red")}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document at the end, for programs.")
@click.option("--round-trip/--no-round-trip", default=True, help="Try a made-up burst on topics of its own.")
def doctor(*, as_json: bool, round_trip: bool) -> int:
    """Look at all that the service rests on, and say what to do about each finding.

    Brokers, topics, versions, clocks, the group's members and lag, and a round trip: topics of
    their own with a prefix beginning with `doctor-`, a worker beside the running ones, a made-up
    burst that must ring; all is deleted afterwards. Alertmanager, Prometheus and the page are
    asked where alertmanager_urls, prometheus_url and page_url are set.

    Exit code 0: nothing is wrong (notes may be); 1: something is.

    \b
    Examples:
      tocsin doctor
      tocsin doctor --no-round-trip --json | jq -r '.findings[] | select(.level == "wrong") | .fix'
    """  # noqa: D301 (click's mark for lines to leave alone)
    return asyncio.run(_run(as_json=as_json, with_round_trip=round_trip))


async def _run(*, as_json: bool, with_round_trip: bool) -> int:
    from stream.doctor.findings import Level  # noqa: PLC0415 (heavy imports only for this command)
    from stream.doctor.run import examine  # noqa: PLC0415
    from stream.safe_text import shown  # noqa: PLC0415
    from stream.settings import load_settings  # noqa: PLC0415

    findings = []
    async for found in examine(load_settings(), with_round_trip=with_round_trip):
        findings.append(found)
        if as_json:
            continue
        mark, colour = _MARKS[found.level]
        click.echo(f"{click.style(mark, fg=colour)} {found.check:12} {shown(found.what, 2000)}")
        if found.fix:
            click.echo(f"{'':19}→ {shown(found.fix, 2000)}")
    n_wrong = sum(found.level is Level.WRONG for found in findings)
    if as_json:
        document = {"healthy": not n_wrong, "findings": [found._asdict() for found in findings]}
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    elif n_wrong:
        click.echo(f"{n_wrong} wrong", err=True)
    return int(bool(n_wrong))
