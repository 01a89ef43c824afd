"""SKETCH: posts in, packs of rows out, one object per partition of ``posts``.

A pure function of the partition's log. Each row carries the source's running watermark, and
a mark goes to every partition whenever the watermark enters another `MARK_MS` of event time,
so the sequence of rows and marks per partition does not depend on how the log was cut. A canary's
posts count at the watermark, whatever they say: they come now, and would move an archive's clock
here. Before the source has a clock there is no place for them, and they are left out.

Cost: about 6 to 7 µs a post on the machine of the README (``make bench ONLY=stages``).
"""

from collections import Counter
from collections.abc import Sequence
from itertools import compress
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from detectors.post import CANARY, Post, Rejected, decide_time, decide_times, read_post
from detectors.rows import Mark, Pack
from detectors.settings import DetectorSettings
from detectors.sketch_rows import Events, SketchRows, hash_key

MARK_MS = 10_000
"""Grid of watermark marks, event time: what a quiet partition may lag behind its sources."""


class PostRecord(Protocol):
    """A record of topic ``posts``; what a Kafka client hands out is one."""

    @property
    def offset(self) -> int:
        """Its place in the log."""

    @property
    def timestamp(self) -> int:
        """Append time, UTC milliseconds."""

    @property
    def value(self) -> bytes | None:
        """Bytes of any content."""


class RawPost(NamedTuple):
    """A `PostRecord` without a log around it."""

    offset: int
    timestamp: int
    value: bytes | None


class Sketched(NamedTuple):
    """What a batch of records became."""

    packs: list[tuple[int, Pack]]
    """(partition of ``sketches``, pack), in the order to send."""
    rejected: list[tuple[PostRecord, Rejected]]
    counts: Counter[str]
    """sketched, empty (texts that normalise to nothing), reposts, updates, deletes, clock_lied,
    unplaced (a canary's, before the source has a clock)."""
    platforms: Counter[str]
    """Posts read, by platform."""


class _Parsed(NamedTuple):
    """Records that hold posts, and their times, int64 (n,)."""

    records: list[PostRecord]
    posts: list[Post]
    append_ms: NDArray[np.int64]
    event_ms: NDArray[np.int64]
    clock_lied: NDArray[np.bool_]

    def only(self, wanted: NDArray[np.bool_]) -> Self:
        """Those for which `wanted`, bool (n,), says so."""
        if wanted.all():
            return self
        records, posts = list(compress(self.records, wanted)), list(compress(self.posts, wanted))
        times = self.append_ms[wanted], self.event_ms[wanted], self.clock_lied[wanted]
        return type(self)(records, posts, *times)


class Sketcher:
    """State: the source's watermark, nothing else.

    Args:
        settings: What decides.
        source: Partition of ``posts``.
        n_sources: Partitions that ``posts`` has.
        n_partitions: Partitions that ``sketches`` has.
        last: (event time, append time) of the newest post before the first one fed, UTC
            milliseconds, so that an idle source has a clock after a restart.
    """

    def __init__(
        self,
        settings: DetectorSettings,
        source: int,
        n_sources: int,
        n_partitions: int,
        last: tuple[int, int] | None = None,
    ) -> None:
        self._settings = settings
        self._source = source
        self._n_sources = n_sources
        self._n_partitions = n_partitions
        self.watermark_ms, self.last_append_ms = last or (0, 0)
        self._hash_key = hash_key(settings.account_hash_key)

    def feed(self, records: Sequence[PostRecord]) -> Sketched:
        """Take the next records of the source, in offset order."""
        parsed, rejected = self._parse(records)
        platforms = Counter([post.platform for post in parsed.posts])
        if not self.watermark_ms:
            parsed = parsed.only(_have_place(parsed.posts))
        unplaced = +Counter(unplaced=platforms.total() - len(parsed.posts))
        if not parsed.posts:
            return Sketched([], rejected, unplaced, platforms)
        rows = SketchRows(self._settings, self._hash_key, self._advance(parsed), self._n_partitions)
        packs = [
            (partition, pack)
            for partition in range(self._n_partitions)
            for pack in rows.packs(partition, self._source, self._n_sources)
        ]
        return Sketched(packs, rejected, rows.counts + unplaced, platforms)

    def idle_tick(self, now_ms: int) -> list[tuple[int, Pack]]:
        """The source has nothing waiting: its clock has gone on by the wall time since its last post.

        Args:
            now_ms: Wall time, UTC milliseconds, by the clock that append times come from.
        """
        if self.watermark_ms:
            elapsed_ms = max(0, now_ms - self.last_append_ms)
            self.watermark_ms += elapsed_ms
            self.last_append_ms = max(now_ms, self.last_append_ms)
        mark = Mark(0, self.watermark_ms, idle=True)
        pack = Pack(source=self._source, n_sources=self._n_sources, marks=[mark])
        return [(partition, pack) for partition in range(self._n_partitions)]

    def _parse(self, records: Sequence[PostRecord]) -> tuple[_Parsed, list[tuple[PostRecord, Rejected]]]:
        max_bytes, max_chars = self._settings.max_post_bytes, self._settings.max_text_chars
        kept: list[PostRecord] = []
        posts: list[Post] = []
        rejected: list[tuple[PostRecord, Rejected]] = []
        for record in records:
            post = read_post(record.value, max_bytes, max_chars)
            if isinstance(post, Rejected):
                rejected.append((record, post))
            else:
                kept.append(record)
                posts.append(post)
        append_ms = np.array([record.timestamp for record in kept], np.int64)
        event_ms, clock_lied, refused = decide_times(posts, append_ms)
        for at in np.flatnonzero(refused).tolist():
            why = decide_time(posts[at], kept[at].timestamp)
            if not isinstance(why, Rejected):
                raise TypeError("a time was refused, and alone it is not")
            rejected.append((kept[at], why))
        rejected.sort(key=lambda found: found[0].offset)
        return _Parsed(kept, posts, append_ms, event_ms, clock_lied).only(~refused), rejected

    def _advance(self, parsed: _Parsed) -> Events:
        """Move the source's clock over the posts."""
        posts, append_ms = parsed.posts, parsed.append_ms
        has_time = np.array([post.platform != CANARY for post in posts])
        event_ms = np.where(has_time, parsed.event_ms, 0)
        watermark_ms = np.maximum.accumulate(np.maximum(event_ms, self.watermark_ms))
        event_ms = np.where(has_time, event_ms, watermark_ms)
        before_ms = np.concatenate(([self.watermark_ms], watermark_ms[:-1]))
        self.watermark_ms = int(watermark_ms[-1])
        self.last_append_ms = int(append_ms[has_time].max(initial=self.last_append_ms))
        return Events(
            posts,
            parsed.clock_lied,
            np.array([record.offset for record in parsed.records], np.int64),
            event_ms,
            append_ms,
            watermark_ms,
            np.flatnonzero(watermark_ms // MARK_MS > before_ms // MARK_MS),
        )


def _have_place(posts: Sequence[Post]) -> NDArray[np.bool_]:
    """Which posts of a source without a clock have a place in time: none of the canary's before another."""
    return np.logical_or.accumulate([post.platform != CANARY for post in posts])
