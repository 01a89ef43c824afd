"""The process beside the worker's in which stages work (`stream.host` holds the other end).

Requests come over a socket and are answered in order; when it closes, the worker has ended,
whichever way, and so do we. An answer is its length (4 bytes) and a pickle; a request two lengths,
a pickle, and data that goes as it is, for each copy of it costs: both ends are one program of one user.
"""

import gc
import os
import pickle
import signal
import socket
import struct
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from detectors.chain import warm_up
from stream.stage import Out, Record, Ticking
from stream.stored import Buffer, unpacked
from stream.turns import take_long_turns

HEAD = struct.Struct(">I")
REQUEST = struct.Struct(">II")

_stages: dict[int, Any] = {}


class _Record(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


_row = attrgetter(*_Record._fields)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Record]).decode


def serve(connection: socket.socket, niceness: int) -> None:
    """Answer until the other end is gone. Deaf to signals: what is in hand is finished first."""
    os.nice(niceness)
    take_long_turns()
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    warm_up()
    calm_garbage_collector()
    with connection, connection.makefile("rb") as requests, suppress(ConnectionError):
        while len(head := requests.read(REQUEST.size)) == REQUEST.size:
            size, data_size = REQUEST.unpack(head)
            function, args = pickle.loads(requests.read(size))  # noqa: S301 (our own parent)
            if data_size:
                args += (requests.read(data_size),)
            for part in _framed(_answer(function, args)):
                connection.sendall(part)


def calm_garbage_collector() -> None:
    """Collect cycles rarely: our own objects make none, and walking them all costs a quarter of the CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def packed(records: Sequence[Record]) -> bytes:
    """Records as `feed` takes them, in MessagePack: a pickle of so many parts costs three times as much."""
    return _encode(list(map(_row, records)))


def request(function: Callable[..., Any], args: tuple[Any, ...], data: Sequence[Buffer]) -> list[Buffer]:
    """A request as it goes over the socket: its frame's head, what is to be called, and `data`, if any."""
    body = pickle.dumps((function, args), pickle.HIGHEST_PROTOCOL)
    return [REQUEST.pack(len(body), sum(map(len, data))), body, *data]


def _framed(message: Any) -> tuple[bytes, bytes]:
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return HEAD.pack(len(body)), body


def _answer(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    try:
        return function(*args), None
    except Exception as error:  # noqa: BLE001 (it is raised where the question was asked)
        error.add_note(traceback.format_exc())
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 (our own)
        except Exception:  # noqa: BLE001 (any error's own way to pickle may fail)
            return None, RuntimeError("".join(traceback.format_exception(error)))
        return None, error


# ── what the worker asks for ──────────────────────────────────────────────────────────────────


def open_stage(key: int, make: Callable[..., Any], args: Sequence[Any]) -> bool:
    """Make the stage that is called `key`; whether it is `Ticking`."""
    _stages[key] = make(*args)
    return isinstance(_stages[key], Ticking)


def feed(key: int, records: bytes) -> tuple[list[Out], Any]:
    """Feed it records, as `packed` gives them."""
    return _feed(key, _decode(records))


def feed_stored(key: int, batches: bytes) -> tuple[list[Out], Any]:
    """Feed it records, as the log stores them."""
    return _feed(key, unpacked(batches))


def _feed(key: int, records: list[Any]) -> tuple[list[Out], Any]:
    stage = _stages[key]
    return stage.feed(records), stage.told()


def tick(key: int, now_ms: int, caught_up: bool) -> tuple[list[Out], Any]:  # noqa: FBT001 (sent by position)
    """Let it speak."""
    stage = _stages[key]
    return stage.tick(now_ms, caught_up=caught_up), stage.told()


def drop(key: int) -> None:
    """Let it go."""
    del _stages[key]
