"""Topic ``alerts``, read by people and programs: no group, nothing committed, nothing changed.

Delivery is at least once, and a restarted worker may append an alert again; `open_alerts` lets
only a `seq` through that is higher than all before it of the same id, so the effect is exactly
once. The topic is compacted: of the past at least the last alert of each burst is there.
"""

import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, NamedTuple

import msgspec

from detectors.alert import Alert, decode_alert
from detectors.post import CANARY
from stream import kafka
from stream.settings import Settings
from stream.topic_log import TopicLog, open_log

log = logging.getLogger(__name__)


class Told(NamedTuple):
    """An alert as it stands on the topic."""

    alert: Alert
    append_ms: int
    """Append time at the broker, UTC milliseconds."""
    offset: int = -1
    """Its place in the log; -1: it stands in none."""


AlertLog = TopicLog[Told]


class _Once:
    """Reads records as alerts, each transition once."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def __call__(self, record: Any) -> Told | None:
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


def open_alerts(settings: Settings) -> AbstractAsyncContextManager[AlertLog]:
    """Connect to topic ``alerts``, at its beginning; each transition comes once.

    Raises:
        BrokerError: the broker can't be reached.
        TopicError: the topic is missing.
    """
    return open_log(settings, kafka.ALERTS, _Once())


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
    uses `open_alerts` and its `catch_up`. Close it when done (``contextlib.aclosing``), or
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
