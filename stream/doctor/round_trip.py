"""A made-up burst on topics of its own: posts in, a real worker, an alert out; all deleted afterwards.

It proves what no look can: that we may create topics, write, read, join a group, and that the
kernels run here. Clocks are compared on the way: the broker stamps what we send.
"""

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack, aclosing, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import DeleteGroupsRequest

from stream import kafka
from stream.alerts import open_alerts
from stream.deliver import canary
from stream.demo.worker import DemoWorker
from stream.doctor.findings import Clock, Diagnosis, note, ok, wrong
from stream.errors import TocsinError
from stream.producer import clock_skew_s
from stream.settings import Settings
from stream.topics import create_topics

SKEW_S = 5.0
"""Lag in seconds and `late` are our clock less the broker's; the objective for delay is 5 s."""
ALERT_WITHIN_S = 60.0
N_HISTORY = 60
"""Posts over two hours before the burst: to judge it by."""
N_ACCOUNTS = 12
_HISTORY_MS = 2 * 3_600_000


async def round_trip(settings: Settings, clock: Clock) -> list[Diagnosis]:
    """Make topics, send, run a worker, wait for the alert, delete.

    Args:
        settings: How to reach the brokers; their prefix and group are extended.
        clock: Compared with the broker's.
    """
    own = _own(settings, token_hex(4))
    try:
        await create_topics(own)
    except TocsinError as error:
        return [wrong("round-trip", f"topics {own.topic_prefix}* can't be made: {error}", "see its text")]
    found: list[Diagnosis] = []
    try:
        async with kafka.connected(AIOKafkaProducer(**kafka.client_kwargs(own)), own) as producer:
            found.append(await _clocks(own, producer, clock))
            found.append(await _ring(own, producer))
    except KafkaError as error:
        what = f"{own.topic_prefix}posts can't be written: {error!r}"
        found.append(wrong("round-trip", what, "allow WRITE on it"))
    except TocsinError as error:
        found.append(wrong("round-trip", str(error), "mend what it says, then ask again"))
    finally:
        await asyncio.shield(_delete(own))
    return found


def _own(settings: Settings, name: str) -> Settings:
    return settings.model_copy(
        update={
            "topic_prefix": f"{settings.topic_prefix}doctor-{name}-",
            "group": f"{settings.group[:150]}-doctor-{name}",
            "group_instance_id": f"doctor-{name}"
            if settings.group_instance_id
            else settings.group_instance_id,
            "posts_partitions": 1,
            "sketches_partitions": 1,
            "metrics_host": "127.0.0.1",
            "metrics_port": 0,
            "stage_processes": 0,
            # What is tried is the way, not the thresholds.
            "min_accounts": min(settings.min_accounts, N_ACCOUNTS - 2),
            "info_novelty": min(settings.info_novelty, 2.0),
        }
    )


async def _clocks(own: Settings, producer: AIOKafkaProducer, clock: Clock) -> Diagnosis:
    """Send the history; its last post is stamped between two looks at our clock."""
    for post in _history(time.time_ns() // 1_000_000):
        before_s = clock()
        sent = await producer.send_and_wait(kafka.topic_name(own, kafka.POSTS), post)
        after_s = clock()
    skew_s = clock_skew_s(sent, before_s, after_s)
    if skew_s is None:
        what = "the broker stamps no append times, so clocks are not compared"
        return note("clock", what, "expected of the embedded broker only")
    if abs(skew_s) > SKEW_S:
        side = "ahead of" if skew_s > 0 else "behind"
        what = f"the broker's clock is {abs(skew_s):.1f} s {side} this machine's"
        return wrong("clock", what, "set both by NTP; until then lag, delay and `late` are off by as much")
    return ok("clock", f"within {abs(skew_s):.1f} s of the broker's")


def _history(now_ms: int) -> list[bytes]:
    """Posts that have nothing in common."""
    step_ms = _HISTORY_MS // N_HISTORY
    return [
        orjson.dumps(
            {
                "id": f"doctor-{number}",
                "platform": "tocsin-doctor",
                "author": {"id": f"doctor-{number}"},
                "created_at": now_ms - _HISTORY_MS + number * step_ms,
                "text": " ".join(token_hex(4) for _ in range(canary.N_WORDS)),
            }
        )
        for number in range(N_HISTORY)
    ]


async def _ring(own: Settings, producer: AIOKafkaProducer) -> Diagnosis:
    """Start a worker, send the burst, wait for its alert."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-doctor-")))
        alerts = await stack.enter_async_context(open_alerts(own))
        began_s = time.monotonic()
        worker = stack.enter_context(DemoWorker(_environment(own), folder / "worker.log"))
        await asyncio.to_thread(worker.wait_until_ready)
        ready_s = time.monotonic()
        for post in canary.posts(time.time_ns() // 1_000_000, N_ACCOUNTS):
            await producer.send_and_wait(kafka.topic_name(own, kafka.POSTS), post)
        try:
            async with asyncio.timeout(ALERT_WITHIN_S), aclosing(alerts.follow()) as told:
                await anext(told)
        except TimeoutError:
            worker.check()
            what = f"{N_ACCOUNTS} copies were sent and read for {ALERT_WITHIN_S:g} s, and nothing rang"
            return wrong("round-trip", what, "look at the machine's load and at `tocsin settings`")
        took_s = time.monotonic() - ready_s
    what = f"a made-up burst rang {took_s:.1f} s after its first post"
    return ok("round-trip", f"{what}; its worker was ready in {ready_s - began_s:.1f} s")


def _environment(own: Settings) -> dict[str, str]:
    """Settings that differ from the defaults, as a process gets them."""
    changed = own.model_dump(exclude_defaults=True, exclude={"watch"})
    return {
        f"TOCSIN_{name.upper()}": value.get_secret_value()
        if hasattr(value, "get_secret_value")
        else str(value)
        for name, value in changed.items()
    }


async def _delete(own: Settings) -> None:
    """Topics and group; what can't be deleted has a name that tells whose it was."""
    names = [kafka.topic_name(own, topic) for topic in kafka.TOPICS]
    with suppress(KafkaError, TocsinError, TimeoutError):
        async with kafka.connected(AIOKafkaAdminClient(**kafka.client_kwargs(own)), own) as admin:
            await admin.delete_topics(names)
            node: Any = await admin.find_coordinator(own.group)
            await admin._send_request(DeleteGroupsRequest([own.group]), node)  # noqa: SLF001 (no public call)
