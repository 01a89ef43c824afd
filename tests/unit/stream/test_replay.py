"""A replay keeps event time's pace, loses nothing and changes nothing.

Sending to a real broker is tested in the broker tier; here a producer writes down when it
got what, on a clock that only moves when the replay sleeps.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError

from stream.errors import BrokerError
from stream.feeds import FeedError
from stream.replay import Clock, ReplayReport, read_time_and_key, replay

START_MS = 1_715_768_460_000


class VirtualTime:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.s = 100.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Move on, and let others run."""
        self.slept.append(seconds)
        self.s += seconds
        await asyncio.sleep(0)

    @property
    def clock(self) -> Clock:
        """For `replay`."""
        return Clock(now=lambda: self.s, sleep=self.sleep)


class Recorder:
    """A producer that writes down what it gets; acknowledgements come with the flush."""

    def __init__(self, time: VirtualTime, fail: Callable[[bytes], Exception | None] = lambda _: None) -> None:
        self.time = time
        self.sent: list[tuple[float, bytes | None, bytes]] = []
        self.flushed = False
        self._fail = fail
        self._open: list[tuple[asyncio.Future[Any], bytes]] = []

    async def send(self, topic: str, value: bytes, key: bytes | None) -> "asyncio.Future[Any]":
        """Write it down."""
        assert topic == "posts"
        if isinstance(error := self._fail(value), MessageSizeTooLargeError):
            raise error
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._open.append((future, value))
        self.sent.append((round(self.time.s - 100.0, 3), key, value))
        return future

    async def flush(self) -> None:
        """Acknowledge or refuse everything."""
        self.flushed = True
        for future, value in self._open:
            error = self._fail(value)
            future.set_exception(error) if error else future.set_result(None)
        self._open.clear()


def post(offset_s: float, ident: str = "a", **members: Any) -> bytes:
    """A post so many seconds after the start."""
    created = {"created_at": START_MS + round(offset_s * 1000)}
    return orjson.dumps({"id": str(offset_s), "author": {"id": ident}, **created, **members})


async def run(lines: Any, speed: float, **options: Any) -> tuple[ReplayReport, Recorder, VirtualTime]:
    """Replay on virtual time."""
    time = VirtualTime()
    recorder = Recorder(time, options.pop("fail", lambda _: None))
    report = await replay(lines, recorder, "posts", speed=speed, clock=time.clock, **options)
    return report, recorder, time


async def test_event_time_runs_at_speed_times_real_time() -> None:
    """At speed 60, posts 0, 60, 90 and 600 s after the first are sent after 0, 1, 1.5 and 10 s."""
    report, recorder, _ = await run([post(0), post(60), post(90), post(600)], speed=60)
    assert [at for at, _, _ in recorder.sent] == [0.0, 1.0, 1.5, 10.0]
    assert (report.first_event_s, report.last_event_s) == (START_MS / 1000, START_MS / 1000 + 600)
    assert report.wall_s == pytest.approx(10.0)
    assert report.posts_per_s == pytest.approx(0.4)


async def test_rfc_3339_and_epoch_milliseconds_pace_alike() -> None:
    """Both forms of the contract are understood, any zone included."""
    lines = [
        post(0),
        post(0, created_at="2024-05-15T10:21:10.500Z"),
        post(0, created_at="2024-05-15T12:21:20+02:00"),
    ]
    _, recorder, _ = await run(lines, speed=1)
    assert [at for at, _, _ in recorder.sent] == [0.0, 10.5, 20.0]


async def test_at_full_speed_nothing_sleeps() -> None:
    """Speed 0 sends hours at once."""
    report, _, time = await run([post(offset) for offset in range(0, 36_000, 10)], speed=0)
    assert (report.sent, report.acked, time.slept) == (3600, 3600, [])


async def test_short_waits_are_taken_together() -> None:
    """A thousand posts a second don't cost a thousand sleeps; none is sent over 6 ms early."""
    _, recorder, time = await run([post(k / 1000) for k in range(1000)], speed=1)
    assert len(time.slept) <= 200
    assert all(k / 1000 - at <= 0.006 for k, (at, _, _) in enumerate(recorder.sent))


async def test_posts_out_of_order_are_sent_in_the_order_of_the_feed() -> None:
    """A late post goes at once and doesn't disturb the pace."""
    _, recorder, _ = await run([post(0), post(10), post(4), post(12)], speed=1)
    assert [at for at, _, _ in recorder.sent] == [0.0, 10.0, 10.0, 12.0]


async def test_one_wrong_year_neither_stops_nor_hurries_the_replay() -> None:
    """A post of the far future goes at once; the ones after it keep their pace."""
    future = post(0, created_at="2099-01-01T00:00:00Z")
    _, recorder, _ = await run([post(0), future, post(5), post(6)], speed=1)
    assert [at for at, _, _ in recorder.sent] == [0.0, 0.0, 5.0, 6.0]


async def test_a_real_gap_is_skipped_not_slept_through() -> None:
    """After a day's gap in an archive the pace goes on from the other side of it."""
    beyond = [post(86_400 + k) for k in range(20)]
    _, recorder, _ = await run([post(0), *beyond], speed=1)
    assert [at for at, _, _ in recorder.sent][-5:] == [8.0, 9.0, 10.0, 11.0, 12.0]


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[]",
        b"\xff",
        b'{"created_at":"2024-05-15T10:21:00"}',
        b'{"created_at":NaN}',
        b'{"created_at":true}',
        b'{"created_at":1e300}',
        b'{"created_at":-5}',
        b'{"created_at":"0000"}',
        b'{"author":7}',
    ],
)
async def test_what_cannot_be_read_is_sent_unchanged_at_once(line: bytes) -> None:
    """Judging input is the worker's job: such lines are counted and passed on without a key."""
    report, recorder, time = await run([line], speed=1)
    assert recorder.sent == [(0.0, None, line)]
    assert (report.sent, report.untimed, time.slept) == (1, 1, [])


async def test_the_key_is_the_author_and_the_value_untouched() -> None:
    """Bytes in, the same bytes out, keyed by the author's id."""
    line = b'  {"author" : {"id":"\xc3\xa9"}, "created_at":1715768460000, "odd":[1] }'
    _, recorder, _ = await run([line], speed=0)
    assert recorder.sent == [(0.0, "é".encode(), line)]
    assert read_time_and_key(line) == (START_MS / 1000, "é".encode())


async def test_stopping_in_a_wait_delivers_what_was_sent() -> None:
    """A stop ends the wait for the next post; the report says what was sent and acknowledged."""
    stop = asyncio.Event()

    def after_two_seconds(report: ReplayReport) -> None:
        if report.wall_s >= 2:
            stop.set()

    lines = [post(0), post(1), post(1000)]
    report, recorder, _ = await run(lines, speed=1, stop=stop, progress_callback=after_two_seconds)
    assert recorder.flushed
    assert (report.sent, report.acked, report.stopped) == (2, 2, True)


async def test_stopping_works_while_the_feed_is_silent() -> None:
    """A feed that gives nothing more doesn't hold the stop up."""
    stop, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def feed() -> Iterator[bytes]:
        loop.call_soon_threadsafe(stop.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(timeout=30)
        yield post(1)

    report, recorder, _ = await run(feed(), speed=0, stop=stop)
    assert (report.sent, report.acked, report.stopped, recorder.flushed) == (0, 0, True, True)
    go_on.set()


async def test_a_post_too_large_for_the_producer_is_counted_and_left_out() -> None:
    """One oversized line doesn't end the replay of an archive."""

    def fail(line: bytes) -> Exception | None:
        return MessageSizeTooLargeError() if len(line) > 1000 else None

    report, _, _ = await run([post(0), post(1, text="x" * 2000), post(2)], speed=0, fail=fail)
    assert (report.sent, report.acked, report.too_large) == (2, 2, 1)


async def test_an_undelivered_post_ends_the_replay_with_the_counts() -> None:
    """A failed acknowledgement is an error that says how many posts arrived."""

    def fail(line: bytes) -> Exception | None:
        return KafkaConnectionError() if b'"bad"' in line else None

    with pytest.raises(BrokerError, match=r"posts: .* after 3 of 5 sent"):
        await run([post(0), post(1, "bad"), post(2), post(3, "bad"), post(4)], speed=0, fail=fail)


async def test_a_broken_feed_delivers_what_came_before() -> None:
    """The error of the feed comes through after everything sent is flushed."""
    time = VirtualTime()
    recorder = Recorder(time)

    def feed() -> Iterator[bytes]:
        yield from (post(k) for k in range(700))
        raise FeedError("broken off")

    with pytest.raises(FeedError, match="broken off"):
        await replay(feed(), recorder, "posts", speed=0, clock=time.clock)
    assert recorder.flushed
    assert len(recorder.sent) >= 500
