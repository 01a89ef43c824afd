"""What waits to be worked on by a lane (`stream.lane`), in order.

Batches that wait are joined: each that a stage is fed has its price on the way there and, in the
messages that it causes, beyond. Of many partitions a fetch brings little of each.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from stream.batches import Batch
from stream.stored import ends, joined


@dataclass(slots=True, eq=False, repr=False)
class Work:
    """Batches on their way, or an order to open (`batch` is ``None``)."""

    offset: int
    batch: Batch | None = None
    events: tuple[Any, ...] = ()
    """Of the batches that it is made of."""
    dropped: bool = False


@dataclass(slots=True, eq=False)
class Tick:
    """The stage may speak."""

    now_ms: int


class Waiting:
    """A queue.

    Args:
        max_together: Most records of batches that are joined.
    """

    def __init__(self, max_together: int) -> None:
        self._max_together = max_together
        self._queue: asyncio.Queue[Work | Tick] = asyncio.Queue()
        self._newest: Work | None = None
        """The batch that came last, while it waits."""
        self.n_batches = 0
        """As they came, joined or not."""

    def __bool__(self) -> bool:
        return not self._queue.empty()

    def add(self, item: Work | Tick) -> None:
        """Add an order that stands alone."""
        self._newest = None
        self._queue.put_nowait(item)

    def put(self, event: Any, *, join: bool) -> None:
        """Add a batch event; `join`: to the batch before it, if that waits and goes up to it."""
        batch, newest = event.value, self._newest
        self.n_batches += 1
        if join and newest is not None and newest.batch is not None and self._fit(newest.batch, batch):
            newest.batch = Batch(newest.batch.start, joined(newest.batch.records, batch.records))
            newest.events += (event,)
            return
        self._newest = Work(batch.start, batch, (event,))
        self._queue.put_nowait(self._newest)

    def _fit(self, batch: Batch, following: Batch) -> bool:
        n_records = len(batch.records) + len(following.records)
        return n_records <= self._max_together and following.start == ends(batch.records)[1] + 1

    async def get(self) -> Work | Tick:
        """Wait for the next item and take it."""
        return self._taken(await self._queue.get())

    def clear(self) -> list[Any]:
        """Forget all; the events of the batches."""
        items = [self._taken(self._queue.get_nowait()) for _ in range(self._queue.qsize())]
        return [event for item in items if isinstance(item, Work) for event in item.events]

    def _taken(self, item: Work | Tick) -> Work | Tick:
        if item is self._newest:
            self._newest = None
        if isinstance(item, Work):
            self.n_batches -= len(item.events)
        return item
