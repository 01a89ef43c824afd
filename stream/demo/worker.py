"""The demo's worker: the same ``tocsin worker`` that runs in production, as a process of its own."""

import os
import re
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from prometheus_client.parser import text_string_to_metric_families

from stream.child import Child
from stream.errors import TocsinError

READY_WITHIN_S = 180.0
_POLL_S = 0.1
_TIMEOUT_S = 5.0
_STOP_S = 10.0
_PORT = re.compile(rb"serving /metrics.* on port (\d+)")
# A proxy of the environment is not asked for what is on this machine.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def argv_of(command: str) -> tuple[str, ...]:
    """Program and arguments of a command of ours."""
    # Not the script beside the interpreter: it may be installed elsewhere, or not at all.
    return sys.executable, "-P", "-c", "from stream.cli import main; main()", command


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Our environment with these ``TOCSIN_*`` variables and no others."""
    env = {name: value for name, value in os.environ.items() if not name.upper().startswith("TOCSIN_")}
    return {**env, **settings}


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


class DemoWorker:
    """A worker while the context lasts; it ends with us.

    Args:
        settings: ``TOCSIN_*`` variables; no other of these is passed on.
        log: file that takes what it says; written anew.
    """

    def __init__(self, settings: Mapping[str, str], log: Path) -> None:
        self._settings = settings
        self._log_path = log
        self._log: IO[bytes] | None = None
        self._child: Child | None = None
        self.port: int | None = None
        """Where it serves; known once its kernels are compiled."""

    def __enter__(self) -> Self:
        self._log = self._log_path.open("wb")
        self._child = Child(argv_of("worker"), output=self._log, env=environment(self._settings))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is not None:
            # Stopped at the end as a service is; killed when we are in a hurry. Nothing is kept.
            self._child.stop(_STOP_S if kind is None else 0)
        if self._log is not None:
            self._log.close()

    @property
    def url(self) -> str:
        """Root of its probes and metrics."""
        return f"http://127.0.0.1:{self.port}"

    def wait_until_ready(self) -> None:
        """Return when ``/readyz`` says yes: kernels compiled, in the group, state stands.

        Raises:
            TocsinError: it ended, or is not ready in time; its last words are in the text.
        """
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise TocsinError(f"the worker is not ready after {READY_WITHIN_S:g} s; {self._last_words()}")
            time.sleep(_POLL_S)

    def check(self) -> None:
        """Raise if it has ended.

        Raises:
            TocsinError: it ended; its last words are in the text.
        """
        if self._child is None or (code := self._child.poll()) is None:
            return
        raise TocsinError(f"the worker ended with exit code {code}; {self._last_words()}")

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
            found = _PORT.search(self._log_path.read_bytes())
            if found is None:
                return False
            self.port = int(found[1])
        try:
            with _open(f"{self.url}/readyz", timeout=_TIMEOUT_S):
                return True
        except OSError:  # 503 is one, too
            return False

    def _last_words(self) -> str:
        lines = self._log_path.read_text(errors="replace").splitlines()[-5:]
        return f"{self._log_path} ends with:\n" + "\n".join(f"  {line}" for line in lines)
