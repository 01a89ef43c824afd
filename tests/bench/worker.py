"""One worker through Kafka, all stages, against a no-op Faust agent on the same topic."""

import asyncio
import time
from pathlib import Path
from statistics import median

from stream.settings import Settings
from tests.bench import live
from tests.bench.rows import Row, Setup, scenario

PARTITIONS = 4
NOOP_POSTS = 40_000


async def measure(setup: Setup) -> list[Row]:
    """Drain rates of both, in turn, each on a topic that was filled before."""
    ours, noop = [], []
    for run in range(setup.repeat):
        setup.say(f"worker: run {run + 1} of {setup.repeat}")
        async with live.broker(PARTITIONS) as (settings, folder):
            n_posts = await _fill(settings)
            noop.append(await _drain_noop(settings, folder))
            ours.append(await _drain(settings, folder, n_posts))
    ratio = median(a / b for a, b in zip(ours, noop, strict=True))
    return [
        Row(
            id="worker",
            measure="posts drained through Kafka, all stages, one worker, embedded broker",
            value=median(ours),
            unit="posts/s",
            peers={"no-op per-event Faust agent": median(noop)},
            ratio=ratio,
            reach="≥3× (issue 3)",
            holds=ratio >= 3,
        )
    ]


async def _fill(settings: Settings) -> int:
    posts, values = scenario()
    async with live.producer(settings) as producer:
        for post, value in zip(posts, values, strict=True):
            await producer.send("posts", value, post["author"]["id"].encode())
        await producer.flush()
    return len(values)


async def _drain(settings: Settings, folder: Path, n_posts: int) -> float:
    """Posts a second from the first post read to the last message judged."""
    with live.running(["-m", "stream.cli", "worker"], settings, folder) as log:
        worker = live.Worker(log)
        began = 0.0
        async with asyncio.timeout(live.DEADLINE_S):
            while True:
                metrics = await worker.metrics()
                read = metrics["tocsin_posts_total"]
                if not began and read:
                    began, already = time.perf_counter(), read
                lag = sum(v for name, v in metrics.items() if name.startswith("tocsin_consumer_lag_records"))
                in_flight = sum(v for name, v in metrics.items() if name.startswith("tocsin_in_flight"))
                if read >= n_posts and lag == in_flight == 0:
                    return (n_posts - already) / (time.perf_counter() - began)
                await asyncio.sleep(0.05)


async def _drain_noop(settings: Settings, folder: Path) -> float:
    script = str(Path(__file__).with_name("noop_agent.py"))
    with live.running([script, str(NOOP_POSTS)], settings, folder) as log:
        async with asyncio.timeout(live.DEADLINE_S):
            while "RATE" not in (text := log.read_text(errors="replace")):
                await asyncio.sleep(0.05)
    return float(text.partition("RATE ")[2].split()[0])
