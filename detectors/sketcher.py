"""SKETCH: posts in, packs of rows out, one object per partition of ``posts``.

A pure function of the partition's log. Each row carries the source's running watermark, and
a mark goes to every partition whenever the watermark enters another `MARK_MS` of event time,
so the sequence of rows and marks per partition does not depend on how the log was cut.

Cost: about 35 µs a post on the machine of the README, most of it Python around the kernels.
"""

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple

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

_HASHTAG = re.compile(r"#(\w{1,100})")
_LINK = re.compile(r"https?://[^\s<>\"]{1,500}")
_encode_sample = msgspec.msgpack.Encoder().encode


class RawPost(NamedTuple):
    """A record of topic ``posts``."""

    offset: int
    append_ms: int
    value: bytes | None


class Sketched(NamedTuple):
    """What a batch of records became."""

    packs: list[tuple[int, Pack]]
    """(partition of ``sketches``, pack), in the order to send."""
    rejected: list[tuple[RawPost, Rejected]]
    counts: Counter[str]
    """sketched, empty (texts that normalise to nothing), reposts, updates, deletes, clock_lied."""


class _Rows:
    """Rows of one batch for one partition, in order."""

    def __init__(self) -> None:
        self.indices: list[int] = []
        self.marks: list[Mark] = []
        self.deletes: list[Delete] = []


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
        self._hasher = blake2b(digest_size=8, key=settings.account_hash_key)

    def feed(self, records: Sequence[RawPost]) -> Sketched:
        """Take the next records of the source, in offset order."""
        rows = [_Rows() for _ in range(self._n_partitions)]
        batch = _Batch()
        rejected: list[tuple[RawPost, Rejected]] = []
        limits = self._settings
        events: list[tuple[RawPost, TimedPost]] = []
        for record in records:
            parsed = parse_post(
                record.value,
                record.append_ms,
                max_bytes=limits.max_post_bytes,
                max_text_chars=limits.max_text_chars,
            )
            if isinstance(parsed, Rejected):
                rejected.append((record, parsed))
            else:
                events.append((record, parsed))
        batch.sketch([timed.post for _, timed in events])
        for index, (record, timed) in enumerate(events):
            self._place(index, record, timed, batch, rows)
        packs = [
            (partition, pack) for partition, part in enumerate(rows) for pack in self._packs(batch, part)
        ]
        return Sketched(packs, rejected, batch.counts)

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

    def _place(
        self, index: int, record: RawPost, timed: TimedPost, batch: "_Batch", rows: list[_Rows]
    ) -> None:
        """Move the clock by one post and put it into its partition's rows."""
        if timed.event_ms > self.watermark_ms:
            if timed.event_ms // MARK_MS > self.watermark_ms // MARK_MS:
                for part in rows:
                    part.marks.append(Mark(len(part.indices), timed.event_ms, idle=False))
            self.watermark_ms = timed.event_ms
        self.last_append_ms = max(self.last_append_ms, record.append_ms)
        post = timed.post
        if post.op != "create":
            batch.counts[f"{post.op}s"] += 1
            if post.op == "delete":
                identity = self._hash(post.platform, post.id)
                for part in rows:
                    at = (len(part.indices), record.offset, self.watermark_ms)
                    part.deletes.append(Delete(*at, identity))
            return
        norm, exact = batch.matching_text(index, post)
        if not norm:
            batch.counts["empty"] += 1
            return
        account = self._hash(post.platform, post.author.id if post.author else "")
        row = batch.add_row(
            index=index,
            norm=norm,
            flags=self._flags(post, timed, exact=exact),
            sample=_sample(post, timed, account),
            numbers=(
                record.offset,
                timed.event_ms,
                self.watermark_ms,
                record.append_ms,
                account,
                self._hash(post.platform, post.id),
            ),
        )
        route = zlib.crc32(norm) if exact else int(batch.routes[index]) * 0x9E3779B1 >> 8
        rows[(route & 0xFFFFFF) % self._n_partitions].indices.append(row)

    def _hash(self, platform: str, name: str) -> int:
        hasher = self._hasher.copy()
        hasher.update(f"{platform}\0{name}".encode())
        return int.from_bytes(hasher.digest(), "little")

    def _flags(self, post: Post, timed: TimedPost, *, exact: bool) -> int:
        flags = (
            (REPOST if post.repost_of is not None else 0)
            | (EXACT if exact else 0)
            | (CLOCK_LIED if timed.clock_lied else 0)
        )
        if post.author is not None and post.author.created_at is not None:
            created_ms = epoch_ms(post.author.created_at)
            age_ms = timed.event_ms - created_ms
            # An account created after its post, or before any feed, tells nothing.
            if age_ms >= -DAY_MS and created_ms >= EARLIEST_MS:
                flags |= AGE_KNOWN
                if age_ms < self._settings.new_account_days * DAY_MS:
                    flags |= NEW_ACCOUNT
        return flags

    def _pack(self, marks: list[Mark]) -> Pack:
        return Pack(source=self._source, n_sources=self._n_sources, marks=marks)

    def _packs(self, batch: "_Batch", part: _Rows) -> list[Pack]:
        """Cut one partition's rows into packs of at most `PACK_BYTES`, marks kept in place."""
        cuts = batch.cuts(part.indices)
        if len(cuts) == 1 and not part.marks and not part.deletes:
            return []
        packs = []
        spans = list(pairwise(cuts)) or [(0, 0)]
        for span, (start, end) in enumerate(spans):
            last = span == len(spans) - 1

            def here(position: int, start: int = start, end: int = end, *, last: bool = last) -> bool:
                return start <= position < end or (last and position == end)

            pack = batch.columns(part.indices[start:end], self._pack([]))
            pack.marks = [m._replace(position=m.position - start) for m in part.marks if here(m.position)]
            pack.deletes = [d._replace(position=d.position - start) for d in part.deletes if here(d.position)]
            packs.append(pack)
        return packs


def _sample(post: Post, timed: TimedPost, account: int) -> bytes:
    """What people are shown of a post, packed."""
    text = post.text or ""
    hashtags = post.hashtags if post.hashtags is not None else (_HASHTAG.findall(text) if "#" in text else [])
    links = post.urls if post.urls is not None else _LINK.findall(text)
    return _encode_sample(
        Sample(
            platform=post.platform,
            id=post.id,
            account=f"{account:016x}",
            at_ms=timed.event_ms,
            text=text[:SHOWN_CHARS],
            clipped=len(text) > SHOWN_CHARS,
            lang=post.lang,
            url=post.url if post.url is not None and len(post.url) <= LINK_CHARS else None,
            hashtags=[tag.lstrip("#")[:100] for tag in hashtags[:10]],
            urls=[link[:LINK_CHARS] for link in links[:5]],
        )
    )


class _Batch:
    """The posts of one `feed`, sketched together."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._rows: list[tuple[int, ...]] = []
        self._flags: list[int] = []
        self._indices: list[int] = []
        self._norms: list[bytes] = []
        self._samples: list[bytes] = []

    def sketch(self, posts: list[Post]) -> None:
        """Normalise and sketch every text in one pass."""
        blob, offsets = normalise_batch([post.text or "" for post in posts])
        sketches = sketch_batch(blob, offsets)
        self._blob = blob.tobytes()
        self._ends: list[int] = offsets.tolist()
        self._n_chars: list[int] = sketches.n_chars.tolist()
        self._bands: NDArray[np.uint32] = sketches.bands
        self._bits: NDArray[np.uint64] = sketches.bits
        self.routes: NDArray[np.uint32] = sketches.route

    def matching_text(self, index: int, post: Post) -> tuple[bytes, bool]:
        """The bytes by which the post meets its copies, and whether only exactly."""
        norm = self._blob[self._ends[index] : self._ends[index + 1]]
        if self._n_chars[index] >= SHORT_CHARS:
            return norm, False
        links = post.urls if post.urls is not None else _LINK.findall(post.text or "")
        link = next(filter(None, links), None)
        if link:  # NUL: no normalised text has one
            return b"\0link " + link.encode(), True
        hashes = [media.phash for media in post.media or () if media.phash]
        if hashes:
            return b"\0media " + hashes[0].lower().encode(), True
        return norm, True

    def add_row(self, *, index: int, norm: bytes, flags: int, sample: bytes, numbers: tuple[int, ...]) -> int:
        """Append a row; returns its number."""
        self.counts["sketched"] += 1
        self.counts["reposts"] += flags & REPOST
        self.counts["clock_lied"] += flags // CLOCK_LIED & 1
        self._indices.append(index)
        self._norms.append(norm)
        self._flags.append(flags)
        self._samples.append(sample)
        self._rows.append(numbers)
        return len(self._indices) - 1

    def cuts(self, rows: list[int]) -> list[int]:
        """Positions at which `rows` is cut so that no piece passes `PACK_BYTES`."""
        cuts, size = [0], 0
        for position, row in enumerate(rows):
            n_bytes = len(self._norms[row]) + len(self._samples[row]) + ROW_BYTES
            if size + n_bytes > PACK_BYTES and size:
                cuts.append(position)
                size = 0
            size += n_bytes
        if rows:
            cuts.append(len(rows))
        return cuts

    def columns(self, rows: list[int], pack: Pack) -> Pack:
        """Fill `pack` with `rows`."""
        if not rows:
            return pack
        picked = [self._rows[row] for row in rows]
        names = ("offsets", "event_ms", "watermark_ms", "ingest_ms", "accounts", "identities")
        for name, column in zip(names, zip(*picked, strict=True), strict=True):
            dtype = "<u8" if name in {"accounts", "identities"} else "<i8"
            setattr(pack, name, np.array(column, dtype).tobytes())
        norms = [self._norms[row] for row in rows]
        indices = [self._indices[row] for row in rows]
        pack.flags = bytes(self._flags[row] for row in rows)
        pack.bands = self._bands[indices].astype("<u4", copy=False).tobytes()
        pack.bits = self._bits[indices].astype("<u8", copy=False).tobytes()
        pack.norm_ends = np.cumsum([len(norm) for norm in norms], dtype="<i8").tobytes()
        pack.norms = b"".join(norms)
        pack.samples = [self._samples[row] for row in rows]
        return pack
