"""A demo from start to end."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import orjson
from aiokafka import AIOKafkaProducer

from detectors.alert import Severity
from stream import kafka
from stream.alert_text import describe
from stream.alerts import follow_alerts
from stream.demo import report, summary
from stream.demo.report import Run
from stream.demo.screen import INTRO, Screen
from stream.demo.tally import Tally
from stream.demo.truth import Truth
from stream.demo.worker import DemoWorker
from stream.embedded import EmbeddedBroker
from stream.errors import TocsinError
from stream.producer import MAX_BATCH_BYTES, MAX_MESSAGE_BYTES
from stream.replay import ReplayReport, replay
from stream.scenarios import generate
from stream.scenarios.posts import Post
from stream.settings import Settings
from stream.topics import create_topics

SCENARIO = "new-caledonia"
_POLL_S = 0.5
_LAG_IS_FRESH_S = 2.5
"""The worker measures its lag once a second."""
_FINISH_S = 60.0
_RESOLVE_S = 5.0
_LINGER_MS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What can be chosen."""

    speed: float
    seed: int
    out_dir: Path


@dataclass(slots=True)
class Demo:
    """One demo; `run` does it all and returns the exit code."""

    options: Options
    screen: Screen
    _done: Run = field(init=False)
    _started_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._done = Run(scenario=SCENARIO, seed=self.options.seed, speed=self.options.speed)
        self._started_s = time.monotonic()

    def run(self) -> int:
        """Show everything; 0 if the campaign reached critical and nothing of the background did.

        Raises:
            TocsinError: the broker or the worker failed.
            KeyboardInterrupt: of SIGINT, SIGTERM or SIGHUP; all processes are ended by then.
        """
        out_dir = self.options.out_dir
        try:
            out_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TocsinError(
                f"{out_dir} can't be made: {error.strerror}; choose another by --out-dir"
            ) from error
        ignored = _forget_settings()
        with _signals():
            self.screen.say(INTRO)
            if ignored:
                self.screen.say(
                    f"The demo runs on default settings; not used: {', '.join(ignored)}", "yellow"
                )
            tally = self._watch(out_dir)
            self._done.wall_s = time.monotonic() - self._started_s
            told = report.figures(self._done, tally)
            report.write(out_dir / "demo.json", told)
            files = {
                "every figure above, and every burst": out_dir / "demo.json",
                "every alert as the person on call reads it": out_dir / "demo-alerts.txt",
                "what the worker said": out_dir / "demo-worker.log",
            }
            summary.show(self.screen, told, tally, files)
        return 0 if told["ok"] else 1

    def _watch(self, out_dir: Path) -> Tally:
        """Everything that needs the broker; it and the worker are gone afterwards."""
        with ExitStack() as stack:
            with self._phase("broker"):
                broker = stack.enter_context(EmbeddedBroker())
            settings = Settings(bootstrap=broker.bootstrap, metrics_port=0)
            with self._phase("topics"):
                made = asyncio.run(create_topics(settings))
            self.screen.say(f"broker   {broker.bootstrap}, in memory; topics {', '.join(made.created)}")
            env = {
                "TOCSIN_BOOTSTRAP": broker.bootstrap,
                "TOCSIN_METRICS_PORT": "0",
                "TOCSIN_DATA_DIR": str((out_dir / "demo-data").resolve()),
            }
            log = out_dir / "demo-worker.log"
            worker_at = time.monotonic()
            worker = stack.enter_context(DemoWorker(env, log))
            posts = self._generate()
            with self.screen.step(
                "worker   starting; the first start compiles kernels, up to a minute, once …"
            ):
                worker.wait_until_ready()
            self._done.phases_s["worker"] = time.monotonic() - worker_at
            self.screen.say(f"worker   ready: {worker.url}/metrics (log: {log})")
            self.screen.say(
                f"         in another terminal: TOCSIN_BOOTSTRAP={broker.bootstrap} tocsin alerts --follow"
            )
            self.screen.say("")
            self.screen.legend()
            tally = Tally(Truth(posts))
            watch = _Watch(
                settings, worker, posts, tally, self._done, self.screen, out_dir / "demo-alerts.txt"
            )
            _run_async(watch)
        return tally

    def _generate(self) -> list[Post]:
        # In the main thread, so that Ctrl-C ends it; the worker compiles meanwhile.
        with self._phase("generate"), self.screen.step("feed     making up the posts …"):
            posts = generate(SCENARIO, self.options.seed)
        n_campaign = sum(post["scenario"]["actor"] == "campaign" for post in posts)
        self.screen.say(
            f"feed     {len(posts):,} posts made up (seed {self.options.seed}), {n_campaign:,} of the campaign"
        )
        return posts

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        started_s = time.monotonic()
        yield
        self._done.phases_s[name] = time.monotonic() - started_s


@dataclass(slots=True)
class _Watch:
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


def _run_async(watch: _Watch) -> None:
    try:
        asyncio.run(watch.run())
    except BaseExceptionGroup as group:
        for error in group.exceptions:
            if isinstance(error, TocsinError):
                raise error from None
        raise


def _forget_settings() -> list[str]:
    """Drop ``TOCSIN_*`` from our environment: the demo must not touch anyone's real broker."""
    names = sorted(name for name in os.environ if name.upper().startswith("TOCSIN_"))
    for name in names:
        del os.environ[name]
    return names


@contextmanager
def _signals() -> Iterator[None]:
    """Every polite way to end us is a Ctrl-C, also where a shell started us deaf to it."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, interrupt),
        signal.SIGHUP: signal.signal(signal.SIGHUP, interrupt),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(options: Options) -> int:
    """Run a demo on standard output; the exit code."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace", line_buffering=True)
    return Demo(options, Screen(sys.stdout)).run()
