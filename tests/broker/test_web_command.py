"""`tocsin web` as a process, on a real broker: alerts of before and after its start, a quiet end."""

import re
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiokafka import AIOKafkaProducer
from support.alerts import alert
from support.full_path import TOCSIN, Service
from support.workers import until

from detectors.alert import Alert, AlertReason, encode_alert
from stream.embedded import EmbeddedBroker
from stream.kafka import ALERTS, client_kwargs, topic_name
from stream.settings import Settings
from stream.topics import create_topics

pytestmark = pytest.mark.broker

WEB = [*TOCSIN, "web"]


async def append(settings: Settings, *alerts: Alert) -> None:
    """Append alerts to the topic."""
    async with AIOKafkaProducer(**client_kwargs(settings)) as producer:
        for one in alerts:
            await producer.send_and_wait(topic_name(settings, ALERTS), encode_alert(one), one.id.encode())


async def test_the_page_serves_what_was_and_what_comes(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    """Read from the beginning, each transition once, then live; SIGTERM ends it with 0 beside a watcher."""
    settings = Settings(bootstrap=embedded_broker.bootstrap, topic_prefix=prefix, web_port=0)
    await create_topics(settings)
    await append(settings, alert(id="a", seq=1, posts=8), alert(id="a", seq=2), alert(id="a", seq=1, posts=8))
    with Service(settings, tmp_path, WEB) as web:
        await web.printed("the page is at ")
        (root,) = re.findall(r"the page is at (\S+)", web.log())
        async with aiohttp.ClientSession(root, timeout=aiohttp.ClientTimeout(60)) as session:

            async def known() -> dict[str, Any]:
                async with session.get("/api/bursts") as response:
                    told = (await response.json())["bursts"]
                return {one["alert"]["id"]: (one["alert"]["status"], one["alert"]["posts"]) for one in told}

            assert await known() == {"a": ("firing", 64)}
            async with session.get("/events") as watching:
                over = alert(id="a", seq=3, status="resolved", reason=AlertReason.RESOLVED, posts=70)
                await append(settings, over, alert(id="b", seq=1))

                async def both() -> bool:
                    return await known() == {"a": ("resolved", 70), "b": ("firing", 64)}

                await until(both, 60.0, web.tail)
                web.terminate()
                assert await web.exit_code() == 0
                assert b"event: burst" in await watching.read()
    assert "Traceback" not in web.log()


async def test_a_taken_port_and_a_missing_topic_are_told_with_advice(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    """Exit code 1 and one line that says what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = Settings(bootstrap=embedded_broker.bootstrap, topic_prefix=prefix, web_port=port)
        with Service(settings, tmp_path, WEB) as web:
            assert await web.exit_code() == 1
            assert web.log() == (
                f"tocsin: there is no topic {prefix}alerts at {settings.bootstrap}. "
                "Fix: tocsin topics create\n"
            )
        await create_topics(settings)
        with Service(settings, tmp_path, WEB) as web:
            assert await web.exit_code() == 1
            assert f"can't serve the page on 127.0.0.1:{port}" in web.log()
            assert "web_port" in web.log()
