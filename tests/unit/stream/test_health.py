"""The worker's small web server."""

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter

from stream import health
from stream.errors import TocsinError
from stream.health import HealthServer


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
    assert (status, text.startswith("event loop seen ")) == (503, True)
    monkeypatch.undo()
    server.beat()
    assert get(server, "/healthz")[0] == 200


def test_other_paths_say_which_there_are(server: HealthServer) -> None:
    """404, with the three paths."""
    assert get(server, "/") == (404, "/metrics, /healthz, /readyz\n")


def test_a_port_that_is_taken_is_an_error_that_says_what_to_set(server: HealthServer) -> None:
    """It names address, port and the setting."""
    with pytest.raises(TocsinError, match=rf"127\.0\.0\.1:{server.port} .*metrics_port"):
        HealthServer(CollectorRegistry(), "127.0.0.1", server.port, lambda: True)
