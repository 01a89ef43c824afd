"""Delay of alerts under a steady load: append of the tripping post → append of its alert.

Small campaigns run through an organic feed at a constant rate, on Apache Kafka where it can run: there
append times are the broker's, and the embedded broker, which is for demo and tests, answers ever more
slowly as its log grows. It keeps the producers' timestamps; here all clocks are one.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from itertools import islice
from statistics import quantiles

import orjson
from aiokafka import AIOKafkaConsumer

from detectors.alert import decode_alert
from stream.settings import Settings
from tests.bench import live
from tests.bench.rows import Row, Setup, scenario

RATES = (500, 2_000, 5_000, 10_000)
STATED_AT = 5_000
"""The rate at which the reach is stated."""
SECONDS = 120
WARM_UP_S = 8
CAMPAIGN_EVERY_S = 0.4
CAMPAIGN_COPIES = 30
COPIES_PER_S = 10
HISTORY_S = 2_400
HISTORY_POSTS = 2_000
"""Sent first: in a cold feed nothing is surprising, and nothing would ring."""
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
    feed, n_sent = _Feed(rate), 0
    async with live.producer(settings) as producer:
        for value in islice(_Feed(rate), HISTORY_POSTS):
            post = orjson.loads(value)
            post["created_at"] -= (HISTORY_POSTS - n_sent) * HISTORY_S * 1000 // HISTORY_POSTS
            post |= {"id": f"old-{n_sent}", "observed_at": post["created_at"]}
            await producer.send("posts", orjson.dumps(post))
            n_sent += 1
        n_sent, began = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - began) < seconds:
            while n_sent < elapsed * rate:
                await producer.send("posts", next(feed))
                n_sent += 1
            await asyncio.sleep(TICK_S)
        await producer.flush()
    return n_sent, feed.n_campaigns, time.perf_counter() - began


class _Feed:
    """Posts of random words of the scenario's chatter; every `CAMPAIGN_EVERY_S` another campaign begins."""

    def __init__(self, rate: int) -> None:
        self.n_campaigns = 0
        self._rate = rate
        self._rng = random.Random(11)
        organic = (post for post in scenario()[0] if post["scenario"]["actor"] == "chatter")
        self._words = sorted({word for post in organic for word in post["text"].split() if word.isalpha()})
        self._running: list[tuple[str, int]] = []
        """(text, copies left) of each."""
        self._next_campaign = time.time() + WARM_UP_S / 2
        self._n = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        now, rng = time.time(), self._rng
        if now > self._next_campaign:
            self._next_campaign += CAMPAIGN_EVERY_S
            self._running.append((" ".join(rng.choices(self._words, k=18)), CAMPAIGN_COPIES))
            self.n_campaigns += 1
        if self._running and rng.random() < len(self._running) * COPIES_PER_S / self._rate:
            text = self._copy()
            author = {"id": f"bot-{rng.randrange(10_000)}", "created_at": int((now - 86_400) * 1000)}
        else:
            text = " ".join(rng.choices(self._words, k=rng.randint(6, 24)))
            author = {"id": f"person-{rng.randrange(200_000)}"}
        self._n += 1
        moment = int(now * 1000)
        post = {"id": str(self._n), "platform": "x", "author": author, "text": text}
        return orjson.dumps(post | {"created_at": moment, "observed_at": moment})

    def _copy(self) -> str:
        """One copy less of any campaign that runs."""
        which = self._rng.randrange(len(self._running))
        text, left = self._running[which]
        self._running[which] = (text, left - 1)
        if left == 1:
            del self._running[which]
        return text
