"""On-call's commands against a worker and a broker: what is said, what holds, who else sees it."""

import asyncio
import json
import subprocess
import time
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from msgspec.structs import replace
from support.alerts import alert
from support.full_path import (
    TOCSIN,
    Log,
    Service,
    by_reader_rule,
    environment,
    on_its_own,
    processed,
    produce,
    told,
)
from support.scenario_feed import short_feed
from support.workers import until

from detectors.alert import Alert, Severity, encode_alert
from detectors.normalise import normalise
from detectors.ruling import Ended, Ruled, RulingKind, encode_ruled
from stream.embedded import EmbeddedBroker
from stream.kafka import ALERTS, RULINGS, client_kwargs, topic_name
from stream.recovery import read_compacted
from stream.settings import Settings

pytestmark = [pytest.mark.broker, pytest.mark.timeout(400)]

FRENCH, ENGLISH = "Nouvelle-Cal", "New Caledonia"


@pytest.fixture
async def settings(embedded_broker: EmbeddedBroker, prefix: str) -> Settings:
    """Topics of their own, one partition each."""
    return await on_its_own(
        embedded_broker,
        prefix,
    )


async def run(settings: Settings, folder: Path, *args: str, code: int = 0) -> str:
    """Run a command to its end; what it said."""
    done = await asyncio.to_thread(
        subprocess.run,
        [*TOCSIN, *args],
        env=environment(settings, folder),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def lines(said: str) -> list[dict[str, Any]]:
    """NDJSON, read."""
    return [json.loads(line) for line in said.splitlines()]


async def test_a_mute_outlives_the_worker_that_took_it_and_a_change_of_settings(
    settings: Settings, tmp_path: Path
) -> None:
    """Muted by one worker, killed; a second goes on, a third with other thresholds; then unmuted."""
    feed = short_feed()
    half = next(
        at
        for at, one in enumerate(feed.posts)
        if one["scenario"]["actor"] == "campaign" and one["created_at"] > "2024-05-15T10:40"
    )

    def is_critical(words: str) -> Any:
        return lambda a: a.severity is Severity.CRITICAL and words in a.exemplar.text

    async with Log(settings, ALERTS) as log:
        with Service(settings, tmp_path) as first:
            await produce(settings, [feed.values[:half]])
            french = await told(log, is_critical(FRENCH), first)
            english = await told(log, is_critical(ENGLISH), first)
            said = await run(
                settings, tmp_path, "mute", french.id[:8], "--for", "7d", "--why", "a drill", "--by", "maria"
            )
            assert "muted until 2024-05-22" in said
            assert "by maria" in said
            muted = await told(log, lambda a: a.id == french.id and a.reason.value == "MUTED", first)
            undo = said.splitlines()[-1]
            assert undo.startswith("Undo: tocsin unmute ")
            verdict = await run(
                settings, tmp_path, "verdict", english.id[:8], "true", "--why", "new accounts", "--by", "ada"
            )
            assert "verdict true" in verdict
            first.kill()
        with Service(settings, tmp_path) as second:
            await produce(settings, [feed.values[half:]])
            grown = await told(log, lambda a: a.id == french.id and a.posts >= 2 * muted.posts, second)
            assert grown.muted_by is not None
            shown = await run(settings, tmp_path, "alerts", french.id[:8])
            assert ", muted: " in shown.splitlines()[0]
            assert "Muted by maria until 2024-05-22" in shown
        other = settings.model_copy(update={"history_h": 23})
        with Service(other, tmp_path) as third:
            await third.ready()
            held = lines(await run(other, tmp_path, "mutes", "--json"))
            assert [(one["burst"], one["by"], one["why"]) for one in held] == [
                (french.id, "maria", "a drill")
            ]
            metrics = await third.metrics()
            assert metrics['tocsin_bursts_muted{severity="critical"}'] == 1
            assert metrics['tocsin_verdicts{severity="critical",verdict="true"}'] == 1
            said = await run(other, tmp_path, "unmute", undo.split()[-1], "--why", "over", "--by", "ada")
            assert "ended by ada" in said
            back = await told(log, lambda a: a.id == french.id and a.reason.value == "UNMUTED", third)
            assert back.muted_by is None
            await produce(settings, [feed.ends[:1]])
            await processed([third], feed.end_ms)
        stories = by_reader_rule(await log.alerts())
    assert {a.muted_by is not None for a in stories[english.id]} == {False}
    flags = [a.muted_by is not None for a in stories[french.id]]
    assert [is_muted for is_muted, _ in groupby(flags)] == [False, True, False]
    assert await run(settings, tmp_path, "mutes") == "0 hold (1 ended: --all shows them)\n"
    audit = await run(settings, tmp_path, "mutes", "--all")
    assert "ended: muted" in audit
    assert "ended by ada" in audit
    (verdict_held,) = lines(await run(settings, tmp_path, "verdicts", "--json"))
    assert (verdict_held["kind"], verdict_held["severity"]) == ("true", "critical")
    assert "critical: 100% of 1 true" in await run(settings, tmp_path, "verdicts")


async def test_what_nobody_has_taken_yet_is_said_so_and_wrong_names_are_refused(
    settings: Settings, tmp_path: Path
) -> None:
    """No worker runs; ids that fit nothing or too much; lengths that are none; and then one comes."""
    await append(settings, alert(id="aaaa1111"), alert(id="aaaa2222"), alert(id="bbbb"))
    for args, code, said in (
        (("mute", "aaaa", "--why", "x"), 1, "several alerts: aaaa"),
        (("mute", "cccc", "--why", "x"), 1, "no alert has an id that begins with cccc"),
        (("mute", "bbbb", "--why", "x", "--for", "31d"), 2, "no length like"),
        (("mute", "bbbb"), 2, "--why"),
        (("known", "bbbb", "--by", "\n"), 1, "name yourself"),
        (("unmute", "bbbb"), 1, "nothing that holds"),
        (("verdict", "bbbb", "perhaps", "--why", "x"), 2, "perhaps"),
    ):
        assert said in await run(settings, tmp_path, *args, code=code)
    asked = await run(settings, tmp_path, "known", "bbbb", "--by", "maria")
    assert "not taken yet" in asked
    assert await run(settings, tmp_path, "mutes") == "0 hold\n"
    with Service(settings, tmp_path) as late:
        await late.ready()

        async def is_held() -> bool:
            return "a known template from now on" in await run(settings, tmp_path, "mutes")

        await until(is_held, 60, late.tail)


async def test_a_known_template_outlives_the_log_it_was_decided_in(
    settings: Settings, tmp_path: Path
) -> None:
    """``activity`` made anew, as an upgrade may: the ruling stands past its end, and holds all the same.

    One that ended long ago leaves the topic; one that ended lately stays for those who ask who and why.
    """
    feed = short_feed()
    words = next(
        one["text"]
        for one in feed.posts
        if one["scenario"]["actor"] == "campaign" and FRENCH in one["text"] and one["platform"] == "x"
    )
    known = Ruled(
        id="00c0ffee00c0ffee",
        kind=RulingKind.KNOWN,
        burst="of another time",
        text=words,
        severity=Severity.CRITICAL,
        by="maria",
        why="",
        at_ms=0,
        peak=10_000,
        exemplars=[normalise(words)],
        offset=10**6,
    )
    over = Ended(by="ada", why="not needed", at_ms=0, offset=-1)
    old = replace(known, id="01d", offset=-1, ended=over)
    recent = replace(old, id="4ece47", at_ms=time.time_ns() // 1_000_000)
    async with AIOKafkaProducer(**client_kwargs(settings)) as producer:
        for one in (known, old, recent):
            await producer.send_and_wait(topic_name(settings, RULINGS), encode_ruled(one), one.id.encode())
    async with Log(settings, ALERTS) as log:
        with Service(settings, tmp_path) as worker:
            await produce(settings, [feed.values[: len(feed.values) // 2]])
            muted = await told(log, lambda a: a.muted_by is not None, worker)
            assert muted.muted_by is not None
            assert muted.muted_by.ruling == known.id
            (held,) = lines(await run(settings, tmp_path, "mutes", "--json"))
            assert held["offset"] == -1
    left = await read_compacted(client_kwargs(settings), topic_name(settings, RULINGS))
    assert left.keys() == {known.id.encode(), recent.id.encode()}


async def append(settings: Settings, *alerts: Alert) -> None:
    """Append alerts to the topic."""
    async with AIOKafkaProducer(**client_kwargs(settings)) as producer:
        for one in alerts:
            await producer.send_and_wait(topic_name(settings, ALERTS), encode_alert(one), one.id.encode())
