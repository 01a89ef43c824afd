"""One worker through Kafka, all stages, against services on the same topic and the bare client."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import orjson
from aiokafka import AIOKafkaConsumer

from stream.kafka import POSTS, topic_name
from stream.settings import Settings
from stream.topics import create_topics
from tests.bench import live
from tests.bench.corpus import unique_posts
from tests.bench.rows import Row, Setup, scenario

PARTITIONS = 4
FEED_POSTS_PER_S = 1_000
BEGAN_MS = 1_715_764_800_000
HISTORY_POSTS = 3_000
HISTORY_MS = 2_400_000
"""Sent first: in a cold feed nothing is surprising, and nothing would ring."""
POLL_S = 0.25
END_POLL_S = 0.02
"""A look costs the worker some CPU: closer ones only before the first post and when all are read."""

OURS, NOOP, PLAIN, QUIX, BARE = (
    "Tocsin",
    "no-op Faust agent",
    "Faust + datasketch",
    "Quix Streams + datasketch",
    "bare aiokafka + orjson",
)
SERVICES = {NOOP: "noop_agent", PLAIN: "plain_service", QUIX: "quix_service", BARE: "bare_consumer"}


async def measure(setup: Setup) -> list[Row]:
    """Drain rates, in turn, each on a topic that was filled before."""
    rows = []
    for kind in live.brokers(setup):
        rows += await _measure(setup, kind)
    return [*rows, await _archive(setup)]


async def _measure(setup: Setup, kind: str) -> list[Row]:
    feed = as_feed()[: setup.size(1_000_000, 10_000)]
    wanted = {
        NOOP: setup.size(30_000, 3_000),
        PLAIN: setup.size(10_000, 1_000),
        QUIX: setup.size(10_000, 1_000),
        BARE: len(feed),
    }
    rates: dict[str, list[float]] = {name: [] for name in (OURS, *SERVICES)}
    n_alerts = 0
    for run in range(setup.repeat):
        setup.say(f"worker on {kind}: run {run + 1} of {setup.repeat}")
        async with live.broker(PARTITIONS, kind) as (settings, folder):
            await _warm_up(settings, folder, feed)
            await fill(settings, feed)
            for name, module in SERVICES.items():
                rates[name].append(await _drain_service(settings, folder, module, wanted[name]))
            rates[OURS].append(await _drain(settings, folder, len(feed)))
            n_alerts = await _count_alerts(settings)
    medians = {name: median(values) for name, values in rates.items()}

    def row(name: str, reach: str, peer: str) -> Row:
        ratio = median(ours / theirs for ours, theirs in zip(rates[OURS], rates[peer], strict=True))
        return Row.judged(
            id=name + ("" if kind == live.EMBEDDED else "_kafka"),
            measure=f"{len(feed):,} posts at {FEED_POSTS_PER_S:,}/s of event time, all stages, "
            f"{n_alerts} alerts, {kind}",
            value=ratio,
            unit=f"× {peer}",
            peers=medians,
            ratio=ratio,
            reach=reach,
        )

    return [
        row("worker", "≥8", NOOP),
        row("worker_plain", "≥20", PLAIN),
        row("worker_quix", "≥20", QUIX),
        row("worker_bare", "≥0.25", BARE),
    ]


async def _archive(setup: Setup) -> Row:
    values = scenario()[1][: setup.size(1_000_000, 5_000)]
    rates = []
    for run in range(setup.repeat):
        setup.say(f"worker, archive: run {run + 1} of {setup.repeat}")
        async with live.broker(PARTITIONS) as (settings, folder):
            await fill(settings, values)
            rates.append(await _drain(settings, folder, len(values)))
    return Row(
        id="worker_archive",
        measure="the same posts as the five-hour archive they are: 300 slots to close",
        value=median(rates),
        unit="posts/s",
    )


def as_feed() -> list[bytes]:
    """A quiet history, then the scenario's posts in their order, `FEED_POSTS_PER_S` a second."""
    values = []
    for number, text in enumerate(unique_posts(HISTORY_POSTS)):
        moment = BEGAN_MS - HISTORY_MS + number * HISTORY_MS // HISTORY_POSTS
        post = {"id": f"old-{number}", "platform": "x", "author": {"id": f"a{number}"}, "text": text}
        values.append(orjson.dumps(post | {"created_at": moment, "observed_at": moment}))
    for number, post in enumerate(scenario()[0]):
        moment = BEGAN_MS + number * 1000 // FEED_POSTS_PER_S
        values.append(orjson.dumps(post | {"created_at": moment, "observed_at": moment}))
    return values


async def fill(
    settings: Settings, values: Sequence[bytes], partitions: int = PARTITIONS, *, together: int = 500
) -> None:
    """Partitions in turn, as the feed is ordered, `together` posts to each."""
    name, sent = topic_name(settings, POSTS), []
    async with live.producer(settings) as producer:
        for number, first in enumerate(range(0, len(values), together)):
            rest = deque(values[first : first + together])
            while rest:
                batch = producer.create_batch()
                while rest and batch.append(key=None, value=rest[0], timestamp=None):
                    rest.popleft()
                batch.close()
                sent.append(await producer.send_batch(batch, name, partition=number % partitions))
        await asyncio.gather(*sent)


async def _warm_up(settings: Settings, folder: Path, feed: list[bytes]) -> None:
    """Drain topics that nobody looks at: a broker in service is not one just started.

    Apache Kafka's JVM takes 3 µs a post of the first drain to compile its code, a twentieth of all CPU.
    """
    others = settings.model_copy(update={"topic_prefix": "warm-up.", "group": "warm-up"})
    await create_topics(others)
    await fill(others, feed)
    await _drain(others, folder, len(feed))


async def _drain(settings: Settings, folder: Path, n_posts: int) -> float:
    """Posts a second from the last look that saw none read to the first that saw all judged."""
    with live.running(["-m", "stream.cli", "worker"], settings, folder) as log:
        worker = live.Worker(log)
        began = 0.0
        async with asyncio.timeout(live.DEADLINE_S):
            while True:
                looked = time.perf_counter()
                metrics = await worker.metrics(live.READ, *live.WAITING)
                read = metrics[live.READ]
                if not read:
                    began = looked
                if read >= n_posts and not live.waiting(metrics):
                    return n_posts / (time.perf_counter() - began)
                await asyncio.sleep(POLL_S if 0 < read < n_posts else END_POLL_S)


async def _drain_service(settings: Settings, folder: Path, module: str, n_posts: int) -> float:
    with live.running(["-m", f"tests.bench.{module}", str(n_posts)], settings, folder) as log:
        async with asyncio.timeout(live.DEADLINE_S):
            while "RATE" not in (text := log.read_text(errors="replace")):
                await asyncio.sleep(0.05)
    return float(text.partition("RATE ")[2].split()[0])


async def _count_alerts(settings: Settings) -> int:
    consumer = AIOKafkaConsumer("alerts", bootstrap_servers=settings.bootstrap)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        return int(sum(ends.values()))
    finally:
        await consumer.stop()
