"""A worker that the consumer group refuses ends and says why, on Apache Kafka."""

from pathlib import Path

import pytest
from support.apache_kafka import ApacheKafka
from support.full_path import Service

from stream.settings import Settings
from stream.topics import create_topics

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]


def settings_of(broker: ApacheKafka, prefix: str, **more: object) -> Settings:
    """One partition of each topic."""
    values = {"topic_prefix": prefix, "group": f"{prefix}group", "posts_partitions": 1, "sketches_partitions": 1}
    return Settings(bootstrap=broker.bootstrap, **(values | more))


async def test_session_below_the_brokers_minimum_ends_the_worker(
    apache_kafka: ApacheKafka, prefix: str, tmp_path: Path
) -> None:
    """3 s where 6 is the least: exit code 1, and one line that names the setting."""
    settings = settings_of(apache_kafka, prefix, session_timeout_s=3)
    await create_topics(settings)
    with Service(settings, tmp_path) as worker:
        await worker.printed("Attempt to join group failed due to fatal error")
        assert await worker.exit_code(15) == 1
        lines = [line for line in worker.log().splitlines() if line.startswith("tocsin: ")]
        print(worker.log())
    assert len(lines) == 1
    assert "session_timeout_s = 3 is outside what the brokers allow" in lines[0]


async def test_x(apache_kafka: ApacheKafka, prefix: str, tmp_path: Path) -> None:
    settings = settings_of(apache_kafka, prefix, session_timeout_s=6, group_instance_id="the-one")
    await create_topics(settings)
    import asyncio
    with Service(settings, tmp_path) as a, Service(settings, tmp_path) as b:
        await asyncio.sleep(25)
        print("AAAA", a.ended, a.log()); print("BBBB", b.ended, b.log())
