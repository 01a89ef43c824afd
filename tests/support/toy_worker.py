"""A worker with toy stages, run as a process of its own: ``python toy_worker.py``.

Settings come from ``TOCSIN_*``, behaviour from ``TOY``, a JSON object (see `Toy`). `posts` goes
through a counting stage to `sketches`: for each record its source, its offset, how many records of
the partition came before it and the sum of their lengths. So a wrong state shows in every output.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faust
import msgspec
from aiokafka.errors import GroupAuthorizationFailedError

from stream import kafka
from stream.faust_app import attach, make_app, stop_with
from stream.lane import NoHooks
from stream.producer import Sender
from stream.quarantine import Quarantine
from stream.recovery import read_compacted
from stream.runner import Runner
from stream.settings import Settings
from stream.stage import Out, Record, Stage


class Toy(msgspec.Struct, forbid_unknown_fields=True):
    """What a test asks of the worker."""

    max_batch: int = 100
    session_s: float = 6.0
    """Session time-out; the settings allow no less than 3 s."""
    feed_ms: float = 0.0
    """Time a batch takes."""
    raise_once: str = ""
    """A file: the first batch that finds it missing makes it and raises."""
    raise_after: int = 0
    """Offset from which `raise_once` counts."""
    checkpoint_every: int = 0
    """Write the state to burst-state after so many records and start from there; 0: replay all."""
    gate: str = ""
    """A file: partition 1 is not opened before it is there."""
    ticks: bool = False
    """Send a record per tick to `activity`."""
    refused: str = ""
    """A file: once it is there, the group refuses us."""


class Counted(msgspec.Struct, frozen=True):
    """One output of `CountingStage`, and its checkpoint."""

    partition: int
    offset: int
    n_before: int
    length_before: int


class CountingStage:
    """Counts the records of a partition and sums their lengths; ``poison`` raises, ``die`` kills."""

    def __init__(self, toy: Toy, partition: int, start: Counted) -> None:
        self.toy, self.partition = toy, partition
        self.next_offset, self.n, self.length = start.offset, start.n_before, start.length_before

    def feed(self, records: Sequence[Record]) -> list[Out]:
        """Count on."""
        time.sleep(self.toy.feed_ms / 1000)
        outs = []
        for record in records:
            assert record.value is not None
            if self.toy.raise_once and record.offset >= self.toy.raise_after:
                self._raise_once(Path(self.toy.raise_once))
            if record.value == b"poison":
                raise ValueError("a bug that this record sets off")
            if record.value == b"die":
                os.kill(os.getpid(), signal.SIGKILL)
            outs.append(Out(kafka.SKETCHES, self._state(record.offset), partition=self.partition))
            self.n, self.length = self.n + 1, self.length + len(record.value)
            self.next_offset = record.offset + 1
            if self.toy.checkpoint_every and self.n % self.toy.checkpoint_every == 0:
                key = f"sum/{self.partition}".encode()
                outs.append(Out(kafka.BURST_STATE, self._state(self.next_offset), key))
        return outs

    @staticmethod
    def _raise_once(flag: Path) -> None:
        if not flag.exists():
            flag.touch()
            raise RuntimeError("as the test asked")

    def _state(self, offset: int) -> bytes:
        return msgspec.json.encode(Counted(self.partition, offset, self.n, self.length))


class TickingStage(CountingStage):
    """Also speaks while nothing comes."""

    def tick(self, now_ms: int, *, caught_up: bool) -> list[Out]:
        """Say how things stand."""
        return [Out(kafka.ACTIVITY, msgspec.json.encode([self.partition, self.n, now_ms, caught_up]))]


class Builder:
    """Opens counting stages at offset 0, or at their last checkpoint."""

    def __init__(self, toy: Toy, settings: Settings) -> None:
        self.toy, self.settings = toy, settings

    async def open(self, partition: int, offset: int) -> tuple[Stage, int]:
        """See `stream.stage.StageBuilder`."""
        while partition == 1 and self.toy.gate and not Path(self.toy.gate).exists():  # noqa: ASYNC240
            await asyncio.sleep(0.02)
        start = Counted(partition, 0, 0, 0)
        if self.toy.checkpoint_every:
            client = kafka.client_kwargs(self.settings)
            name = kafka.topic_name(self.settings, kafka.BURST_STATE)
            stored = await read_compacted(client, name, key_prefix=b"sum/")
            if (found := stored.get(f"sum/{partition}".encode())) is not None:
                checkpoint = msgspec.json.decode(found, type=Counted)
                start = checkpoint if checkpoint.offset <= offset else start
        stage = (TickingStage if self.toy.ticks else CountingStage)(self.toy, partition, start)
        return stage, start.offset


class PrintingHooks(NoHooks):
    """Prints what tests wait for, one line each."""

    def __getattr__(self, name: str) -> object:
        if name in {"in_flight", "lag", "fed"}:
            return lambda *_: None
        return lambda *args: sys.stderr.write(f"HOOK {name} {' '.join(map(str, args))}\n")


async def refuse(consumer: Any, flag: Path) -> None:
    """Do in the consumer's thread what aiokafka does when the brokers refuse a member for good."""
    while not flag.exists():  # noqa: ASYNC240
        await asyncio.sleep(0.02)
    error = GroupAuthorizationFailedError("as the test asked")
    coordinator = consumer._thread._consumer._coordinator
    await consumer._thread.call_thread(coordinator._push_error_to_user, error)


class QuickWorker(faust.Worker):
    """Ends without the second that mode sleeps before it closes the loop."""

    async def _sentinel_task(self) -> None:
        pass


def main() -> None:
    """Run until a signal comes or the worker crashes."""
    toy = msgspec.json.decode(os.environ.get("TOY", "{}"), type=Toy)
    settings = Settings()
    session = {"broker_session_timeout": toy.session_s, "broker_heartbeat_interval": toy.session_s / 3}
    app = make_app(settings, {kafka.POSTS: toy.max_batch}, **session)
    sender = Sender(settings)
    runner = Runner(
        kafka.POSTS,
        Builder(toy, settings),
        settings=settings,
        sender=sender,
        quarantine=Quarantine(settings, sender),
        hooks=PrintingHooks(),
        max_together=toy.max_batch,
    )
    attach(app, runner, maxsize=8)
    stop_with(app, sender)
    if toy.refused:
        app.task(lambda: refuse(app.consumer, Path(toy.refused)))
    QuickWorker(app, loglevel="INFO", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
