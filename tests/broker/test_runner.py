"""Workers under faults: each record counts once in effect, on either broker.

Inputs go to two partitions of `posts`; the toy stage sends one output for each to `sketches`, with
the count and the summed length of all records before it. A lost record, a record fed twice and
a state that was rebuilt wrongly all show in those numbers.
"""

import signal
from collections.abc import AsyncIterator, Collection, Iterable
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from support.apache_kafka import ApacheKafka
from support.toy_worker import Counted
from support.workers import Input, Reader, ToyWorker, posts, produce, until

from stream import kafka
from stream.embedded import EmbeddedBroker
from stream.producer import Sender
from stream.quarantine import Note, Quarantine
from stream.settings import Settings
from stream.topics import create_topics

PARTITIONS = 2
TOPICS = {"posts_partitions": PARTITIONS, "sketches_partitions": PARTITIONS}


@pytest.fixture
async def ground(settings: Settings, embedded_broker: EmbeddedBroker) -> Settings:
    """Settings whose topics exist."""
    is_embedded = settings.bootstrap == embedded_broker.bootstrap
    # Below the least setting: joining takes half of it on the embedded broker.
    ground = settings.model_copy(update=TOPICS | {"session_timeout_s": 1 if is_embedded else 6})
    await create_topics(ground)
    return ground


@pytest.fixture
async def sketches(ground: Settings) -> AsyncIterator[Reader]:
    """What the workers sent on."""
    async with Reader(ground, kafka.SKETCHES, PARTITIONS) as reader:
        yield reader


def outputs(reader: Reader) -> list[Counted]:
    """What was sent so far."""
    return [msgspec.json.decode(record.value, type=Counted) for record in reader.records]


async def some(reader: Reader, n: int) -> None:
    """Wait for `n` outputs, repeats among them."""

    async def there() -> bool:
        return len(await reader.more()) >= n

    await until(there, 30, lambda: f"{len(reader.records)} of {n}")


async def all_counted(
    reader: Reader, inputs: Iterable[Input], left_out: Collection[tuple[int, int]] = ()
) -> int:
    """Wait until each input but those `left_out` has its right output; return the number of repeats.

    Repeats must be equal to the first.
    """
    expected, state, ends = set[Counted](), dict[int, tuple[int, int]](), dict[int, int]()
    for partition, value in inputs:
        offset = ends.get(partition, 0)
        ends[partition] = offset + 1
        if (partition, offset) not in left_out:
            count, length = state.get(partition, (0, 0))
            expected.add(Counted(partition, offset, count, length))
            state[partition] = (count + 1, length + len(value))

    async def there() -> bool:
        return len({(r.partition, r.value) for r in await reader.more()}) >= len(expected)

    await until(there, 30, lambda: f"{len(set(outputs(reader)))} of {len(expected)} counted")
    assert set(outputs(reader)) == expected
    return len(reader.records) - len(expected)


def replayed(worker: ToyWorker) -> dict[int, int]:
    """Records of the last silent replay, by partition."""
    lines = [line.split() for line in worker.log().splitlines() if line.startswith("HOOK rebuilt posts")]
    return {int(line[3]): int(line[4]) for line in lines}


async def test_workers_that_raise_and_workers_that_are_killed_lose_nothing(
    ground: Settings, tmp_path: Path, sketches: Reader
) -> None:
    """An exception ends the process with 1, SIGKILL ends another; the third one finishes the work.

    Nothing is set aside for an error that goes away, nothing lost, and what repeats is equal.
    """
    inputs = posts(6000)
    await produce(ground, inputs)
    toy = {"raise_once": str(tmp_path / "raised"), "raise_after": 700, "feed_ms": 10}
    with ToyWorker(ground, tmp_path, **toy) as worker:
        assert await worker.exit_code() == 1, worker.log()
    await sketches.more()
    n_before = len(sketches.records)
    with ToyWorker(ground, tmp_path, **toy | {"feed_ms": 30}) as worker:
        await some(sketches, n_before + 3000)
        worker.kill()
    with ToyWorker(ground, tmp_path, **toy) as worker:
        n_repeated = await all_counted(sketches, inputs)
        assert "set_aside" not in worker.log()
    print(f"raised, then killed: 0 of {len(inputs)} lost, {n_repeated} again")  # noqa: T201 (measured)


async def test_sigterm_drains_exits_with_0_and_the_next_worker_repeats_nothing(
    ground: Settings, tmp_path: Path, sketches: Reader
) -> None:
    """What is fed is sent and committed before the end; the next worker starts from checkpoints.

    It rebuilds partition 1, too, where nothing new ever comes, and hears that it is caught up.
    """
    inputs = posts(400) + [(0, b"more") for _ in range(3000)]
    await produce(ground, inputs)
    toy = {"checkpoint_every": 150, "ticks": True}
    with ToyWorker(ground, tmp_path, feed_ms=40, **toy) as worker:
        await some(sketches, 1200)
        worker.terminate()
        assert await worker.exit_code(10) == 0, worker.log()
    with ToyWorker(ground, tmp_path, **toy) as worker:
        assert await all_counted(sketches, inputs) == 0
        await worker.printed("HOOK rebuilt posts 1 50 0")
        assert replayed(worker)[0] < 150
        async with Reader(ground, kafka.ACTIVITY, 1) as activity:
            await until(lambda: _ticked(activity, {(0, 3200, True), (1, 200, True)}))
    assert (1, 0, True) not in {tuple(said) for said in _said(activity)}


def _said(activity: Reader) -> list[tuple[int, int, bool]]:
    ticks = [msgspec.json.decode(record.value) for record in activity.records]
    return [(partition, n, caught_up) for partition, n, _, caught_up in ticks]


async def _ticked(activity: Reader, wanted: set[tuple[int, int, bool]]) -> bool:
    await activity.more()
    return wanted <= set(_said(activity))


async def test_a_second_worker_joins_and_leaves_and_nothing_is_lost(
    ground: Settings, tmp_path: Path, sketches: Reader
) -> None:
    """Partitions move to the newcomer and back; state follows them."""
    inputs = posts(7000)
    await produce(ground, inputs[:3000])
    with ToyWorker(ground, tmp_path, feed_ms=10) as first:
        await some(sketches, 500)
        with ToyWorker(ground, tmp_path, feed_ms=10) as second:
            await first.printed("HOOK dropped")
            await second.printed("HOOK rebuilt")
            await produce(ground, inputs[3000:6000])
            await some(sketches, 4000)
            second.terminate()
            assert await second.exit_code() == 0, second.log()
        await produce(ground, inputs[6000:])
        n_repeated = await all_counted(sketches, inputs)
    print(f"joined and left: 0 of {len(inputs)} lost, {n_repeated} again")  # noqa: T201 (measured)


async def test_a_partition_that_waits_for_its_state_blocks_no_other_and_loses_nothing(
    ground: Settings, tmp_path: Path, sketches: Reader
) -> None:
    """Partition 1 is held back with several fetches' worth of records waiting, while 0 flows."""
    inputs = [(i % 2, b"%06d" % i + b"x" * 400) for i in range(20_000)]
    await produce(ground, inputs)
    gate = tmp_path / "gate"
    with ToyWorker(ground, tmp_path, gate=str(gate)):
        await some(sketches, 10_000)
        assert {out.partition for out in outputs(sketches)} == {0}
        gate.touch()
        assert await all_counted(sketches, inputs) == 0


@pytest.mark.kafka
async def test_markers_of_transactions_are_neither_gaps_nor_lag(
    apache_kafka: ApacheKafka, prefix: str, tmp_path: Path
) -> None:
    """Every transaction ends with an offset that holds no record, also the last one of the log."""
    ground = Settings(
        bootstrap=apache_kafka.bootstrap, topic_prefix=prefix, group=prefix, session_timeout_s=6, **TOPICS
    )
    await create_topics(ground)
    async with AIOKafkaProducer(**kafka.client_kwargs(ground), transactional_id=prefix) as producer:
        with ToyWorker(ground, tmp_path, ticks=True) as worker:
            await worker.printed("HOOK rebuilt posts 0 0 0")
            for _ in range(5):
                async with producer.transaction():
                    await producer.send_and_wait(kafka.topic_name(ground, kafka.POSTS), b"x", partition=0)
            async with Reader(ground, kafka.ACTIVITY, 1) as activity:
                await until(lambda: _ticked(activity, {(0, 5, True)}))
            assert worker.log().count("HOOK rebuilt posts 0") == 1


async def test_a_record_that_crashes_three_times_is_set_aside_and_all_others_count(
    ground: Settings, tmp_path: Path, sketches: Reader
) -> None:
    """Crash with a batch, alone, alone again; the fourth worker dead-letters it and goes on."""
    inputs = posts(400)
    inputs[233] = (1, b"poison")
    await produce(ground, inputs)
    for _ in range(3):
        with ToyWorker(ground, tmp_path) as worker:
            assert await worker.exit_code() == 1, worker.log()
    with ToyWorker(ground, tmp_path) as worker:
        await worker.printed("HOOK set_aside posts 1 116")
        await all_counted(sketches, inputs, left_out={(1, 116)})
        async with Reader(ground, kafka.DEAD, 1) as dead:
            await some(dead, 1)
    where = {"topic": b"posts", "partition": b"1", "offset": b"116"}
    assert [r.value for r in dead.records] == [b"poison"]
    assert dict(dead.records[0].headers) == {"reason": b"internal_error"} | where


@pytest.mark.broker
async def test_a_record_that_kills_the_process_outright_is_set_aside(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    """No exception, no last word: a careful worker's note names the record that killed it."""
    settings = Settings(bootstrap=embedded_broker.bootstrap, topic_prefix=prefix, group=prefix, **TOPICS)
    ground = settings.model_copy(update={"session_timeout_s": 1})
    await create_topics(ground)
    inputs = posts(60)
    inputs[33] = (1, b"die")
    await produce(ground, inputs)
    sender = Sender(ground)
    await sender.start()
    # Two workers have died at the first offset, then two careful ones with the record in hand.
    await Quarantine(ground, sender).save(kafka.POSTS, 1, Note(opened_at=0, opens=4, crashes={"16": 2}))
    await sender.stop()
    with ToyWorker(ground, tmp_path) as worker:
        assert await worker.exit_code() == 128 + signal.SIGKILL, worker.log()
        assert "set_aside" not in worker.log()
    with ToyWorker(ground, tmp_path) as worker:
        await worker.printed("HOOK set_aside posts 1 16")
        async with Reader(ground, kafka.SKETCHES, PARTITIONS) as reader:
            await all_counted(reader, inputs, left_out={(1, 16)})


async def test_a_refusal_by_the_group_is_explained_though_it_strikes_a_fetch_that_waits(
    ground: Settings, sketches: Reader, tmp_path: Path
) -> None:
    """The error is raised there first, bare, before anybody looks at the coordinator."""
    refused = tmp_path / "refused"
    with ToyWorker(ground, tmp_path, refused=str(refused)) as worker:
        await produce(ground, inputs := posts(1))
        assert await all_counted(sketches, inputs) == 0
        refused.touch()
        assert await worker.exit_code() == 1
        assert "Crashed reason=BrokerError(" in worker.log()
        assert "Crashed reason=GroupAuthorizationFailedError(" not in worker.log()
