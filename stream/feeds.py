"""Feeds in files: newline-delimited JSON from a file or standard input, gzipped or not.

Lines are handed over as they are: judging posts is the worker's job. Nothing is skipped but
blank lines; what can't be read as lines raises `FeedError`.
"""

import gzip
import io
import os
import select
import stat
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from stream.errors import TocsinError

MAX_LINE_BYTES = 4 * 1024 * 1024
"""A longer line is no post (a broker takes 1 MiB); without a bound it could fill the memory."""

STDIN = "-"

_GZIP_MAGIC = b"\x1f\x8b"
_READ_BYTES = 1 << 18
_POLL_S = 0.25


class FeedError(TocsinError):
    """A feed can't be opened or read on; the text says where it broke."""


class NdjsonFeed:
    """The lines of a feed, without their line ends.

    A context manager and an iterator. `bytes_read` and `total_bytes` count bytes of the file
    as it is stored, so their ratio is the progress also of a compressed one.

    Args:
        path: a file, or ``-`` for standard input. Gzip is known by its first bytes, not its name.

    Raises:
        FeedError: the file can't be opened.
    """

    def __init__(self, path: str | Path) -> None:
        self.name = "standard input" if str(path) == STDIN else str(path)
        self.n_lines = 0
        """Lines read so far, blank ones too."""
        try:
            raw = _Raw(path)
        except OSError as error:
            raise FeedError(f"{self.name}: {error.strerror or error}") from error
        self._raw = raw
        # typeshed asks more of a raw stream than BufferedReader does.
        buffered = io.BufferedReader(cast("Any", raw), _READ_BYTES)
        self._lines: io.BufferedIOBase = buffered
        try:
            if buffered.peek(2)[:2] == _GZIP_MAGIC:
                self._lines = io.BufferedReader(cast("Any", gzip.GzipFile(fileobj=buffered)), _READ_BYTES)
        except OSError as error:
            self.close()
            raise FeedError(f"{self.name}: {error.strerror or error}") from error

    @property
    def bytes_read(self) -> int:
        """Bytes taken from the file or pipe so far, as stored."""
        return self._raw.bytes_read

    @property
    def total_bytes(self) -> int | None:
        """Size of the file as stored; ``None`` for a pipe."""
        return self._raw.total_bytes

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while True:
            line = self._next_line()
            if not line:
                raise StopIteration
            self.n_lines += 1
            if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
                raise FeedError(
                    f"{self.name}, line {self.n_lines}: longer than {MAX_LINE_BYTES >> 20} MiB. "
                    "A feed has one JSON post a line; is this NDJSON?"
                )
            if line := line.rstrip(b"\r\n"):
                return line

    def _next_line(self) -> bytes:
        try:
            return self._lines.readline(MAX_LINE_BYTES + 1)
        except (EOFError, OSError, zlib.error) as error:
            raise FeedError(
                f"{self.name}: can't be read past line {self.n_lines}: {error}. "
                "Is the file complete? Test a gzip file with: gzip -t FILE"
            ) from error

    def close(self) -> None:
        """Let go of the file. A read that waits in another thread ends within a quarter of a second."""
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_ndjson(path: str | Path) -> Iterator[bytes]:
    """The lines of a feed, where progress does not matter; see `NdjsonFeed`."""
    with NdjsonFeed(path) as feed:
        yield from feed


class _Raw(io.RawIOBase):
    """The bytes of a file or pipe, counted; a read from a quiet pipe ends when it is closed."""

    def __init__(self, path: str | Path) -> None:
        self._owned = str(path) != STDIN
        self._fd = os.open(path, os.O_RDONLY) if self._owned else sys.stdin.fileno()
        status = os.fstat(self._fd)
        self._lock = threading.Lock()
        self._leaving = False
        self.bytes_read = 0
        self.total_bytes = status.st_size if stat.S_ISREG(status.st_mode) else None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        while True:
            with self._lock:
                if self._leaving:
                    return 0
                if self.total_bytes is None and not select.select([self._fd], [], [], _POLL_S)[0]:
                    continue
                data = os.read(self._fd, len(view))
            view[: len(data)] = data
            self.bytes_read += len(data)
            return len(data)

    def close(self) -> None:
        self._leaving = True
        with self._lock:
            if self._owned and not self.closed:
                os.close(self._fd)
        super().close()
