"""A canary burst: posts of ours on a platform of their own, which must ring like any others.

What they prove is the live path from topic ``posts`` to the delivery; their absence fires a
dead-man's switch in Prometheus. They count at the feed's own time (`detectors.sketcher`), so an
archive's clock is not moved by them.
"""

import asyncio
import logging
import time
from secrets import token_hex

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from detectors.post import CANARY
from stream import kafka
from stream.settings import Settings

N_WORDS = 12

log = logging.getLogger(__name__)


def posts(now_ms: int, n_accounts: int) -> list[bytes]:
    """One burst of a text that nobody ever wrote, as records of topic ``posts``."""
    name = token_hex(8)
    text = "tocsin canary " + " ".join(token_hex(4) for _ in range(N_WORDS))
    return [
        orjson.dumps(
            {
                "id": f"{name}-{number}",
                "platform": CANARY,
                "author": {"id": f"canary-{number}"},
                "created_at": now_ms,
                "text": text,
            }
        )
        for number in range(n_accounts)
    ]


async def sing(settings: Settings) -> None:
    """Send a burst every `canary_s` until cancelled; waits out a broker that is away."""
    topic = kafka.topic_name(settings, kafka.POSTS)
    producer = AIOKafkaProducer(**kafka.client_kwargs(settings))
    async with kafka.connected(producer, settings):
        while True:
            try:
                for post in posts(time.time_ns() // 1_000_000, settings.min_accounts + 1):
                    await producer.send_and_wait(topic, post)
            except KafkaError as error:
                log.error("no canary was sent: %r", error)  # noqa: TRY400
            await asyncio.sleep(settings.canary_s)
