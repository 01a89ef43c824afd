"""Reading the log back: exact ranges, holes, ends; compacted topics as dictionaries."""

from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from support.apache_kafka import ApacheKafka
from support.workers import posts, produce

from stream import kafka
from stream.errors import StateError
from stream.recovery import read_compacted, read_range
from stream.settings import Settings
from stream.topics import create_topics


@pytest.fixture
async def ground(settings: Settings) -> Settings:
    """Settings whose topics exist."""
    ground = settings.model_copy(update={"posts_partitions": 2})
    await create_topics(ground)
    return ground


async def offsets(
    settings: Settings, topic: str, start: int, end: int, **options: Any
) -> tuple[list[int], int]:
    """Offsets of a range of partition 0, and how many were missing."""
    log_range = read_range(
        kafka.client_kwargs(settings), kafka.topic_name(settings, topic), 0, start, end, **options
    )
    found = [record.offset async for records in log_range for record in records]
    return found, log_range.n_missing


async def compacted(settings: Settings, topic: str = kafka.ALERTS, prefix: bytes = b"") -> dict[bytes, bytes]:
    """A topic as a dictionary."""
    client, name = kafka.client_kwargs(settings), kafka.topic_name(settings, topic)
    return await read_compacted(client, name, key_prefix=prefix)


async def send(settings: Settings, *batches: list[tuple[bytes | None, bytes | None]]) -> None:
    """Send each list as one record batch to `alerts`."""
    async with AIOKafkaProducer(**kafka.client_kwargs(settings)) as producer:
        name = kafka.topic_name(settings, kafka.ALERTS)
        for records in batches:
            batch = producer.create_batch()
            for key, value in records:
                batch.append(key=key, value=value, timestamp=None)
            await (await producer.send_batch(batch, name, partition=0))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param(0, 100, id="all, to the end of the log"),
        pytest.param(17, 63, id="from and to the middle of a batch"),
        pytest.param(99, 100, id="the last record"),
        pytest.param(40, 40, id="nothing"),
    ],
)
async def test_a_range_is_exact(ground: Settings, start: int, end: int) -> None:
    """Start included, end excluded, wherever the batches of the log end."""
    await produce(ground, posts(200))
    assert await offsets(ground, kafka.POSTS, start, end, max_records=7) == (list(range(start, end)), 0)


async def test_a_log_that_is_shorter_than_what_was_committed_is_refused(ground: Settings) -> None:
    """The topic was made anew under a group that remembers the old one."""
    await produce(ground, posts(20))
    with pytest.raises(StateError, match="made anew"):
        await offsets(ground, kafka.POSTS, 0, 50, patience_s=0.2)


@pytest.mark.kafka
async def test_holes_of_transactions_end_no_range_early_nor_late(
    apache_kafka: ApacheKafka, prefix: str
) -> None:
    """Records 0–2, marker 3, aborted 4–5, marker 6, records 7–8, marker 9, and nothing after it."""
    ground = Settings(bootstrap=apache_kafka.bootstrap, topic_prefix=prefix, posts_partitions=1)
    await create_topics(ground)
    name = kafka.topic_name(ground, kafka.POSTS)
    async with AIOKafkaProducer(**kafka.client_kwargs(ground), transactional_id=prefix) as producer:
        for n_records, aborted in ((3, False), (2, True), (2, False)):
            await producer.begin_transaction()
            for _ in range(n_records):
                await producer.send_and_wait(name, b"x", partition=0)
            await (producer.abort_transaction() if aborted else producer.commit_transaction())
    both = {level: await offsets(ground, kafka.POSTS, 0, 10, isolation_level=level)
            for level in ("read_committed", "read_uncommitted")}  # fmt: skip
    assert both == {
        "read_committed": ([0, 1, 2, 7, 8], 0),
        "read_uncommitted": ([0, 1, 2, 4, 5, 7, 8], 0),
    }
    assert await offsets(ground, kafka.POSTS, 3, 4) == ([], 0)


@pytest.mark.kafka
async def test_a_start_that_retention_has_passed_begins_at_the_log_and_says_so(
    apache_kafka: ApacheKafka, prefix: str
) -> None:
    """Records 0 to 29 are deleted; 10 to 29 of the range are missing."""
    ground = Settings(bootstrap=apache_kafka.bootstrap, topic_prefix=prefix, posts_partitions=1)
    await create_topics(ground)
    await produce(ground, posts(60, partitions=1))
    tp = TopicPartition(kafka.topic_name(ground, kafka.POSTS), 0)
    async with kafka.connected(AIOKafkaAdminClient(**kafka.client_kwargs(ground)), ground) as admin:
        await admin.delete_records({tp: RecordsToDelete(before_offset=30)})
    assert await offsets(ground, kafka.POSTS, 10, 50) == (list(range(30, 50)), 20)
    assert await offsets(ground, kafka.POSTS, 10, 20) == ([], 10)


async def test_the_last_value_of_each_key_counts_and_tombstones_remove(ground: Settings) -> None:
    """Batches of several records, and the last batch has several, too: its end must be read."""
    await send(ground, [(b"a", b"1"), (b"b", b"1"), (b"c", b"1")], [(b"a", b"2"), (b"b", None), (b"d", b"1")])
    assert await compacted(ground) == {b"a": b"2", b"c": b"1", b"d": b"1"}


async def test_one_record_is_read(ground: Settings) -> None:
    """The smallest topic that is not empty."""
    await send(ground, [(b"a", b"1")])
    assert await compacted(ground) == {b"a": b"1"}


async def test_an_empty_topic_is_an_empty_dictionary(ground: Settings) -> None:
    """No record, no waiting for one."""
    assert await compacted(ground) == {}


async def test_other_keys_and_records_without_a_key_are_left_out(ground: Settings) -> None:
    """Several kinds of keys may share a topic."""
    await send(ground, [(b"crash/posts/0", b"1"), (b"sum/0", b"2"), (b"crash/posts/1", b"3")])
    await produce(ground, posts(4), topic=kafka.POSTS)
    assert await compacted(ground, prefix=b"crash/") == {b"crash/posts/0": b"1", b"crash/posts/1": b"3"}
    assert await compacted(ground, kafka.POSTS) == {}
