"""``tocsin web`` from start to end."""

import asyncio
import signal
from collections.abc import Callable

from aiohttp import web

from stream.alerts import open_alerts
from stream.errors import TocsinError
from stream.rulings import Ruler, open_rulings
from stream.settings import Settings
from stream.web.board import Board
from stream.web.desk import Desk
from stream.web.live import Live
from stream.web.server import make_app

_LEAVE_S = 5.0
"""What open requests get to end."""


async def serve(settings: Settings, say: Callable[[str], object]) -> None:
    """Read ``alerts`` and ``rulings`` from their beginning, then serve until SIGINT or SIGTERM.

    Args:
        settings: How to reach the broker, where to listen.
        say: Told the address once the page stands.

    Raises:
        BrokerError: the broker can't be reached.
        TopicError: the topic is missing.
        TocsinError: the port is taken.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    live = Live(Board())
    async with open_alerts(settings) as log, open_rulings(settings) as rulings:
        for told in await log.catch_up():
            live.show(told)
        for ruled in await rulings.catch_up():
            live.keep(ruled)
        desk = Desk(settings, settings.page_url, Ruler(settings).append)
        runner = web.AppRunner(make_app(live, desk), access_log=None, shutdown_timeout=_LEAVE_S)
        await runner.setup()
        try:
            say(await _listen(runner, settings))
            reading = [asyncio.create_task(live.run(log)), asyncio.create_task(live.run_rulings(rulings))]
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({*reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            for task in reading:
                if task.done():
                    await task  # it never ends well by itself: say why
                task.cancel()
        finally:
            await runner.cleanup()


async def _listen(runner: web.AppRunner, settings: Settings) -> str:
    """Begin to serve; the address to open."""
    host = settings.web_host
    try:
        await web.TCPSite(runner, host, settings.web_port).start()
    except OSError as error:
        raise TocsinError(
            f"can't serve the page on {host}:{settings.web_port} ({error.strerror}): "
            "set web_port to a free port, or to 0 to pick one"
        ) from error
    port = runner.addresses[0][1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}/"
