"""Plays a feed into a topic by event time: recorded hours in minutes, or as fast as it goes.

Lines are sent as they are. Only two things are read from them, and neither is judged: the
time, for pacing, and the author, for the key. A line in which they can't be read is sent at
once and without a key: rejecting posts is the worker's job.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, Protocol

import orjson
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from stream.errors import BrokerError

MAX_IN_FLIGHT = 20_000
"""Posts sent but not acknowledged; more wait."""

_MIN_SLEEP_S = 0.005
_MAX_SLEEP_S = 0.25
_CHUNK_LINES = 500
_CHUNK_S = 0.05
_JUMP_S = 3600.0
_WITNESSES = 8
# Past the year 9999 nothing can show a time.
_MAX_EVENT_S = 253_402_300_800


class Producer(Protocol):
    """What is used of an `aiokafka.AIOKafkaProducer`."""

    async def send(self, topic: str, value: bytes, key: bytes | None) -> "asyncio.Future[Any]":
        """Hand a message over; the future is its acknowledgement."""

    async def flush(self) -> None:
        """Return when everything handed over is acknowledged or has failed."""


@dataclass(slots=True)
class ReplayReport:
    """How far a replay has come; the same object is updated until the end.

    Attributes:
        sent: posts handed to the producer.
        acked: posts that the broker confirmed.
        too_large: posts that the producer refuses for their size; they are not sent.
        untimed: posts sent without pacing since their time can't be read.
        first_event_s: earliest event time, epoch seconds; ``None`` before the first.
        last_event_s: latest event time.
        wall_s: seconds since the start.
        stopped: it was ended before the end of the feed.
    """

    sent: int = 0
    acked: int = 0
    too_large: int = 0
    untimed: int = 0
    first_event_s: float | None = None
    last_event_s: float | None = None
    wall_s: float = 0.0
    stopped: bool = False

    @property
    def posts_per_s(self) -> float:
        """Posts sent in a second of wall time."""
        return self.sent / self.wall_s if self.wall_s > 0 else 0.0

    def saw(self, event_s: float) -> None:
        """Count a post's event time in."""
        if self.first_event_s is None or event_s < self.first_event_s:
            self.first_event_s = event_s
        if self.last_event_s is None or event_s > self.last_event_s:
            self.last_event_s = event_s


class Clock(NamedTuple):
    """Real time, or a test's."""

    now: Callable[[], float] = time.monotonic
    """Monotonic clock in seconds."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits for that many seconds."""


_REAL = Clock()


class Pace:
    """Says how long to wait for a post, so that event time runs at `speed` times real time.

    Posts slightly out of order don't wait. A time more than an hour away from the last one
    doesn't wait either, and moves nothing, until eight such in a row agree: one wrong year
    must not stop a replay, and a real gap is skipped, not slept through.

    Args:
        speed: seconds of event time in a second; 0 never waits.
        now: monotonic clock in seconds.
    """

    def __init__(self, speed: float, now: Callable[[], float]) -> None:
        self._speed = speed
        self._now = now
        self._anchor: tuple[float, float] | None = None
        self._last_s = 0.0
        self._strays = 0

    def wait_s(self, event_s: float) -> float:
        """Seconds from now until the post is due; negative when it is overdue."""
        if self._speed == 0:
            return 0.0
        if self._anchor is not None and abs(event_s - self._last_s) > _JUMP_S:
            self._strays += 1
            if self._strays < _WITNESSES:
                return 0.0
            self._anchor = None
        self._strays = 0
        self._last_s = event_s
        if self._anchor is None:
            self._anchor = (event_s, self._now())
        event_start_s, start_s = self._anchor
        return start_s + (event_s - event_start_s) / self._speed - self._now()


async def replay(
    lines: Iterable[bytes],
    producer: Producer,
    topic: str,
    *,
    speed: float,
    progress_callback: Callable[[ReplayReport], None] | None = None,
    stop: asyncio.Event | None = None,
    clock: Clock = _REAL,
) -> ReplayReport:
    """Send the lines to `topic`, paced by their event time.

    The key is the author's id: one author's posts stay in order in one partition, however
    the topic is partitioned. No record timestamp is set, as retention goes by append time.

    Args:
        lines: posts, one JSON object each; read in a thread, so it may block.
        producer: started; stays open. It is flushed before the return, whatever happens.
        topic: name on the broker.
        speed: seconds of event time in a second of real time; 0 is as fast as possible.
        progress_callback: called with the report a few times a second at least, cheap to call.
        stop: set it to end early; what was handed over is still delivered.
        clock: what paces the replay.

    Raises:
        BrokerError: a post could not be delivered; the text says how many were.
        FeedError: the feed broke off (from `lines`).
    """
    run = _Run(producer, topic, Pace(speed, clock.now), clock, stop or asyncio.Event())
    tell = progress_callback or (lambda _: None)
    chunks = _chunks(lines)
    try:
        while (chunk := await run.unless_stopped(chunks)) is not None:
            for line in chunk:
                await run.send(line, tell)
                if run.stop.is_set():
                    break
            run.tick(tell)
    finally:
        await run.finish()
    run.tick(tell)
    return run.report


class _Run:
    """One replay: what is on its way, and the report."""

    def __init__(self, producer: Producer, topic: str, pace: Pace, clock: Clock, stop: asyncio.Event) -> None:
        self._producer = producer
        self._topic = topic
        self._pace = pace
        self._clock = clock
        self._start_s = clock.now()
        self._in_flight: deque[asyncio.Future[Any]] = deque()
        self.stop = stop
        self.report = ReplayReport()

    async def unless_stopped(self, chunks: Iterator[list[bytes]]) -> list[bytes] | None:
        """The next chunk; ``None`` at the end or when stopped, even while the feed is silent."""
        if self.stop.is_set():
            self.report.stopped = True
            return None
        reading = asyncio.ensure_future(asyncio.to_thread(next, chunks, None))
        stopping = asyncio.ensure_future(self.stop.wait())
        await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not reading.done():
            # The thread ends when the feed is closed; what it reads then is nobody's.
            reading.cancel()
            self.report.stopped = True
            return None
        return reading.result()

    async def send(self, line: bytes, tell: Callable[[ReplayReport], None]) -> None:
        """Wait until the line is due, then hand it to the producer."""
        event_s, key = read_time_and_key(line)
        if event_s is None:
            self.report.untimed += 1
        else:
            self.report.saw(event_s)
            while (wait_s := self._pace.wait_s(event_s)) >= _MIN_SLEEP_S and not self.stop.is_set():
                self.tick(tell)
                await self._clock.sleep(min(wait_s, _MAX_SLEEP_S))
            if self.stop.is_set():
                self.report.stopped = True
                return
        try:
            self._in_flight.append(await self._producer.send(self._topic, line, key))
        except MessageSizeTooLargeError:
            self.report.too_large += 1
            return
        except KafkaError as error:
            raise self._failed(error) from error
        self.report.sent += 1
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            await self._settle(MAX_IN_FLIGHT // 2)

    def tick(self, tell: Callable[[ReplayReport], None]) -> None:
        """Bring the report up to date and show it."""
        n_done = next((n for n, sent in enumerate(self._in_flight) if not sent.done()), len(self._in_flight))
        self._count(n_done)
        self.report.wall_s = self._clock.now() - self._start_s
        tell(self.report)

    async def finish(self) -> None:
        """Deliver what was handed over."""
        await self._producer.flush()
        await self._settle(0)

    async def _settle(self, n_left: int) -> None:
        """Wait until no more than that many are on their way."""
        if oldest := list(islice(self._in_flight, len(self._in_flight) - n_left)):
            await asyncio.wait(oldest)
        self._count(len(oldest))

    def _count(self, n_done: int) -> None:
        """Take the outcome of the oldest ones, all of them also when one has failed."""
        errors = [self._in_flight.popleft().exception() for _ in range(n_done)]
        failures = [error for error in errors if error is not None]
        self.report.acked += n_done - len(failures)
        if failures:
            raise self._failed(failures[0]) from failures[0]

    def _failed(self, error: BaseException) -> BrokerError:
        return BrokerError(
            f"{self._topic}: a post could not be delivered after {self.report.acked} of "
            f"{self.report.sent} sent: {error!r}. Is the broker up, and does the topic exist?"
        )


def _chunks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Lines by the hundreds, but none held back for more than a moment when they come slowly."""
    chunk: list[bytes] = []
    due_s = time.monotonic() + _CHUNK_S
    for line in lines:
        chunk.append(line)
        if len(chunk) >= _CHUNK_LINES or time.monotonic() >= due_s:
            yield chunk
            chunk = []
            due_s = time.monotonic() + _CHUNK_S
    if chunk:
        yield chunk


def read_time_and_key(line: bytes) -> tuple[float | None, bytes | None]:
    """Event time in epoch seconds and the message key of a post, each ``None`` if unreadable."""
    try:
        post = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None, None
    if not isinstance(post, dict):
        return None, None
    author = post.get("author")
    ident = author.get("id") if isinstance(author, dict) else None
    key = ident.encode() if isinstance(ident, str) and ident else None
    return _event_s(post.get("created_at")), key


def _event_s(created_at: object) -> float | None:
    if isinstance(created_at, int) and not isinstance(created_at, bool):
        return created_at / 1000 if 0 <= created_at < _MAX_EVENT_S * 1000 else None
    if not isinstance(created_at, str):
        return None
    try:
        when = datetime.fromisoformat(created_at)
        return when.timestamp() if when.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
