"""What people decide, on its way into the log and back: topics ``activity`` and ``rulings``.

A decision is appended to ``activity``, where BURST takes it in its order among all else; what
became of it stands in ``rulings`` a moment later. Whoever decided waits for that, so that
"muted" is said only of what is muted.
"""

import asyncio
import logging
import secrets
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from detectors.alert import Alert
from detectors.ruling import Ruled, Ruling, RulingKind, Undo, decode_ruled
from stream import kafka
from stream.alert_text import text_of
from stream.codec import encode_activity
from stream.errors import BrokerError, TocsinError
from stream.safe_text import clean
from stream.settings import Settings
from stream.topic_log import TopicLog, open_log

MAX_BY_CHARS, MAX_WHY_CHARS = 100, 500
MAX_FOR_S = 30 * 86_400
TAKEN_S = 10.0
"""How long to wait for BURST before saying that it has not taken a decision yet."""

RulingLog = TopicLog[Ruled]

log = logging.getLogger(__name__)


def open_rulings(settings: Settings) -> AbstractAsyncContextManager[RulingLog]:
    """Connect to topic ``rulings``, at its beginning.

    Raises:
        BrokerError: the broker can't be reached.
        TopicError: the topic is missing.
    """
    return open_log(settings, kafka.RULINGS, _read)


def _read(record: Any) -> Ruled | None:
    try:
        return None if record.value is None else decode_ruled(record.value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("offset %d of %s is no ruling: %s", record.offset, record.topic, error)
        return None


def latest(ruled: Iterable[Ruled]) -> list[Ruled]:
    """The last word on each ruling, the newest ruling first."""
    last = {one.id: one for one in ruled}
    return sorted(last.values(), key=lambda one: (one.at_ms, one.id), reverse=True)


def ruling_on(alert: Alert, kind: RulingKind, *, by: str, why: str, for_s: int = 0) -> Ruling:
    """A decision about an alert, ready for the log; what people typed is cleaned and bounded.

    Raises:
        TocsinError: nobody is named, or a mute's length is out of range.
    """
    if kind is RulingKind.MUTE and not 0 < for_s <= MAX_FOR_S:
        raise TocsinError(f"a mute lasts from 1 s to {MAX_FOR_S // 86_400} days")
    return Ruling(
        id=secrets.token_hex(8),
        kind=kind,
        burst=alert.id,
        text=text_of(alert) or "",
        severity=alert.severity,
        peak=max(alert.series.counts, default=0),
        updated_ms=round(alert.updated_at.timestamp() * 1000),
        by=_name(by),
        why=clean(why)[:MAX_WHY_CHARS],
        for_s=for_s if kind is RulingKind.MUTE else 0,
    )


def undo_of(ruled: Ruled, *, by: str, why: str) -> Undo:
    """A decision taken back, ready for the log.

    Raises:
        TocsinError: nobody is named.
    """
    return Undo(ruling=ruled.id, by=_name(by), why=clean(why)[:MAX_WHY_CHARS])


def _name(by: str) -> str:
    name = clean(by)[:MAX_BY_CHARS]
    if not name:
        raise TocsinError("who decides must be told: name yourself")
    return name


class Ruler:
    """Appends decisions to the log.

    Args:
        settings: How to reach the broker.
    """

    def __init__(self, settings: Settings) -> None:
        self._topic = kafka.topic_name(settings, kafka.ACTIVITY)
        self._settings = settings

    async def append(self, decision: Ruling | Undo) -> None:
        """Put it into the log; on return the broker has it.

        Raises:
            BrokerError: the broker can't be reached or refuses it.
        """
        # A connection each time: people decide a few times a day, and an idle one would go stale.
        producer = AIOKafkaProducer(**kafka.client_kwargs(self._settings), acks="all")
        async with kafka.connected(producer, self._settings):
            try:
                await producer.send_and_wait(self._topic, encode_activity(decision), partition=0)
            except KafkaError as error:
                raise BrokerError(f"{self._topic} does not take it: {error!r}") from error


async def taken(rulings: RulingLog, decision: Ruling | Undo, timeout_s: float = TAKEN_S) -> Ruled | None:
    """What became of a decision, once BURST has taken it; None if it does not within `timeout_s`."""
    try:
        async with asyncio.timeout(timeout_s), aclosing(rulings.follow()) as more:
            async for ruled in more:
                if is_of(ruled, decision):
                    return ruled
    except TimeoutError:
        pass
    return None


def is_of(ruled: Ruled, decision: Ruling | Undo) -> bool:
    """Whether `ruled` tells that `decision` was taken."""
    if isinstance(decision, Undo):
        return ruled.id == decision.ruling and ruled.ended is not None
    return ruled.id == decision.id


def find(prefix: str, found: Sequence[Ruled]) -> Ruled:
    """The ruling whose own id, or whose burst's, begins with `prefix`.

    Raises:
        TocsinError: none does, or several.
    """
    fits = [one for one in found if one.id.startswith(prefix) or one.burst.startswith(prefix)]
    if len(fits) > 1:  # a burst has at most one of each
        fits = [one for one in fits if one.kind.silences] or fits
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise TocsinError(f"{prefix} is the beginning of several: {', '.join(one.id for one in fits)}")
    raise TocsinError(f"nothing that holds has or answers an id that begins with {prefix}: tocsin mutes")
