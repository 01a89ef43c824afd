"""Cutting fetched records into batches, and which offset may be committed."""

from collections import defaultdict, deque
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from aiokafka import TopicPartition
from faust.transport.consumer import Consumer
from faust.types import TP

from stream.batches import HELD_POLL_S, Batch, BatchConsumer, RecordBatch, batch_scheduler
from stream.pace import BACKLOG_WAIT_MS, SILENT_S, Pace, Pacer

LIVE = Pace(20, 1_000_000)


class Fetched(NamedTuple):
    """A record as aiokafka hands it out, as far as batches read it."""

    topic: str
    partition: int
    offset: int
    timestamp: int = 0
    timestamp_type: int = 0


def fetched(topic: str, partition: int, *offsets: int) -> dict[TopicPartition, list[Fetched]]:
    """One fetch of one partition."""
    return {TopicPartition(topic, partition): [Fetched(topic, partition, at) for at in offsets]}


def spans(batches: list[RecordBatch]) -> list[tuple[int, list[int]]]:
    """Start and offsets of each batch."""
    return [(b.value.start, [record.offset for record in b.value.records]) for b in batches]


def test_batches_are_cut_by_topic_and_others_stay_records() -> None:
    """Each topic has its own most."""
    scheduler = batch_scheduler({"posts": 3, "sketches": 2})()
    records = fetched("posts", 0, *range(7)) | fetched("sketches", 0, 4, 5, 6) | fetched("other", 0, 1, 2)
    found = defaultdict(list)
    for tp, item in scheduler.iterate(records):
        found[tp.topic].append(item)
    assert [len(b.value.records) for b in found["posts"]] == [3, 3, 1]
    assert [b.offset for b in found["sketches"]] == [5, 6]
    assert [type(item) for item in found["other"]] == [Fetched, Fetched]


def test_a_batch_starts_where_the_one_before_ended_so_a_hole_is_no_gap() -> None:
    """Offsets 3 to 5 and 8 are not in the log: the consumer looked there and found nothing."""
    scheduler = batch_scheduler({"posts": 2})()
    batches = [b for _, b in scheduler.iterate(fetched("posts", 0, 1, 2, 6, 7))]
    batches += [b for _, b in scheduler.iterate(fetched("posts", 0, 9))]
    assert spans(batches) == [(1, [1, 2]), (3, [6, 7]), (8, [9])]


def test_after_a_seek_a_batch_starts_where_the_seek_went() -> None:
    """The committed offset, although the log goes on only later."""
    scheduler = batch_scheduler({"posts": 2})()
    scheduler.position[TP("posts", 0)] = 40
    assert spans([b for _, b in scheduler.iterate(fetched("posts", 0, 44))]) == [(40, [44])]


def test_a_topic_made_anew_is_not_said_to_start_after_its_records() -> None:
    """The remembered position lies past the new log's records."""
    scheduler = batch_scheduler({"posts": 2})()
    scheduler.position[TP("posts", 0)] = 40
    assert spans([b for _, b in scheduler.iterate(fetched("posts", 0, 0, 1))]) == [(0, [0, 1])]


TP0 = TP("posts", 0)


@pytest.fixture
def consumer() -> BatchConsumer:
    """The bookkeeping of a consumer, without a connection."""
    consumer = BatchConsumer.__new__(BatchConsumer)
    consumer.scheduler = batch_scheduler({"posts": 10})()
    consumer._pacer = Pacer(LIVE)
    fetcher = SimpleNamespace(_fetch_max_wait_ms=0, _fetch_min_bytes=0)
    consumer._thread = SimpleNamespace(_consumer=SimpleNamespace(_fetcher=fetcher))
    consumer._inflight = defaultdict(deque)
    consumer._acked, consumer._acked_index = defaultdict(list), defaultdict(set)
    consumer._committed_offset = defaultdict(lambda: None)
    return consumer


def acknowledge(consumer: BatchConsumer, *offsets: int) -> None:
    """As Faust does when an event is acknowledged."""
    consumer._acked[TP0].extend(offsets)
    consumer._acked_index[TP0].update(offsets)


def test_only_the_unbroken_run_of_acknowledged_batches_is_committed(consumer: BatchConsumer) -> None:
    """Batches end at 9, 19 and 29; the middle one is late."""
    consumer._inflight[TP0] += [9, 19, 29]
    acknowledge(consumer, 29)
    assert consumer._new_offset(TP0) is None
    acknowledge(consumer, 9)
    assert consumer._new_offset(TP0) == 10
    acknowledge(consumer, 19)
    assert consumer._new_offset(TP0) == 30
    assert (consumer._inflight[TP0], consumer._acked[TP0], consumer._acked_index[TP0]) == (deque(), [], set())


def test_a_late_acknowledgement_from_before_a_rebalance_commits_nothing(consumer: BatchConsumer) -> None:
    """Nothing is in flight, so nothing can be done; stock Faust would commit it without a look."""
    acknowledge(consumer, 99)
    assert consumer._new_offset(TP0) is None


def test_a_batch_across_the_committed_offset_does_not_set_it_back(consumer: BatchConsumer) -> None:
    """Read again after a rebalance, partly committed before."""
    consumer._committed_offset[TP0] = 15
    consumer._inflight[TP0] += [9, 19]
    acknowledge(consumer, 9)
    assert consumer._new_offset(TP0) is None
    acknowledge(consumer, 19)
    assert consumer._new_offset(TP0) == 20


async def test_a_look_for_records_is_short_while_a_partition_is_held(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing wakes it when the partition is released: a long one would be the wait of what lies there."""
    looks: list[float] = []

    async def look(_self: object, timeout: float) -> tuple[dict[TP, list[Fetched]], set[TP]]:  # noqa: ASYNC109
        looks.append(timeout)
        return {}, {TP0}

    monkeypatch.setattr(Consumer, "_wait_next_records", look)
    consumer._buffered_partitions, consumer._active_partitions = set(), {TP0}
    await consumer._wait_next_records(1.0)
    consumer._buffered_partitions = {TP("activity", 0)}
    await consumer._wait_next_records(1.0)
    assert looks == [SILENT_S, HELD_POLL_S]


async def test_each_look_sets_the_pace_of_the_next_fetch(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faust's own back-pressure counts as a partition that is held, too."""

    async def look(*_: object) -> tuple[dict[TP, list[Fetched]], set[TP]]:
        return {TP0: [Fetched("posts", 2, 5)]}, {TP0}

    monkeypatch.setattr(Consumer, "_wait_next_records", look)
    fetcher, paces = consumer._thread._consumer._fetcher, []
    for held in ((), (TP("activity", 0),), ()):
        consumer._buffered_partitions, consumer._active_partitions = set(held), {TP0}
        await consumer._wait_next_records(1.0)
        paces.append(Pace(fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes))
    assert paces == [LIVE, LIVE._replace(max_wait_ms=BACKLOG_WAIT_MS), LIVE]


def test_a_batch_is_what_a_message_carries() -> None:
    """The event's value has the records and where the consumer looked."""
    records = [Fetched("posts", 2, 5), Fetched("posts", 2, 8)]
    batch = RecordBatch(TP("posts", 2), 4, records)
    assert (batch.topic, batch.partition, batch.offset, batch.value) == ("posts", 2, 8, Batch(4, records))
