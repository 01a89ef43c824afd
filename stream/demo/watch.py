"""While the demo runs: the replay, the alerts, the worker's metrics, all at once."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import orjson
from aiokafka import AIOKafkaProducer

from detectors.alert import Severity
from stream import kafka
from stream.alert_text import describe
from stream.alerts import follow_alerts
from stream.demo.report import Run
from stream.demo.screen import Screen
from stream.demo.tally import Tally
from stream.demo.worker import DemoWorker
from stream.errors import TocsinError
from stream.producer import MAX_BATCH_BYTES, MAX_MESSAGE_BYTES
from stream.replay import ReplayReport, replay
from stream.scenarios.posts import Post
from stream.settings import Settings

_POLL_S = 0.5
_LAG_IS_FRESH_S = 2.5
"""The worker measures its lag once a second."""
_FINISH_S = 60.0
_RESOLVE_S = 5.0
_LINGER_MS = 5


@dataclass(slots=True)
class Watch:
    """The replay, and all that looks at what comes of it."""

    settings: Settings
    worker: DemoWorker
    posts: list[Post]
    tally: Tally
    done: Run
    screen: Screen
    alerts_path: Path
    _shown_in_full: bool = False
    _event_s: float = 0.0
    _n_sent: int = 0
    _read: tuple[float, int] = (0.0, 0)
    _rate: float = 0.0

    async def run(self) -> None:
        """Replay everything and wait until it is processed."""
        with self.screen.progress(len(self.posts)):
            async with asyncio.TaskGroup() as group:
                watchers = [group.create_task(self._follow()), group.create_task(self._poll())]
                started_s = time.monotonic()
                await self._replay()
                replayed_s = time.monotonic()
                self.done.phases_s["replay"] = replayed_s - started_s
                await self._finish()
                self.done.phases_s["finish"] = time.monotonic() - replayed_s
                for watcher in watchers:
                    watcher.cancel()

    async def _replay(self) -> None:
        producer = AIOKafkaProducer(
            **kafka.client_kwargs(self.settings),
            acks="all",
            linger_ms=_LINGER_MS,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_MESSAGE_BYTES,
        )
        topic = kafka.topic_name(self.settings, kafka.POSTS)
        async with kafka.connected(producer, self.settings):
            sent = await replay(
                (orjson.dumps(post) for post in self.posts),
                producer,
                topic,
                speed=self.done.speed,
                progress_callback=self._sent(),
            )
        self.done.n_posts = sent.acked
        self.done.event_s = sent.first_event_s or 0.0, sent.last_event_s or 0.0

    def _sent(self) -> Callable[[ReplayReport], None]:
        begins_s, ends_s = self.tally.truth.campaign_s
        marks = [(begins_s, "the campaign begins"), (ends_s, "its last post; the background goes on")]

        def tell(sent: ReplayReport) -> None:
            self._n_sent, self._event_s = sent.sent, sent.last_event_s or 0.0
            while marks and marks[0][0] <= self._event_s:
                self.screen.mark(*marks.pop(0))
            self.screen.progressed(self._event_s, self._n_sent, self._read[1], self._rate)

        return tell

    async def _follow(self) -> None:
        with self.alerts_path.open("w", encoding="utf-8") as file:
            async with aclosing(follow_alerts(self.settings)) as alerts:
                async for told in alerts:
                    finding, is_news = self.tally.add(told)
                    if is_news:
                        self.screen.alert(told.alert, finding)
                    file.write(f"{describe(told.alert)}\n  in truth: {finding.label}\n\n\n")
                    if told.alert.severity is Severity.CRITICAL and not self._shown_in_full:
                        self._shown_in_full = True
                        self.screen.in_full(told.alert)

    async def _poll(self) -> None:
        while True:
            self.worker.check()
            with contextlib.suppress(OSError):  # busy: the next reading will do
                self.done.scrape = await asyncio.to_thread(self.worker.scrape)
                now_s, n_read = time.monotonic(), self.done.scrape.n_posts
                before_s, n_before = self._read
                if n_read != n_before and before_s:
                    self._rate = (n_read - n_before) / (now_s - before_s)
                self._read = now_s, n_read
                self.screen.progressed(self._event_s, self._n_sent, n_read, self._rate)
            await asyncio.sleep(_POLL_S)

    async def _finish(self) -> None:
        """Wait until the worker has read all, nothing is on its way and the campaign is over."""
        deadline_s = time.monotonic() + _FINISH_S
        idle_since_s: float | None = None
        while time.monotonic() < deadline_s:
            idle = self.done.scrape.n_posts >= self.done.n_posts and self.done.scrape.is_idle
            idle_since_s = (idle_since_s or time.monotonic()) if idle else None
            idle_s = time.monotonic() - idle_since_s if idle_since_s else 0.0
            self.done.drained = idle_s >= _LAG_IS_FRESH_S
            if self.done.drained and (not self.tally.campaign_rings or idle_s > _RESOLVE_S):
                return
            await asyncio.sleep(_POLL_S / 2)


def run_watch(watch: Watch) -> None:
    """Run it in a loop of its own.

    Raises:
        TocsinError: the broker or the worker failed.
    """
    try:
        asyncio.run(watch.run())
    except BaseExceptionGroup as group:
        for error in group.exceptions:
            if isinstance(error, TocsinError):
                raise error from None
        raise
