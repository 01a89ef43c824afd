"""The board as it changes: one reader of topic ``alerts``, many watchers.

A watcher holds nothing but the version it has seen, so that a slow one costs no memory: what
changed several times meanwhile is told once, as it is now.
"""

import asyncio
import secrets
from contextlib import aclosing

from stream.alerts import AlertLog
from stream.web.board import Board


class Live:
    """A board, kept up to date by `run`."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.run_id = secrets.token_hex(4)
        """Versions of another run mean nothing here."""
        self.closing = False
        """Whether watchers should leave."""
        self._changed = asyncio.Event()

    async def run(self, log: AlertLog) -> None:
        """Put each further alert on the board, for ever."""
        async with aclosing(log.follow()) as alerts:
            async for told in alerts:
                self.board.add(told)
                self._wake()

    def close(self) -> None:
        """Send the watchers home."""
        self.closing = True
        self._wake()

    def mark(self, version: int) -> str:
        """A version as watchers carry it."""
        return f"{self.run_id}-{version}"

    def version_of(self, mark: str) -> int | None:
        """What `mark` gave; None if it is of another run, or none at all."""
        run_id, _, version = mark.partition("-")
        if run_id != self.run_id or not version.isascii() or not version.isdigit() or len(version) > 18:
            return None
        return int(version)

    async def wait(self, version: int, timeout_s: float) -> None:
        """Return once the board is past `version`, watchers should leave, or time is up."""
        while self.board.version <= version and not self.closing:
            changed = self._changed
            try:
                await asyncio.wait_for(changed.wait(), timeout_s)
            except TimeoutError:
                return

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
