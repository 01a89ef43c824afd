"""Sending what stages return, so that a success is a promise.

Our own producer and not Faust's: it is idempotent (a retry can neither repeat nor reorder
messages of a partition, on which `stream` rests its "counted once"), it costs 12–19 µs a message
instead of 100, and its futures tell when the broker has the message on all in-sync replicas.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownError

from stream import kafka
from stream.errors import BrokerError
from stream.settings import Settings
from stream.stage import Out

log = logging.getLogger(__name__)

MAX_BATCH_BYTES = 512 * 1024
"""Bytes of one request's batch per partition: a pack between our stages may fill it."""

MAX_MESSAGE_BYTES = 2 * 1024 * 1024
"""Bytes of one message that we try to send; the topic's ``max.message.bytes`` decides."""

_LOG_APPEND_TIME = 1

Sent = Sequence["asyncio.Future[Any]"]
"""Messages on their way; `acknowledged` waits for them."""


async def acknowledged(sent: Sent) -> None:
    """Return when all in-sync replicas have every message.

    Raises:
        KafkaError: one of them could not be delivered.
    """
    if pending := [future for future in sent if not future.done()]:
        await asyncio.wait(pending)
    failed = [error for future in sent if (error := future.exception()) is not None]
    if failed:
        raise failed[0]


def _tell_delay(tell: Callable[[float], None], tripped_ms: float, future: "asyncio.Future[Any]") -> None:
    if not future.cancelled() and future.exception() is None:
        tell(max(0.0, future.result().timestamp - tripped_ms) / 1000)


def clock_skew_s(told: Any, sent_s: float, acked_s: float) -> float | None:
    """By how much the broker's clock is ahead of ours, in seconds; below 0: behind.

    The least that fits: between sending and acknowledgement an append may have been at any moment.

    Args:
        told: What the broker said of a message (``RecordMetadata``).
        sent_s: Our clock before it was sent, epoch seconds.
        acked_s: Our clock when it was acknowledged.

    Returns:
        ``None`` where the broker stamps no append times of its own.
    """
    if told.timestamp_type != _LOG_APPEND_TIME:
        return None
    at_s = told.timestamp / 1000
    return float(min(0.0, at_s - sent_s) + max(0.0, at_s - acked_s))


class Sender:
    """An idempotent producer. Messages of one partition stay in the order of the `send` calls.

    Args:
        settings: Of the worker.
        tell_delay: Told the delay, in seconds, of each message with `Out.tripped_ms`.
    """

    def __init__(self, settings: Settings, tell_delay: Callable[[float], None] = lambda _: None) -> None:
        self._settings, self._tell_delay = settings, tell_delay
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()
        self.idempotent = True
        """False once a broker turned out unable to tell a retry from a new message."""
        self.clock_skew_s: float | None = None
        """See `clock_skew_s`, by the last call of `send`; None before the first, and without append times."""

    async def start(self) -> None:
        """Connect; does nothing when connected.

        Raises:
            BrokerError: no broker answers.
        """
        async with self._lock:
            if self._producer is not None:
                return
            try:
                self._producer = await self._connect(idempotent=True)
            except BrokerError as error:
                if not isinstance(error.__cause__, UnknownError):
                    raise
                # Tansu can't give producer ids. Order stands (aiokafka has one request a partition
                # on its way), but a retry may repeat messages.
                log.warning("the broker gives no producer id: sending without idempotence")
                self._producer = await self._connect(idempotent=False)
                self.idempotent = False

    async def _connect(self, *, idempotent: bool) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **kafka.client_kwargs(self._settings),
            acks="all",
            enable_idempotence=idempotent,
            linger_ms=self._settings.linger_ms,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_MESSAGE_BYTES,
        )
        return await kafka.start(producer, self._settings)

    async def send(self, outs: Iterable[Out]) -> Sent:
        """Hand `outs` to the producer, in order; waits while its buffers are full.

        No record timestamp is set: retention goes by append time, and an archive's old times
        would delete it within a minute.

        Raises:
            KafkaError: a message can't be sent at all (too large, for one).
        """
        if self._producer is None:
            raise RuntimeError("Sender.send before Sender.start")
        send, names = self._producer.send, self._settings
        sent = []
        sent_s = time.time()
        for out in outs:
            future = await send(
                kafka.topic_name(names, out.topic),
                out.value,
                out.key,
                out.partition,
                headers=list(out.headers),
            )
            if out.tripped_ms is not None:
                future.add_done_callback(partial(_tell_delay, self._tell_delay, out.tripped_ms))
            sent.append(future)
        if sent:
            sent[-1].add_done_callback(partial(self._compare_clocks, sent_s))
        return sent

    def _compare_clocks(self, sent_s: float, future: "asyncio.Future[Any]") -> None:
        if not future.cancelled() and future.exception() is None:
            self.clock_skew_s = clock_skew_s(future.result(), sent_s, time.time())

    async def stop(self, timeout_s: float = 10.0) -> None:
        """Send what is buffered, for at most `timeout_s`, and disconnect."""
        async with self._lock:
            producer, self._producer = self._producer, None
            if producer is None:
                return
            try:
                await asyncio.wait_for(producer.stop(), timeout_s)
            except TimeoutError:
                # Nothing is lost: what was not acknowledged is not committed.
                log.warning(
                    "messages were still unsent after %.1f s; their input will be read again", timeout_s
                )
