"""What an agent and its runner agree on: a stage is a pure function of one partition's log.

A stage turns the records of one input partition into messages for the next topics. It does
no I/O, so a test drives it without Kafka, and a replay of the same records gives the same
messages however they were cut into batches.
"""

from collections.abc import Awaitable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable


class Record(Protocol):
    """The part of an aiokafka ``ConsumerRecord`` that stages read."""

    @property
    def offset(self) -> int:
        """Position in its partition."""

    @property
    def timestamp(self) -> int:
        """Append time at the broker, milliseconds since the epoch."""

    @property
    def key(self) -> bytes | None:
        """Key as stored."""

    @property
    def value(self) -> bytes | None:
        """Value as stored; ``None`` is a tombstone."""


class Out(NamedTuple):
    """A message to send. `topic` is the name without the configured prefix."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    tripped_ms: float | None = None
    """Append time of the post that tripped it, UTC milliseconds: what has passed since is its delay."""


class Stage(Protocol):
    """State of one input partition, fed in offset order.

    `feed` raises only for broken invariants of ours; the runner then stops the worker.
    """

    def feed(self, records: Sequence[Record]) -> list[Out] | Awaitable[list[Out]]:
        """Take the next records; return what they cause, in order.

        Where another process works on them it is awaited; nothing else is fed meanwhile.
        """


@runtime_checkable
class Ticking(Protocol):
    """A stage that also speaks when its partition is silent (optional)."""

    def tick(self, now_ms: int, *, caught_up: bool) -> list[Out] | Awaitable[list[Out]]:
        """About once a second, between batches; `caught_up`: the log has nothing more to feed."""


class StageBuilder(Protocol):
    """Opens stages; the only part of a stage's life that may read topics."""

    async def open(self, partition: int, offset: int) -> tuple[Stage, int]:
        """A stage for `partition` with its last checkpoint at or before `offset`.

        Returns the stage and the offset `start` to replay from: the runner feeds it
        ``[start, offset)`` silently, then goes live at `offset`.
        """
