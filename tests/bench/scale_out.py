"""The same backlog through 1, 2 and 4 workers and 1 to 16 partitions: posts a CPU second, and the alerts.

Two minutes of a feed of 5,000 posts/s at its own pace, all there at once, as after an outage. CPU time, for
the workers may be more than the cores: what it tells is the toll of sharing the work, not the cores.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from statistics import mean
from typing import NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer

from detectors.alert import decode_alert
from stream.settings import Settings
from tests.bench import live, worker
from tests.bench.campaigns import Campaigns, history
from tests.bench.rows import Row, Setup

ALONE = 1, 4
"""(workers, partitions) that the others are compared with: first and last, for a machine's speed drifts."""
SHAPES = (ALONE, (1, 1), (1, 16), (2, 4), (4, 4), (4, 16), ALONE)
SHORT_SHAPES = (ALONE, (2, 4), ALONE)
RATE = 5_000
SECONDS = 120
BEGAN_S = 1_715_767_200
END_AFTER_MS = 2 * 3_600_000
POLL_S = 1.0
READ = "tocsin_posts_total"
"""Looked at on the way, alone: a look at all metrics costs each worker some milliseconds."""


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
    shapes = SHORT_SHAPES if setup.short else SHAPES
    runs = []
    for n_workers, partitions in shapes:
        setup.say(f"scale_out: {n_workers} workers, {partitions} partitions")
        runs.append(await _run(n_workers, partitions, past, feed))
    alone = mean(run.rate for shape, run in zip(shapes, runs, strict=True) if shape == ALONE)
    efficiency = min(run.rate for shape, run in zip(shapes, runs, strict=True) if shape[0] > 1) / alone
    return [
        Row.judged(
            id="scale_out",
            measure=f"backlog of {len(feed):,} posts at {RATE:,}/s of event time, least efficiency of 2 or 4 "
            f"workers in posts a CPU second; {_compared(shapes, runs)}",
            value=efficiency,
            unit="× one worker",
            peers={
                f"Tocsin, {n} × {partitions} partitions{' again' * (number == len(runs) - 1)}": run.rate
                for number, ((n, partitions), run) in enumerate(zip(shapes, runs, strict=True))
            },
            peers_unit="posts a CPU second",
            ratio=efficiency,
            reach="≥0.9",
        )
    ]


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


async def _run(n_workers: int, partitions: int, past: list[bytes], feed: list[bytes]) -> Run:
    async with live.broker(partitions) as (settings, folder):
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
    return sum([(await one.metrics(READ))[READ] for one in workers])


async def _waiting(workers: Sequence[live.Worker]) -> bool:
    return any([live.waiting(await one.metrics()) for one in workers])


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


def _compared(shapes: Sequence[tuple[int, int]], runs: Sequence[Run]) -> str:
    """How the alerts of each run differ from the first's."""
    first, differing, furthest = runs[0], [], 0.0
    for (n, partitions), run in zip(shapes[1:], runs[1:], strict=True):
        if n_other := (first.criticals - run.criticals).total() + (run.criticals - first.criticals).total():
            differing.append(f"{n_other} others at {n} × {partitions}")
        shared = first.posts.keys() & run.posts.keys()
        off = [abs(run.posts[text] - first.posts[text]) / first.posts[text] for text in shared]
        furthest = max(furthest, *off, 0.0)
    same = ", ".join(differing) or "the same set everywhere"
    return (
        f"{first.criticals.total()} critical bursts by content: {same}, posts off by {furthest:.0%} at most"
    )
