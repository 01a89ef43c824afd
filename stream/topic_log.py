"""One-partition topics read by people and programs: no group, nothing committed, nothing changed."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream import kafka
from stream.errors import BrokerError, TopicError
from stream.settings import Settings

T = TypeVar("T")

_POLL_MS = 200
_SILENT_POLLS = 150
"""Polls without an answer, half a minute, after which the broker counts as gone."""


class TopicLog(Generic[T]):
    """The records of a topic in order; made by `open_log`.

    Args:
        consumer: Started, and assigned to `partition` at its beginning.
        partition: The only one of its topic.
        read: A record as what it says; None leaves it out.
    """

    def __init__(self, consumer: Any, partition: TopicPartition, read: Callable[[Any], T | None]) -> None:
        self._consumer = consumer
        self._partition = partition
        self._read = read

    async def catch_up(self) -> list[T]:
        """What was not yet read, up to the end of the topic at the moment of the call.

        Raises:
            BrokerError: the broker stopped answering before the end.
        """
        told: list[T] = []
        end, n_silent = None, 0
        # The end is what the first answered fetch says it is; see `stream.recovery` for why.
        while end is None or await self._consumer.position(self._partition) < end:
            found = await self._poll()
            told += found
            if end is None:
                end = self._consumer.highwater(self._partition)
            n_silent = 0 if found else n_silent + 1
            if n_silent > _SILENT_POLLS:
                raise BrokerError(f"{self._partition.topic} could not be read to its end: no answer")
        return told

    async def follow(self) -> AsyncGenerator[T, None]:
        """Each further record as it is appended, for ever; waits out a broker that is away."""
        while True:
            for told in await self._poll():
                yield told

    async def _poll(self) -> list[T]:
        found = await self._consumer.getmany(self._partition, timeout_ms=_POLL_MS)
        records = found.get(self._partition, [])
        return [told for record in records if (told := self._read(record)) is not None]


@asynccontextmanager
async def open_log(
    settings: Settings, topic: str, read: Callable[[Any], T | None]
) -> AsyncIterator[TopicLog[T]]:
    """Connect to a topic (its name without prefix), at its beginning.

    Raises:
        BrokerError: the broker can't be reached.
        TopicError: the topic is missing.
    """
    name = kafka.topic_name(settings, topic)
    consumer = AIOKafkaConsumer(
        **kafka.client_kwargs(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=_POLL_MS,
    )
    async with kafka.connected(consumer, settings):
        # All topics are listed: asking for a name creates it where brokers create topics on demand.
        if name not in await consumer.topics():
            raise TopicError(f"there is no topic {name} at {settings.bootstrap}. Fix: tocsin topics create")
        partition = TopicPartition(name, 0)
        consumer.assign([partition])
        consumer.seek(partition, (await consumer.beginning_offsets([partition]))[partition])
        yield TopicLog(consumer, partition, read)
