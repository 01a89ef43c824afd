"""Topic ``alerts``, read by people and programs: no group, nothing committed, nothing changed.

Delivery is at least once, and a restarted worker may append an alert again; `AlertLog` lets
only a `seq` through that is higher than all before it of the same id, so the effect is exactly
once. The topic is compacted: of the past at least the last alert of each burst is there.
"""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from detectors.alert import Alert, decode_alert
from stream import kafka
from stream.errors import BrokerError, TopicError
from stream.settings import Settings

CANARY = "tocsin-canary"
"""Platform of our own test bursts (`stream.deliver.canary`): they are told to nobody."""

_POLL_MS = 200
_SILENT_POLLS = 150
"""Polls without an answer, half a minute, after which the broker counts as gone."""

log = logging.getLogger(__name__)


class Told(NamedTuple):
    """An alert as it stands on the topic."""

    alert: Alert
    append_ms: int
    """Append time at the broker, UTC milliseconds."""
    offset: int = -1
    """Its place in the log; -1: it stands in none."""


class AlertLog:
    """The alerts of a topic in order, each transition once; made by `open_alerts`.

    Args:
        consumer: Started, and assigned to `partition` at its beginning.
        partition: The only one of topic ``alerts``.
    """

    def __init__(self, consumer: Any, partition: TopicPartition) -> None:
        self._consumer = consumer
        self._partition = partition
        self._seen: dict[str, int] = {}

    async def catch_up(self) -> list[Told]:
        """The transitions not yet read, up to the end of the topic at the moment of the call.

        Raises:
            BrokerError: the broker stopped answering before the end.
        """
        told: list[Told] = []
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

    async def follow(self) -> AsyncGenerator[Told, None]:
        """Each further transition as it is appended, for ever; waits out a broker that is away."""
        while True:
            for told in await self._poll():
                yield told

    async def _poll(self) -> list[Told]:
        found = await self._consumer.getmany(self._partition, timeout_ms=_POLL_MS)
        records = found.get(self._partition, [])
        return [told for record in records if (told := self._read(record)) is not None]

    def _read(self, record: Any) -> Told | None:
        if record.value is None:
            return None
        try:
            alert = decode_alert(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("offset %d of %s is no alert: %s", record.offset, record.topic, error)
            return None
        if alert.seq <= self._seen.get(alert.id, 0):
            return None
        self._seen[alert.id] = alert.seq
        return Told(alert, record.timestamp, record.offset)


@asynccontextmanager
async def open_alerts(settings: Settings) -> AsyncIterator[AlertLog]:
    """Connect to topic ``alerts``, at its beginning.

    Raises:
        BrokerError: the broker can't be reached.
        TopicError: the topic is missing.
    """
    name = kafka.topic_name(settings, kafka.ALERTS)
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
        yield AlertLog(consumer, partition)


async def read_alerts(settings: Settings) -> list[Told]:
    """What the topic holds now, in order.

    Raises:
        BrokerError: the broker can't be reached.
        TopicError: the topic is missing.
    """
    async with open_alerts(settings) as alerts:
        return await alerts.catch_up()


async def follow_alerts(settings: Settings, *, from_beginning: bool = True) -> AsyncGenerator[Told, None]:
    """Alerts with their append time, each transition once, for ever.

    Nothing happens before the first ``anext``; who must know that the reader stands at the end
    uses `open_alerts` and `AlertLog.catch_up`. Close it when done (``contextlib.aclosing``), or
    its connection stays open.

    Args:
        settings: How to reach the broker.
        from_beginning: Begin with what the topic holds, or only with what comes.

    Raises:
        BrokerError: the broker can't be reached.
        TopicError: the topic is missing.
    """
    async with open_alerts(settings) as alerts:
        held = await alerts.catch_up()
        for told in held if from_beginning else ():
            yield told
        async with aclosing(alerts.follow()) as more:
            async for told in more:
                yield told


def is_canary(alert: Alert) -> bool:
    """Whether it is one of our own test bursts, of no concern to people."""
    return alert.first_post.platform == CANARY


def latest(told: Iterable[Told]) -> list[Told]:
    """The last word on each burst, gravest first, then newest."""
    last = {one.alert.id: one for one in told}
    return sorted(last.values(), key=lambda one: (-one.alert.severity.rank, -one.offset))
