"""The Faust app with the settings that were measured to lose nothing, and how a runner joins it.

Recipe::

    app = make_app(settings, {"posts": settings.batch_posts, "sketches": settings.batch_packs})
    sender = Sender(settings)
    quarantine = Quarantine(settings, sender)
    runner = Runner("posts", builder, settings=settings, sender=sender, quarantine=quarantine)
    attach(app, runner, maxsize=8)
    stop_with(app, sender)
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import faust
from faust.tables.manager import TableManager
from faust.types import TP

from stream import group, kafka
from stream.batches import BatchSchema, batch_scheduler, batches, install
from stream.errors import SettingsError
from stream.producer import Sender
from stream.runner import Runner
from stream.settings import Settings


class NoTables(TableManager):
    """Faust waits a second for tables to register; Tocsin has none, and a restart is short without it."""

    async def on_start(self) -> None:
        """Go on at once."""
        await self._update_channels()
        await self.recovery.start()


def make_app(
    settings: Settings,
    max_batch: Mapping[str, int],
    *,
    isolation_level: str = "read_uncommitted",
    **overrides: Any,
) -> Any:
    """A Faust app without agents.

    Args:
        settings: of the worker.
        max_batch: most records in a batch, by topic (names without prefix).
        isolation_level: ``read_committed`` when producers of `posts` use transactions.
        overrides: further settings of ``faust.App``.

    Raises:
        SettingsError: a certificate or key file can't be used, or `data_dir` can't be written.
    """
    broker = kafka.faust_broker(settings)
    session_s = float(settings.session_timeout_s)
    options: dict[str, Any] = {
        "broker": broker.broker,
        "broker_credentials": broker.broker_credentials,
        "TableManager": NoTables,
        "ConsumerScheduler": batch_scheduler(
            {kafka.topic_name(settings, topic): size for topic, size in max_batch.items()}
        ),
        # An agent that dies must end the process: a restarted one has acknowledged what killed it.
        "agent_supervisor": "mode.supervisors.CrashingSupervisor",
        "stream_wait_empty": True,
        "broker_commit_interval": 0.5,
        "broker_session_timeout": session_s,
        "broker_heartbeat_interval": session_s / 3,
        "broker_request_timeout": max(90.0, 3 * session_s),
        "consumer_group_instance_id": settings.group_instance_id or None,
        "consumer_auto_offset_reset": "earliest",
        # With standbys or tables Faust would use its own, uneven assignor.
        "table_standby_replicas": 0,
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "datadir": str(_data_dir(settings)),
        "web_enabled": False,
        "autodiscover": False,
    }
    app = faust.App(settings.group, **(options | overrides))
    install(
        app,
        fetch_max_wait_ms=settings.fetch_max_wait_ms,
        fetch_min_bytes=settings.fetch_min_bytes,
        isolation_level=isolation_level,
        explain=partial(group.refused, settings),
    )
    return app


def _data_dir(settings: Settings) -> Path:
    # Faust makes its folder, but not the one above it.
    folder = settings.data_dir / "faust"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"setting data_dir = {settings.data_dir}: {error.strerror or error}") from error
    return folder


class FaustSource:
    """The consumer of `app`, as the runner of one topic sees it (`stream.lane.Source`)."""

    def __init__(self, app: Any, full_topic: str) -> None:
        self._app, self._topic = app, full_topic

    def _tp(self, partition: int) -> Any:
        return TP(self._topic, partition)

    def hold(self, partition: int) -> None:
        """Fetch nothing more for the partition."""
        self._app.consumer.hold(self._tp(partition))

    def release(self, partition: int) -> None:
        """End `hold`."""
        self._app.consumer.release(self._tp(partition))

    def forget(self, event: Any) -> None:
        """Don't wait for the event at a rebalance or stop."""
        self._app.consumer.forget(event.message)

    def remaining(self, partition: int, position: int) -> int | None:
        """Length of the log at and after `position`; ``None``: unknown."""
        remaining: int | None = self._app.consumer.remaining(self._tp(partition), position)
        return remaining

    def flowing(self) -> bool:
        """Whether no rebalance or stop is under way."""
        app = self._app
        return bool(app.flow_control.is_active() and not app.rebalancing and not app.should_stop)

    async def crash(self, error: BaseException) -> None:
        """Stop the worker: the process exits with 1."""
        await self._app.crash(error)


def attach(app: Any, runner: Runner, *, maxsize: int) -> Any:
    """Register the agent that feeds `runner`.

    Args:
        app: of `make_app`.
        runner: its topic must be one of the app's batch topics.
        maxsize: batches that Faust may queue before the topic is held back (8 for posts, 64 for
            later stages: a small one lets a slow stage throttle the others through the conductor).

    Returns:
        The agent.
    """
    topic = app.topic(runner.full_topic, schema=BatchSchema())
    topic.maxsize = maxsize  # app.topic(maxsize=…) is silently ignored
    runner.bind(FaustSource(app, runner.full_topic))
    app.transport.listeners[runner.full_topic] = runner

    async def agent(stream: Any) -> None:
        async for event in batches(stream):
            await runner.put(event)

    async def close(_app: Any, **_kwargs: Any) -> None:
        await runner.close()

    app.on_before_shutdown.connect(close)
    return app.agent(topic, name=f"tocsin.{runner.topic}")(agent)


def stop_with(app: Any, sender: Sender) -> None:
    """Stop `sender` when `app` stops, after the runners are drained."""

    async def stop(_app: Any, **_kwargs: Any) -> None:
        await sender.stop()

    app.on_before_shutdown.connect(stop)
