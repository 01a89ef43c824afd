"""Runs one stage over the assigned partitions of its topic, exactly once in effect.

The agent of a topic is a loop of one line, ``runner.put(event)``; all that makes a stage reliable
is here and in `stream.lane`, and knows of Faust only what `Source` says:

* Each assigned partition has a `Lane` of its own, so the rebuild of one blocks no other.
* A stage is rebuilt by silent replay when it is missing or doesn't reach the batch in hand, and
  on assignment, so that idle partitions stand, too. Batches that come again are skipped.
* A batch is acknowledged when the broker has all it caused, in order; up to `max_in_flight`
  batches of a partition are on their way at once.
* State survives a rebalance that gives the partition back; other state is dropped.

Bounds: a lane queues `queue_batches` batches, then its partition is held back at the consumer
while the others go on. What had been fetched still arrives (at most ``consumer_max_fetch_size``
plus the topic's ``maxsize`` of batches).
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from aiokafka.errors import KafkaError

from stream import kafka
from stream.lane import Lane, NoHooks, RunnerHooks, Setup, Source
from stream.producer import Sender
from stream.quarantine import Quarantine
from stream.settings import Settings
from stream.stage import Stage, StageBuilder

log = logging.getLogger(__name__)

TICK_S = 1.0


class Runner:
    """See the module.

    Args:
        topic: name without prefix.
        builder: opens the stage of a partition.
        settings: of the worker.
        sender: shared by all runners of the process; `assigned` starts it.
        quarantine: shared by all runners of the process.
        hooks: told what happens, for metrics.
        queue_batches: batches a partition may have waiting before it is held back.
        max_together: most records of batches that are joined while they wait.
        isolation_level: as the worker's consumer reads.
    """

    def __init__(  # noqa: PLR0913
        self,
        topic: str,
        builder: StageBuilder,
        *,
        settings: Settings,
        sender: Sender,
        quarantine: Quarantine,
        hooks: RunnerHooks | None = None,
        queue_batches: int = 4,
        max_together: int = 1,
        isolation_level: str = "read_uncommitted",
    ) -> None:
        self.topic, self.full_topic = topic, kafka.topic_name(settings, topic)
        self._settings, self._builder, self._sender, self._quarantine = settings, builder, sender, quarantine
        self._hooks = hooks or NoHooks()
        self._queue_batches, self._max_together = queue_batches, max_together
        self._isolation_level = isolation_level
        self._setup: Setup | None = None
        self._lanes: dict[int, Lane] = {}
        self._ticker: asyncio.Task[None] | None = None

    def bind(self, source: Source) -> None:
        """Connect to the consumer (`stream.faust_app.attach` does)."""
        self._setup = Setup(
            topic=self.topic,
            full_topic=self.full_topic,
            client=kafka.client_kwargs(self._settings),
            builder=self._builder,
            sender=self._sender,
            quarantine=self._quarantine,
            hooks=self._hooks,
            source=source,
            max_in_flight=self._settings.max_in_flight,
            queue_batches=self._queue_batches,
            max_together=self._max_together,
            isolation_level=self._isolation_level,
        )

    # ── what can be read ──────────────────────────────────────────────────────────────────

    @property
    def stages(self) -> Mapping[int, Stage]:
        """The stages that stand, by partition."""
        return {partition: lane.stage for partition, lane in self._lanes.items() if lane.stage is not None}

    @property
    def positions(self) -> Mapping[int, int]:
        """The offset up to which each standing stage was fed."""
        return {partition: lane.position for partition, lane in self._lanes.items() if lane.stage is not None}

    @property
    def ready(self) -> bool:
        """Whether every assigned partition's stage stands (true when none is assigned)."""
        return all(lane.stage is not None for lane in self._lanes.values())

    # ── from the agent ────────────────────────────────────────────────────────────────────

    async def put(self, event: Any) -> None:
        """Take a batch event from the agent; it is acknowledged when its effects are safe."""
        lane = self._lanes.get(event.message.partition)
        if lane is None:
            # It slipped through a rebalance; another worker reads it.
            self._need_setup().source.forget(event)
        else:
            lane.put(event)

    # ── from the consumer ─────────────────────────────────────────────────────────────────

    async def assigned(self, topic_offsets: Mapping[int, int]) -> None:
        """Reading starts at these offsets, by partition; state of all others is dropped."""
        setup = self._need_setup()
        await self._sender.start()
        self._quarantine.forget()
        gone = [self._lanes.pop(partition) for partition in set(self._lanes) - set(topic_offsets)]
        await asyncio.gather(*(lane.close() for lane in gone))
        for partition, offset in sorted(topic_offsets.items()):
            if (lane := self._lanes.get(partition)) is None:
                lane = self._lanes[partition] = Lane(setup, partition)
                lane.start()
            lane.open(offset)
        if self._ticker is None:
            self._ticker = asyncio.create_task(self._tick_forever(), name=f"{self.topic} ticks")

    async def drain(self, timeout_s: float | None = None) -> None:
        """Let go of what is not fed, wait for what is, at most `timeout_s` (default: ``drain_s``)."""
        lanes = list(self._lanes.values())
        for lane in lanes:
            lane.let_go()
        try:
            async with asyncio.timeout(self._settings.drain_s if timeout_s is None else timeout_s):
                await asyncio.gather(*(lane.settle() for lane in lanes))
                await asyncio.gather(*(lane.sign_off() for lane in lanes))
        except (TimeoutError, KafkaError) as error:
            log.warning("%s: not finished in time, will be read again: %r", self.topic, error)
            for lane in lanes:
                lane.abandon()

    async def close(self) -> None:
        """End all tasks; state goes."""
        if self._ticker is not None:
            self._ticker.cancel()
        lanes, self._lanes = list(self._lanes.values()), {}
        await asyncio.gather(*(lane.close() for lane in lanes))

    # ── time ──────────────────────────────────────────────────────────────────────────────

    def tick(self, now_ms: int) -> None:
        """Let the stages of assigned partitions speak, unless a rebalance is under way."""
        if self._need_setup().source.flowing():
            for lane in self._lanes.values():
                lane.tick(now_ms)

    async def _tick_forever(self) -> None:
        try:
            while True:
                await asyncio.sleep(TICK_S)
                self.tick(time.time_ns() // 1_000_000)
        except Exception as error:
            log.exception("%s: ticks failed, stopping the worker", self.topic)
            await self._need_setup().source.crash(error)

    def _need_setup(self) -> Setup:
        if self._setup is None:
            raise RuntimeError(f"the runner of {self.topic} is not bound to a consumer")
        return self._setup
