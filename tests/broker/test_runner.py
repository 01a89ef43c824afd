"""Workers under faults: each record counts once in effect, on either broker.

Inputs go to two partitions of `posts`; the toy stage sends one output for each to `sketches`, with
the count and the summed length of all records before it. A lost record, a record fed twice and
a state that was rebuilt wrongly all show in those numbers.
"""

import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from stream import kafka
from stream.embedded import EmbeddedBroker
from stream.producer import Sender
from stream.quarantine import Note, Quarantine
from stream.settings import Settings
from stream.topics import create_topics
from support.toy_worker import Counted
from support.workers import Reader, ToyWorker, posts, produce, until

PARTITIONS = 2


@pytest.fixture
async def ground(settings: Settings, tmp_path: Path) -> Settings:
    """Settings whose topics exist."""
    ground = settings.model_copy(
        update={"posts_partitions": PARTITIONS, "sketches_partitions": PARTITIONS}
    )
    await create_topics(ground)
    return ground


@pytest.fixture
async def embedded_ground(embedded_broker: EmbeddedBroker, prefix: str) -> Settings:
    """As `ground`, on the embedded broker only."""
    settings = Settings(
        bootstrap=embedded_broker.bootstrap,
        topic_prefix=prefix,
        group=f"{prefix}group",
        posts_partitions=PARTITIONS,
        sketches_partitions=PARTITIONS,
    )
    await create_topics(settings)
    return settings


@pytest.fixture
async def sketches(ground: Settings) -> AsyncIterator[Reader]:
    """What the workers sent on."""
    async with Reader(ground, kafka.SKETCHES, PARTITIONS) as reader:
        yield reader


async def all_counted(reader: Reader, n: int, timeout_s: float = 30.0) -> int:
    """Wait until `n` inputs are counted, check every output, return how many came more than once."""

    async def enough() -> bool:
        return len({(r.partition, r.value) for r in await reader.more()}) >= n

    await until(enough, timeout_s, lambda: f"{len({(r.partition, r.value) for r in reader.records})} of {n} counted")
    return repeated(reader, n)


def repeated(reader: Reader, n: int, left_out: frozenset[tuple[int, int]] = frozenset()) -> int:
    """Check that the outputs count `n` inputs (but those `left_out`); return how many are repeats."""
    outputs = [msgspec.json.decode(record.value, type=Counted) for record in reader.records]
    distinct = {(out.partition, out.offset): out for out in outputs}
    assert len({(o.partition, o.offset, o.n_before, o.length_before) for o in outputs}) == len(distinct)
    expected, state = {}, {p: (0, 0) for p in range(PARTITIONS)}
    for i, value in enumerate(posts(n + len(left_out))):
        at = (i % PARTITIONS, i // PARTITIONS)
        if at not in left_out:
            count, length = state[at[0]]
            expected[at] = (count, length)
            state[at[0]] = (count + 1, length + len(value))
    assert {at: (out.n_before, out.length_before) for at, out in distinct.items()} == expected
    return len(outputs) - len(distinct)


async def some(reader: Reader, n: int) -> None:
    """Wait for `n` outputs."""

    async def there() -> bool:
        return len(await reader.more()) >= n

    await until(there, 20, lambda: f"{len(reader.records)} of {n}")


async def test_a_worker_killed_in_mid_stream_loses_nothing(
    ground: Settings, tmp_path: Path, sketches: Reader
) -> None:
    """SIGKILL between batches, then another worker: each input counts once, what repeats is equal."""
    await produce(ground, posts(6000))
    with ToyWorker(ground, tmp_path, feed_ms=30) as worker:
        await some(sketches, 3000)
        worker.kill()
    before = len(await sketches.more())
    with ToyWorker(ground, tmp_path):
        n_repeated = await all_counted(sketches, 6000)
    print(f"killed after {before} outputs: 0 lost, {n_repeated} again")  # noqa: T201 (measured)


async def test_a_stage_that_raises_ends_the_process_with_1_and_loses_nothing(
    ground: Settings, tmp_path: Path, sketches: Reader
) -> None:
    """An exception stops the worker, does not acknowledge, and the next worker goes on."""
    await produce(ground, posts(3000))
    once = {"raise_once": str(tmp_path / "raised"), "raise_after": 700}
    with ToyWorker(ground, tmp_path, **once) as worker:
        assert await worker.exit_code() == 1, worker.log()
    assert (tmp_path / "raised").exists()
    with ToyWorker(ground, tmp_path, **once):
        n_repeated = await all_counted(sketches, 3000)
    print(f"raised: 0 lost, {n_repeated} again")  # noqa: T201 (measured)


async def test_sigterm_drains_and_exits_with_0_and_the_next_worker_starts_at_a_checkpoint(
    ground: Settings, tmp_path: Path, sketches: Reader
) -> None:
    """What is fed is sent and committed before the end: nothing repeats, nothing is replayed twice."""
    await produce(ground, posts(4000))
    with ToyWorker(ground, tmp_path, feed_ms=30, checkpoint_every=300) as worker:
        await some(sketches, 1500)
        worker.terminate()
        assert await worker.exit_code(10) == 0, worker.log()
    with ToyWorker(ground, tmp_path, checkpoint_every=300) as worker:
        assert await all_counted(sketches, 4000) == 0
        replayed = [int(line.split()[4]) for line in worker.log().splitlines() if line.startswith("HOOK rebuilt")]
    assert len(replayed) == PARTITIONS
    assert max(replayed) < 300


async def test_a_second_worker_joins_and_leaves_and_nothing_is_lost(
    ground: Settings, tmp_path: Path, sketches: Reader
) -> None:
    """Partitions move to the newcomer and back; state follows them."""
    await produce(ground, posts(3000))
    with ToyWorker(ground, tmp_path, feed_ms=10) as first:
        await some(sketches, 500)
        with ToyWorker(ground, tmp_path, feed_ms=10) as second:
            await first.printed("HOOK dropped")
            await second.printed("HOOK rebuilt")
            await produce(ground, posts(3000, start=3000))
            await some(sketches, 4000)
            second.terminate()
            assert await second.exit_code() == 0, second.log()
        await produce(ground, posts(1000, start=6000))
        n_repeated = await all_counted(sketches, 7000)
    print(f"joined and left: 0 lost, {n_repeated} again")  # noqa: T201 (measured)


async def test_a_record_that_crashes_three_times_is_set_aside_and_all_others_count(
    ground: Settings, tmp_path: Path, sketches: Reader
) -> None:
    """Crash with a batch, alone, alone again; the fourth worker dead-letters it and goes on."""
    values = list(posts(400))
    values[233] = b"poison"  # partition 1, offset 116
    await produce(ground, values)
    for _ in range(3):
        with ToyWorker(ground, tmp_path) as worker:
            assert await worker.exit_code() == 1, worker.log()
    async with Reader(ground, kafka.DEAD, 1) as dead:
        with ToyWorker(ground, tmp_path) as worker:
            await worker.printed("HOOK set_aside posts 1 116")
            await until(lambda: _has(dead, 1))
            await until(lambda: _has_distinct(sketches, 399))
    letter = dead.records[0]
    assert letter.value == b"poison"
    assert dict(letter.headers) == {
        "reason": b"internal_error",
        "topic": b"posts",
        "partition": b"1",
        "offset": b"116",
    }
    seen = Counter((r.partition, msgspec.json.decode(r.value, type=Counted).offset) for r in sketches.records)
    assert set(seen) == {(i % 2, i // 2) for i in range(400)} - {(1, 116)}


@pytest.mark.broker
async def test_a_record_that_kills_the_process_outright_is_found_and_set_aside(
    embedded_ground: Settings, tmp_path: Path
) -> None:
    """No exception, no last word: openings without progress make the worker careful, then exact."""
    values = list(posts(60))
    values[33] = b"die"  # partition 1, offset 16
    await produce(embedded_ground, values)
    sender = Sender(embedded_ground)
    await sender.start()
    # Two workers have died at the first offset, and careful ones twice over the record.
    note = Note(opened_at=0, opens=2, crashes={"16": 2})
    await Quarantine(embedded_ground, sender).save(kafka.POSTS, 1, note)
    await sender.stop()
    with ToyWorker(embedded_ground, tmp_path) as worker:
        assert await worker.exit_code() == 128 + signal.SIGKILL, worker.log()
        assert "set_aside" not in worker.log()
    with ToyWorker(embedded_ground, tmp_path) as worker:
        await worker.printed("HOOK set_aside posts 1 16")
        async with Reader(embedded_ground, kafka.SKETCHES, PARTITIONS) as reader:
            await until(lambda: _has_distinct(reader, 59))


async def test_idle_partitions_stand_after_assignment(
    ground: Settings, tmp_path: Path, sketches: Reader
) -> None:
    """A worker that starts where nothing new comes rebuilds all its partitions all the same."""
    await produce(ground, posts(600))
    with ToyWorker(ground, tmp_path) as worker:
        await all_counted(sketches, 600)
        worker.terminate()
        assert await worker.exit_code() == 0
    with ToyWorker(ground, tmp_path, ticks=True) as worker:
        await worker.printed("HOOK rebuilt posts 0 300 0")
        await worker.printed("HOOK rebuilt posts 1 300 0")
        async with Reader(ground, kafka.ACTIVITY, 1) as activity:
            wanted = {(0, 300, True), (1, 300, True)}
            await until(lambda: _ticked(activity, wanted))
    assert repeated(sketches, 600) == 0


async def _ticked(activity: Reader, wanted: set[tuple[int, int, bool]]) -> bool:
    said = [msgspec.json.decode(record.value) for record in await activity.more()]
    return wanted <= {(partition, n, caught_up) for partition, n, _, caught_up in said}


async def _has(reader: Reader, n: int) -> bool:
    return len(await reader.more()) >= n


async def _has_distinct(reader: Reader, n: int) -> bool:
    return len({(r.partition, r.value) for r in await reader.more()}) >= n
