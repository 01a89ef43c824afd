"""The whole service as processes: start workers, feed them, wait, read what they told."""

import asyncio
import os
import re
import signal
import sys
import time
import urllib.error
import urllib.request
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from detectors.alert import Alert, AlertReason, decode_alert
from stream import kafka
from stream.child import Child
from stream.embedded import EmbeddedBroker
from stream.scenarios.posts import at_ms
from stream.settings import Settings
from stream.topics import create_topics
from support.scenario_feed import Feed
from support.workers import until

READY_S = 90.0
"""Kernels may have to be compiled, and others share the machine."""
DONE_S = 240.0
TOCSIN = [sys.executable, "-c", "from stream.cli import main; main()"]
WORKER = [*TOCSIN, "worker"]
FAUST_WORKER = [sys.executable, "-m", "faust", "-A", "stream.app", "worker", "--without-web", "-l", "info"]
BATCH_BYTES = 256 * 1024
REACHED = 'tocsin_watermark_timestamp_seconds{topic="activity"}'
IN_FLIGHT = 'tocsin_in_flight_batches{topic="activity"}'


class Answer(NamedTuple):
    """Of a probe."""

    status: int
    text: str
    seconds: float


class Opened(NamedTuple):
    """A rebuild of a partition's state."""

    offset: int
    n_replayed: int
    n_missing: int


async def on_its_own(broker: EmbeddedBroker, prefix: str, **changes: Any) -> Settings:
    """Settings of a test that shares a broker: topics of its own, one partition each, made."""
    settings = Settings(
        bootstrap=broker.bootstrap,
        topic_prefix=prefix,
        group=f"{prefix}group",
        posts_partitions=1,
        sketches_partitions=1,
        session_timeout_s=6,
        **changes,
    )
    await create_topics(settings)
    return settings


def environment(settings: Settings, folder: Path) -> dict[str, str]:
    """Settings that differ from the defaults, as a process gets them."""
    changed = settings.model_dump(exclude_defaults=True)
    env = {f"TOCSIN_{name.upper()}": _plain(value) for name, value in changed.items()}
    return os.environ | {"TOCSIN_METRICS_PORT": "0", "TOCSIN_DATA_DIR": str(folder / "data")} | env


def _plain(value: Any) -> str:
    return value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)


class Service(AbstractContextManager["Service"]):
    """``tocsin worker`` while the context lasts; `argv` for another program."""

    def __init__(self, settings: Settings, folder: Path, argv: Sequence[str] = WORKER) -> None:
        self._path = folder / f"worker-{time.monotonic_ns()}.log"
        self._log: IO[bytes] = self._path.open("wb")
        self._child = Child(argv, output=self._log, env=environment(settings, folder), cwd=folder)
        self._port = 0

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._child.poll() is not None

    @property
    def pid(self) -> int:
        """Of the process above it and all that it starts."""
        return self._child._process.pid

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self._child.send(signal.SIGKILL)
        self._child.wait(20)

    def terminate(self) -> None:
        """SIGTERM."""
        self._child.send(signal.SIGTERM)

    async def exit_code(self, timeout_s: float = 60.0) -> int:
        """Wait for the end."""
        await until(lambda: self.ended, timeout_s, lambda: f"still runs:\n{self.tail()}")
        return self._child.wait()

    def log(self) -> str:
        """What it printed."""
        return self._path.read_text(errors="replace")

    def tail(self) -> str:
        """The end of `log`."""
        return self.log()[-6000:]

    async def printed(self, text: str, timeout_s: float = READY_S) -> None:
        """Wait until it printed `text`."""
        await until(
            lambda: text in self.log() or self.ended, timeout_s, lambda: f"no {text!r}:\n{self.tail()}"
        )
        assert text in self.log(), f"ended and never printed {text!r}:\n{self.tail()}"

    async def get(self, path: str, timeout_s: float = 30.0) -> Answer:
        """Ask its web server; status 0 when nobody answers."""
        if not self._port:
            found = re.search(r"serving /metrics.* on port (\d+)", self.log())
            if found is None:
                return Answer(0, "", 0.0)
            self._port = int(found[1])
        return await asyncio.to_thread(_get, f"http://127.0.0.1:{self._port}{path}", timeout_s)

    async def address(self) -> str:
        """host:port of its web server, once it serves."""
        assert (await self.get("/healthz")).status, f"doesn't answer:\n{self.tail()}"
        return f"127.0.0.1:{self._port}"

    async def metrics(self) -> dict[str, float]:
        """Samples by name and labels, as ``name{a="b"}``; empty when nobody answers."""
        return samples((await self.get("/metrics")).text)

    async def ready(self, timeout_s: float = READY_S) -> None:
        """Wait until ``/readyz`` says so."""

        async def is_ready() -> bool:
            assert not self.ended, f"ended:\n{self.tail()}"
            return (await self.get("/readyz")).status == 200

        await until(is_ready, timeout_s, lambda: f"never ready:\n{self.tail()}")

    async def opened(self, partition: str) -> Opened:
        """How a partition's state (``activity/0``) was rebuilt last, by the log."""
        line = re.compile(rf"{partition}: at (\d+) after [\d.]+ s, (\d+) records replayed, (\d+) missing")
        await until(lambda: line.search(self.log()) is not None, READY_S, self.tail)
        return Opened(*map(int, line.findall(self.log())[-1]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.stop()
        self._log.close()
        if error is not None:
            sys.stderr.write(f"── {self._path.name}\n{self.tail()}\n")


def _get(url: str, timeout_s: float) -> Answer:
    began = time.perf_counter()
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:  # noqa: S310 (our own address)
            return Answer(answer.status, answer.read().decode(), time.perf_counter() - began)
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode(), time.perf_counter() - began)
    except (TimeoutError, urllib.error.URLError, ConnectionError):
        return Answer(0, "", time.perf_counter() - began)


def samples(text: str) -> dict[str, float]:
    """The exposition format as a dictionary."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def produce(settings: Settings, partitions: Sequence[Sequence[bytes | None]]) -> None:
    """Append records to the partitions of ``posts``, all at a similar pace, and wait for the broker."""
    name = kafka.topic_name(settings, kafka.POSTS)
    async with AIOKafkaProducer(**kafka.client_kwargs(settings), max_batch_size=BATCH_BYTES) as producer:
        cursors = [0] * len(partitions)
        sent = []
        while any(at < len(values) for at, values in zip(cursors, partitions, strict=True)):
            for number, values in enumerate(partitions):
                batch = producer.create_batch()
                while cursors[number] < len(values):
                    if batch.append(key=None, value=values[cursors[number]], timestamp=None) is None:
                        break
                    cursors[number] += 1
                if batch.record_count():
                    batch.close()
                    sent.append(await producer.send_batch(batch, name, partition=number))
        await asyncio.gather(*sent)


class Log:
    """A topic, read on from its start; `to_end` gives all of it so far."""

    def __init__(self, settings: Settings, topic: str, n_partitions: int = 1) -> None:
        name = kafka.topic_name(settings, topic)
        self._tps = [TopicPartition(name, number) for number in range(n_partitions)]
        self._consumer = AIOKafkaConsumer(
            **kafka.client_kwargs(settings), group_id=None, fetch_max_wait_ms=50
        )
        self.records: list[Any] = []

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._consumer.assign(self._tps)
        for tp in self._tps:
            self._consumer.seek(tp, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def more(self) -> list[Any]:
        """All records so far, perhaps not quite to the end."""
        found = await self._consumer.getmany(*self._tps, timeout_ms=50)
        self.records += [record for records in found.values() for record in records]
        return self.records

    async def to_end(self, timeout_s: float = 60.0) -> list[Any]:
        """All records, up to where the log ended at a fetch after this call."""

        async def there() -> bool:
            before = len(self.records)
            await self.more()
            if len(self.records) > before:
                return False
            ends = [(tp, self._consumer.highwater(tp)) for tp in self._tps]
            return all([end is not None and await self._consumer.position(tp) >= end for tp, end in ends])

        await until(there, timeout_s)
        return self.records

    async def alerts(self) -> list[Alert]:
        """`to_end`, read as alerts."""
        return [decode_alert(record.value) for record in await self.to_end()]


async def processed(workers: Sequence[Service], end_ms: int, timeout_s: float = DONE_S) -> None:
    """Wait until BURST has taken everything up to the feed's end, and the broker its alerts."""
    n_in_a_row = 0

    async def done() -> bool:
        nonlocal n_in_a_row
        said = [await worker.metrics() for worker in workers if not worker.ended]
        assert said, f"no worker is left:\n{workers[-1].tail()}"
        reached = [m.get(REACHED, 0.0) for m in said]
        in_flight = [m.get(IN_FLIGHT, 1.0) for m in said]
        done = any(at * 1000 > end_ms - 60_000 and not n for at, n in zip(reached, in_flight, strict=True))
        n_in_a_row = n_in_a_row + 1 if done else 0
        return n_in_a_row >= 2

    await until(done, timeout_s, lambda: f"not all processed:\n{workers[-1].tail()}")


async def told(log: Log, is_it: Callable[[Alert], bool], worker: Service, timeout_s: float = DONE_S) -> Alert:
    """Wait for an alert."""
    n_read = 0
    found: list[Alert] = []

    async def there() -> bool:
        nonlocal n_read
        assert not worker.ended, f"ended:\n{worker.tail()}"
        records = await log.more()
        found.extend(filter(is_it, (decode_alert(record.value) for record in records[n_read:])))
        n_read = len(records)
        return bool(found)

    await until(there, timeout_s, lambda: f"never told:\n{worker.tail()}")
    return found[0]


def by_reader_rule(alerts: Sequence[Alert]) -> dict[str, list[Alert]]:
    """Alerts per id as a reader takes them: `seq` at or below the highest seen is ignored."""
    taken: dict[str, list[Alert]] = {}
    for alert in alerts:
        known = taken.setdefault(alert.id, [])
        if not known or alert.seq > known[-1].seq:
            known.append(alert)
    return taken


def content(alert: Alert) -> bytes:
    """Everything but what says when this run wrote it."""
    cleaned = msgspec.structs.replace(alert, late=0.0, ingest_ts=alert.starts_at)
    return msgspec.json.encode(cleaned)


def contents(alerts: Sequence[Alert]) -> dict[str, list[bytes]]:
    """`by_reader_rule`, as contents: equal for runs that told the same."""
    return {name: [content(alert) for alert in story] for name, story in by_reader_rule(alerts).items()}


def n_repeated(alerts: Sequence[Alert]) -> int:
    """How many alerts came again; each of them must be equal to what was told before."""
    seen: dict[tuple[str, int], bytes] = {}
    for alert in alerts:
        first = seen.setdefault((alert.id, alert.seq), content(alert))
        assert first == content(alert), f"{alert.id} seq {alert.seq} was told twice, differently"
    return len(alerts) - len(seen)


def assert_gapless(alerts: Sequence[Alert]) -> None:
    """Per id, seq is 1, 2, 3, …; the first reason is FIRST."""
    for story in by_reader_rule(alerts).values():
        assert [alert.seq for alert in story] == list(range(1, len(story) + 1)), story[0].id
        assert story[0].reason is AlertReason.FIRST


class LiveFeed:
    """Sends a feed as it would come: never more than `ahead_ms` of event time ahead of the alerts.

    Posts of a backlog are read partition by partition, as much at once as a fetch holds; a
    live feed's partitions come side by side.

    Args:
        settings: Where ``posts`` is.
        feed: What to send, post by post to the partitions in turn.
        n_partitions: Of ``posts``.
        workers: Those that run; may change between calls.
        ahead_ms: At least a few slots, for a slot is told when it is over.
    """

    def __init__(
        self,
        settings: Settings,
        feed: Feed,
        n_partitions: int,
        workers: list[Service],
        ahead_ms: int = 180_000,
    ) -> None:
        self._settings, self._feed, self._n_partitions = settings, feed, n_partitions
        self.workers, self._ahead_ms = workers, ahead_ms
        self._times = [at_ms(post["created_at"]) for post in feed.posts]
        self.n_sent = 0

    async def send_until(self, n_posts: int, timeout_s: float = DONE_S) -> None:
        """Go on up to `n_posts` in all."""
        name = kafka.topic_name(self._settings, kafka.POSTS)
        client = kafka.client_kwargs(self._settings)
        reached_ms = self._times[0]
        async with asyncio.timeout(timeout_s), AIOKafkaProducer(**client, linger_ms=2) as producer:
            while self.n_sent < n_posts:
                end = bisect_right(self._times, reached_ms + self._ahead_ms, hi=n_posts)
                for at in range(self.n_sent, end):
                    await producer.send(name, self._feed.values[at], partition=at % self._n_partitions)
                await producer.flush()
                self.n_sent = max(end, self.n_sent)
                reached_ms = max(reached_ms, await self._reached_ms())
                await asyncio.sleep(0.02)

    async def send_rest(self) -> None:
        """All posts left, and those that end the feed."""
        await self.send_until(len(self._feed.values))
        await produce(self._settings, [[end] for end in self._feed.ends[: self._n_partitions]])

    async def _reached_ms(self) -> int:
        said = [await worker.metrics() for worker in self.workers if not worker.ended]
        return round(max((m.get(REACHED, 0.0) for m in said), default=0.0) * 1000)
