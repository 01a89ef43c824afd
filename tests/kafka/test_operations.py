"""The commands of the runbooks and of UPGRADING.md, typed as they stand there, on Apache Kafka."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from support.apache_kafka import ApacheKafka
from support.full_path import TOCSIN, Log, Service, contents, n_repeated, processed, produce, told
from support.receiver import Receiver
from support.runbooks import DOCUMENTS, UPGRADING, Shell, changes, commands
from support.scenario_feed import chained, short_feed
from support.workers import until

from detectors.alert import Severity
from stream import kafka
from stream.codec import MAGIC
from stream.settings import Settings
from stream.topics import create_topics

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]


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
            canary_s=0,  # the alerts of two runs are compared
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
                harmless = [command for command in found if not changes(command)]
                done = dict(zip(harmless, await asyncio.gather(*map(shell.type, harmless)), strict=True))
        said = {command.split()[0]: text for command, text in done.items()}
        assert {"timeout", "kafka-consumer-groups.sh", "kafka-get-offsets.sh"} <= set(said)
        dead = next(text for command, text in done.items() if "posts.dead" in command)
        assert "not_json" in dead
        await until(lambda: len(receiver.requests) > 0)
