"""The same backlog through 1, 2 and 4 workers and 1 to 16 partitions: posts a CPU second, and the alerts.

Two minutes of a feed of 5,000 posts/s at its own pace, all there at once, as after an outage. CPU time, for
the workers may be more than the cores: what it tells is the toll of sharing the work, not the cores. Each
worker is one process, as the README advises where workers share cores; the setting's default is shown beside.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import islice, pairwise
from statistics import mean, median
from typing import NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer

from detectors.alert import decode_alert
from stream.settings import Settings
from tests.bench import live, worker
from tests.bench.campaigns import Campaigns, history
from tests.bench.rows import Row, Setup

Shape = tuple[int, int]
"""Workers, partitions."""
ALONE: Shape = 1, 4
"""What the others are compared with: before and after each round of them, for a machine's speed drifts."""
SHAPES: tuple[Shape, ...] = (2, 4), (4, 4), (4, 16)
MORE_SHAPES: tuple[Shape, ...] = (1, 1), (1, 16)
"""Looked at once."""
BESIDE: tuple[Shape, ...] = (1, 4), (2, 4), (4, 4)
"""And these with three processes beside each worker."""
RATE = 5_000
SECONDS = 120
BEGAN_S = 1_715_767_200
END_AFTER_MS = 2 * 3_600_000
POLL_S = 1.0


class Run(NamedTuple):
    """What one shape gave."""

    rate: float
    """Posts a CPU second."""
    criticals: Counter[str]
    """How many bursts became so, by the text of their first post."""
    posts: Counter[str]
    """Posts of these bursts in all."""


async def measure(setup: Setup) -> list[Row]:
    """Least efficiency of more workers over the same partitions, and of more partitions."""
    past, feed = _feed(RATE * setup.size(SECONDS, 12))
    runs: list[tuple[Shape, Run]] = []

    async def run(shape: Shape, beside: int = 0) -> float:
        setup.say(f"scale_out: {shape[0]} workers, {shape[1]} partitions, {beside} processes beside each")
        runs.append((shape, await _run(shape, beside, past, feed)))
        return runs[-1][1].rate

    shapes = SHAPES[:1] if setup.short else SHAPES
    alone = [await run(ALONE)]
    rates: dict[Shape, list[float]] = {shape: [] for shape in shapes}
    for _ in range(setup.repeat):
        for shape in shapes:
            rates[shape].append(await run(shape))
        alone.append(await run(ALONE))
    around = list(map(mean, pairwise(alone)))
    efficiency = {
        shape: median(rate / one for rate, one in zip(of_shape, around, strict=True))
        for shape, of_shape in rates.items()
    }
    once = {shape: await run(shape) for shape in (() if setup.short else MORE_SHAPES)}
    beside = {shape: await run(shape, 3) for shape in BESIDE[: len(shapes)]}
    least = min(efficiency.values())
    told = ", ".join(f"{n} × {partitions}: {value:.2f}" for (n, partitions), value in efficiency.items())
    medians = {ALONE: median(alone)} | {shape: median(of_shape) for shape, of_shape in rates.items()} | once
    return [
        Row.judged(
            id="scale_out",
            measure=f"backlog of {len(feed):,} posts at {RATE:,}/s of event time, workers of one process: "
            f"least efficiency ({told}; medians of {setup.repeat}); {_compared(runs)}",
            value=least,
            unit="× one worker",
            peers=_named(medians),
            peers_unit="posts a CPU second",
            ratio=least,
            reach="≥0.9",
        ),
        Row(
            id="scale_out_beside",
            measure="the same, three processes beside each worker: least efficiency, each shape once",
            value=min(beside.values()) / beside[ALONE],
            unit="× one worker",
            peers=_named(beside),
            peers_unit="posts a CPU second",
        ),
    ]


def _named(rates: Mapping[Shape, float]) -> dict[str, float]:
    return {f"Tocsin, {n} × {partitions} partitions": rate for (n, partitions), rate in rates.items()}


def _feed(n_posts: int) -> tuple[list[bytes], list[bytes]]:
    """What was before, and the backlog."""
    moment_s = float(BEGAN_S)

    def clock() -> float:
        return moment_s

    past, feed, made = list(history(RATE, clock)), [], Campaigns(RATE, clock)
    for n, value in enumerate(islice(made, n_posts), 1):
        feed.append(value)
        moment_s = BEGAN_S + n / RATE
    return past, feed


async def _run(shape: Shape, beside: int, past: list[bytes], feed: list[bytes]) -> Run:
    n_workers, partitions = shape
    async with live.broker(partitions) as (defaults, folder):
        settings = defaults.model_copy(update={"stage_processes": beside})
        with ExitStack() as stack:
            workers = [
                live.Worker(
                    stack.enter_context(live.running(["-m", "stream.cli", "worker"], settings, folder))
                )
                for _ in range(n_workers)
            ]
            # In small pieces, so that each partition has some: one that knows no past would let time go on.
            await posts_a_cpu_second(settings, workers, past, together=len(past) // (4 * partitions))
            rate = await posts_a_cpu_second(settings, workers, feed)
            await posts_a_cpu_second(settings, workers, _ends(partitions, feed[-1]), together=1)
        return Run(rate, *await _critical(settings))


def _ends(partitions: int, last: bytes) -> list[bytes]:
    """A post for each partition, long after the last: what rang is told as over, with all its posts."""
    post = orjson.loads(last)
    moment = post["created_at"] + END_AFTER_MS
    return [
        orjson.dumps(
            post | {"id": f"end-{n}", "text": f"end {n}", "created_at": moment, "observed_at": moment}
        )
        for n in range(partitions)
    ]


async def posts_a_cpu_second(
    settings: Settings, workers: Sequence[live.Worker], feed: Sequence[bytes], *, together: int = 500
) -> float:
    """Send `feed` to workers that are ready, so that starting costs nothing, and wait until all is judged."""
    async with asyncio.timeout(live.DEADLINE_S):
        for one in workers:
            await one.ready()
    n_before, before = await _n_read(workers), sum(one.cpu_s() for one in workers)
    await worker.fill(settings, feed, settings.posts_partitions, together=together)
    async with asyncio.timeout(2 * live.DEADLINE_S):
        while await _n_read(workers) < n_before + len(feed) or await _waiting(workers):
            await asyncio.sleep(POLL_S)
    return len(feed) / (sum(one.cpu_s() for one in workers) - before)


async def _n_read(workers: Sequence[live.Worker]) -> float:
    return sum([(await one.metrics(live.READ))[live.READ] for one in workers])


async def _waiting(workers: Sequence[live.Worker]) -> bool:
    return any([live.waiting(await one.metrics(*live.WAITING)) for one in workers])


async def _critical(settings: Settings) -> tuple[Counter[str], Counter[str]]:
    """Bursts that became critical, and all posts of them, by the text that began them."""
    consumer = AIOKafkaConsumer("alerts", bootstrap_servers=settings.bootstrap, auto_offset_reset="earliest")
    critical: dict[str, str] = {}
    posts: dict[str, int] = {}
    await consumer.start()
    try:
        while batches := await consumer.getmany(timeout_ms=2000):
            for records in batches.values():
                for alert in (decode_alert(record.value) for record in records):
                    posts[alert.id] = alert.posts
                    if alert.severity == "critical":
                        critical[alert.id] = alert.first_post.text
    finally:
        await consumer.stop()
    n_posts: Counter[str] = Counter()
    for name, text in critical.items():
        n_posts[text] += posts[name]
    return Counter(critical.values()), n_posts


def _compared(runs: Sequence[tuple[Shape, Run]]) -> str:
    """How the alerts of each run differ from the first's."""
    first, differing, furthest = runs[0][1], [], 0.0
    for (n, partitions), run in runs[1:]:
        if n_other := (first.criticals - run.criticals).total() + (run.criticals - first.criticals).total():
            differing.append(f"{n_other} others at {n} × {partitions}")
        shared = first.posts.keys() & run.posts.keys()
        off = [abs(run.posts[text] - first.posts[text]) / first.posts[text] for text in shared]
        furthest = max(furthest, *off, 0.0)
    same = ", ".join(differing) or "the same set everywhere"
    return (
        f"{first.criticals.total()} critical bursts by content: {same}, posts off by {furthest:.0%} at most"
    )
