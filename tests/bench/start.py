"""From the start of a worker's process to ready: kernels compiled or not, state rebuilt or none."""

import asyncio
import time
from pathlib import Path
from statistics import median

from detectors.chain import Chain, warm_up
from detectors.settings import DetectorSettings
from detectors.sketcher import RawPost
from stream.settings import Settings
from tests.bench import live
from tests.bench.corpus import unique_posts
from tests.bench.feed import records
from tests.bench.rows import Row, Setup

STEP_MS = 1
"""Between posts: 1,000 a second of event time."""
WORKER = ("-m", "stream.cli", "worker")


async def measure(setup: Setup) -> list[Row]:
    """Wall time; the rebuild's speed against that of the detectors on the same posts."""
    n_posts = setup.size(400_000, 10_000)
    batches = list(records(unique_posts(n_posts), step_ms=STEP_MS))
    async with live.broker(1) as (settings, folder):
        setup.say("start: cold and warm")
        cold_s = await _ready_s(settings, folder)
        warm_s = median([await _ready_s(settings, folder) for _ in range(setup.repeat)])
        setup.say(f"start: {n_posts:,} posts, then the rebuild")
        await _fill(settings, batches)
        await _drain(settings, folder, n_posts)
        rebuild_s = await _rebuild_s(settings, folder)
    detect_s = _detect_s(batches)
    ratio = detect_s / rebuild_s
    return [
        Row.judged(
            id="start", measure="process start → ready, kernels cached", value=warm_s, unit="s", reach="<6 s"
        ),
        Row(id="start_cold", measure="the same, kernels to compile", value=cold_s, unit="s"),
        Row.judged(
            id="start_rebuild",
            measure=f"rebuild of {n_posts:,} posts of one epoch ({n_posts / rebuild_s:,.0f} posts/s) "
            f"against the detectors without Kafka ({n_posts / detect_s:,.0f} posts/s)",
            value=ratio,
            unit="× detectors",
            ratio=ratio,
            reach="≥1",
        ),
    ]


async def _ready_s(settings: Settings, folder: Path) -> float:
    """Seconds; kernels are cached in `folder`, so the first time of a folder compiles them."""
    began = time.perf_counter()
    with live.running(WORKER, settings, folder, NUMBA_CACHE_DIR=str(folder / "kernels")) as log:
        async with asyncio.timeout(live.DEADLINE_S):
            await live.Worker(log).ready()
        return time.perf_counter() - began


async def _fill(settings: Settings, batches: list[list[RawPost]]) -> None:
    async with live.producer(settings) as producer:
        for batch in batches:
            for record in batch:
                await producer.send("posts", record.value)
        await producer.flush()


async def _drain(settings: Settings, folder: Path, n_posts: int) -> None:
    with live.running(WORKER, settings, folder) as log:
        worker = live.Worker(log)
        await worker.ready()
        async with asyncio.timeout(live.DEADLINE_S):
            while (metrics := await worker.metrics())["tocsin_posts_total"] < n_posts or live.waiting(
                metrics
            ):
                await asyncio.sleep(0.25)


async def _rebuild_s(settings: Settings, folder: Path) -> float:
    """Seconds that CLUSTER's rebuild took."""
    with live.running(WORKER, settings, folder) as log:
        worker = live.Worker(log)
        async with asyncio.timeout(live.DEADLINE_S):
            await worker.ready()
        return (await worker.metrics())['tocsin_rebuild_seconds_sum{topic="sketches"}']


def _detect_s(batches: list[list[RawPost]]) -> float:
    warm_up()
    chain = Chain(DetectorSettings(), "bench")
    began = time.perf_counter()
    for batch in batches:
        chain.feed(batch)
    return time.perf_counter() - began
