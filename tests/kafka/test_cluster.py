"""Three brokers: copies as the cluster is set, and a killed broker loses nothing."""

from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from support.apache_kafka import ApacheKafka, require_kafka

from stream.kafka import client_kwargs, connected
from stream.settings import Settings
from stream.topics import check_topics, create_topics

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def cluster() -> Iterator[ApacheKafka]:
    """Three brokers, for this module only: they take most of a small machine."""
    require_kafka()
    with ApacheKafka(3) as kafka:
        yield kafka


async def test_new_topics_get_the_copies_that_the_cluster_is_set_to(
    cluster: ApacheKafka, prefix: str
) -> None:
    """replication_factor = -1 makes three copies here, and nothing is noted."""
    report = await create_topics(Settings(bootstrap=cluster.bootstrap, topic_prefix=prefix))
    assert {facts.copies for facts in report.facts.values()} == {3}
    assert report.notes == []


async def test_single_copies_on_a_cluster_are_noted(cluster: ApacheKafka, prefix: str) -> None:
    """One copy on three brokers is allowed, and said."""
    settings = Settings(bootstrap=cluster.bootstrap, topic_prefix=prefix, replication_factor=1)
    report = await create_topics(settings)
    assert [note for note in report.notes if note.startswith("fewer than 3 copies on 3 brokers: ")]


async def test_killed_broker_takes_no_record_with_it(cluster: ApacheKafka, prefix: str) -> None:
    """With the first bootstrap server killed, what was sent before is read, and sending goes on."""
    settings = Settings(bootstrap=cluster.bootstrap, topic_prefix=prefix)
    await create_topics(settings)
    name = prefix + "alerts"
    async with connected(AIOKafkaProducer(**client_kwargs(settings), acks="all"), settings) as producer:
        await producer.send_and_wait(name, b"before", key=b"k")
        cluster.kill(1)
        await producer.send_and_wait(name, b"after", key=b"k")
    assert cluster.running == [2, 3]
    await check_topics(settings)
    consumer = AIOKafkaConsumer(name, **client_kwargs(settings), auto_offset_reset="earliest")
    async with connected(consumer, settings) as reader:
        assert [(await reader.getone()).value for _ in range(2)] == [b"before", b"after"]
    cluster.start_broker(1)
    assert cluster.running == [2, 3, 1]
