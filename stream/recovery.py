"""Reading topics back: ranges of the log for rebuilding state, compacted topics as dictionaries.

Both read as group-less consumers, beside the worker's group, and stop by what fetches tell (the
consumer's position and the high watermark), never by ListOffsets(latest), which Tansu answers
with the base offset of the last batch + 1.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.errors import BrokerError, StateError
from stream.stage import Record

_POLL_MS = 20
_FETCH_BYTES = 4 * 1024 * 1024


@asynccontextmanager
async def _consumer(client: Mapping[str, Any], *topics: str, isolation_level: str) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(
        *topics,
        **client,
        group_id=None,
        enable_auto_commit=False,
        # Ranges set their own start; a dictionary is read from the start of the log.
        auto_offset_reset="earliest" if topics else "none",
        fetch_max_wait_ms=_POLL_MS,
        max_partition_fetch_bytes=_FETCH_BYTES,
        isolation_level=isolation_level,
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


class LogRange:
    """The records of one partition in [start, end), as lists in offset order: ``async for`` it.

    Holes in the offsets (compaction, aborted or ended transactions) are passed over, also at the
    very end of the log. A `start` that retention has passed begins at the log's first record.

    Args:
        client: arguments of every aiokafka client (`stream.kafka.client_kwargs`).
        topic: full name.
        partition: of `topic`.
        start: offset of the first record wanted.
        end: offset after the last one; at or below the end of the log.
        max_records: longest list.
        isolation_level: as the worker reads, so that a replay sees what the agent saw.
        patience_s: how long the log may seem to end before `end` (after a change of leader the
            high watermark can step back for a moment).

    Raises:
        StateError: the log ends before `end`.
    """

    def __init__(  # noqa: PLR0913
        self,
        client: Mapping[str, Any],
        topic: str,
        partition: int,
        start: int,
        end: int,
        *,
        max_records: int = 500,
        isolation_level: str = "read_uncommitted",
        patience_s: float = 10.0,
    ) -> None:
        self.n_missing = 0
        """Offsets of the range that lie before the start of the log; known once reading began."""
        self._client, self._tp = client, TopicPartition(topic, partition)
        self._start, self._end, self._max_records = start, end, max_records
        self._isolation_level, self._patience_s = isolation_level, patience_s

    async def __aiter__(self) -> AsyncIterator[list[Record]]:
        if self._start >= self._end:
            return
        async with _consumer(self._client, isolation_level=self._isolation_level) as consumer:
            consumer.assign([self._tp])
            first = (await consumer.beginning_offsets([self._tp]))[self._tp]
            self.n_missing = max(0, min(first, self._end) - self._start)
            consumer.seek(self._tp, max(self._start, first))
            async for records in self._read(consumer):
                yield records

    async def _read(self, consumer: Any) -> AsyncIterator[list[Record]]:
        give_up = None
        while (position := await consumer.position(self._tp)) < self._end:
            found = await consumer.getmany(self._tp, timeout_ms=_POLL_MS, max_records=self._max_records)
            records = [record for record in found.get(self._tp, ()) if record.offset < self._end]
            if records:
                yield records
            log_end = consumer.highwater(self._tp)
            if found or log_end is None or log_end >= self._end:
                give_up = None
            elif give_up is None:
                give_up = time.monotonic() + self._patience_s
            elif time.monotonic() > give_up:
                raise StateError(
                    f"{self._tp.topic}/{self._tp.partition} ends at {log_end}, but was read up to "
                    f"{self._end} before (at {position} now): was the topic made anew? Use another group, "
                    "or reset the group's offsets while no worker runs"
                )


def read_range(
    client: Mapping[str, Any], topic: str, partition: int, start: int, end: int, **options: Any
) -> LogRange:
    """The records of a partition in [start, end); see `LogRange`."""
    return LogRange(client, topic, partition, start, end, **options)


async def log_bounds(client: Mapping[str, Any], topic: str, partition: int) -> tuple[int, int]:
    """First offset of a partition and that after its last, as a fetch tells it."""
    async with _consumer(client, isolation_level="read_uncommitted") as consumer:
        tp = TopicPartition(topic, partition)
        consumer.assign([tp])
        begin = int((await consumer.beginning_offsets([tp]))[tp])
        consumer.seek(tp, begin)
        while (end := consumer.highwater(tp)) is None:
            await consumer.getmany(tp, timeout_ms=_POLL_MS, max_records=1)
        return begin, int(end)


async def read_compacted(
    client: Mapping[str, Any],
    topic: str,
    *,
    key_prefix: bytes = b"",
    timeout_s: float = 120.0,
    isolation_level: str = "read_uncommitted",
) -> dict[bytes, bytes]:
    """The last value of every key in `topic` (full name), up to its end at the moment of the call.

    Tombstones remove their key; records without a key are passed over.

    Args:
        client: arguments of every aiokafka client.
        topic: full name.
        key_prefix: keys that begin otherwise are left out.
        timeout_s: bound on the whole reading.
        isolation_level: ``read_committed`` leaves out aborted transactions.

    Raises:
        BrokerError: the end was not reached in `timeout_s`.
    """
    values: dict[bytes, bytes] = {}
    try:
        async with (
            asyncio.timeout(timeout_s),
            _consumer(client, topic, isolation_level=isolation_level) as consumer,
        ):
            async for record in _read_to_end(consumer):
                if record.key is None or not record.key.startswith(key_prefix):
                    continue
                if record.value is None:
                    values.pop(record.key, None)
                else:
                    values[record.key] = record.value
    except TimeoutError as error:
        raise BrokerError(f"{topic} could not be read to its end in {timeout_s:.0f} s") from error
    return values


async def _read_to_end(consumer: Any) -> AsyncIterator[Record]:
    open_tps, ends = set(consumer.assignment()), dict[Any, int]()
    while open_tps:
        found = await consumer.getmany(*open_tps, timeout_ms=_POLL_MS)
        for records in found.values():
            for record in records:
                yield record
        for tp in list(open_tps):
            # The first fetch that is answered says where the log ended then.
            if (end := ends.get(tp, consumer.highwater(tp))) is None:
                continue
            ends[tp] = end
            if await consumer.position(tp) >= end:
                open_tps.discard(tp)
