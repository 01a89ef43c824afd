"""A runner with batches from the hand: continuity, holding back, draining, failing.

No Faust here: events are made of real records of a real log, and `Hand` stands where the consumer
would, so that each test decides what comes and when.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any, Self

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from support.workers import Reader, posts, produce, until

from stream import kafka
from stream.batches import Batch
from stream.errors import PackError
from stream.lane import NoHooks
from stream.producer import Sender
from stream.quarantine import Note, Quarantine
from stream.recovery import read_range
from stream.runner import Runner
from stream.settings import Settings
from stream.stage import Out, Record, Stage
from stream.topics import create_topics

N = 100


class Hand:
    """The consumer's place (`stream.lane.Source`): remembers what it was told."""

    def __init__(self) -> None:
        self.held: list[int] = []
        self.released: list[int] = []
        self.forgotten: list[int] = []
        self.acked: list[int] = []
        self.crashes: list[BaseException] = []

    def hold(self, partition: int) -> None:
        """Remember."""
        self.held.append(partition)

    def release(self, partition: int) -> None:
        """Remember."""
        self.released.append(partition)

    def forget(self, event: Any) -> None:
        """Remember."""
        self.forgotten.append(event.value.records[-1].offset)

    def remaining(self, partition: int, position: int) -> int | None:  # noqa: ARG002
        """Nothing is known."""
        return None

    def flowing(self) -> bool:
        """Always."""
        return True

    async def crash(self, error: BaseException) -> None:
        """Remember."""
        self.crashes.append(error)

    def event(self, start: int, records: Sequence[Record]) -> Any:
        """A batch event whose acknowledgement is remembered."""
        partition = records[0].partition  # type: ignore[attr-defined]
        message = SimpleNamespace(partition=partition)
        return SimpleNamespace(
            message=message,
            value=Batch(start, list(records)),
            ack=lambda: self.acked.append(records[-1].offset),
        )


class Echo:
    """Sends the offset of each record; some values make it misbehave."""

    def __init__(self, start: int) -> None:
        self.next_offset = start
        self.seen: list[int] = []
        self.fed: list[int] = []

    def feed(self, records: Sequence[Record]) -> list[Out]:
        """Echo."""
        self.fed.append(len(records))
        for record in records:
            if record.value == b"unreadable":
                raise PackError("format version 9, this worker knows 1: upgrade it")
            self.seen.append(record.offset)
            self.next_offset = record.offset + 1
        big = [Out(kafka.SKETCHES, b"x" * 3_000_000) for record in records if record.value == b"big"]
        return [*big, *(Out(kafka.SKETCHES, str(r.offset).encode(), partition=0) for r in records)]


class EchoBuilder:
    """Opens echoes; partition 1 waits until `gate` opens."""

    def __init__(self) -> None:
        self.opened: list[tuple[int, int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.stages: dict[int, Echo] = {}

    async def open(self, partition: int, offset: int) -> tuple[Stage, int]:
        """State is the log from ten records before."""
        self.opened.append((partition, offset))
        if partition == 1:
            await self.gate.wait()
        start = max(0, offset - 10)
        stage = self.stages[partition] = Echo(start)
        return stage, start


class Hooks(NoHooks):
    """Remembers how much was skipped."""

    def __init__(self) -> None:
        self.n_skipped = 0

    def skipped(self, topic: str, partition: int, n_records: int) -> None:  # noqa: ARG002
        """Count."""
        self.n_skipped += n_records


class Bench:
    """A runner, all around it, and a hundred records in each of two partitions."""

    def __init__(self, settings: Settings, values: dict[int, bytes], max_together: int = 1) -> None:
        self.settings, self.values = settings, values
        self.hand, self.builder, self.hooks = Hand(), EchoBuilder(), Hooks()
        self.sender = Sender(settings)
        self.quarantine = Quarantine(settings, self.sender)
        self.runner = Runner(
            kafka.POSTS,
            self.builder,
            settings=settings,
            sender=self.sender,
            quarantine=self.quarantine,
            hooks=self.hooks,
            queue_batches=3,
            max_together=max_together,
        )
        self.runner.bind(self.hand)
        self.log: dict[int, list[Record]] = {}

    async def __aenter__(self) -> Self:
        await create_topics(self.settings)
        inputs = posts(2 * N)
        for i, value in self.values.items():
            inputs[i] = (i % 2, value)
        await produce(self.settings, inputs)
        client, name = kafka.client_kwargs(self.settings), kafka.topic_name(self.settings, kafka.POSTS)
        for partition in (0, 1):
            parts = [part async for part in read_range(client, name, partition, 0, N)]
            self.log[partition] = [record for part in parts for record in part]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.runner.close()
        await self.sender.stop()

    async def put(self, partition: int, first: int, end: int, start: int | None = None) -> None:
        """Hand over the records [first, end) of a partition."""
        event = self.hand.event(first if start is None else start, self.log[partition][first:end])
        await self.runner.put(event)

    async def sent(self, n: int) -> list[int]:
        """The offsets that were sent, in order, when there are `n`."""
        async with Reader(self.settings, kafka.SKETCHES, 1) as reader:

            async def there() -> bool:
                return len(await reader.more()) >= n

            await until(there, 10, lambda: f"{len(reader.records)} of {n}")
            return [int(record.value) for record in reader.records]


@pytest.fixture
async def bench(settings: Settings) -> AsyncIterator[Bench]:
    """A bench with ordinary records."""
    async with Bench(settings.model_copy(update={"posts_partitions": 2}), {}) as bench:
        yield bench


async def test_batches_are_sent_and_acknowledged_in_order(bench: Bench) -> None:
    """Several in flight, one order."""
    await bench.runner.assigned({0: 0})
    for first in range(0, N, 10):
        await bench.put(0, first, first + 10)
    await until(lambda: len(bench.hand.acked) == 10)
    assert bench.hand.acked == list(range(9, N, 10))
    assert await bench.sent(N) == list(range(N))


async def test_records_that_come_again_are_acknowledged_and_not_fed(bench: Bench) -> None:
    """A rebalance gave the partition back and the last commit was older than the state."""
    await bench.runner.assigned({0: 0})
    await bench.put(0, 0, 50)
    await until(lambda: bench.hand.acked == [49])
    await bench.runner.assigned({0: 20})
    await bench.put(0, 20, 40)
    await bench.put(0, 40, 60)
    await until(lambda: bench.hand.acked == [49, 39, 59])
    assert await bench.sent(60) == list(range(60))
    assert bench.hooks.n_skipped == 30
    assert bench.builder.opened == [(0, 0)]


async def test_a_gap_rebuilds_the_state_silently(bench: Bench) -> None:
    """Another worker did records 20 to 59: they are replayed into a new state and not sent again."""
    await bench.runner.assigned({0: 0})
    await bench.put(0, 0, 20)
    await bench.put(0, 60, 70)
    await until(lambda: bench.hand.acked == [19, 69])
    assert bench.builder.opened == [(0, 0), (0, 60)]
    assert bench.builder.stages[0].seen == list(range(50, 70))
    assert await bench.sent(30) == [*range(20), *range(60, 70)]


async def test_a_hole_in_the_log_is_no_gap(bench: Bench) -> None:
    """The consumer looked from 20 on and the next record was 25: nothing is missing."""
    await bench.runner.assigned({0: 0})
    await bench.put(0, 0, 20)
    await bench.put(0, 25, 30, start=20)
    await until(lambda: bench.hand.acked == [19, 29])
    assert bench.builder.opened == [(0, 0)]


async def test_a_rebuild_of_one_partition_holds_back_that_one_only(bench: Bench) -> None:
    """Partition 1 can't open; partition 0 flows; batches of 1 wait, and its fetching is held."""
    bench.builder.gate.clear()
    await bench.runner.assigned({0: 0, 1: 0})
    for first in range(0, 50, 10):
        await bench.put(1, first, first + 10)
        await bench.put(0, first, first + 10)
    await until(lambda: len(bench.hand.acked) == 5)
    assert (bench.hand.held.count(1), bench.runner.ready) == (1, False)
    assert list(bench.runner.stages) == [0]
    bench.builder.gate.set()
    await until(lambda: len(bench.hand.acked) == 10)
    assert (bench.hand.released.count(1), bench.runner.ready) == (1, True)


async def test_batches_that_wait_are_fed_together_and_acknowledged_each(settings: Settings) -> None:
    """Four of 10 records wait, at most 25 are fed at once, and another worker did 40 to 59.

    Five more wait after that, and are all let go.
    """
    async with Bench(settings.model_copy(update={"posts_partitions": 2}), {}, max_together=25) as bench:
        await bench.runner.assigned({0: 0})
        await until(lambda: bench.runner.ready)
        stage = bench.builder.stages[0]
        for first in (0, 10, 20, 30, 60):
            await bench.put(0, first, first + 10)
        await until(lambda: len(bench.hand.acked) == 5)
        assert bench.hand.acked == [9, 19, 29, 39, 69]
        assert stage.fed == [20, 20]
        assert bench.builder.opened == [(0, 0), (0, 60)]
        assert await bench.sent(50) == [*range(40), *range(60, 70)]
        for first in range(80, 100, 4):
            await bench.put(0, first, first + 4)
        await bench.runner.drain(1)
        assert sorted(bench.hand.forgotten) == [83, 87, 91, 95, 99]


async def test_batches_hold_their_partition_back_though_they_are_joined(settings: Settings) -> None:
    """Three may wait. Of five, all of which fit into one, the third holds, and taking them releases."""
    async with Bench(settings.model_copy(update={"posts_partitions": 2}), {}, max_together=100) as bench:
        await bench.runner.assigned({0: 0})
        await until(lambda: bench.runner.ready)
        for first in range(0, 50, 10):
            await bench.put(0, first, first + 10)
        assert (bench.hand.held, bench.hand.released) == ([0], [])
        await until(lambda: len(bench.hand.acked) == 5)
        assert (bench.hand.held, bench.hand.released) == ([0], [0])
        assert bench.builder.stages[0].fed == [50]


async def test_a_stage_that_is_rebuilt_gets_its_first_batches_as_they_came(settings: Settings) -> None:
    """Its first batch may have to be fed record by record, so it must not grow meanwhile."""
    async with Bench(settings.model_copy(update={"posts_partitions": 2}), {}, max_together=100) as bench:
        bench.builder.gate.clear()
        await bench.runner.assigned({1: 0})
        for first in (0, 10, 20):
            await bench.put(1, first, first + 10)
        bench.builder.gate.set()
        await until(lambda: len(bench.hand.acked) == 3)
        assert bench.builder.stages[1].fed == [10, 10, 10]


async def test_state_survives_an_assignment_that_keeps_it_and_no_other(bench: Bench) -> None:
    """Partition 1 goes elsewhere and comes back: it is rebuilt, 0 is not."""
    await bench.runner.assigned({0: 0, 1: 0})
    await until(lambda: bench.runner.ready)
    await bench.runner.assigned({0: 0})
    assert list(bench.runner.stages) == [0]
    await bench.runner.assigned({0: 0, 1: 30})
    await until(lambda: bench.runner.ready)
    assert bench.builder.opened == [(0, 0), (1, 0), (1, 30)]
    assert bench.runner.positions == {0: 0, 1: 30}


async def test_drain_lets_go_of_what_waits_and_finishes_what_is_fed(bench: Bench) -> None:
    """Partition 1 is still opening: its batches are let go at once and never acknowledged."""
    bench.builder.gate.clear()
    await bench.runner.assigned({0: 0, 1: 0})
    await bench.put(1, 0, 10)
    await bench.put(1, 10, 20)
    await bench.put(0, 0, 10)
    await until(lambda: list(bench.runner.stages) == [0] and bench.builder.stages[0].next_offset == 10)
    await bench.runner.drain(10)
    assert bench.hand.acked == [9]
    assert sorted(bench.hand.forgotten) == [9, 19]
    bench.builder.gate.set()
    await until(lambda: bench.runner.ready)
    assert bench.builder.stages[1].seen == []


async def test_a_worker_that_leaves_in_good_order_is_not_counted_as_dead(bench: Bench) -> None:
    """However often it restarts without anything new to do, no record is ever handled with care."""
    await bench.runner.assigned({0: 30})
    await until(lambda: bench.runner.ready)
    bench.quarantine.forget()
    assert (await bench.quarantine.load(kafka.POSTS, 0)).opens == 1
    await bench.runner.drain(10)
    bench.quarantine.forget()
    assert await bench.quarantine.load(kafka.POSTS, 0) == Note(opened_at=30, opens=0)


async def test_drain_ends_in_time_even_if_the_broker_does_not_answer(settings: Settings) -> None:
    """Messages linger for a second: a drain of 50 ms gives up and lets the batch go."""
    slow = settings.model_copy(update={"posts_partitions": 2, "linger_ms": 1000})
    async with Bench(slow, {}) as bench:
        await bench.runner.assigned({0: 0})
        await bench.put(0, 0, 10)
        await until(lambda: 0 in bench.runner.stages and bench.builder.stages[0].next_offset == 10)
        began = asyncio.get_running_loop().time()
        await bench.runner.drain(0.05)
        assert asyncio.get_running_loop().time() - began < 0.5
        assert (bench.hand.acked, bench.hand.forgotten) == ([], [9])


async def test_a_message_that_cannot_be_sent_stops_the_worker_unacknowledged(settings: Settings) -> None:
    """3 MB: the producer refuses, the batch is not acknowledged, later ones are let go."""
    async with Bench(settings.model_copy(update={"posts_partitions": 2}), {4: b"big"}) as bench:
        await bench.runner.assigned({0: 0})
        await bench.put(0, 0, 10)
        await until(lambda: bool(bench.hand.crashes))
        await bench.put(0, 10, 20)
        await bench.runner.drain(1)
        assert [type(error) for error in bench.hand.crashes] == [MessageSizeTooLargeError]
        assert (bench.hand.acked, sorted(bench.hand.forgotten)) == ([], [9, 19])


async def test_a_pack_of_another_version_stops_the_worker_and_accuses_no_record(settings: Settings) -> None:
    """However often workers restart: the note on the partition stays clean."""
    async with Bench(settings.model_copy(update={"posts_partitions": 2}), {4: b"unreadable"}) as bench:
        await bench.runner.assigned({0: 0})
        await bench.put(0, 0, 10)
        await until(lambda: bool(bench.hand.crashes))
        assert [type(error) for error in bench.hand.crashes] == [PackError]
        bench.quarantine.forget()
        assert await bench.quarantine.load(kafka.POSTS, 0) == Note(opened_at=0, opens=1)


async def test_an_event_of_a_partition_that_is_gone_is_let_go(bench: Bench) -> None:
    """It slipped through a rebalance; whoever has the partition now reads it."""
    await bench.runner.assigned({0: 0})
    await bench.put(1, 0, 10)
    assert bench.hand.forgotten == [9]
