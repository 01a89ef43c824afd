"""The one wiring place: settings in, a Faust app with three agents out.

``faust -A stream.app worker`` finds `app` (made when asked for, by `__getattr__`);
``tocsin worker`` runs the same.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from detectors.chain import warm_up
from stream.agents.burst import MAX_BATCH, BurstBuilder
from stream.agents.cluster import ClusterBuilder
from stream.agents.sketch import SketchBuilder, max_posts_together
from stream.beside import calm_garbage_collector
from stream.detection import detector_settings
from stream.faust_app import attach, make_app, stop_with
from stream.health import HealthServer
from stream.host import Host
from stream.kafka import ACTIVITY, POSTS, SKETCHES
from stream.layout import Layout
from stream.metrics import Metrics
from stream.producer import Sender
from stream.quarantine import Quarantine
from stream.runner import Runner
from stream.settings import Settings, load_settings
from stream.stage import StageBuilder
from stream.turns import take_long_turns

log = logging.getLogger(__name__)

MAXSIZE = {POSTS: 8, SKETCHES: 64, ACTIVITY: 64}
"""Batches Faust may queue per topic. Eight everywhere let a slow CLUSTER throttle SKETCH
through the shared conductor (measured: 23,000 posts/s against 27,000)."""
NICENESS = (8, 6, 0)
"""Of SKETCH, CLUSTER and BURST: what is begun is finished before more is begun, and BURST, which has one
partition, is not left alone at the end. On 2 cores a backlog of 67,630 posts drains from Apache Kafka at
31,900 posts/s with these, at 31,500 with (10, 4, 0) and 30,500 with (4, 2, 0); beside a program that takes
one of the cores at 17,300 (embedded broker; (4, 2, 0): 19,000)."""
BEAT_S = 1.0
HUNG_AFTER_S = 120.0
"""A stage's process that leaves a question unanswered for so long hangs: kernels compile within a minute, a
batch takes less than a second."""


class Worker(NamedTuple):
    """A wired worker."""

    app: Any
    metrics: Metrics
    health: HealthServer
    runners: tuple[Runner, ...]


def create_app(settings: Settings) -> Worker:
    """Wire a worker; nothing is read before the app starts.

    Compiles the kernels first (a second from numba's cache, a minute without): compiled
    live, they would hold the first alert back.

    Raises:
        SettingsError: A certificate or key file can't be used.
        TocsinError: The metrics port is taken.
    """
    hosts = [
        Host(beside=number < settings.stage_processes, niceness=niceness)
        for number, niceness in enumerate(NICENESS)
    ]
    if settings.stage_processes < len(hosts):
        warm_up()
    calm_garbage_collector()
    take_long_turns()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    max_batch = {POSTS: settings.batch_posts, SKETCHES: settings.batch_packs, ACTIVITY: MAX_BATCH}
    app = make_app(settings, max_batch)
    max_together = max_batch | {POSTS: max_posts_together(settings)}
    detector, metrics, layout = detector_settings(settings), Metrics(settings), Layout(settings)
    sender = Sender(settings, metrics.delay.observe)
    metrics.state.clock_skew_s = lambda: sender.clock_skew_s
    quarantine = Quarantine(settings, sender)
    builders: dict[str, StageBuilder] = {
        POSTS: SketchBuilder(settings, detector, layout, metrics, hosts[0]),
        SKETCHES: ClusterBuilder(settings, detector, layout, metrics, hosts[1]),
        ACTIVITY: BurstBuilder(settings, detector, metrics, hosts[2]),
    }
    runners = tuple(
        Runner(
            topic,
            builder,
            settings=settings,
            sender=sender,
            quarantine=quarantine,
            hooks=metrics,
            max_together=max_together[topic],
        )
        for topic, builder in builders.items()
    )
    for runner in runners:
        attach(app, runner, maxsize=MAXSIZE[runner.topic])
    stop_with(app, sender)
    app.on_before_shutdown.connect(_stopper(hosts), weak=False)
    is_ready = _Readiness(app, runners)
    health = HealthServer(metrics.registry, settings.metrics_host, settings.metrics_port, is_ready)
    app.timer(BEAT_S)(beating(health, hosts))
    health.start()
    log.info("serving /metrics, /healthz and /readyz on port %d", health.port)
    return Worker(app, metrics, health, runners)


def _stopper(hosts: Sequence[Host]) -> Callable[..., Awaitable[None]]:
    async def stop(_app: Any, **_kwargs: Any) -> None:
        await asyncio.gather(*(host.stop() for host in hosts))

    return stop


def beating(health: HealthServer, hosts: Sequence[Host]) -> Callable[[], Awaitable[None]]:
    """What tells `health` that all is alive: the loop, which calls it, and the processes of the stages."""

    async def beat() -> None:
        if all(host.silent_s < HUNG_AFTER_S for host in hosts):
            health.beat()

    return beat


class _Readiness:
    """Ready: in the group, and every assigned partition's state stands."""

    def __init__(self, app: Any, runners: tuple[Runner, ...]) -> None:
        self._app = app
        self._runners = runners
        self._joined = False
        app.on_partitions_assigned.connect(self._on_assigned, weak=False)

    async def _on_assigned(self, *_: Any, **__: Any) -> None:
        self._joined = True

    def __call__(self) -> bool:
        return self._joined and not self._app.rebalancing and all(runner.ready for runner in self._runners)


def __getattr__(name: str) -> Any:
    if name == "app":
        worker = create_app(load_settings())
        globals()["app"] = worker.app
        return worker.app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
