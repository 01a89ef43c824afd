"""``/metrics``, ``/healthz`` and ``/readyz`` from a thread of their own.

The event loop may be busy with a batch for tens of milliseconds; Prometheus and an
orchestrator's probes must not wait for it. ``/healthz`` says whether the loop still turns and the
stages' processes answer, ``/readyz`` whether every assigned partition's state stands.
"""

import threading
import time
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from stream.errors import TocsinError

STALLED_AFTER_S = 30.0
"""A loop that was not seen for so long is stuck (a rebuild yields far more often)."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_address = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Probes come every few seconds; they are no news."""


class HealthServer:
    """Serves until the process ends.

    Args:
        registry: What ``/metrics`` shows.
        host: Address to listen on.
        port: 0 picks a free one, see `port`.
        is_ready: Whether ``/readyz`` says yes.
    """

    def __init__(
        self, registry: CollectorRegistry, host: str, port: int, is_ready: Callable[[], bool]
    ) -> None:
        self._metrics = make_wsgi_app(registry)
        self._is_ready = is_ready
        self._beat_at = time.monotonic()
        try:
            self._server = make_server(host, port, self._answer, _Server, _QuietHandler)
        except OSError as error:
            raise TocsinError(
                f"can't serve /metrics on {host}:{port} ({error.strerror}): "
                "set metrics_port to a free port, or to 0 to pick one"
            ) from error
        self.port: int = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def beat(self) -> None:
        """The event loop turns, and the stages answer."""
        self._beat_at = time.monotonic()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            page: Iterable[bytes] = self._metrics(environ, start_response)
            return page
        if path == "/healthz":
            silent_s = time.monotonic() - self._beat_at
            ok, text = silent_s < STALLED_AFTER_S, f"event loop and stages seen alive {silent_s:.1f} s ago"
        elif path == "/readyz":
            ok = self._is_ready()
            text = "state stands" if ok else "joining, or rebuilding state"
        else:
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"/metrics, /healthz, /readyz\n"]
        status = "200 OK" if ok else "503 Service Unavailable"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [text.encode() + b"\n"]
