"""Sending what stages return, so that a success is a promise.

Our own producer and not Faust's: it is idempotent (a retry can neither repeat nor reorder
messages of a partition, on which `stream` rests its "counted once"), it costs 12–19 µs a message
instead of 100, and its futures tell when the broker has the message on all in-sync replicas.
Where a stage says much at once, it goes as a batch of our own making: a future, a wait and an append
of aiokafka for each message were a third of the CPU of a worker that drains a backlog.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownError
from aiokafka.producer.message_accumulator import BatchBuilder

from stream import flat_request, kafka
from stream.errors import BrokerError
from stream.large_batch import LargeBatch
from stream.settings import Settings
from stream.stage import Out

log = logging.getLogger(__name__)

MAX_BATCH_BYTES = 512 * 1024
"""Bytes of one request's batch per partition: a pack between our stages may fill it."""

MAX_MESSAGE_BYTES = 2 * 1024 * 1024
"""Bytes of one message that we try to send; the topic's ``max.message.bytes`` decides."""

MIN_TOGETHER = 16
"""Messages of one call for one partition from which a batch of their own pays: it doesn't wait
`linger_ms` for others' messages, and a request costs the CPU of some thirty."""

LARGE_BYTES = 64 * 1024
"""A message of this size is a batch of its own (`stream.large_batch`), if it says where to it goes."""

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


def _tell_delays(
    tell: Callable[[float], None],
    tripped_ms: Sequence[float],
    sent_s: float,
    future: "asyncio.Future[Any]",
) -> None:
    if not future.cancelled() and future.exception() is None:
        told = future.result()
        at_ms = told.timestamp if told.timestamp > 0 else sent_s * 1000
        for moment in tripped_ms:
            tell(max(0.0, at_ms - moment) / 1000)


def _destination(out: Out) -> tuple[str, int] | None:
    """Where to it goes together with its neighbours; ``None``: by itself."""
    if out.partition is None or out.headers or len(out.value or b"") >= MAX_BATCH_BYTES:
        return None
    return out.topic, out.partition


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
        self._turns: defaultdict[tuple[str, int | None], asyncio.Lock] = defaultdict(asyncio.Lock)
        """One a partition, see `_send_batch`."""
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
        flat_request.install()
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
        producer = self._producer
        sent: list[asyncio.Future[Any]] = []
        sent_s = time.time()
        for destination, group in groupby(outs, _destination):
            neighbours = list(group)
            if destination is not None and len(neighbours) >= MIN_TOGETHER:
                sent += await self._send_together(producer, *destination, neighbours, sent_s)
            else:
                for out in neighbours:
                    future = await self._send_one(producer, out, alone=destination is None)
                    self._tell_later([out], sent_s, future)
                    sent.append(future)
        if sent:
            sent[-1].add_done_callback(partial(self._compare_clocks, sent_s))
        return sent

    async def _send_one(self, producer: AIOKafkaProducer, out: Out, *, alone: bool) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any]
        name, value = self._name(out.topic), out.value
        if not alone and value is not None and len(value) >= LARGE_BYTES:
            batch = LargeBatch(out.key, value)
            future = await self._send_batch(producer, batch, name, out.partition)
        else:
            future = await producer.send(name, value, out.key, out.partition, headers=list(out.headers))
        return future

    async def _send_together(
        self, producer: AIOKafkaProducer, topic: str, partition: int, outs: Sequence[Out], sent_s: float
    ) -> list["asyncio.Future[Any]"]:
        """In as few batches as hold them; a future for each batch."""
        futures: list[asyncio.Future[Any]] = []
        first = 0
        while first < len(outs):
            batch = producer.create_batch()
            end = first
            while end < len(outs) and batch.append(key=outs[end].key, value=outs[end].value, timestamp=None):
                end += 1
            batch.close()  # open, it would wait for linger_ms
            future = await self._send_batch(producer, batch, self._name(topic), partition)
            self._tell_later(outs[first:end], sent_s, future)
            futures.append(future)
            first = end
        return futures

    async def _send_batch(
        self, producer: AIOKafkaProducer, batch: BatchBuilder, name: str, partition: int | None
    ) -> "asyncio.Future[Any]":
        """Queue a batch, in turn: of several that wait for one partition aiokafka lets any go first.

        And it takes all the time waited so far from what is left at each try anew, so that one which others
        overtook some tens of times failed within seconds, not after ``request_timeout_ms``.
        """
        async with self._turns[name, partition]:
            future: asyncio.Future[Any] = await producer.send_batch(batch, name, partition=partition)
        return future

    def _name(self, topic: str) -> str:
        return kafka.topic_name(self._settings, topic)

    def _tell_later(self, outs: Sequence[Out], sent_s: float, future: "asyncio.Future[Any]") -> None:
        if tripped_ms := [out.tripped_ms for out in outs if out.tripped_ms is not None]:
            future.add_done_callback(partial(_tell_delays, self._tell_delay, tripped_ms, sent_s))

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
