"""The same feed through 1, 2 and 4 workers and 1 to 16 partitions: posts a CPU second, and the alerts.

CPU time, for the workers may be more than the cores: what it tells is the toll of sharing the
work, not of sharing the cores.
"""

import asyncio
from collections import Counter
from contextlib import ExitStack

from aiokafka import AIOKafkaConsumer

from detectors.alert import decode_alert
from stream.settings import Settings
from tests.bench import live, worker
from tests.bench.rows import Row, Setup, scenario

SHAPES = ((1, 1), (1, 4), (2, 4), (4, 4), (4, 16))
"""(workers, partitions); the second is what the others with 4 partitions are compared with."""
SHORT_SHAPES = ((1, 4), (2, 4))


async def measure(setup: Setup) -> list[Row]:
    """Least efficiency of more workers over the same partitions, and of more partitions."""
    feed = worker.as_feed()[: setup.size(1_000_000, 10_000)]
    rates: dict[tuple[int, int], float] = {}
    bursts: dict[tuple[int, int], Counter[str]] = {}
    for n_workers, partitions in SHORT_SHAPES if setup.short else SHAPES:
        setup.say(f"scale_out: {n_workers} workers, {partitions} partitions")
        shape = n_workers, partitions
        async with live.broker(partitions) as (settings, folder):
            with ExitStack() as stack:
                logs = [
                    stack.enter_context(live.running(["-m", "stream.cli", "worker"], settings, folder))
                    for _ in range(n_workers)
                ]
                rates[shape] = await posts_a_cpu_second(settings, [live.Worker(log) for log in logs], feed)
            bursts[shape] = await _critical(settings)
    alone = rates[1, 4]
    efficiency = min(rate / alone for (n, _), rate in rates.items() if n > 1)
    shown = {f"{n} × {partitions} partitions": rate for (n, partitions), rate in rates.items()}
    differing = [f"{n} × {partitions}" for (n, partitions), found in bursts.items() if found != bursts[1, 4]]
    same = f"another set at {', '.join(differing)}" if differing else "the same set everywhere"
    return [
        Row.judged(
            id="scale_out",
            measure=f"{len(feed):,} posts, least efficiency of 2 or 4 workers in posts a CPU second; "
            f"{sum(bursts[1, 4].values())} critical bursts by what they copy: {same}",
            value=efficiency,
            unit="× one worker",
            peers={f"Tocsin, {name}": rate for name, rate in shown.items()},
            peers_unit="posts a CPU second",
            ratio=efficiency,
            reach="≥0.9",
        )
    ]


async def posts_a_cpu_second(settings: Settings, workers: list[live.Worker], feed: list[bytes]) -> float:
    """Started and ready before the first post, so that starting costs nothing here."""
    async with asyncio.timeout(live.DEADLINE_S):
        for one in workers:
            await one.ready()
    before = sum(one.cpu_s() for one in workers)
    await worker.fill(settings, feed, settings.posts_partitions)
    async with asyncio.timeout(2 * live.DEADLINE_S):
        while True:
            metrics = [await one.metrics() for one in workers]
            read = sum(one["tocsin_posts_total"] for one in metrics)
            if read >= len(feed) and not any(map(live.waiting, metrics)):
                return len(feed) / (sum(one.cpu_s() for one in workers) - before)
            await asyncio.sleep(worker.POLL_S)


async def _critical(settings: Settings) -> Counter[str]:
    """Bursts that became critical, by the actor of the scenario whose post began them."""
    actors = {post["id"]: post["scenario"]["actor"] for post in scenario()[0]}
    consumer = AIOKafkaConsumer("alerts", bootstrap_servers=settings.bootstrap, auto_offset_reset="earliest")
    found: dict[str, str] = {}
    await consumer.start()
    try:
        while batches := await consumer.getmany(timeout_ms=2000):
            for records in batches.values():
                for alert in (decode_alert(record.value) for record in records):
                    if alert.severity == "critical":
                        found[alert.id] = actors.get(alert.first_post.id, "history")
    finally:
        await consumer.stop()
    return Counter(found.values())
