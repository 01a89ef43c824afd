"""A real Alertmanager (Debian's) with the shipped routes, and who it notifies."""

import json
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

from stream.child import Child
from support.receiver import Receiver

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
START_S = 30.0


class Notified(NamedTuple):
    """One notification: to whom, of what, whether it rings, and what is said."""

    receiver: str
    burst: str
    status: str
    severities: tuple[str, ...]
    summary: str


class People:
    """Those who are notified, read off what Alertmanager sent them."""

    def __init__(self, receiver: Receiver) -> None:
        self.url = receiver.url
        self._receiver = receiver

    @property
    def notified(self) -> list[Notified]:
        """All notifications, in order."""
        return [_read(json.loads(request.body)) for request in self._receiver.requests]

    def of(self, burst: str) -> list[tuple[str, str]]:
        """(receiver, status) of a burst's notifications, in order."""
        return [(n.receiver, n.status) for n in self.notified if n.burst == burst]


def _read(body: dict[str, Any]) -> Notified:
    firing = [a for a in body["alerts"] if a["status"] == "firing"]
    severities = sorted(a["labels"]["severity"] for a in firing or body["alerts"])
    return Notified(
        body["receiver"],
        body["groupLabels"].get("burst", ""),
        body["status"],
        tuple(severities),
        body["alerts"][0]["annotations"].get("summary", ""),
    )


def _hooked(routes: str, url: str) -> str:
    """With a webhook in place of each receiver."""
    hooks = "".join(
        f"  - name: {name}\n    webhook_configs: [{{ url: '{url}', send_resolved: true }}]\n"
        for name in ("page", "chat", "deadman")
    )
    return f"{routes}receivers:\n  - name: nobody\n{hooks}"


def _shipped(routes: str, url: str, mail: str) -> str:
    """With the shipped receivers, Slack and the mail server ours."""
    config = routes + "".join(SHIPPED.read_text().partition("receivers:\n")[1:])
    for theirs, ours in (
        ("api_url_file: /etc/alertmanager/slack-webhook", f"api_url: {url}"),
        ("smtp_smarthost: mail.example:587", f"smtp_smarthost: {mail}\n  smtp_require_tls: false"),
        ("- tocsin.tmpl", f"- {SHIPPED.with_name('tocsin.tmpl')}"),
    ):
        assert theirs in config
        config = config.replace(theirs, ours)
    return config


class AlertmanagerProcess:
    """Alertmanager on loopback; its routes are those we ship, its pace is quick.

    Args:
        folder: Takes its data.
        people: Who is notified, by webhooks.
        mail: host:port of a mail server: then the receivers are those we ship, and `people` stand for Slack.
    """

    def __init__(self, folder: Path, people: People, mail: str = "") -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        routes = SHIPPED.read_text().partition("receivers:\n")[0]
        assert "group_wait: 10s" in routes
        assert "group_interval: 1m" in routes
        routes = routes.replace("group_wait: 10s", "group_wait: 1s")
        routes = routes.replace("group_interval: 1m", "group_interval: 1s")
        self._config = folder / "alertmanager.yml"
        self._config.write_text(_shipped(routes, people.url, mail) if mail else _hooked(routes, people.url))
        self._child: Child | None = None
        self._log: IO[bytes] | None = None

    def start(self) -> None:
        """Start it on its port and data, and wait until it answers."""
        self._log = (self._folder / "alertmanager.log").open("ab")
        argv = ["prometheus-alertmanager", f"--config.file={self._config}"]
        argv += [f"--storage.path={self._folder / 'alertmanager-data'}", "--cluster.listen-address="]
        argv += [f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"]
        self._child = Child(argv, output=self._log)
        deadline = time.monotonic() + START_S
        while not self._is_up():
            assert time.monotonic() < deadline, (self._folder / "alertmanager.log").read_text()
            time.sleep(0.05)

    def _is_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        """SIGTERM: it saves its log of notifications, by which it repeats none after a restart."""
        if self._child is not None and self._log is not None:
            self._child.stop(grace_s=20)
            self._log.close()
            self._child = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
