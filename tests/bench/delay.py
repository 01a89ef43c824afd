"""Delay of alerts under a steady load: append of the tripping post → append of its alert.

Small campaigns run through an organic feed at a constant rate, on Apache Kafka where it can run: there
append times are the broker's, and the embedded broker, which is for demo and tests, answers ever more
slowly as its log grows. It keeps the producers' timestamps; here all clocks are one.
"""

import asyncio
import time
from statistics import quantiles

from aiokafka import AIOKafkaConsumer

from detectors.alert import decode_alert
from stream.settings import Settings
from tests.bench import live
from tests.bench.campaigns import WARM_UP_S, Campaigns, history
from tests.bench.rows import Row, Setup

RATES = (500, 2_000, 5_000, 10_000)
STATED_AT = 5_000
"""The rate at which the reach is stated."""
SECONDS = 120
TICK_S = 0.01
QUIET_S = 5
BACKLOG_S = 60
"""Longest wait for alerts after the load."""


async def measure(setup: Setup) -> list[Row]:
    """p50 and p99 over every alert transition after the warm-up, at each rate."""
    rows, kinds = [], live.brokers(setup)
    for rate in (STATED_AT,) if setup.short else RATES:
        rows += await _at_rate(setup, rate, setup.size(SECONDS, 15), kinds[-1])
    for kind in kinds[:-1]:
        rows += await _at_rate(setup, STATED_AT, setup.size(SECONDS, 15), kind, f"_{STATED_AT}_embedded")
    return rows


async def _at_rate(setup: Setup, rate: int, seconds: int, kind: str, apart: str = "") -> list[Row]:
    """Rows of one rate on one kind of broker; those that are not judged end in `apart` or the rate."""
    setup.say(f"delay: {rate:,} posts/s for {seconds} s on {kind}")
    async with live.broker(4, kind) as (settings, folder):
        with live.running(["-m", "stream.cli", "worker"], settings, folder) as log:
            await live.Worker(log).ready()
            reader = asyncio.create_task(_read(settings, seconds))
            n_sent, n_campaigns, wall_s = await _load(settings, rate, seconds)
            delays = await reader
    cuts = quantiles(delays, n=100)
    what = f"{n_sent / wall_s:,.0f} posts/s, {n_campaigns} campaigns, {len(delays):,} transitions, {kind}"
    p50, p99 = f"alert delay, median, at {what}", f"alert delay, 99th percentile, at {what}"
    if rate == STATED_AT and not apart:
        return [
            Row.judged(id="delay_p50", measure=p50, value=cuts[49], unit="s", reach="<0.2 s"),
            Row.judged(id="delay_p99", measure=p99, value=cuts[98], unit="s", reach="<1 s"),
        ]
    return [
        Row(id=f"delay_p50{apart or f'_{rate}'}", measure=p50, value=cuts[49], unit="s"),
        Row(id=f"delay_p99{apart or f'_{rate}'}", measure=p99, value=cuts[98], unit="s"),
    ]


async def _read(settings: Settings, seconds: int) -> list[float]:
    """Delays of what is appended until nothing came for a while after the load."""
    consumer = AIOKafkaConsumer("alerts", bootstrap_servers=settings.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    delays, began = [], time.time()
    latest = began + seconds
    try:
        while (now := time.time()) < min(latest + QUIET_S, began + seconds + BACKLOG_S):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                latest = max(latest, now)
                for record in records:
                    trip_s = decode_alert(record.value).ingest_ts.timestamp()
                    if trip_s > began + WARM_UP_S:
                        delays.append(record.timestamp / 1000 - trip_s)
    finally:
        await consumer.stop()
    return delays


async def _load(settings: Settings, rate: int, seconds: int) -> tuple[int, int, float]:
    """Send the feed at its rate; how many posts and campaigns in how many seconds."""
    feed = Campaigns(rate, time.time)
    async with live.producer(settings) as producer:
        for value in history(rate, time.time):
            await producer.send("posts", value)
        n_sent, began = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - began) < seconds:
            while n_sent < elapsed * rate:
                await producer.send("posts", next(feed))
                n_sent += 1
            await asyncio.sleep(TICK_S)
        await producer.flush()
    return n_sent, feed.n_campaigns, time.perf_counter() - began
