"""Toy workers as processes, their input and their output."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from stream import kafka
from stream.child import Child
from stream.settings import Settings

SCRIPT = Path(__file__).with_name("toy_worker.py")


class ToyWorker(AbstractContextManager["ToyWorker"]):
    """``python toy_worker.py`` while the context lasts; `toy` as in `toy_worker.Toy`.

    Joining a group takes half its session time-out on the embedded broker, so that is 1 s there.
    Apache Kafka refuses less than 6.
    """

    def __init__(self, settings: Settings, folder: Path, **toy: Any) -> None:
        self._path = folder / f"worker-{time.monotonic_ns()}.log"
        self._log: IO[bytes] = self._path.open("wb")
        toy = {"session_s": float(settings.session_timeout_s)} | toy
        changed = settings.model_dump(exclude_defaults=True, exclude={"session_timeout_s"}, mode="json")
        env = {f"TOCSIN_{name.upper()}": str(value) for name, value in changed.items()}
        env |= {"TOCSIN_DATA_DIR": str(folder / "data"), "TOY": msgspec.json.encode(toy).decode()}
        self._child = Child([sys.executable, str(SCRIPT)], output=self._log, env=os.environ | env)

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self._child.send(signal.SIGKILL)
        self._child.wait(10)

    def terminate(self) -> None:
        """SIGTERM."""
        self._child.send(signal.SIGTERM)

    async def exit_code(self, timeout_s: float = 20.0) -> int:
        """Wait for the end."""
        await until(lambda: self._child.poll() is not None, timeout_s, lambda: f"still runs:\n{self.log()}")
        return self._child.wait()

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._child.poll() is not None

    def log(self) -> str:
        """What it printed."""
        return self._path.read_text(errors="replace")

    async def printed(self, text: str, timeout_s: float = 20.0) -> None:
        """Wait until it printed `text`."""
        await until(
            lambda: text in self.log() or self.ended,
            timeout_s,
            lambda: f"never printed {text!r}:\n{self.log()}",
        )
        assert text in self.log(), f"ended and never printed {text!r}:\n{self.log()}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.stop()
        self._log.close()
        if error is not None:
            sys.stderr.write(f"── {self._path.name}\n{self.log()[-6000:]}\n")

    def __enter__(self) -> Self:
        return self


async def until(
    condition: Callable[[], bool | Awaitable[bool]],
    timeout_s: float = 20.0,
    what: Callable[[], str] = lambda: "condition",
) -> None:
    """Wait for a condition, with a deadline.

    Raises:
        AssertionError: it did not come true in time.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found if isinstance(found, bool) else await found:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"not after {timeout_s} s: {what()}")
        await asyncio.sleep(0.02)


Input = tuple[int, bytes]
"""A partition and a value for it."""


def posts(n: int, start: int = 0, partitions: int = 2) -> list[Input]:
    """`n` different records of different lengths, to the partitions in turn."""
    return [(i % partitions, f"post {i} ".encode() + b"x" * (i % 7)) for i in range(start, start + n)]


async def produce(settings: Settings, inputs: Iterable[Input], topic: str = kafka.POSTS) -> None:
    """Send `inputs` to `topic`."""
    producer = AIOKafkaProducer(**kafka.client_kwargs(settings), linger_ms=5, max_batch_size=64 * 1024)
    async with producer:
        name = kafka.topic_name(settings, topic)
        for partition, value in inputs:
            await producer.send(name, value, partition=partition)
        await producer.flush()


class Reader:
    """Reads a topic from its start, more with each call."""

    def __init__(self, settings: Settings, topic: str, partitions: int) -> None:
        name = kafka.topic_name(settings, topic)
        self._tps = [TopicPartition(name, i) for i in range(partitions)]
        self._consumer = AIOKafkaConsumer(
            **kafka.client_kwargs(settings), group_id=None, fetch_max_wait_ms=50
        )
        self.records: list[Any] = []

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._consumer.assign(self._tps)
        for tp in self._tps:
            self._consumer.seek(tp, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def more(self) -> list[Any]:
        """All records so far."""
        found = await self._consumer.getmany(*self._tps, timeout_ms=50)
        self.records += [record for records in found.values() for record in records]
        return self.records
