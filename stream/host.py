"""Where stages work: in the worker's own process, or in one beside it (`stream.beside`).

A stage is a pure function of its partition's log, so where it runs changes no result. Python
runs one thread of a process at a time: with stages in processes of their own a worker drains
more posts, and its loop, which serves Kafka and nothing else, is never held up by them. It talks to
them over a socket: a pool's threads would wait for the interpreter's lock at every hop.
"""

import asyncio
import socket
import time
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import count
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from pickle import loads
from typing import Any, Generic, Protocol, TypeVar

from stream import beside, fork_server
from stream.errors import ProcessDiedError
from stream.stage import Out, Record, Stage, Ticking
from stream.stored import Buffer, Fetched

SOCKET_BYTES = 4_000_000
STOP_S = 5.0
"""A process gets this long to finish what is in hand."""

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
        niceness: Of that process, above ours.
    """

    def __init__(self, *, beside: bool, niceness: int = 0) -> None:
        self._line: _Line | None = None
        self._keys = count()
        self._connecting = asyncio.Lock()
        self.pid: int | None = None
        """Of the process beside."""
        if beside:
            self._process, self._socket = _spawn(niceness)
            self.pid = self._process.pid
            # At exit multiprocessing would wait for the process, which waits for the socket's end.
            self._end = Finalize(self, self._socket.close, exitpriority=1)

    async def open(
        self, make: Callable[..., Teller[T]], args: Sequence[Any], tell: Callable[[T], None]
    ) -> Stage:
        """The stage ``make(*args)``; what it has to tell after each call goes to `tell`.

        Raises:
            ProcessDiedError: The process has ended.
        """
        if self.pid is None:
            stage = make(*args)
            return (_TickingHere if isinstance(stage, Ticking) else _Here)(stage, tell)
        line = await self._connected()
        key = next(self._keys)
        ticks = await line.call(beside.open_stage, key, make, args)
        there = (_TickingBeside if ticks else _Beside)(line, key, tell)
        weakref.finalize(there, line.drop, key).atexit = False
        return there

    @property
    def silent_s(self) -> float:
        """For how long a question has waited for the process's answer, seconds; 0 when none does."""
        return 0.0 if self._line is None else self._line.silent_s

    async def _connected(self) -> "_Line":
        async with self._connecting:
            if self._socket.fileno() < 0:
                raise ProcessDiedError("the process beside the worker was stopped")
            if self._line is None:
                loop = asyncio.get_running_loop()
                _, self._line = await loop.create_connection(lambda: _Line(loop), sock=self._socket)
            return self._line

    async def stop(self) -> None:
        """End the process."""
        if self.pid is not None:
            if self._line is not None:
                await self._line.close()
            self._end()
            await asyncio.to_thread(self._process.join, STOP_S)
            self._process.kill()


def _spawn(niceness: int) -> tuple[BaseProcess, socket.socket]:
    """A process that serves, and our end of the socket to it."""
    ours, theirs = socket.socketpair()
    # A batch whole, as far as the system allows: else each side waits for the other.
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
    with theirs, fork_server.short_temporary_folder():
        process = fork_server.context().Process(target=beside.serve, args=(theirs, niceness), daemon=True)
        process.start()
    return process, ours


class _Line(asyncio.BufferedProtocol):
    """Our end of the socket: calls are answered in their order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._heard_at = time.monotonic()
        """When it last answered, or was asked with nothing else to answer."""
        self._received = bytearray(SOCKET_BYTES)
        """An answer and what follows it, as far as they have come."""
        self._n_received = 0
        self._lost = loop.create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 (asyncio's signature)
        return memoryview(self._received)[self._n_received :]

    def buffer_updated(self, nbytes: int) -> None:
        rest, size = memoryview(self._received)[: self._n_received + nbytes], 0
        while len(rest) >= (start := beside.HEAD.size):
            size = start + beside.HEAD.unpack_from(rest)[0]
            if size > len(rest):
                break
            self._answer(*loads(rest[start:size]))  # noqa: S301 (our own process)
            rest = rest[size:]
        self._n_received = len(rest)
        # asyncio still holds the buffer that it filled, so a larger one is another.
        room = self._received if size <= len(self._received) else bytearray(size)
        memoryview(room)[: len(rest)] = rest
        self._received = room

    def _answer(self, answer: Any, error: Exception | None) -> None:
        future = self._waiting.popleft()
        self._heard_at = time.monotonic()
        if future.done():  # who asked has gone
            return
        if error is None:
            future.set_result(answer)
        else:
            future.set_exception(error)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's signature)
        if not self._lost.done():
            self._lost.set_result(None)
        while self._waiting:
            if not (future := self._waiting.popleft()).done():
                future.set_exception(ProcessDiedError("a process beside the worker has ended"))

    def call(
        self, function: Callable[..., Any], *args: Any, data: Sequence[Buffer] = ()
    ) -> "asyncio.Future[Any]":
        """Have the process call it, `data` in one piece as the last argument; the answer, or its error."""
        future = self._loop.create_future()
        if not self._waiting:
            self._heard_at = time.monotonic()
        self._waiting.append(future)
        if self._lost.done():
            self.connection_lost(None)
        else:
            self._transport.writelines(beside.request(function, args, data))
        return future

    @property
    def silent_s(self) -> float:
        """See `Host.silent_s`."""
        return time.monotonic() - self._heard_at if self._waiting else 0.0

    def drop(self, key: int) -> None:
        """Let a stage go; from any thread, for so objects end."""
        with suppress(RuntimeError):  # the loop is closed: the process is ending, too
            self._loop.call_soon_threadsafe(self._drop, key)

    def _drop(self, key: int) -> None:
        if not self._lost.done():
            self.call(beside.drop, key)

    async def close(self) -> None:
        """End the connection, and what waits for an answer."""
        self._transport.abort()
        await self._lost


class _Here(Generic[T]):
    """A stage in our own process."""

    def __init__(self, stage: Any, tell: Callable[[T], None]) -> None:
        self._stage, self._tell = stage, tell

    def feed(self, records: Sequence[Record]) -> list[Out]:
        outs: list[Out] = self._stage.feed(list(records))
        self._tell(self._stage.told())
        return outs


class _TickingHere(_Here[T]):
    def tick(self, now_ms: int, *, caught_up: bool) -> list[Out]:
        outs: list[Out] = self._stage.tick(now_ms, caught_up=caught_up)
        self._tell(self._stage.told())
        return outs


class _Beside(Generic[T]):
    """A stage in another process."""

    def __init__(self, line: _Line, key: int, tell: Callable[[T], None]) -> None:
        self._line, self._key, self._tell = line, key, tell

    async def feed(self, records: Sequence[Record]) -> list[Out]:
        if isinstance(records, Fetched):
            return await self._call(beside.feed_stored, data=records.pieces)
        return await self._call(beside.feed, data=[beside.packed(records)])

    async def _call(
        self, function: Callable[..., tuple[list[Out], Any]], *args: Any, data: Sequence[Buffer] = ()
    ) -> list[Out]:
        outs: list[Out]
        outs, told = await self._line.call(function, self._key, *args, data=data)
        self._tell(told)
        return outs


class _TickingBeside(_Beside[T]):
    def tick(self, now_ms: int, *, caught_up: bool) -> Awaitable[list[Out]]:
        return self._call(beside.tick, now_ms, caught_up)
