"""SKETCH: posts in, packs of rows out, one object per partition of ``posts``.

A pure function of the partition's log. Each row carries the source's running watermark, and
a mark goes to every partition whenever the watermark enters another `MARK_MS` of event time,
so the sequence of rows and marks per partition does not depend on how the log was cut.

Cost: about 35 µs a post on the machine of the README, most of it Python around the kernels.
"""

import re
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple, Protocol
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.normalise import normalise_batch
from detectors.post import EARLIEST_MS, Post, Rejected, TimedPost, epoch_ms, parse_post
from detectors.rows import AGE_KNOWN, CLOCK_LIED, EXACT, NEW_ACCOUNT, REPOST, Delete, Mark, Pack, Sample
from detectors.settings import DetectorSettings
from detectors.sketch import sketch_batch

MARK_MS = 10_000
"""Grid of watermark marks, event time: what a quiet partition may lag behind its sources."""
SHORT_CHARS = 15
"""Normalised texts below this match only exactly, or by link or media (design)."""
SHOWN_CHARS = 1_000
"""Code points of a text that people are shown."""
LINK_CHARS = 500
"""Longest address that people are shown."""
PACK_BYTES = 512_000
"""A pack is split past this size; Kafka's default limit is 1 MB (design)."""
ROW_BYTES = 300
"""Fixed columns of a row in a pack, about."""
DAY_MS = 86_400_000
HASH_BYTES = 8
"""Of a keyed hash; little-endian where it stands as a number."""

_HASHTAG = re.compile(r"#(\w{1,100})")
_LINK = re.compile(r"https?://[^\s<>\"]{1,500}")
_encode_sample = msgspec.msgpack.Encoder().encode


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
    """sketched, empty (texts that normalise to nothing), reposts, updates, deletes, clock_lied."""
    platforms: Counter[str]
    """Posts read, by platform."""


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
        self._hasher = blake2b(digest_size=HASH_BYTES, key=settings.account_hash_key)

    def feed(self, records: Sequence[PostRecord]) -> Sketched:
        """Take the next records of the source, in offset order."""
        limits = self._settings
        rejected: list[tuple[PostRecord, Rejected]] = []
        taken: list[PostRecord] = []
        events: list[TimedPost] = []
        for record in records:
            parsed = parse_post(
                record.value,
                record.timestamp,
                max_bytes=limits.max_post_bytes,
                max_text_chars=limits.max_text_chars,
            )
            if isinstance(parsed, Rejected):
                rejected.append((record, parsed))
            else:
                taken.append(record)
                events.append(parsed)
        if not events:
            return Sketched([], rejected, Counter(), Counter())
        clock = self._advance(taken, events)
        batch = _Batch(self._settings, self._hasher, events, clock)
        packs = [
            (partition, pack)
            for partition, members in enumerate(batch.routed(self._n_partitions))
            for pack in self._packs(batch, members)
        ]
        platforms = Counter([event.post.platform for event in events])
        return Sketched(packs, rejected, batch.counts, platforms)

    def idle_tick(self, now_ms: int) -> list[tuple[int, Pack]]:
        """The source has nothing waiting: its clock has gone on by the wall time since its last post.

        Args:
            now_ms: Wall time, UTC milliseconds, by the clock that append times come from.
        """
        if self.watermark_ms:
            elapsed_ms = max(0, now_ms - self.last_append_ms)
            self.watermark_ms += elapsed_ms
            self.last_append_ms = max(now_ms, self.last_append_ms)
        pack = self._pack(marks=[Mark(0, self.watermark_ms, idle=True)])
        return [(partition, pack) for partition in range(self._n_partitions)]

    def _advance(self, taken: list[PostRecord], events: list[TimedPost]) -> "_Clock":
        """Move the source's clock over the events; where it stood at each."""
        event_ms = np.array([event.event_ms for event in events], np.int64)
        append_ms = np.array([record.timestamp for record in taken], np.int64)
        watermark_ms = np.maximum.accumulate(np.maximum(event_ms, self.watermark_ms))
        before_ms = np.concatenate(([self.watermark_ms], watermark_ms[:-1]))
        self.watermark_ms = int(watermark_ms[-1])
        self.last_append_ms = max(self.last_append_ms, int(append_ms.max()))
        return _Clock(
            np.array([record.offset for record in taken], np.int64),
            event_ms,
            append_ms,
            watermark_ms,
            np.flatnonzero(watermark_ms // MARK_MS > before_ms // MARK_MS),
        )

    def _pack(self, marks: list[Mark]) -> Pack:
        return Pack(source=self._source, n_sources=self._n_sources, marks=marks)

    def _packs(self, batch: "_Batch", members: NDArray[np.int64]) -> list[Pack]:
        """Cut one partition's rows into packs of at most `PACK_BYTES`, marks kept in place."""
        marks, deletes = batch.marks(members), batch.deletes(members)
        if not len(members) and not marks and not deletes:
            return []
        packs = []
        spans = list(pairwise(batch.cuts(members))) or [(0, 0)]
        for span, (start, end) in enumerate(spans):
            last = span == len(spans) - 1

            def here(position: int, start: int = start, end: int = end, *, last: bool = last) -> bool:
                return start <= position < end or (last and position == end)

            pack = batch.columns(members[start:end], self._pack([]))
            pack.marks = [m._replace(position=m.position - start) for m in marks if here(m.position)]
            pack.deletes = [d._replace(position=d.position - start) for d in deletes if here(d.position)]
            packs.append(pack)
        return packs


class _Clock(NamedTuple):
    """Time along n events of one source, int64 (n,)."""

    offsets: NDArray[np.int64]
    event_ms: NDArray[np.int64]
    append_ms: NDArray[np.int64]
    watermark_ms: NDArray[np.int64]
    """The event included."""
    marked: NDArray[np.int64]
    """(≤ n,): events by which the watermark enters another `MARK_MS`."""


class _Batch:
    """The posts of one `feed`, sketched together; those with a text to match became rows."""

    def __init__(
        self, settings: DetectorSettings, hasher: blake2b, events: list[TimedPost], clock: _Clock
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._hasher, self._clock = hasher, clock
        self._new_account_ms = settings.new_account_days * DAY_MS
        posts = [event.post for event in events]
        self._posts = posts
        blob, offsets = normalise_batch([post.text or "" for post in posts])
        self._sketches = sketch_batch(blob, offsets)
        ends = offsets.tolist()
        whole = blob.tobytes()
        short = (self._sketches.n_chars < SHORT_CHARS).tolist()
        self._rows: list[int] = []
        """Event of each row."""
        self._norms: list[bytes] = []
        self._accounts: list[bytes] = []
        self._identities: list[bytes] = []
        self._samples: list[bytes] = []
        self._flags = bytearray()
        self._exact: dict[int, int] = {}
        """Route by row, of those that match only exactly."""
        self._deleted: list[int] = []
        for index, post in enumerate(posts):
            if post.op != "create":
                self.counts[f"{post.op}s"] += 1
                if post.op == "delete":
                    self._deleted.append(index)
                continue
            norm = whole[ends[index] : ends[index + 1]]
            if short[index]:
                norm = _matched_exactly(post, norm)
                if not norm:
                    self.counts["empty"] += 1
                    continue
                self._exact[len(self._rows)] = crc32(norm)
            self._add_row(index, events[index], norm, is_exact=short[index])
        self._count()

    def _add_row(self, index: int, event: TimedPost, norm: bytes, *, is_exact: bool) -> None:
        post = event.post
        account = self._hash(post.platform, post.author.id if post.author else "")
        self._rows.append(index)
        self._norms.append(norm)
        self._accounts.append(account)
        self._identities.append(self._hash(post.platform, post.id))
        self._samples.append(_sample(post, event.event_ms, account))
        flags = EXACT if is_exact else 0
        if post.repost_of is not None:
            flags |= REPOST
        if event.clock_lied:
            flags |= CLOCK_LIED
        if post.author is not None and post.author.created_at is not None:
            created_ms = epoch_ms(post.author.created_at)
            age_ms = event.event_ms - created_ms
            # An account created after its post, or before any feed, tells nothing.
            if age_ms >= -DAY_MS and created_ms >= EARLIEST_MS:
                flags |= AGE_KNOWN | NEW_ACCOUNT if age_ms < self._new_account_ms else AGE_KNOWN
        self._flags.append(flags)

    def _hash(self, platform: str, name: str) -> bytes:
        hasher = self._hasher.copy()
        hasher.update(f"{platform}\0{name}".encode())
        return hasher.digest()

    def _count(self) -> None:
        flags = np.frombuffer(bytes(self._flags), np.uint8)
        self.counts += Counter(
            sketched=len(flags),
            reposts=int(np.count_nonzero(flags & REPOST)),
            clock_lied=int(np.count_nonzero(flags & CLOCK_LIED)),
        )

    def routed(self, n_partitions: int) -> list[NDArray[np.int64]]:
        """Rows of each partition, ascending."""
        routes = self._sketches.route[self._rows].astype(np.uint64) * np.uint64(0x9E3779B1) >> np.uint64(8)
        routes[list(self._exact.keys())] = list(self._exact.values())
        partitions = (routes & np.uint64(0xFFFFFF)) % np.uint64(n_partitions)
        return [np.flatnonzero(partitions == partition) for partition in range(n_partitions)]

    def marks(self, members: NDArray[np.int64]) -> list[Mark]:
        """What the rows `members` of a partition learn of time."""
        clock = self._clock
        return [
            Mark(position, watermark_ms, idle=False)
            for position, watermark_ms in zip(
                self._positions(members, clock.marked),
                clock.watermark_ms[clock.marked].tolist(),
                strict=True,
            )
        ]

    def deletes(self, members: NDArray[np.int64]) -> list[Delete]:
        """Deletions, between the rows `members` of a partition."""
        clock, deleted = self._clock, np.array(self._deleted, np.int64)
        posts = (self._posts[index] for index in self._deleted)
        identities = (int.from_bytes(self._hash(post.platform, post.id), "little") for post in posts)
        columns = (self._positions(members, deleted), clock.offsets[deleted].tolist())
        return list(map(Delete, *columns, clock.watermark_ms[deleted].tolist(), identities))

    def _positions(self, members: NDArray[np.int64], events: NDArray[np.int64]) -> list[int]:
        """How many of the rows `members` stand before each event."""
        rows = np.array(self._rows, np.int64)[members]
        positions: list[int] = np.searchsorted(rows, events).tolist()
        return positions

    def cuts(self, members: NDArray[np.int64]) -> list[int]:
        """Positions at which the rows `members` are cut so that no piece passes `PACK_BYTES`."""
        rows = members.tolist()
        sizes = [len(self._norms[row]) + len(self._samples[row]) + ROW_BYTES for row in rows]
        cuts, size = [0], 0
        for position, n_bytes in enumerate(sizes):
            if size + n_bytes > PACK_BYTES and size:
                cuts.append(position)
                size = 0
            size += n_bytes
        if len(members):
            cuts.append(len(members))
        return cuts

    def columns(self, members: NDArray[np.int64], pack: Pack) -> Pack:
        """Fill `pack` with the rows `members`."""
        if not len(members):
            return pack
        rows = members.tolist()
        events = np.array(self._rows, np.int64)[members]
        clock = self._clock
        pack.offsets = clock.offsets[events].astype("<i8", copy=False).tobytes()
        pack.event_ms = clock.event_ms[events].astype("<i8", copy=False).tobytes()
        pack.watermark_ms = clock.watermark_ms[events].astype("<i8", copy=False).tobytes()
        pack.ingest_ms = clock.append_ms[events].astype("<i8", copy=False).tobytes()
        pack.accounts = b"".join([self._accounts[row] for row in rows])
        pack.identities = b"".join([self._identities[row] for row in rows])
        pack.flags = bytes([self._flags[row] for row in rows])
        pack.bands = self._sketches.bands[events].astype("<u4", copy=False).tobytes()
        pack.bits = self._sketches.bits[events].astype("<u8", copy=False).tobytes()
        norms = [self._norms[row] for row in rows]
        pack.norm_ends = np.cumsum([len(norm) for norm in norms], dtype="<i8").tobytes()
        pack.norms = b"".join(norms)
        pack.samples = [self._samples[row] for row in rows]
        return pack


def _matched_exactly(post: Post, norm: bytes) -> bytes:
    """By which a text too short for shingles meets its copies: a link, a picture, or itself."""
    links = post.urls if post.urls is not None else _links(post.text or "")
    link = next(filter(None, links), None)
    if link:  # NUL: no normalised text has one
        return b"\0link " + link.encode()
    hashes = [media.phash for media in post.media or () if media.phash]
    return b"\0media " + hashes[0].lower().encode() if hashes else norm


def _links(text: str) -> list[str]:
    found: list[str] = _LINK.findall(text) if "://" in text else []
    return found


def _hashtags(text: str) -> list[str]:
    found: list[str] = _HASHTAG.findall(text) if "#" in text else []
    return found


def _sample(post: Post, event_ms: int, account: bytes) -> bytes:
    """What people are shown of a post, packed."""
    text = post.text or ""
    hashtags = post.hashtags if post.hashtags is not None else _hashtags(text)
    links = post.urls if post.urls is not None else _links(text)
    return _encode_sample(
        Sample(
            platform=post.platform,
            id=post.id,
            account=account[::-1].hex(),
            at_ms=event_ms,
            text=text[:SHOWN_CHARS],
            clipped=len(text) > SHOWN_CHARS,
            lang=post.lang,
            url=post.url if post.url is not None and len(post.url) <= LINK_CHARS else None,
            hashtags=[tag.lstrip("#")[:100] for tag in hashtags[:10]] if hashtags else hashtags,
            urls=[link[:LINK_CHARS] for link in links[:5]] if links else links,
        )
    )
