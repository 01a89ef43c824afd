"""The worker's small web server."""

import asyncio
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter
from support.picky import Picky

from stream import app, health
from stream.app import beating
from stream.errors import TocsinError
from stream.health import HealthServer
from stream.host import Host


class Switch:
    """Readiness that a test turns."""

    def __init__(self) -> None:
        self.on = False

    def __call__(self) -> bool:
        """Whether it is on."""
        return self.on


@pytest.fixture
def switch() -> Switch:
    """Off."""
    return Switch()


@pytest.fixture
def server(switch: Switch) -> Iterator[HealthServer]:
    """A server on a free port."""
    registry = CollectorRegistry()
    Counter("bells_total", "Bells.", registry=registry).inc(3)
    server = HealthServer(registry, "127.0.0.1", 0, switch)
    server.start()
    yield server
    server._server.shutdown()
    server._server.server_close()


def get(server: HealthServer, path: str) -> tuple[int, str]:
    """Status and text."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_metrics_are_served(server: HealthServer) -> None:
    """The registry that was given, in Prometheus's text form."""
    status, text = get(server, "/metrics")
    assert status == 200
    assert "bells_total 3.0" in text


def test_ready_says_what_it_is_told(server: HealthServer, switch: Switch) -> None:
    """503 until state stands."""
    assert get(server, "/readyz") == (503, "joining, or rebuilding state\n")
    switch.on = True
    assert get(server, "/readyz") == (200, "state stands\n")


def test_healthy_while_the_event_loop_is_seen(server: HealthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 once it was not seen for `STALLED_AFTER_S`; a beat makes it well again."""
    assert get(server, "/healthz")[0] == 200
    monkeypatch.setattr(health, "STALLED_AFTER_S", -1.0)
    status, text = get(server, "/healthz")
    assert (status, text.startswith("event loop and stages seen ")) == (503, True)
    monkeypatch.undo()
    server.beat()
    assert get(server, "/healthz")[0] == 200


async def test_a_worker_whose_stage_hangs_is_not_healthy(
    server: HealthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage's process that leaves a question unanswered: 503; once it goes on: 200."""
    host = Host(beside=True)
    beat = beating(server, [host])
    stage: Any = await host.open(Picky, (), lambda _: None)
    assert host.pid is not None
    os.kill(host.pid, signal.SIGSTOP)
    try:
        waiting = asyncio.ensure_future(stage.feed([]))
        monkeypatch.setattr(health, "STALLED_AFTER_S", 0.2)
        monkeypatch.setattr(app, "HUNG_AFTER_S", 0.2)
        await beat()
        async with asyncio.timeout(10):
            while get(server, "/healthz")[0] == 200:
                await beat()
                await asyncio.sleep(0.01)
        assert host.silent_s >= 0.2
    finally:
        os.kill(host.pid, signal.SIGCONT)
    await waiting
    await beat()
    assert get(server, "/healthz")[0] == 200
    await host.stop()


def test_other_paths_say_which_there_are(server: HealthServer) -> None:
    """404, with the three paths."""
    assert get(server, "/") == (404, "/metrics, /healthz, /readyz\n")


def test_a_port_that_is_taken_is_an_error_that_says_what_to_set(server: HealthServer) -> None:
    """It names address, port and the setting."""
    with pytest.raises(TocsinError, match=rf"127\.0\.0\.1:{server.port} .*metrics_port"):
        HealthServer(CollectorRegistry(), "127.0.0.1", server.port, lambda: True)
