"""A broker with posts on it, and workers as processes, for the benchmarks."""

import asyncio
import os
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from aiokafka import AIOKafkaProducer

from stream.child import Child
from stream.embedded import EmbeddedBroker
from stream.settings import Settings
from stream.topics import create_topics
from tests.bench.rows import Setup
from tests.support.apache_kafka import ApacheKafka, available

EMBEDDED, APACHE = "the embedded broker", "Apache Kafka"
DEADLINE_S = 120.0
STOP_S = 20.0
READ = "tocsin_posts_total"
LOG_SHOWN = 4000
"""Characters, where a worker does not answer."""
WAITING = ("tocsin_consumer_lag_records", "tocsin_in_flight_batches")
"""What tells how far a worker has come; to look at these alone costs it little."""


def brokers(setup: Setup) -> list[str]:
    """Kinds that can run here."""
    if setup.short:
        return [EMBEDDED]
    if missing := available():
        setup.say(f"no Apache Kafka: {missing}")
        return [EMBEDDED]
    return [EMBEDDED, APACHE]


class Worker:
    """A running ``tocsin worker`` and its metrics."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._url = ""

    def cpu_s(self) -> float:
        """CPU seconds so far of its processes, told by the name of the log in their environment."""
        told = f"BENCH_LOG={self._log}".encode()
        spent = 0
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it ended meanwhile
                if told in (folder / "environ").read_bytes().split(b"\0"):
                    fields = (folder / "stat").read_text().rpartition(")")[2].split()
                    spent += int(fields[11]) + int(fields[12])
        return spent / os.sysconf("SC_CLK_TCK")

    async def url(self) -> str:
        """Where it serves, once it says so."""
        while not self._url:
            for line in self._log.read_text(errors="replace").splitlines():
                if "serving /metrics" in line:
                    self._url = f"http://127.0.0.1:{line.split()[-1]}"
            await asyncio.sleep(0.02)
        return self._url

    async def metrics(self, *only: str) -> dict[str, float]:
        """Samples by their name with labels: all, or these alone, which costs the worker less."""
        query = urllib.parse.urlencode([("name[]", name) for name in only])
        try:
            text = await asyncio.to_thread(_get, f"{await self.url()}/metrics?{query}")
        except OSError as error:
            error.add_note("the worker's log ends:\n" + self._log.read_text(errors="replace")[-LOG_SHOWN:])
            raise
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    async def ready(self) -> None:
        """Return when it says so."""
        url = await self.url()
        while not await asyncio.to_thread(_is_ok, f"{url}/readyz"):
            await asyncio.sleep(0.02)


@contextmanager
def running(argv: Sequence[str], settings: Settings, folder: Path, **more: str) -> Iterator[Path]:
    """A process with these settings, and `more`, in its environment; yields its log."""
    changed = settings.model_dump(exclude_defaults=True, mode="json")
    env = os.environ | {f"TOCSIN_{name.upper()}": str(value) for name, value in changed.items()} | more
    log = folder / f"{time.monotonic_ns()}.log"
    env["BENCH_LOG"] = str(log)
    with log.open("wb") as output, Child([sys.executable, *argv], output=output, env=env) as child:
        yield log
        child.stop(STOP_S)  # killed, its group would wait a session long for the next one


@asynccontextmanager
async def broker(partitions: int, kind: str = EMBEDDED) -> AsyncIterator[tuple[Settings, Path]]:
    """A broker with our topics; settings to reach it; a folder for the run."""
    started = EmbeddedBroker() if kind == EMBEDDED else ApacheKafka()
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as name, started:
        settings = Settings(
            bootstrap=started.bootstrap,
            posts_partitions=partitions,
            sketches_partitions=partitions,
            metrics_port=0,
            data_dir=Path(name) / "data",
            session_timeout_s=6,
        )
        await create_topics(settings)
        yield settings, Path(name)


def waiting(metrics: dict[str, float]) -> float:
    """Records and batches still on their way, by the metrics named in `WAITING`."""
    return sum(value for name, value in metrics.items() if name.startswith(WAITING))


@asynccontextmanager
async def producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """A producer for posts."""
    made = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap, linger_ms=5, max_batch_size=262_144, max_request_size=1_000_000
    )
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 (our own loopback address)
        return str(answer.read().decode())


def _is_ok(url: str) -> bool:
    try:
        _get(url)
    except OSError:
        return False
    return True
