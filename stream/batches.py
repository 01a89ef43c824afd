"""Whole fetched record batches as Faust events, with exact commits.

Faust pays 60–230 µs for each message on its way to an agent (Tasks in its fetch loop, stream
iteration, the conductor). Paid once per fetched batch, one worker reads 190,000 posts a second
instead of 4,400. The public hooks are ``App(ConsumerScheduler=…)``, ``app.topic(schema=…)`` and
``app.transport``; they alone don't suffice, because to stock Faust a batch looks like a gap in
the offsets: it would merge an interval tree per batch, and may commit past unfinished work. So
`BatchConsumer` overrides how offsets are booked. It touches private names of faust-streaming
`FAUST_VERSION`; ``tests/contract/test_faust_private_names.py`` fails when an upgrade moves one.

What a `BatchConsumer` promises beyond stock Faust:

* The committed offset is the end of the longest run of acknowledged batches, nothing else.
* Before partitions are revoked, work in hand is drained and committed. (Stock Faust forgets
  acknowledgements first: each rebalance then repeats up to a commit interval.)
* Waiting for unfinished work is bounded, so that SIGTERM and rebalances can't hang.
* Each batch says where in the log the consumer began to look for it (`Batch.start`), so that a
  hole in the offsets (compaction, transaction markers) is told from records that are missing.
* One partition can be held back without the others (`hold`), while its state is rebuilt.
* A worker that the group refuses ends. (Stock Faust never asks aiokafka's coordinator what went
  wrong, and stays: alive, reading nothing.)
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

import faust
from aiokafka.errors import KafkaError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Consumer as _Consumer
from faust.transport.drivers.aiokafka import Transport as _Transport
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP
from mode import Service

from stream.group import GroupWatch, fatal_error
from stream.pace import SILENT_S, Pace, Pacer, give
from stream.stage import Record
from stream.stored import cut, ends, hand_on

FAUST_VERSION = "0.15.3"
"""The only version of faust-streaming whose private names were checked."""
GROUP_CHECK_S = 1.0
HELD_POLL_S = 0.02
"""How long a look for records may wait while a partition is held. Faust's second would be the wait of one
that is released when no other has anything: a backlog's last stage stood still for half of its time."""


class Batch(NamedTuple):
    """Consecutive records of one partition: all that the log holds in [start, last offset]."""

    start: int
    """Where the consumer began to look; below the first record's offset where the log has a hole."""
    records: Sequence[Record]


class RecordBatch:
    """Looks to Faust like one consumer record whose value is a `Batch`.

    `offset` is that of the last record, so acknowledging the event acknowledges the batch.
    """

    __slots__ = (
        "checksum",
        "headers",
        "key",
        "offset",
        "partition",
        "serialized_key_size",
        "serialized_value_size",
        "timestamp",
        "timestamp_type",
        "topic",
        "value",
    )

    def __init__(self, tp: Any, start: int, records: Sequence[Record]) -> None:
        self.topic, self.partition, self.offset = tp.topic, tp.partition, ends(records)[1]
        self.key = self.checksum = self.timestamp = self.timestamp_type = None
        self.headers, self.value = (), Batch(start, records)
        self.serialized_key_size = self.serialized_value_size = 0


class BatchScheduler(DefaultSchedulingStrategy):
    """Cuts what was fetched into `RecordBatch`es and remembers where each partition stands."""

    max_batch: ClassVar[Mapping[str, int]] = {}
    """Most records in a batch, by full topic name; other topics stay record by record."""

    def __init__(self) -> None:
        self.position: dict[Any, int] = {}
        """The offset after the last record handed out, or where the last seek went."""

    def iterate(self, records: Mapping[Any, list[Any]]) -> Iterator[tuple[Any, Any]]:
        """Round robin over topics and partitions, batch by batch."""
        batches: Iterator[tuple[Any, Any]] = super().iterate(
            {
                tp: self._cut(tp, found) if tp.topic in self.max_batch else found
                for tp, found in records.items()
            }
        )
        return batches

    def _cut(self, tp: Any, records: list[Any]) -> list[RecordBatch]:
        batches = []
        for part in cut(records, self.max_batch[tp.topic]):
            first, last = ends(part)
            # A topic that was made anew starts below the position that the group remembers.
            batches.append(RecordBatch(tp, min(self.position.get(tp, first), first), part))
            self.position[tp] = last + 1
        return batches


def batch_scheduler(max_batch: Mapping[str, int]) -> type[BatchScheduler]:
    """A class for ``App(ConsumerScheduler=…)``; `max_batch` as in `BatchScheduler`."""
    return type("ConfiguredBatchScheduler", (BatchScheduler,), {"max_batch": dict(max_batch)})


class BatchSchema(faust.Schema):
    """For ``app.topic(schema=…)``: nothing is decoded, the event's value is the `Batch`."""

    def compile(
        self,
        app: Any,
        *,
        on_key_decode_error: Any = None,  # noqa: ARG002 (Faust's signature; nothing is decoded)
        on_value_decode_error: Any = None,  # noqa: ARG002
        default_propagate: bool = False,
    ) -> Callable[..., Awaitable[Any]]:
        """The function that makes an event of a message."""
        create_event = app.create_event

        async def decode(message: Any, *, propagate: bool = default_propagate) -> Any:  # noqa: ARG001
            return create_event(None, message.value, None, message)

        return decode


class Listener(Protocol):
    """Who processes the batches of one topic (`stream.runner.Runner`)."""

    async def assigned(self, topic_offsets: Mapping[int, int]) -> None:
        """Reading starts at these offsets, by partition; all other partitions are gone."""

    async def drain(self) -> None:
        """Finish what is begun, let go of the rest; must be bounded in time."""


class BatchConsumerThread(AIOKafkaConsumerThread):
    """Sets what Faust hard-codes when it makes the aiokafka consumer."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust asks the broker to wait up to 1.5 s for more: a p99 delay of 0.8 s on a quiet feed.
        consumer._fetch_max_wait_ms = transport.pace.max_wait_ms  # noqa: SLF001
        # Without a minimum a busy CPU means many tiny batches, each with its fixed price.
        consumer._fetch_min_bytes = transport.pace.min_bytes  # noqa: SLF001
        consumer._isolation_level = transport.isolation_level  # noqa: SLF001
        return consumer

    async def _fetch_records(self, consumer: Any, *args: Any, **kwargs: Any) -> Any:
        hand_on(consumer._fetcher, self.consumer.scheduler.max_batch)  # noqa: SLF001
        return await super()._fetch_records(consumer, *args, **kwargs)


class BatchConsumer(_Consumer):
    """Faust's consumer with batch bookkeeping; see the module's docstring."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._inflight: defaultdict[Any, deque[int]] = defaultdict(deque)
        """Offset of the last record of each batch handed out and not yet committed, in order."""
        self._held: set[Any] = set()
        self._leaving = False
        """Between the revocation of partitions and the next assignment."""
        super().__init__(*args, **kwargs)
        self._pacer = Pacer(self.transport.pace)

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _is_batched(self, tp: Any) -> bool:
        return tp.topic in self.scheduler.max_batch

    def _to_message(self, tp: Any, record: Any) -> Any:
        if isinstance(record, RecordBatch):
            self._inflight[tp].append(record.offset)
        return super()._to_message(tp, record)

    async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:
        if not self._is_batched(tp):  # stock: O(n) merge of an interval tree per batch
            await super()._add_gap(tp, offset_from, offset_to)

    def _new_offset(self, tp: Any) -> int | None:
        if not self._is_batched(tp):
            stock: int | None = super()._new_offset(tp)
            return stock
        pending, index = self._inflight[tp], self._acked_index[tp]
        committed, last = self._committed_offset[tp] or 0, None
        while pending and (pending[0] in index or pending[0] < committed):
            last = pending.popleft()
        if last is None:
            return None
        acked = self._acked[tp]
        acked[:] = [offset for offset in acked if offset > last]
        index.intersection_update(acked)
        return last + 1 if last >= committed else None

    # ── rebalances and stops ──────────────────────────────────────────────────────────────

    @Service.task
    async def _watch_group(self) -> None:
        """Crash when the group refuses us."""
        is_static = self.app.conf.consumer_group_instance_id is not None
        watch = GroupWatch(is_static=is_static)
        while not self.should_stop:
            await self.sleep(GROUP_CHECK_S)
            refusal = watch.refusal(self._coordinator(), time.monotonic())
            if refusal is not None and not self.should_stop:
                await self.app.crash(self.transport.explain(refusal))
                return

    def _coordinator(self) -> Any:
        return getattr(self._thread._consumer, "_coordinator", None)  # noqa: SLF001 (one reference is read)

    async def perform_seek(self) -> None:
        """Every rebalance ends here: read on from the committed offsets, and tell who listens.

        Faust's fetcher also calls it whenever the flow stops. While work in hand is still being
        drained that would set back what is about to be committed, so it waits for its turn.
        """
        if self._leaving or self.app.should_stop:
            return
        await super().perform_seek()
        committed = {TP(tp.topic, tp.partition): self._committed_offset[tp] for tp in self.assignment()}
        fresh = [tp for tp, offset in committed.items() if offset is None]
        # A group without a committed offset begins at the start of the log (consumer_auto_offset_reset).
        earliest = await self.earliest_offsets(*fresh) if fresh else {}
        positions = {tp: earliest[tp] if at is None else at for tp, at in committed.items()}
        self.scheduler.position.clear()
        self.scheduler.position.update(positions)
        await self._tell(positions)

    async def seek(self, partition: Any, offset: int) -> None:
        """Go to `offset`; batches handed out before count no more."""
        self._forget_progress([partition])
        await super().seek(partition, offset)
        self.scheduler.position[partition] = offset

    def _forget_progress(self, tps: list[Any]) -> None:
        # A late acknowledgement must not count for a batch of the next round.
        for tp in tps:
            self._inflight.pop(tp, None)
            self._acked.pop(tp, None)
            self._acked_index.pop(tp, None)

    async def on_partitions_assigned(self, assigned: set[Any], generation_id: int = 0) -> None:
        """Faust seeks nothing for an empty assignment, so listeners hear of it here."""
        self._leaving = False
        await super().on_partitions_assigned(assigned, generation_id)
        if not assigned:
            await self._tell({})

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Drain and commit while the bookkeeping still stands, then let Faust clear it."""
        self._leaving = True
        if revoked and not self.app.should_stop:
            self.stop_flow()
            self.app.flow_control.suspend()
            self.app.flow_control.clear()
            await self.wait_empty()
        await super().on_partitions_revoked(revoked)
        self._forget_progress(list(revoked))
        self._held.difference_update(revoked)
        self._buffered_partitions.difference_update(revoked)

    async def wait_empty(self) -> None:
        """Bounded, unlike stock Faust: listeners drain, and what they let go of is read again."""
        if self.app.crashed:
            return
        await asyncio.gather(*(listener.drain() for listener in self.transport.listeners.values()))
        await super().wait_empty()
        # A commit that was under way may have been worked out before the last acknowledgement.
        await self.maybe_wait_for_commit_to_finish()
        await self.commit()

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: FBT001, FBT002
        """Commit what is acknowledged; nothing after a crash.

        A crash ends the consumer's thread, and a call to it would wait for ever.
        """
        if self.app.crashed:
            return False
        committed: bool = await super().commit(topics, start_new_transaction)
        return committed

    async def _tell(self, positions: Mapping[Any, int]) -> None:
        try:
            for topic, listener in self.transport.listeners.items():
                await listener.assigned(
                    {tp.partition: at for tp, at in positions.items() if tp.topic == topic}
                )
        except Exception as error:  # noqa: BLE001 (Faust would go on with nobody listening)
            await self.app.crash(error)

    async def _wait_next_records(self, timeout: float) -> Any:  # noqa: ASYNC109 (Faust's signature)
        """Short while a partition is held: its release wakes no look. A refusal strikes one that waits."""
        if self._buffered_partitions:
            if self.flow_active and not self._get_active_partitions():
                await self.sleep(HELD_POLL_S)
                return {}, set()
            timeout = min(timeout, HELD_POLL_S)
        timeout = min(timeout, SILENT_S)  # else silence would not be noticed
        try:
            found = await super()._wait_next_records(timeout)
        except KafkaError as error:
            # What is raised is a copy of what the coordinator keeps.
            if (refusal := fatal_error(self._coordinator())) is None:
                raise
            raise self.transport.explain(refusal) from error
        pace = self._pacer.next(found=bool(found[0]), is_held=bool(self._buffered_partitions))
        give(self._thread._consumer, pace)  # noqa: SLF001
        return found

    # ── what a listener may ask for ───────────────────────────────────────────────────────

    def forget(self, message: Any) -> None:
        """Don't wait for `message`: it will be read again."""
        self._unacked_messages.discard(message)

    def hold(self, tp: Any) -> None:
        """Fetch nothing more of `tp`; what is fetched still arrives (``pause_partitions`` would drop it)."""
        self._held.add(tp)
        self.on_buffer_full(tp)

    def release(self, tp: Any) -> None:
        """End `hold`."""
        if tp in self._held:
            self._held.discard(tp)
            self.on_buffer_drop(tp)

    def on_buffer_drop(self, tp: Any) -> None:
        """Faust's own back-pressure must not release a partition that is held."""
        if tp not in self._held:
            super().on_buffer_drop(tp)

    def remaining(self, tp: Any, position: int) -> int | None:
        """How much of the log lies at and after `position`; ``None``: no fetch has told yet.

        By the high watermark of the last fetch: the end that ListOffsets reports is wrong on some
        brokers (Tansu). A hole at the end (a transaction's marker) is no remainder.
        """
        assignment = self._thread._ensure_consumer()._subscription.subscription.assignment  # noqa: SLF001
        if not assignment or tp not in assignment.tps:
            return None
        state = assignment.state_value(tp)
        end = state.lso if self.transport.isolation_level == "read_committed" else state.highwater
        if end is None:
            return None
        if position == self.scheduler.position.get(tp) and state.has_valid_position:
            position = max(position, state.position)
        return max(0, int(end) - position)


class BatchTransport(_Transport):
    """The transport to install with ``app.transport = …`` before the app starts."""

    Consumer = BatchConsumer

    def __init__(
        self,
        *args: Any,
        fetch_max_wait_ms: int = 20,
        fetch_min_bytes: int = 1,
        isolation_level: str = "read_uncommitted",
        explain: Callable[[BaseException], BaseException] = lambda refusal: refusal,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.explain = explain
        """What to end the worker with when the group refuses it."""
        self.pace = Pace(fetch_max_wait_ms, fetch_min_bytes)
        self.isolation_level = isolation_level
        self.listeners: dict[str, Listener] = {}
        """By full topic name."""


def install(app: Any, **kwargs: Any) -> BatchTransport:
    """Give `app` a `BatchTransport`; `kwargs` are its keyword arguments."""
    app.transport = transport = BatchTransport(app.conf.broker_consumer, app, **kwargs)
    return transport


async def batches(stream: Any) -> AsyncIterator[Any]:
    """The events of a batch topic; acknowledge each with ``event.ack()`` when its effects are safe."""
    # noack: else the end of an agent acknowledges the batch that ended it, and the batch is lost.
    async for event in stream.noack().events():
        yield event
