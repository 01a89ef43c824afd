"""A real Prometheus (Debian's) with the shipped configuration and rules."""

import asyncio
import json
import math
import re
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stream.child import Child
from support.workers import until

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "deploy" / "prometheus" / "prometheus.yml"
START_S = 60.0


class PrometheusProcess:
    """Prometheus on loopback: jobs, rules and labels are those we ship; it scrapes each second.

    Args:
        folder: Takes its data, its configuration and its log.
        addresses: host:port to scrape, or several with commas, by the name that the shipped file looks up.
        rules: Folder of the rules, where they are not those we ship.
    """

    def __init__(self, folder: Path, addresses: Mapping[str, str], rules: Path = SHIPPED.parent) -> None:
        self._folder = folder / "prometheus"
        self._addresses = addresses
        self._rules = rules
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self._child: Child | None = None

    async def __aenter__(self) -> Self:
        self._folder.mkdir()
        config = self._folder / "prometheus.yml"
        config.write_text(self._in_a_hurry(SHIPPED.read_text()))
        with (self._folder / "log").open("wb") as log:
            argv = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={self._folder / 'data'}"]
            argv += [f"--web.listen-address=127.0.0.1:{self._port}", "--log.level=warn"]
            self._child = Child(argv, output=log)
        await until(self._is_ready, START_S, self._log)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is not None:
            self._child.stop(grace_s=20)

    def _in_a_hurry(self, config: str) -> str:
        config = config.replace("_interval: 15s", "_interval: 1s")
        files = re.compile(r"(?<=rule_files: \[).*(?=\])")
        config = files.sub(lambda m: ", ".join(str(self._rules / f) for f in m[0].split(", ")), config)
        looked_up = re.compile(r"dns_sd_configs:\n +- \{ names: \[(\S+)\],.*\}")
        return looked_up.sub(
            lambda m: f"static_configs: [{{ targets: {json.dumps(self._addresses[m[1]].split(','))} }}]",
            config,
        )

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}"

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Samples of an instant query, now; labels are under ``metric``."""
        found: list[dict[str, Any]] = (await self._get("query", query=expression))["result"]
        return found

    async def rules(self) -> list[dict[str, Any]]:
        """Every rule as Prometheus read it."""
        return [rule for group in (await self._get("rules"))["groups"] for rule in group["rules"]]

    async def answers(self, expression: str, timeout_s: float = 30.0) -> list[dict[str, Any]]:
        """Wait until a query finds something; rates need two scrapes."""
        found: list[dict[str, Any]] = []

        async def there() -> bool:
            found[:] = await self.query(expression)
            return bool(found)

        await until(there, timeout_s, lambda: f"nothing found by {expression}")
        return found

    async def shows(self, expression: str, since_s: float, timeout_s: float = 60.0) -> None:
        """Wait until a graph from `since_s`, epoch seconds, to now has a point that is a number."""

        async def drawn() -> bool:
            span = {"start": str(since_s), "end": str(time.time()), "step": "1"}
            lines = (await self._get("query_range", query=expression, **span))["result"]
            return any(math.isfinite(float(value)) for line in lines for _, value in line["values"])

        await until(drawn, timeout_s, lambda: f"an empty graph: {expression}")

    async def _get(self, path: str, **arguments: str) -> dict[str, Any]:
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"
        return await asyncio.to_thread(_read, url)

    async def _is_ready(self) -> bool:
        try:
            await self._get("query", query="1")
        except (urllib.error.URLError, ConnectionError):  # nobody there yet, or 503: it starts
            assert self._child is not None
            assert self._child.poll() is None, self._log()
            return False
        return True

    def _log(self) -> str:
        return (self._folder / "log").read_text()[-4000:]


def _read(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 (our own address)
            found: dict[str, Any] = json.load(answer)["data"]
            return found
    except urllib.error.HTTPError as error:
        if error.code == 503:
            error.close()
            raise
        with error:
            raise AssertionError(f"{url}: {error.read().decode()}") from None
