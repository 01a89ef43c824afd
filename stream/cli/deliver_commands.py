"""``tocsin deliver``: alerts to Alertmanager."""

import asyncio
import logging
import signal
import sys

import click

from stream.deliver.service import Delivery
from stream.settings import load_settings


@click.command()
def deliver() -> None:
    """Deliver alerts to Alertmanager, which notifies people.

    Start two or more: one leads, the others stand by and take over within `session_timeout_s`.
    What fires is told again every `alertmanager_resend_s`; nothing is lost while Alertmanager,
    the broker or all of us are down. SIGTERM or Ctrl-C ends.

    \b
    Examples:
      TOCSIN_ALERTMANAGER_URLS=http://alertmanager:9093 tocsin deliver
      TOCSIN_ALERTMANAGER_URLS=http://am-1:9093,http://am-2:9093 tocsin deliver

    Configuration of Alertmanager (routes, Slack, e-mail): deploy/alertmanager.
    Metrics and probes are on metrics_host:deliver_port.
    """  # noqa: D301 (click's mark for lines to leave alone)
    settings = load_settings()
    logging.basicConfig(
        level=settings.log_level,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
    asyncio.run(_run(Delivery(settings)))


async def _run(delivery: Delivery) -> None:
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, delivery.stop)
    await delivery.run()
