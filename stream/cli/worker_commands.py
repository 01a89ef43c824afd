"""``tocsin worker``: the service."""

import logging
import sys
from typing import Any

import click


@click.command()
def worker() -> None:
    """Run a worker: read posts, find bursts, write alerts.

    Start more of the same to share the partitions; they find each other through the consumer
    group. SIGTERM or Ctrl-C finishes what is in hand, for at most `drain_s` seconds, and
    loses nothing.

    \b
    Examples:
      tocsin topics create && tocsin worker
      TOCSIN_BOOTSTRAP=kafka1:9092,kafka2:9092 tocsin worker
      tocsin --config tocsin.toml worker

    Settings: `tocsin settings`. Metrics and probes are on metrics_host:metrics_port.
    """  # noqa: D301 (click's mark for lines to leave alone)
    import asyncio  # noqa: PLC0415 (heavy imports only for this command)

    from stream import fork_server  # noqa: PLC0415
    from stream.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    if settings.stage_processes:
        fork_server.begin()  # it loads while we do

    import uvloop  # noqa: PLC0415

    from stream.app import create_app  # noqa: PLC0415
    from stream.layout import Layout  # noqa: PLC0415

    logging.basicConfig(
        level=settings.log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # of the consumer's thread, too
    asyncio.run(Layout(settings).n_partitions())  # a missing broker or topic is told before anything starts
    sys.exit(_run(create_app(settings), settings.log_level))


def _run(wired: Any, log_level: str) -> int:
    """Run until told to stop; the exit code.

    Raises:
        TocsinError: What the worker crashed with on purpose.
    """
    import faust  # noqa: PLC0415

    from stream.errors import TocsinError  # noqa: PLC0415

    service = faust.Worker(wired.app, loglevel=log_level, redirect_stdouts=False)
    try:
        service.execute_from_commandline()
    except SystemExit as stop:
        if isinstance(service.crash_reason, TocsinError):
            raise service.crash_reason from None  # Faust tells it among a page of log
        return stop.code if isinstance(stop.code, int) else 1
    return 0
