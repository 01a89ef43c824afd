"""A worker that the consumer group refuses ends and says what to check, on Apache Kafka."""

from pathlib import Path
from typing import Any

import pytest
from support.apache_kafka import ApacheKafka
from support.full_path import Service
from support.workers import until

from stream.settings import Settings
from stream.topics import create_topics

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]


def settings_of(broker: ApacheKafka, prefix: str, **more: Any) -> Settings:
    """One partition of each topic."""
    return Settings(
        bootstrap=broker.bootstrap,
        topic_prefix=prefix,
        group=f"{prefix}group",
        posts_partitions=1,
        sketches_partitions=1,
        **more,
    )


def advice(worker: Service) -> list[str]:
    """What it printed for whoever started it; the last line is the last word."""
    lines = worker.log().splitlines()
    found = [line for line in lines if line.startswith("tocsin: ")]
    assert found == lines[-1:], worker.tail()
    return found


async def test_session_below_the_brokers_minimum_ends_the_worker(
    apache_kafka: ApacheKafka, prefix: str, tmp_path: Path
) -> None:
    """3 s where 6 is the least: exit code 1, and one line that names the setting."""
    settings = settings_of(apache_kafka, prefix, session_timeout_s=3)
    await create_topics(settings)
    with Service(settings, tmp_path) as worker:
        await worker.printed("Attempt to join group failed due to fatal error")
        assert await worker.exit_code(15) == 1
        assert "session_timeout_s = 3 is outside what the brokers allow" in advice(worker)[0]


async def test_two_workers_of_one_instance_id_do_not_push_each_other_out_for_ever(
    apache_kafka: ApacheKafka, prefix: str, tmp_path: Path
) -> None:
    """At least one of them ends with 1 and names the setting."""
    settings = settings_of(apache_kafka, prefix, session_timeout_s=6, group_instance_id="the-one")
    await create_topics(settings)
    with Service(settings, tmp_path) as first, Service(settings, tmp_path) as second:
        await until(lambda: first.ended or second.ended, 60, lambda: first.tail() + second.tail())
        ended = first if first.ended else second
        assert await ended.exit_code() == 1
        # Kafka may fence one at once (aiokafka knows no name for that error), or let them take turns.
        assert "own group_instance_id" in advice(ended)[0] or "'the-one', too" in advice(ended)[0]
