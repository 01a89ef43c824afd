"""A demo from start to end."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from types import FrameType

from stream.demo import report, summary
from stream.demo.page import DemoPage
from stream.demo.report import Run
from stream.demo.screen import Screen
from stream.demo.tally import Tally
from stream.demo.truth import CAMPAIGN, Truth
from stream.demo.watch import Watch, run_watch
from stream.demo.worker import DemoWorker
from stream.embedded import EmbeddedBroker
from stream.errors import TocsinError
from stream.scenarios import generate
from stream.scenarios.posts import Post
from stream.settings import Settings
from stream.topics import create_topics

SCENARIO = "new-caledonia"
AGAIN_S = 0.01
"""From a Ctrl-C that was lost to the same one again."""
_CHECK_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What can be chosen."""

    speed: float
    seed: int
    out_dir: Path
    keep: bool = False
    """Whether everything stays up until Ctrl-C."""


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
        with signals(), ExitStack() as stack:
            self.screen.intro(self.options.speed)
            if ignored:
                self.screen.say(
                    f"The demo runs on default settings; not used: {', '.join(ignored)}", "yellow"
                )
            tally, worker, page = self._watch(out_dir, stack)
            self._done.wall_s = time.monotonic() - self._started_s
            told = report.figures(self._done, tally)
            report.write(out_dir / "demo.json", told)
            files = {
                "every figure above, and every burst": out_dir / "demo.json",
                "every alert as the person on call reads it": out_dir / "demo-alerts.txt",
                "what the worker said": out_dir / "demo-worker.log",
            }
            summary.show(self.screen, told, tally, files, page.url, keeps=self.options.keep)
            if self.options.keep:
                _wait(worker, page)
        return 0 if told["ok"] else 1

    def _watch(self, out_dir: Path, stack: ExitStack) -> tuple[Tally, DemoWorker, DemoPage]:
        """Start everything, which `stack` ends, and play the campaign."""
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
        stack.callback(rmtree, out_dir / "demo-data", ignore_errors=True)
        log = out_dir / "demo-worker.log"
        worker_at = time.monotonic()
        worker = stack.enter_context(DemoWorker(env, log))
        page = stack.enter_context(DemoPage(env, out_dir / "demo-page.log"))
        posts = self._generate()
        with self.screen.step("worker   starting; the first start compiles kernels, up to a minute, once …"):
            worker.wait_until_ready()
            page.wait_until_ready()
        self._done.phases_s["worker"] = time.monotonic() - worker_at
        self.screen.say(f"worker   ready: {worker.url}/metrics (log: {log})")
        self.screen.say(f"page     {page.url}")
        command = sys.argv[0] if Path(sys.argv[0]).name == "tocsin" else "tocsin"
        self.screen.say(
            f"         in another terminal: TOCSIN_BOOTSTRAP={broker.bootstrap} {command} alerts --follow"
        )
        self.screen.say("")
        self.screen.legend()
        tally = Tally(Truth(posts))
        watch = Watch(settings, worker, posts, tally, self._done, self.screen, out_dir / "demo-alerts.txt")
        run_watch(watch)
        return tally, worker, page

    def _generate(self) -> list[Post]:
        # In the main thread, so that Ctrl-C ends it; the worker compiles meanwhile.
        with self._phase("generate"), self.screen.step("feed     making up the posts …"):
            posts = generate(SCENARIO, self.options.seed)
        n_campaign = sum(post["scenario"]["actor"] == CAMPAIGN for post in posts)
        seed = self.options.seed
        self.screen.say(
            f"feed     {len(posts):,} posts made up, seed {seed}; {n_campaign:,} are the campaign's"
        )
        return posts

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        started_s = time.monotonic()
        yield
        self._done.phases_s[name] = time.monotonic() - started_s


def _wait(worker: DemoWorker, page: DemoPage) -> None:
    """Until Ctrl-C.

    Raises:
        TocsinError: the worker or the page ended.
    """
    with suppress(KeyboardInterrupt):
        while True:
            worker.check()
            page.check()
            time.sleep(_CHECK_S)


def _forget_settings() -> list[str]:
    """Drop ``TOCSIN_*`` from our environment: the demo must not touch anyone's real broker."""
    names = sorted(name for name in os.environ if name.upper().startswith("TOCSIN_"))
    for name in names:
        del os.environ[name]
    return names


@contextmanager
def signals() -> Iterator[None]:
    """Every polite way to end us is a Ctrl-C, also where a shell started us deaf to it.

    Python drops an exception that a signal raises inside a finaliser (``sys.unraisablehook``):
    a Ctrl-C lost that way comes again a moment later.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    def unraisable(lost: "sys.UnraisableHookArgs") -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
        else:
            hook(lost)

    hook, sys.unraisablehook = sys.unraisablehook, unraisable
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, interrupt),
        signal.SIGHUP: signal.signal(signal.SIGHUP, interrupt),
        signal.SIGALRM: signal.signal(signal.SIGALRM, interrupt),
    }
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook


def run(options: Options) -> int:
    """Run a demo on standard output; the exit code."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace", line_buffering=True)
    return Demo(options, Screen(sys.stdout)).run()
