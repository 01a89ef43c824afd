"""One worker through Kafka, all stages, against a no-op Faust agent on the same topic."""

import asyncio
import time
from pathlib import Path
from statistics import median

import orjson

from stream.settings import Settings
from tests.bench import live
from tests.bench.rows import Row, Setup, scenario

PARTITIONS = 4
NOOP_POSTS = 30_000
FEED_POSTS_PER_S = 1_000


async def measure(setup: Setup) -> list[Row]:
    """Drain rates of both, in turn, each on a topic that was filled before."""
    feed, archive, noop = [], [], []
    for run in range(setup.repeat):
        setup.say(f"worker: run {run + 1} of {setup.repeat}")
        async with live.broker(PARTITIONS) as (settings, folder):
            n_posts = await _fill(settings, _as_feed())
            noop.append(await _drain_noop(settings, folder))
            feed.append(await _drain(settings, folder, n_posts))
        async with live.broker(PARTITIONS) as (settings, folder):
            n_posts = await _fill(settings, scenario()[1])
            archive.append(await _drain(settings, folder, n_posts))
    ratio = median(a / b for a, b in zip(feed, noop, strict=True))
    peers = {"no-op per-event Faust agent": median(noop)}
    return [
        Row(
            id="worker",
            measure="the scenario's posts as a feed of 1,000 posts/s, drained through Kafka, all stages",
            value=median(feed),
            unit="posts/s",
            peers=peers,
            ratio=ratio,
            reach="≥3× (issue 3)",
            holds=ratio >= 3,
        ),
        Row(
            id="worker_archive",
            measure="the same as the five-hour archive it is: 300 slots to close",
            value=median(archive),
            unit="posts/s",
            peers=peers,
            ratio=median(a / b for a, b in zip(archive, noop, strict=True)),
        ),
    ]


def _as_feed() -> list[bytes]:
    """The same posts in the same order, `FEED_POSTS_PER_S` a second of event time."""
    began_ms = 1_715_764_800_000
    values = []
    for number, post in enumerate(scenario()[0]):
        moment = began_ms + number * 1000 // FEED_POSTS_PER_S
        values.append(orjson.dumps(post | {"created_at": moment, "observed_at": moment}))
    return values


async def _fill(settings: Settings, values: list[bytes]) -> int:
    posts = scenario()[0]
    async with live.producer(settings) as producer:
        for post, value in zip(posts, values, strict=True):
            await producer.send("posts", value, post["author"]["id"].encode())
        await producer.flush()
    return len(values)


async def _drain(settings: Settings, folder: Path, n_posts: int) -> float:
    """Posts a second from the first post read to the last message judged."""
    with live.running(["-m", "stream.cli", "worker"], settings, folder) as log:
        worker = live.Worker(log)
        began, already = 0.0, 0.0
        async with asyncio.timeout(live.DEADLINE_S):
            while True:
                metrics = await worker.metrics()
                read = metrics["tocsin_posts_total"]
                if not began and read:
                    began, already = time.perf_counter(), read
                if read >= n_posts and not live.waiting(metrics):
                    return (n_posts - already) / (time.perf_counter() - began)
                await asyncio.sleep(0.05)


async def _drain_noop(settings: Settings, folder: Path) -> float:
    script = str(Path(__file__).with_name("noop_agent.py"))
    with live.running([script, str(NOOP_POSTS)], settings, folder) as log:
        async with asyncio.timeout(live.DEADLINE_S):
            while "RATE" not in (text := log.read_text(errors="replace")):
                await asyncio.sleep(0.05)
    return float(text.partition("RATE ")[2].split()[0])
