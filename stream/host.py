"""Where stages work: in the worker's own process, or in one beside it, on a core of its own.

A stage is a pure function of its partition's log, so where it runs changes no result. Python
runs one thread of a process at a time: with SKETCH and CLUSTER in processes of their own a
worker drains twice as many posts (README, ``make bench ONLY=worker``).
"""

import asyncio
import multiprocessing
import os
import signal
import threading
import weakref
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from itertools import count
from multiprocessing.connection import wait
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from detectors.chain import warm_up
from stream.stage import Out, Record, Stage, Ticking

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Teller(Protocol[T_co]):
    """A stage that can be hosted: what metrics want to know is asked of it, not told by it."""

    def feed(self, records: Sequence[Record]) -> list[Out]:
        """See `stream.stage.Stage`."""

    def told(self) -> T_co:
        """What changed since the last call, for metrics; pickles."""


class Host:
    """A place for the stages of one topic.

    A process of its own ends with ours, whichever way ours ends, and is deaf to the signals that
    tell us to: what is in hand is finished first.

    Args:
        beside: In a process of its own.
    """

    def __init__(self, *, beside: bool) -> None:
        self._pool: ProcessPoolExecutor | None = None
        if beside:
            self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _begin)
            self._pool.submit(int)  # starts the process now, while the worker joins its group
        self._keys = count()

    async def open(
        self, make: Callable[..., Teller[T]], args: Sequence[Any], tell: Callable[[T], None]
    ) -> Stage:
        """The stage ``make(*args)``; what it has to tell after each call goes to `tell`.

        Raises:
            concurrent.futures.process.BrokenProcessPool: The process has died.
        """
        if self._pool is None:
            stage = make(*args)
            return (_TickingHere if isinstance(stage, Ticking) else _Here)(stage, tell)
        key = next(self._keys)
        ticks = await asyncio.wrap_future(self._pool.submit(_open, key, make, args))
        beside = (_TickingBeside if ticks else _Beside)(self._pool, key, tell)
        weakref.finalize(beside, _drop_in, self._pool, key).atexit = False
        return beside

    def stop(self) -> None:
        """End the process."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


class _Here(Generic[T]):
    """A stage in our own process."""

    def __init__(self, stage: Any, tell: Callable[[T], None]) -> None:
        self._stage, self._tell = stage, tell

    def feed(self, records: Sequence[Record]) -> list[Out]:
        outs: list[Out] = self._stage.feed(records)
        self._tell(self._stage.told())
        return outs


class _TickingHere(_Here[T]):
    def tick(self, now_ms: int, *, caught_up: bool) -> list[Out]:
        outs: list[Out] = self._stage.tick(now_ms, caught_up=caught_up)
        self._tell(self._stage.told())
        return outs


class _Beside(Generic[T]):
    """A stage in the process of `pool`."""

    def __init__(self, pool: ProcessPoolExecutor, key: int, tell: Callable[[T], None]) -> None:
        self._pool, self._key, self._tell = pool, key, tell

    async def feed(self, records: Sequence[Record]) -> list[Out]:
        rows = [(record.offset, record.timestamp, record.key, record.value) for record in records]
        return await self._call(_feed, rows)

    async def _call(self, function: Callable[..., tuple[list[Out], T]], *args: Any) -> list[Out]:
        outs, told = await asyncio.wrap_future(self._pool.submit(function, self._key, *args))
        self._tell(told)
        return outs


class _TickingBeside(_Beside[T]):
    def tick(self, now_ms: int, *, caught_up: bool) -> Awaitable[list[Out]]:
        return self._call(_tick, now_ms, caught_up)


# ── in the process beside ─────────────────────────────────────────────────────────────────────

_stages: dict[int, Any] = {}


class _Record(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def _begin() -> None:
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    warm_up()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _open(key: int, make: Callable[..., Any], args: Sequence[Any]) -> bool:
    _stages[key] = make(*args)
    return isinstance(_stages[key], Ticking)


def _feed(key: int, rows: Sequence[tuple[Any, ...]]) -> tuple[list[Out], Any]:
    stage = _stages[key]
    return stage.feed([_Record(*row) for row in rows]), stage.told()


def _tick(key: int, now_ms: int, caught_up: bool) -> tuple[list[Out], Any]:  # noqa: FBT001 (sent by position)
    stage = _stages[key]
    return stage.tick(now_ms, caught_up=caught_up), stage.told()


def _drop_in(pool: ProcessPoolExecutor, key: int) -> None:
    with suppress(RuntimeError):  # it is shut down or broken: the stage is gone with it
        pool.submit(_drop, key)


def _drop(key: int) -> None:
    del _stages[key]
