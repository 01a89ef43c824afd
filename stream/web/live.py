"""The board as it changes: one reader of topics ``alerts`` and ``rulings``, many watchers.

A watcher holds nothing but the version it has seen, so that a slow one costs no memory: what
changed several times meanwhile is told once, as it is now.
"""

import asyncio
import secrets
from contextlib import aclosing, suppress

from detectors.ruling import Ruled, Ruling, Undo
from stream.alerts import AlertLog, Told, is_canary
from stream.rulings import RulingLog, is_of
from stream.web.board import Board

MAX_RULINGS = 5000


class Live:
    """A board, kept up to date by `run`."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.rulings: dict[str, Ruled] = {}
        """The last word on each ruling, by id."""
        self.run_id = secrets.token_hex(4)
        """Versions of another run mean nothing here."""
        self.closing = False
        """Whether watchers should leave."""
        self._changed = asyncio.Event()

    async def run(self, log: AlertLog) -> None:
        """Put each further alert on the board, for ever."""
        async with aclosing(log.follow()) as alerts:
            async for told in alerts:
                self.show(told)
                self._wake()

    def show(self, told: Told) -> None:
        """Put an alert on the board, unless it is our own canary's."""
        if not is_canary(told.alert):
            self.board.add(told)

    async def run_rulings(self, log: RulingLog) -> None:
        """Keep each further ruling, for ever."""
        async with aclosing(log.follow()) as rulings:
            async for ruled in rulings:
                self.keep(ruled)
                # The alert that it caused may have come before.
                self.board.touch(ruled.burst, ruled.id)
                self._wake()

    def keep(self, ruled: Ruled) -> None:
        """Know a ruling; beyond `MAX_RULINGS` forget the oldest that ended, else the oldest."""
        self.rulings.pop(ruled.id, None)
        self.rulings[ruled.id] = ruled
        if len(self.rulings) > MAX_RULINGS:
            ended = (name for name, one in self.rulings.items() if one.ended is not None)
            del self.rulings[next(ended, next(iter(self.rulings)))]

    def on(self, burst: str) -> list[Ruled]:
        """Rulings on a burst, the newest first."""
        return [one for one in self.newest_rulings() if one.burst == burst]

    def newest_rulings(self) -> list[Ruled]:
        """All of them, the newest first."""
        return sorted(self.rulings.values(), key=lambda one: (one.at_ms, one.id), reverse=True)

    async def taken(self, decision: Ruling | Undo, timeout_s: float) -> Ruled | None:
        """What became of a decision, once BURST has taken it; None if it does not in time."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        name = decision.ruling if isinstance(decision, Undo) else decision.id
        while not self.closing:
            ruled = self.rulings.get(name)
            if ruled is not None and is_of(ruled, decision):
                return ruled
            left_s = deadline - asyncio.get_running_loop().time()
            if left_s <= 0:
                return None
            changed = self._changed
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), left_s)
        return None

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
