"""Sketching beside the worker's own process, on a core of its own.

A job is a pure function of its records and the source's clock, so where it runs changes no
result. Measured (README, ``make bench ONLY=worker``): a quarter of a post's CPU time is SKETCH,
and Python runs one thread of a process at a time.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import wait
from typing import NamedTuple

from detectors.chain import warm_up
from detectors.post import Rejected
from detectors.settings import DetectorSettings
from detectors.sketcher import PostRecord, RawPost, Sketcher
from stream.codec import encode_pack


class Source(NamedTuple):
    """A partition of ``posts`` and its clock; see `detectors.sketcher.Sketcher`."""

    number: int
    n_sources: int
    n_partitions: int
    last: tuple[int, int] | None
    """(event time, append time) of the newest post so far, UTC milliseconds."""


class Done(NamedTuple):
    """What became of a batch of records; see `detectors.sketcher.Sketched`."""

    packs: list[tuple[int, bytes]]
    """(partition of ``sketches``, message), in the order to send."""
    rejected: list[tuple[int, Rejected]]
    """By position in the batch."""
    counts: Counter[str]
    last: tuple[int, int] | None


def sketch(settings: DetectorSettings, source: Source, records: Sequence[PostRecord]) -> Done:
    """Sketch the next records of a source."""
    sketcher = Sketcher(settings, source.number, source.n_sources, source.n_partitions, source.last)
    sketched = sketcher.feed(records)
    places = {id(record): place for place, record in enumerate(records)} if sketched.rejected else {}
    return Done(
        [(partition, encode_pack(pack)) for partition, pack in sketched.packs],
        [(places[id(record)], rejected) for record, rejected in sketched.rejected],
        sketched.counts,
        sketcher.last,
    )


class Sketching:
    """Runs `sketch`, here or in processes of its own.

    The processes end with ours, whichever way that ends, and are deaf to the signals that tell
    us to: what is in hand is finished first.

    Args:
        settings: What decides.
        n_processes: 0: in our own.
    """

    def __init__(self, settings: DetectorSettings, n_processes: int) -> None:
        self._settings = settings
        self._pool: ProcessPoolExecutor | None = None
        if n_processes:
            self._pool = ProcessPoolExecutor(
                n_processes, multiprocessing.get_context("spawn"), _begin, (settings,)
            )

    async def start(self) -> None:
        """Return when the processes are warm."""
        if self._pool is not None:
            await asyncio.wrap_future(self._pool.submit(warm_up))

    async def __call__(self, source: Source, records: Sequence[PostRecord]) -> Done:
        """See `sketch`.

        Raises:
            concurrent.futures.process.BrokenProcessPool: A process died of it.
        """
        if self._pool is None:
            return sketch(self._settings, source, records)
        rows = [(record.offset, record.timestamp, record.value) for record in records]
        return await asyncio.wrap_future(self._pool.submit(_sketch, source, rows))

    def stop(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


_settings = DetectorSettings()
"""In a process of the pool: the worker's."""


def _begin(settings: DetectorSettings) -> None:
    global _settings  # noqa: PLW0603 (sent once, not with each job)
    _settings = settings
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _sketch(source: Source, rows: Sequence[tuple[int, int, bytes | None]]) -> Done:
    return sketch(_settings, source, [RawPost(*row) for row in rows])
