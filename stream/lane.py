"""One partition's way through a stage: rebuild, feed, send, acknowledge, in order.

A `Lane` owns the stage object of one partition. A single task takes its work from a queue, so
opening, feeding and ticking never overlap and need no lock; a second task acknowledges batches in
order once the broker has all that they caused. Lanes don't wait for each other.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from stream.producer import Sender, Sent, acknowledged
from stream.quarantine import Note, Quarantine, dead_letter, is_the_records_fault
from stream.recovery import read_range
from stream.stage import Out, Record, Stage, StageBuilder, Ticking
from stream.stored import ends
from stream.waiting import Tick, Waiting, Work

log = logging.getLogger(__name__)


class RunnerHooks(Protocol):
    """What a runner tells about itself, for metrics. Calls are quick and never raise."""

    def fed(self, topic: str, partition: int, n_records: int, seconds: float) -> None:
        """A batch went through the stage."""

    def skipped(self, topic: str, partition: int, n_records: int) -> None:
        """Records came again that the stage had been fed already."""

    def rebuilt(self, topic: str, partition: int, n_records: int, n_missing: int, seconds: float) -> None:
        """A stage stands; `n_missing` offsets of its replay were no longer in the log."""

    def in_flight(self, topic: str, partition: int, n_batches: int) -> None:
        """So many batches are fed whose messages are not all acknowledged."""

    def lag(self, topic: str, partition: int, n_records: int) -> None:
        """So many records of the log are not fed yet."""

    def set_aside(self, topic: str, partition: int, offset: int) -> None:
        """A record that crashed workers went to ``posts.dead``."""

    def dropped(self, topic: str, partition: int) -> None:
        """The partition is another worker's now."""


class NoHooks:
    """Tells nobody."""

    def __getattr__(self, _name: str) -> Any:
        return lambda *_: None


class Source(Protocol):
    """The consumer, as a runner sees it."""

    def hold(self, partition: int) -> None:
        """Fetch nothing more for the partition."""

    def release(self, partition: int) -> None:
        """End `hold`."""

    def forget(self, event: Any) -> None:
        """The event will not be acknowledged; don't wait for it."""

    def remaining(self, partition: int, position: int) -> int | None:
        """Length of the log at and after `position`; ``None``: unknown."""

    def flowing(self) -> bool:
        """Whether no rebalance or stop is under way."""

    async def crash(self, error: BaseException) -> None:
        """Stop the worker with `error`."""


@dataclass(slots=True, kw_only=True, repr=False)
class Setup:
    """What all lanes of a runner share. It has no repr: `client` holds a password."""

    topic: str
    """Without prefix."""
    full_topic: str
    client: Mapping[str, Any]
    builder: StageBuilder
    sender: Sender
    quarantine: Quarantine
    hooks: RunnerHooks
    source: Source
    max_in_flight: int
    queue_batches: int
    max_together: int
    """Most records of batches that are joined while they wait."""
    isolation_level: str


@dataclass(eq=False, repr=False)
class Lane:
    """See the module. Created for an assigned partition, closed when it goes elsewhere."""

    setup: Setup
    partition: int
    stage: Stage | None = None
    """The stage while it stands; ``None`` while it is being rebuilt."""
    position: int = 0
    """The offset up to which the stage knows the log, holes included."""
    _acks: "asyncio.Queue[tuple[Work | None, Sent]]" = field(default_factory=asyncio.Queue)
    _fed: deque[Work] = field(default_factory=deque)
    """Batches fed and not yet acknowledged."""
    _in_hand: Work | None = None
    _held: bool = False
    _failed: bool = False
    _careful: bool = False
    _note: Note = field(default_factory=Note)
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._waiting = Waiting(self.setup.max_together)
        self._slots = asyncio.Semaphore(self.setup.max_in_flight)
        self._empty = asyncio.Event()
        self._empty.set()
        self._name = f"{self.setup.topic}/{self.partition}"

    # ── from outside ──────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Start the two tasks."""
        for work in (self._work(), self._acknowledge()):
            self._tasks.append(
                asyncio.create_task(self._guard(work), name=f"{self.setup.topic}/{self.partition}")
            )

    def open(self, offset: int) -> None:
        """Have the stage stand at `offset` even if no record ever comes."""
        self._waiting.add(Work(offset))

    def put(self, event: Any) -> None:
        """Take a batch event. Past `queue_batches` waiting ones the partition is held back."""
        if self._failed:
            self.setup.source.forget(event)
            return
        # A stage that is rebuilt may have to be fed its first batch record by record.
        self._waiting.put(event, join=self.stage is not None and not self._careful)
        if not self._held and self._waiting.n_batches >= self.setup.queue_batches:
            self._held = True
            self.setup.source.hold(self.partition)

    def tick(self, now_ms: int) -> None:
        """Let the stage speak, if it can and has nothing better to do; report the lag."""
        if self.stage is not None:
            self._tell_lag()
        if isinstance(self.stage, Ticking) and not self._waiting:
            self._waiting.add(Tick(now_ms))

    def let_go(self) -> None:
        """Forget what is not fed yet: it will be read again."""
        events = self._waiting.clear()
        if self._in_hand is not None and self._in_hand not in self._fed:
            self._in_hand.dropped = True
            events += self._in_hand.events
        self._forget(events)
        self._relieve()

    async def settle(self) -> None:
        """Wait until all that is fed is acknowledged; at once after a failure."""
        await self._empty.wait()

    async def sign_off(self) -> None:
        """Note that the partition is left in good order: this opening says nothing of a crash."""
        if self._note.opens and not self._failed:
            self._note.opens, self._note.trying = 0, None
            await self._save_note()

    def abandon(self) -> None:
        """Forget what is fed, too: time is up."""
        for work in self._fed:
            self._forget(work.events)

    def _forget(self, events: Iterable[Any]) -> None:
        for event in events:
            self.setup.source.forget(event)

    async def close(self) -> None:
        """End the tasks and let the stage go."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.stage = None
        self.setup.hooks.dropped(self.setup.topic, self.partition)

    # ── the two tasks ─────────────────────────────────────────────────────────────────────

    async def _guard(self, work: Any) -> None:
        try:
            await work
        except Exception as error:
            log.exception("%s: stopping the worker", self._name)
            self._failed = True
            for task in self._tasks:
                if task is not asyncio.current_task():
                    task.cancel()
            self.let_go()
            self.abandon()
            self._empty.set()
            await self.setup.source.crash(error)

    async def _work(self) -> None:
        while True:
            work = await self._waiting.get()
            self._relieve()
            if isinstance(work, Tick):
                await self._speak(work)
            else:
                self._in_hand = work
                await self._handle(work)
                self._in_hand = None

    def _relieve(self) -> None:
        if self._held and self._waiting.n_batches <= self.setup.queue_batches // 2:
            self._held = False
            self.setup.source.release(self.partition)

    async def _handle(self, work: Work) -> None:
        stage = self.stage
        if stage is None or self.position < work.offset:
            stage = await self._rebuild(work.offset)
        if work.batch is None or work.dropped:
            return
        await self._slots.acquire()
        if work.dropped:
            self._slots.release()
            return
        self._fed.append(work)
        self._empty.clear()
        self._tell_in_flight()
        outs = await self._feed_new(stage, work.batch.records)
        await self._acks.put((work, await self.setup.sender.send(outs)))

    async def _feed_new(self, stage: Stage, records: Sequence[Record]) -> list[Out]:
        position = self.position
        if ends(records)[0] < position:
            fresh = [record for record in records if record.offset >= position]
            self.setup.hooks.skipped(self.setup.topic, self.partition, len(records) - len(fresh))
            records = fresh
        if not records:
            return []
        began = time.perf_counter()
        outs = await self._feed(stage, records, silent=False)
        self.setup.hooks.fed(self.setup.topic, self.partition, len(records), time.perf_counter() - began)
        self.position = ends(records)[1] + 1
        self._tell_lag()
        return outs

    async def _speak(self, tick: Tick) -> None:
        setup = self.setup
        if not setup.source.flowing() or not isinstance(self.stage, Ticking):
            return
        caught_up = not self._waiting and setup.source.remaining(self.partition, self.position) == 0
        outs = await _whole(self.stage.tick(tick.now_ms, caught_up=caught_up))
        if outs:
            await self._slots.acquire()
            await self._acks.put((None, await setup.sender.send(outs)))

    async def _acknowledge(self) -> None:
        while True:
            work, sent = await self._acks.get()
            await acknowledged(sent)
            self._slots.release()
            if work is None:
                continue
            for event in work.events:
                event.ack()
            self._fed.remove(work)
            self._tell_in_flight()
            if not self._fed:
                self._empty.set()

    def _tell_in_flight(self) -> None:
        self.setup.hooks.in_flight(self.setup.topic, self.partition, len(self._fed))

    def _tell_lag(self) -> None:
        remaining = self.setup.source.remaining(self.partition, self.position)
        if remaining is not None:
            self.setup.hooks.lag(self.setup.topic, self.partition, remaining)

    # ── the stage ─────────────────────────────────────────────────────────────────────────

    async def _rebuild(self, offset: int) -> Stage:
        """A new stage that knows the log up to `offset`, made without a word to anyone."""
        setup, began = self.setup, time.perf_counter()
        self.stage = None
        note = self._note = await setup.quarantine.load(setup.topic, self.partition)
        self._careful = note.opened(offset)
        if self._careful:
            log.warning("%s: opened %d times at %d, going on singly", self._name, note.opens, offset)
        stage, start = await setup.builder.open(self.partition, offset)
        note.forget_before(min(start, offset))
        await setup.quarantine.save(setup.topic, self.partition, note)
        n_records = 0
        log_range = read_range(
            setup.client,
            setup.full_topic,
            self.partition,
            start,
            offset,
            isolation_level=setup.isolation_level,
        )
        async for records in log_range:
            await self._feed(stage, records, silent=True)
            n_records += len(records)
            await asyncio.sleep(0)
        self.stage, self.position = stage, offset
        seconds = time.perf_counter() - began
        n_missing = log_range.n_missing
        log.info(
            "%s: at %d after %.2f s, %d records replayed, %d missing",
            *(self._name, offset, seconds, n_records, n_missing),
        )
        setup.hooks.rebuilt(setup.topic, self.partition, n_records, n_missing, seconds)
        return stage

    async def _feed(self, stage: Stage, records: Sequence[Record], *, silent: bool) -> list[Out]:
        outs: list[Out] = []
        careful = self._careful and not silent
        for run in self._note.runs(records, careful=careful):
            first, _ = ends(run)
            if first in self._note.set_aside:
                if not silent:
                    log.error("%s: record %d crashed workers: set aside", self._name, first)
                    self.setup.hooks.set_aside(self.setup.topic, self.partition, first)
                    outs.append(dead_letter(self.setup.topic, self.partition, run[0]))
            else:
                outs += await self._feed_run(stage, run, careful=careful)
        if careful:
            self._careful, self._note.trying, self._note.opens = False, None, 0
            await self._save_note()
        return outs

    async def _feed_run(self, stage: Stage, run: Sequence[Record], *, careful: bool) -> list[Out]:
        first, last = ends(run)
        if careful:
            self._note.trying = first
            await self._save_note()
        try:
            return await _whole(stage.feed(run))
        except Exception as error:
            if is_the_records_fault(error):
                self._note.crashed(first, last + 1)
                await self._save_note()
            raise

    async def _save_note(self) -> None:
        await self.setup.quarantine.save(self.setup.topic, self.partition, self._note)


async def _whole(outs: list[Out] | Awaitable[list[Out]]) -> list[Out]:
    return outs if isinstance(outs, list) else await outs
