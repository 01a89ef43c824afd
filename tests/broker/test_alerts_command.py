"""`tocsin alerts` on a real broker: what is on the topic, each transition once."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from support.alerts import START, alert, post

from detectors.alert import Alert, AlertReason, Severity, encode_alert
from stream.alerts import follow_alerts, open_alerts, read_alerts
from stream.embedded import EmbeddedBroker
from stream.kafka import ALERTS, client_kwargs, connected, topic_name
from stream.settings import Settings
from stream.topics import create_topics

pytestmark = pytest.mark.broker

COMMAND = [sys.executable, "-c", "from stream.cli import main; main(prog_name='tocsin')", "alerts"]
CAMPAIGN, NEWS, FARM, OVER = "aaaa1111", "bbbb2222", "cccc3333", "dddd4444"


@pytest.fixture
async def settings(embedded_broker: EmbeddedBroker, prefix: str) -> Settings:
    """Settings of the test, its topics made."""
    settings = Settings(bootstrap=embedded_broker.bootstrap, topic_prefix=prefix)
    await create_topics(settings)
    return settings


async def append(settings: Settings, *alerts: Alert | bytes) -> None:
    """Append alerts, or other bytes, to the topic."""
    name = topic_name(settings, ALERTS)
    async with connected(AIOKafkaProducer(**client_kwargs(settings)), settings) as producer:
        for one in alerts:
            if isinstance(one, bytes):
                await producer.send_and_wait(name, one)
            else:
                await producer.send_and_wait(name, encode_alert(one), one.id.encode())


def a_stage() -> list[Alert]:
    """Four bursts: a campaign that grew, news, a farm's game, and one that is over."""
    game = post("Level 40 in Farmburg")
    return [
        alert(id=FARM, seq=1, severity=Severity.INFO, exemplar=game),
        alert(id=OVER, seq=1, severity=Severity.CRITICAL),
        alert(id=CAMPAIGN, seq=1, severity=Severity.WARNING, posts=8),
        alert(id=NEWS, seq=1, severity=Severity.WARNING, exemplar=post("Quake off the coast")),
        alert(id=CAMPAIGN, seq=2, severity=Severity.CRITICAL, reason=AlertReason.GREW, posts=64),
        alert(id=CAMPAIGN, seq=1, severity=Severity.WARNING, posts=8),  # told again after a crash
        alert(
            id=OVER,
            seq=2,
            severity=Severity.CRITICAL,
            status="resolved",
            reason=AlertReason.RESOLVED,
            ends_at=START,
        ),
    ]


def environment(settings: Settings) -> dict[str, str]:
    """The environment of a command that shall use `settings`."""
    names = {"TOCSIN_BOOTSTRAP": settings.bootstrap, "TOCSIN_TOPIC_PREFIX": settings.topic_prefix}
    return os.environ | names


def run(settings: Settings, *args: str) -> subprocess.CompletedProcess[str]:
    """Run `tocsin alerts` to its end."""
    return subprocess.run(
        [*COMMAND, *args], env=environment(settings), capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def running(settings: Settings, *args: str) -> Iterator[subprocess.Popen[str]]:
    """Run `tocsin alerts` while the context lasts."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*COMMAND, *args], env=environment(settings), text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def ids_of(lines: str) -> list[tuple[str, int]]:
    """(id, seq) of JSON lines."""
    return [(line["id"], line["seq"]) for line in map(json.loads, lines.splitlines())]


async def test_prints_what_rings_gravest_first(settings: Settings) -> None:
    """The last word on each burst that rings: critical and warning in full, info in a line."""
    await append(settings, *a_stage())
    done = run(settings)
    assert (done.returncode, done.stderr) == (0, "")
    heads = [line for line in done.stdout.splitlines() if line.startswith(("CRITICAL", "WARNING", "INFO"))]
    assert [head.split(":")[0] for head in heads] == ["CRITICAL grew", "WARNING rings", "INFO rings"]
    assert heads[2].endswith(FARM)
    assert done.stdout.count("What next") == 2
    assert done.stdout.endswith("\nringing: 1 critical, 1 warning, 1 info (1 over: --all shows them)\n")


async def test_a_terminal_gets_our_colours_and_nothing_of_a_posts(settings: Settings) -> None:
    """On a terminal the first line is coloured; escapes and markup in a post do nothing."""
    hostile = post("\x1b[2J[blink]look[/] \x1b]8;;https://evil.example\x07here\x1b]8;;\x07")
    await append(settings, alert(id=NEWS, exemplar=hostile))
    drawn = on_a_terminal(settings)
    assert drawn.startswith("\x1b[1;31mCRITICAL rings: “[blink]look[/] here”")
    assert "\x1b[2J" not in drawn
    assert "\x1b]" not in drawn
    assert "\x1b[1mWhat next\x1b[0m" in drawn


def on_a_terminal(settings: Settings) -> str:
    """Run `tocsin alerts` on a terminal of its own; return what is written there."""
    ours, theirs = os.openpty()
    chunks = []
    with subprocess.Popen(COMMAND, env=environment(settings) | {"TERM": "xterm"}, stdout=theirs) as process:
        os.close(theirs)
        with suppress(OSError):  # Linux ends a terminal with EIO once its last writer has gone
            while chunk := os.read(ours, 4096):
                chunks.append(chunk)
        assert process.wait(timeout=30) == 0
    os.close(ours)
    return b"".join(chunks).decode()


async def test_an_empty_topic_says_that_nothing_rings(settings: Settings) -> None:
    """Silence is told as such, at once."""
    assert run(settings).stdout == "nothing rings\n"
    assert run(settings, "--json").stdout == ""


async def test_json_is_one_object_a_line_with_its_append_time(settings: Settings) -> None:
    """Programs get the latest of each burst as the topic has it, plus append_ms; nothing else."""
    await append(settings, *a_stage())
    done = run(settings, "--json", "--all")
    # Newest is by place in the log: OVER was told last, so it comes before the other critical one.
    assert ids_of(done.stdout) == [(OVER, 2), (CAMPAIGN, 2), (NEWS, 1), (FARM, 1)]
    first = json.loads(done.stdout.splitlines()[0])
    assert first.pop("append_ms") > 1_700_000_000_000
    assert first == json.loads(encode_alert(a_stage()[-1]))


async def test_filters_choose_by_severity_age_and_id(settings: Settings) -> None:
    """--min-severity, --since and an id's beginning leave out the rest; an id is shown when over, too."""
    await append(settings, *a_stage())
    assert ids_of(run(settings, "--json", "--min-severity", "critical").stdout) == [(CAMPAIGN, 2)]
    assert len(ids_of(run(settings, "--json", "--since", "1h").stdout)) == 3
    assert run(settings, "--json", "--since", "2100-01-01T00:00:00Z").stdout == ""
    assert ids_of(run(settings, "--json", "dddd", "cccc").stdout) == [(OVER, 2), (FARM, 1)]
    assert "What next" in run(settings, FARM).stdout
    wrong = run(settings, "--since", "2024-05-15T10:00:00")
    assert wrong.returncode == 2
    assert "neither like 30m" in wrong.stderr


async def test_follow_goes_on_with_each_new_transition_once(settings: Settings) -> None:
    """New transitions come as they are appended, repeated ones never; Ctrl-C ends it with 130."""
    await append(settings, *a_stage())
    with running(settings, "--follow", "--json") as process:
        assert process.stdout is not None
        held = "".join(process.stdout.readline() for _ in range(3))
        assert ids_of(held) == [(CAMPAIGN, 2), (NEWS, 1), (FARM, 1)]
        over = {"status": "resolved", "reason": AlertReason.RESOLVED, "ends_at": START}
        await append(
            settings,
            alert(id=CAMPAIGN, seq=2),
            alert(id=NEWS, seq=2, **over),
            alert(id=NEWS, seq=2, **over),
            alert(id=NEWS, seq=1),
            alert(id="eeee5555", seq=1),
        )
        more = "".join(process.stdout.readline() for _ in range(2))
        assert ids_of(more) == [(NEWS, 2), ("eeee5555", 1)]
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=30)
    assert (process.returncode, rest, said.strip()) == (130, "", "")


async def test_a_reader_that_has_enough_ends_it_quietly(settings: Settings) -> None:
    """Closing the pipe, as `| head` does, is no error and leaves no traceback."""
    await append(settings, alert(id="f000"))
    with running(settings, "--follow", "--json") as process:
        assert process.stdout is not None
        assert ids_of(process.stdout.readline()) == [("f000", 2)]
        process.stdout.close()
        await append(settings, alert(id="f001"))
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(timeout=30) == 0


async def test_what_is_no_alert_is_passed_over_and_told(settings: Settings) -> None:
    """A stranger's record on the topic ends no watch; a warning names its offset."""
    await append(settings, b"{}", b"\xff", alert(id=CAMPAIGN))
    done = run(settings, "--json")
    assert ids_of(done.stdout) == [(CAMPAIGN, 2)]
    assert (done.returncode, done.stderr.count("is no alert")) == (0, 2)


async def test_a_missing_topic_is_told_with_its_remedy(embedded_broker: EmbeddedBroker, prefix: str) -> None:
    """Without topics: one line that says what to do, exit code 1, and no topic is made by asking."""
    settings = Settings(bootstrap=embedded_broker.bootstrap, topic_prefix=prefix)
    for _ in range(2):
        done = run(settings, "--follow")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"tocsin: there is no topic {prefix}alerts at {settings.bootstrap}. Fix: tocsin topics create\n"
        )


async def test_an_absent_broker_is_told(prefix: str) -> None:
    """Where nothing listens: one line that says so, exit code 1."""
    done = run(Settings(bootstrap="127.0.0.1:1", topic_prefix=prefix))
    assert (done.returncode, done.stdout) == (1, "")
    assert "127.0.0.1:1: nothing listens there" in done.stderr
    assert done.stderr.count("\n") == 1


async def test_follow_alerts_yields_each_transition_with_its_append_time(settings: Settings) -> None:
    """From the beginning: all that is held and all that comes, in order, a repeated seq never."""
    stage = a_stage()
    await append(settings, *stage)
    wanted = [stage[i] for i in (0, 1, 2, 3, 4, 6)]
    new = msgspec.structs.replace(stage[0], seq=2, reason=AlertReason.GREW)
    async with aclosing(follow_alerts(settings)) as alerts:
        seen = [await anext(alerts) for _ in wanted]
        await append(settings, stage[0], new)
        seen.append(await anext(alerts))
    assert [told.alert for told in seen] == [*wanted, new]
    times = [told.append_ms for told in seen]
    assert times == sorted(times)
    assert times[0] > 1_700_000_000_000


async def test_caught_up_readers_get_what_comes_and_know_repetitions(settings: Settings) -> None:
    """After `catch_up` nothing is missed and nothing that was there is told again."""
    stage = a_stage()
    await append(settings, *stage)
    new = msgspec.structs.replace(stage[0], seq=2)
    async with open_alerts(settings) as log:
        assert len(await log.catch_up()) == 6
        await append(settings, stage[4], new)
        assert [told.alert for told in await log.catch_up()] == [new]
        newer = msgspec.structs.replace(new, seq=3)
        await append(settings, new, newer)
        async with aclosing(log.follow()) as following:
            assert (await anext(following)).alert == newer
    assert (await read_alerts(settings))[-1].alert == newer


async def test_follow_alerts_from_the_end_leaves_out_what_was_there(settings: Settings) -> None:
    """From the end: the first alert told is one appended after the reader began."""
    stage = a_stage()
    await append(settings, *stage)
    async with aclosing(follow_alerts(settings, from_beginning=False)) as alerts:
        first = asyncio.ensure_future(anext(alerts))
        seq = 2
        while not first.done():  # when the reader stands at the end can't be seen from outside
            seq += 1
            await append(settings, msgspec.structs.replace(stage[0], seq=seq))
        told = await first
    assert told.alert.id == FARM
    assert told.alert.seq >= 3
