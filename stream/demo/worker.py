"""The demo's worker: the same ``tocsin worker`` that runs in production, as a process of its own."""

import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from stream.demo.process import DemoProcess

READY_WITHIN_S = 180.0
_TIMEOUT_S = 5.0
_PORT = re.compile(r"serving /metrics.* on port (\d+)")
# A proxy of the environment is not asked for what is on this machine.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@dataclass(frozen=True, slots=True)
class Scrape:
    """One reading of the worker's ``/metrics``."""

    samples: Mapping[tuple[str, str], float]
    """By name and the value of its first label, if any."""

    def total(self, name: str) -> float:
        """Sum over all labels."""
        return sum(value for (found, _), value in self.samples.items() if found == name)

    def by_label(self, name: str) -> dict[str, float]:
        """Values by the first label's value."""
        return {label: value for (found, label), value in self.samples.items() if found == name}

    @property
    def n_posts(self) -> int:
        """Posts read."""
        return int(self.total("tocsin_posts_total"))

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is on its way."""
        return not self.total("tocsin_consumer_lag_records") and not self.total("tocsin_in_flight_batches")


class DemoWorker(DemoProcess):
    """A worker while the context lasts; see `DemoProcess`."""

    def __init__(self, settings: Mapping[str, str], log: Path) -> None:
        super().__init__("worker", "the worker", settings, log)
        self.port: int | None = None
        """Where it serves; known once its kernels are compiled."""

    @property
    def url(self) -> str:
        """Root of its probes and metrics."""
        return f"http://127.0.0.1:{self.port}"

    def wait_until_ready(self) -> None:
        """Return when ``/readyz`` says yes: kernels compiled, in the group, state stands.

        Raises:
            TocsinError: it ended, or is not ready in time; its last words are in the text.
        """
        self.wait(self._is_ready, READY_WITHIN_S)

    def scrape(self) -> Scrape:
        """Read ``/metrics``; blocks for some milliseconds.

        Raises:
            OSError: it does not answer.
        """
        with _open(f"{self.url}/metrics", timeout=_TIMEOUT_S) as answer:
            text = answer.read().decode()
        samples: dict[tuple[str, str], float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                key = sample.name, next(iter(sample.labels.values()), "")
                samples[key] = samples.get(key, 0.0) + sample.value
        return Scrape(samples)

    def _is_ready(self) -> bool:
        if self.port is None:
            found = _PORT.search(self.said)
            if found is None:
                return False
            self.port = int(found[1])
        try:
            with _open(f"{self.url}/readyz", timeout=_TIMEOUT_S):
                return True
        except OSError:  # 503 is one, too
            return False
