"""Delay of alerts under a steady load: append of the tripping post → append of its alert.

Small campaigns run through an organic feed at a constant rate. The embedded broker keeps the
producers' timestamps; here all of them come from one clock.
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

RATE = 2_000
SECONDS = 40
WARM_UP_S = 8
CAMPAIGN_EVERY_S = 0.4
CAMPAIGN_COPIES = 30
COPIES_PER_S = 10
HISTORY_S = 2_400
HISTORY_POSTS = 2_000
"""Sent first: in a cold feed nothing is surprising, and nothing would ring."""
TICK_S = 0.01


async def measure(setup: Setup) -> list[Row]:
    """p50 and p99 over every alert transition after the warm-up."""
    setup.say(f"delay: {RATE:,} posts/s for {SECONDS} s")
    async with live.broker(4) as (settings, folder):
        with live.running(["-m", "stream.cli", "worker"], settings, folder) as log:
            await live.Worker(log).ready()
            reader = asyncio.create_task(_read(settings))
            n_sent, wall_s = await _load(settings)
            delays = await reader
    cuts = quantiles(delays, n=100)
    what = f"at {n_sent / wall_s:,.0f} posts/s, {len(delays)} transitions"
    return [
        Row(id="delay_p50", measure=f"alert delay, median, {what}", value=cuts[49], unit="s"),
        Row(
            id="delay_p99",
            measure=f"alert delay, 99th percentile, {what}",
            value=cuts[98],
            unit="s",
            reach="<1 s",
            holds=cuts[98] < 1,
        ),
    ]


async def _read(settings: Settings) -> list[float]:
    """Delays of what is appended until nothing came for a while after the load."""
    consumer = AIOKafkaConsumer("alerts", bootstrap_servers=settings.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    delays, began = [], time.time()
    try:
        while time.time() < began + SECONDS + 5:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    trip_s = decode_alert(record.value).ingest_ts.timestamp()
                    if trip_s > began + WARM_UP_S:
                        delays.append(record.timestamp / 1000 - trip_s)
    finally:
        await consumer.stop()
    return delays


async def _load(settings: Settings) -> tuple[int, float]:
    """Send the feed at its rate; how many posts in how many seconds."""
    feed, n_sent, began = _feed(), 0, time.perf_counter()
    async with live.producer(settings) as producer:
        for value in islice(_feed(), HISTORY_POSTS):
            post = orjson.loads(value)
            post["created_at"] -= (HISTORY_POSTS - n_sent) * HISTORY_S * 1000 // HISTORY_POSTS
            post |= {"id": f"old-{n_sent}", "observed_at": post["created_at"]}
            await producer.send("posts", orjson.dumps(post))
            n_sent += 1
        n_sent, began = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - began) < SECONDS:
            while n_sent < elapsed * RATE:
                await producer.send("posts", next(feed))
                n_sent += 1
            await asyncio.sleep(TICK_S)
        await producer.flush()
    return n_sent, time.perf_counter() - began


def _feed() -> Iterator[bytes]:
    """Posts of random words of the scenario's chatter, and every `CAMPAIGN_EVERY_S` another campaign."""
    rng = random.Random(11)
    organic = (post for post in scenario()[0] if post["scenario"]["actor"] == "chatter")
    words = sorted({word for post in organic for word in post["text"].split() if word.isalpha()})
    campaigns: list[tuple[str, int]] = []
    began, n = time.time(), 0
    next_campaign = WARM_UP_S / 2
    while True:
        now = time.time()
        if now - began > next_campaign:
            next_campaign += CAMPAIGN_EVERY_S
            campaigns.append((" ".join(rng.choices(words, k=18)), CAMPAIGN_COPIES))
        copies = campaigns and rng.random() < len(campaigns) * COPIES_PER_S / RATE
        if copies:
            which = rng.randrange(len(campaigns))
            text, left = campaigns[which]
            campaigns[which] = (text, left - 1)
            if left == 1:
                del campaigns[which]
            author = {"id": f"bot-{rng.randrange(10_000)}", "created_at": int((now - 86_400) * 1000)}
        else:
            text = " ".join(rng.choices(words, k=rng.randint(6, 24)))
            author = {"id": f"person-{rng.randrange(200_000)}"}
        n += 1
        moment = int(now * 1000)
        yield orjson.dumps(
            {
                "id": str(n),
                "platform": "x",
                "author": author,
                "created_at": moment,
                "observed_at": moment,
                "text": text,
            }
        )
