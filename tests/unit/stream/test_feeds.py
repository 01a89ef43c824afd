"""Feeds are read line by line, wherever they come from, and what is broken says where."""

import gzip
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream import feeds
from stream.feeds import FeedError, NdjsonFeed, read_ndjson

LINES = [b'{"id":"1"}', b'{"id":"2","text":"\xd0\xb9"}', b"not json"]


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Standard input as a pipe; the value is its writing end."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        yield writing


@pytest.mark.parametrize("name", ["plain.ndjson", "misleading.gz"])
def test_a_plain_file_gives_its_lines_whatever_its_name(tmp_path: Path, name: str) -> None:
    """Lines come unchanged and without line ends; what is no JSON is not our business."""
    path = tmp_path / name
    path.write_bytes(b"\n".join(LINES) + b"\n")
    assert list(read_ndjson(path)) == LINES


@pytest.mark.parametrize("name", ["posts.ndjson.gz", "posts.ndjson"])
def test_gzip_is_known_by_its_first_bytes(tmp_path: Path, name: str) -> None:
    """A compressed file is unpacked also under a plain name, and when it is several members."""
    path = tmp_path / name
    path.write_bytes(gzip.compress(LINES[0] + b"\n") + gzip.compress(LINES[1] + b"\n" + LINES[2]))
    assert list(read_ndjson(path)) == LINES


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_standard_input_is_read_like_a_file(stdin: int, pack: type[bytes]) -> None:
    """A dash reads the pipe, gzipped or not."""
    os.write(stdin, pack(b"\n".join(LINES)))
    os.close(stdin)
    assert list(read_ndjson("-")) == LINES


def test_blank_lines_and_windows_line_ends_are_no_posts(tmp_path: Path) -> None:
    """Blank lines are dropped, carriage returns stripped."""
    path = tmp_path / "posts"
    path.write_bytes(b"\n{}\r\n\r\n\n{}")
    assert list(read_ndjson(path)) == [b"{}", b"{}"]


def test_an_empty_file_has_no_posts(tmp_path: Path) -> None:
    """Nothing in, nothing out."""
    path = tmp_path / "posts"
    path.touch()
    assert list(read_ndjson(path)) == []


def test_progress_reaches_the_stored_size(tmp_path: Path) -> None:
    """Read and total bytes are those of the compressed file."""
    path = tmp_path / "posts.gz"
    path.write_bytes(gzip.compress(b"{}\n" * 1000))
    with NdjsonFeed(path) as feed:
        assert feed.total_bytes == path.stat().st_size
        assert sum(1 for _ in feed) == 1000
        assert feed.bytes_read == feed.total_bytes


def test_a_pipe_has_no_known_size(stdin: int) -> None:
    """Progress of standard input counts bytes without a total."""
    os.write(stdin, b"{}\n")
    os.close(stdin)
    with NdjsonFeed("-") as feed:
        assert list(feed) == [b"{}"]
        assert (feed.bytes_read, feed.total_bytes) == (3, None)


def test_a_line_beyond_all_bounds_is_an_error_with_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory stays bounded, and nothing is skipped in silence."""
    monkeypatch.setattr(feeds, "MAX_LINE_BYTES", 1 << 20)
    path = tmp_path / "posts"
    path.write_bytes(b"{}\n" + b"x" * (1 << 20) + b"\n" + b"x" * (1 << 20) + b"x\n")
    with NdjsonFeed(path) as feed, pytest.raises(FeedError, match=r"line 3: longer than 1 MiB"):
        list(feed)


def test_a_truncated_archive_gives_what_it_has_and_then_says_so(tmp_path: Path) -> None:
    """The lines before the break are handed over; the error names the last whole one."""
    path = tmp_path / "posts.gz"
    packed = gzip.compress(b"".join(os.urandom(40).hex().encode() + b"\n" for _ in range(20_000)))
    path.write_bytes(packed[: len(packed) // 2])
    read: list[bytes] = []
    with NdjsonFeed(path) as feed, pytest.raises(FeedError, match=r"past line \d+.*gzip -t"):
        read.extend(feed)
    assert len(read) == feed.n_lines > 0


@pytest.mark.parametrize("missing", [True, False], ids=["missing", "folder"])
def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, missing: bool) -> None:  # noqa: FBT001
    """A missing file and a folder both give one line that names them."""
    path = tmp_path / "nowhere" if missing else tmp_path
    with pytest.raises(FeedError, match=str(path)):
        list(read_ndjson(path))


def test_closing_a_feed_ends_a_read_from_a_quiet_pipe(stdin: int) -> None:
    """A thread that waits for a silent pipe sees the end of the feed once it is closed."""
    os.write(stdin, b"{}\n")
    with NdjsonFeed("-") as feed:
        seen: list[bytes] = []
        reader = threading.Thread(target=lambda: seen.extend(feed))
        reader.start()
    reader.join(timeout=10)
    assert not reader.is_alive()
    assert seen in ([], [b"{}"])
    os.close(stdin)
