"""The commands of the runbooks and of UPGRADING.md, typed as they stand there, on Apache Kafka."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from support.apache_kafka import ROOT, ApacheKafka, write_tools
from support.full_path import (
    TOCSIN,
    Log,
    Service,
    contents,
    environment,
    n_repeated,
    processed,
    produce,
    told,
)
from support.receiver import Receiver
from support.scenario_feed import chained, short_feed
from support.workers import until

from detectors.alert import Severity
from stream import kafka
from stream.codec import MAGIC
from stream.settings import Settings
from stream.topics import create_topics

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]

UPGRADING = ROOT / "deploy" / "UPGRADING.md"
DOCUMENTS = [*sorted((ROOT / "deploy" / "runbooks").glob("*.md")), UPGRADING]
FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:kafka-[a-z-]+\.sh|tocsin (?:alerts|settings|topics|schema|doctor))\b[^`]*)`")
ENDLESS = "--follow"
CHANGES = ("--delete", "--reset-offsets")


def commands(path: Path) -> list[str]:
    """What a document tells one to type, of programs that end by themselves."""
    text = path.read_text()
    blocks = [block for language, block in FENCED.findall(text) if not language]
    typed = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    inline = [" ".join(found.split()) for found in INLINE.findall(FENCED.sub("", text))]
    return [line.strip() for line in [*typed, *inline] if line.strip() and ENDLESS not in line]


class Shell:
    """One who types: Kafka's tools and `tocsin` are on the PATH, BROKER is known."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._broker = settings.bootstrap
        self._hands = asyncio.Semaphore(3)  # some of the commands wait for seconds
        tools = folder / "bin"
        tools.mkdir()
        write_tools(tools)
        (tools / "tocsin").write_text(f'#!/bin/sh\nexec {sys.executable} -m stream.cli "$@"\n')
        (tools / "tocsin").chmod(0o755)
        self._env = environment(settings, folder) | {"PATH": f"{tools}:{os.environ['PATH']}"}

    async def type(self, command: str) -> str:
        """What it says; it must end well."""
        line = command.replace("BROKER", self._broker)
        argv = ["sh", "-c", line]
        async with self._hands:
            done = await asyncio.to_thread(
                subprocess.run, argv, env=self._env, cwd=ROOT, capture_output=True, text=True, check=False
            )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        assert "Error" not in done.stdout, f"{line}\n{done.stdout}"
        return done.stdout


async def test_the_commands_work_and_topics_made_anew_give_the_same_alerts(
    apache_kafka: ApacheKafka, tmp_path: Path
) -> None:
    """Half a campaign, a pack of another making, the second procedure of UPGRADING.md, the rest of it."""
    # Names as the documents have them: no prefix, the group's default.
    with Receiver() as receiver:
        settings = Settings(
            bootstrap=apache_kafka.bootstrap,
            posts_partitions=1,
            sketches_partitions=1,
            session_timeout_s=6,
            webhook_url=receiver.url,
            deliver_port=0,
        )
        feed, shell = short_feed(), Shell(settings, tmp_path)
        half = len(feed.values) // 2
        await create_topics(settings)
        async with Log(settings, kafka.ALERTS) as log:
            with Service(settings, tmp_path) as old:
                await produce(settings, [feed.values[:half]])
                await told(log, lambda alert: alert.severity is Severity.CRITICAL, old)
                old.terminate()
                assert await old.exit_code() == 0
            async with AIOKafkaProducer(**kafka.client_kwargs(settings)) as producer:
                await producer.send_and_wait(kafka.SKETCHES, MAGIC + bytes([99]) + bytes(8), partition=0)
            with Service(settings, tmp_path) as refusing:
                assert await refusing.exit_code() == 1
                assert "as deploy/UPGRADING.md says" in refusing.tail()
            for command in commands(UPGRADING):
                if command.startswith(("kafka-", "tocsin topics")):
                    await shell.type(command)
            with (
                Service(settings, tmp_path) as new,
                Service(settings, tmp_path, [*TOCSIN, "deliver"]) as deliver,
            ):
                await deliver.printed("this process leads")
                await produce(settings, [[*feed.values[half:], feed.ends[0], b"no post"]])
                await processed([new], feed.end_ms)
                assert abs((await new.metrics())["tocsin_clock_skew_seconds"]) < 5
                alerts = await log.alerts()
                assert contents(alerts) == contents(chained(settings, [*feed.values, feed.ends[0]]))
                assert n_repeated(alerts) == 0
                found = dict.fromkeys(command for path in DOCUMENTS for command in commands(path))
                harmless = [command for command in found if not any(word in command for word in CHANGES)]
                done = dict(zip(harmless, await asyncio.gather(*map(shell.type, harmless)), strict=True))
        said = {command.split()[0]: text for command, text in done.items()}
        assert {"kafka-console-consumer.sh", "kafka-consumer-groups.sh", "kafka-get-offsets.sh"} <= set(said)
        dead = next(text for command, text in done.items() if "posts.dead" in command)
        assert "not_json" in dead
        await until(lambda: len(receiver.requests) > 0)
