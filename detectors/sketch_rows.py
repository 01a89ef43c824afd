"""The rows of one batch of posts, in columns.

Rows stand sorted by their partition of ``sketches``, in log order within each: what a pack
carries is a slice of every column.
"""

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise, repeat
from typing import NamedTuple, Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from detectors.copying import gathered
from detectors.normalise import normalise_utf8
from detectors.post import EARLIEST_MS, LATEST_MS, Post
from detectors.rows import AGE_KNOWN, CLOCK_LIED, EXACT, NEW_ACCOUNT, REPOST, Delete, Mark, Pack
from detectors.settings import DetectorSettings
from detectors.shown import Shown, links
from detectors.sketch import SketchBatch, sketch_batch
from detectors.words_kernel import SHORT_CHARS

PACK_BYTES = 512_000
"""A pack is split past this size; Kafka's default limit is 1 MB (design)."""
ROW_BYTES = 300
"""Fixed columns of a row in a pack, about."""
DAY_MS = 86_400_000

_AGELESS_MS = LATEST_MS + 2 * DAY_MS
"""For an account's creation that is unknown or before any feed: it lies after every post."""


class Events(NamedTuple):
    """The n posts of a batch and the time along them, int64 (n,)."""

    posts: Sequence[Post]
    clock_lied: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    event_ms: NDArray[np.int64]
    append_ms: NDArray[np.int64]
    watermark_ms: NDArray[np.int64]
    """The source's watermark, the event included."""
    marked: NDArray[np.int64]
    """(≤ n,): events by which the watermark goes on to another mark."""


def hash_key(secret: bytes) -> NDArray[np.uint64]:
    """The key of `detectors.siphash_kernel` from a secret of any length, uint64 (2,)."""
    return np.frombuffer(blake2b(secret, digest_size=16).digest(), "<u8")


class SketchRows:
    """The posts of a batch, sketched; those with something to match became rows.

    Args:
        settings: What decides.
        key: See `hash_key`.
        events: The batch, one post or more.
        n_partitions: Partitions that ``sketches`` has.
    """

    def __init__(
        self, settings: DetectorSettings, key: NDArray[np.uint64], events: Events, n_partitions: int
    ) -> None:
        is_created = np.array([post.op == "create" for post in events.posts])
        created = np.flatnonzero(is_created)
        shown = Shown.of(events.posts)
        texts = _Texts.of(events.posts, shown, created)
        partitions = (texts.routes & np.uint64(0xFFFFFF)) % np.uint64(n_partitions)
        rows = np.flatnonzero(texts.norms[:, 0] < texts.norms[:, 1])
        rows = rows[np.argsort(partitions[rows], kind="stable")]
        self._bounds = np.searchsorted(partitions[rows], np.arange(n_partitions + 1)).tolist()
        """Rows of partition p: [bounds[p], bounds[p + 1])."""
        self._rows = events_of = created[rows]
        """Event of each row."""
        accounts = shown.accounts(key)[events_of]
        identities = shown.identities(key)
        event_ms = events.event_ms[events_of]
        self._norms, self._norm_ends = gathered(texts.blob, texts.norms[rows])
        self._samples, self._sample_ends = shown.samples(events_of, accounts, event_ms)
        is_repost = np.array([post.repost_of is not None for post in events.posts])
        created_ms = shown.created_ms(_AGELESS_MS)[events_of]
        flags = _flags(is_repost[events_of], created_ms, event_ms, settings.new_account_days * DAY_MS)
        flags |= texts.is_exact[rows] * EXACT | events.clock_lied[events_of] * CLOCK_LIED
        self._columns = {
            "offsets": events.offsets[events_of].astype("<i8", copy=False),
            "event_ms": event_ms.astype("<i8", copy=False),
            "watermark_ms": events.watermark_ms[events_of].astype("<i8", copy=False),
            "ingest_ms": events.append_ms[events_of].astype("<i8", copy=False),
            "accounts": accounts,
            "identities": identities[events_of],
            "flags": flags.astype("u1"),
            "bands": texts.sketches.bands[rows].astype("<u4", copy=False),
            "bits": texts.sketches.bits[rows].astype("<u8", copy=False),
        }
        self._sizes = np.diff(self._norm_ends, prepend=0) + np.diff(self._sample_ends, prepend=0) + ROW_BYTES
        self._marked = events.marked
        self._mark_ms = events.watermark_ms[events.marked].tolist()
        self._deleted = np.array(
            [event for event in np.flatnonzero(~is_created).tolist() if events.posts[event].op == "delete"],
            np.int64,
        )
        self._deletes = _deletes(self._deleted, events, identities)
        self.counts = +Counter(
            sketched=len(rows),
            empty=len(created) - len(rows),
            reposts=int(np.count_nonzero(flags & REPOST)),
            clock_lied=int(np.count_nonzero(flags & CLOCK_LIED)),
            updates=len(events.posts) - len(created) - len(self._deleted),
            deletes=len(self._deleted),
        )

    def packs(self, partition: int, source: int, n_sources: int) -> list[Pack]:
        """The rows of one partition in packs of at most `PACK_BYTES`, marks and deletions in place."""
        first, last = self._bounds[partition : partition + 2]
        rows = self._rows[first:last]
        marks = list(map(Mark, np.searchsorted(rows, self._marked).tolist(), self._mark_ms, repeat(False)))
        places = np.searchsorted(rows, self._deleted).tolist()
        deletes = [delete._replace(position=at) for delete, at in zip(self._deletes, places, strict=True)]
        if first == last and not marks and not deletes:
            return []
        packs = []
        cuts = _cuts(self._sizes[first:last])
        for start, end in pairwise(cuts):
            # What stands behind the last row belongs to the last pack.
            stop = end + 1 if end == cuts[-1] else end
            pack = self._slice(first + start, first + end, source, n_sources)
            pack.marks = [
                mark._replace(position=mark.position - start)
                for mark in marks
                if start <= mark.position < stop
            ]
            pack.deletes = [
                d._replace(position=d.position - start) for d in deletes if start <= d.position < stop
            ]
            packs.append(pack)
        return packs

    def _slice(self, start: int, end: int, source: int, n_sources: int) -> Pack:
        pack = Pack(source=source, n_sources=n_sources)
        if start < end:
            for name, column in self._columns.items():
                setattr(pack, name, column[start:end].tobytes())
            pack.norms, pack.norm_ends = _span(self._norms, self._norm_ends, start, end)
            pack.samples, pack.sample_ends = _span(self._samples, self._sample_ends, start, end)
        return pack


class _Texts(NamedTuple):
    """The texts of n posts, normalised and sketched."""

    blob: NDArray[np.uint8]
    norms: NDArray[np.int64]
    """(n, 2): spans in `blob` of what a text meets its copies by; empty if by nothing."""
    is_exact: NDArray[np.bool_]
    """Whether it is too short for shingles."""
    routes: NDArray[np.uint64]
    sketches: SketchBatch

    @classmethod
    def of(cls, posts: Sequence[Post], shown: Shown, created: NDArray[np.int64]) -> Self:
        blob, ends = normalise_utf8(shown.packed, shown.texts(created))
        sketches = sketch_batch(blob, ends)
        routes = sketches.route.astype(np.uint64) * np.uint64(0x9E3779B1) >> np.uint64(8)
        is_exact = sketches.n_chars < SHORT_CHARS
        norms = np.column_stack((ends[:-1], ends[1:]))
        exact = np.flatnonzero(is_exact).tolist()
        keys = [_matched_exactly(posts[created[at]], blob[ends[at] : ends[at + 1]].tobytes()) for at in exact]
        if keys:
            routes[exact] = list(map(crc32, keys))
            key_ends = len(blob) + np.cumsum(list(map(len, keys)))
            norms[exact, 1] = key_ends
            norms[exact, 0] = np.concatenate(([len(blob)], key_ends[:-1]))
            blob = np.concatenate((blob, np.frombuffer(b"".join(keys), np.uint8)))
        return cls(blob, norms, is_exact, routes, sketches)


def _span(blob: NDArray[np.uint8], ends: NDArray[np.int64], start: int, end: int) -> tuple[memoryview, bytes]:
    """Items [start, end) of those that end at `ends` in `blob`, and where each ends among them."""
    first = ends[start - 1] if start else 0
    part = blob[first : ends[end - 1]].data.toreadonly()
    return part, (ends[start:end] - first).astype("<i8", copy=False).tobytes()


def _cuts(sizes: NDArray[np.int64]) -> list[int]:
    """Where to cut rows of these sizes so that no piece of several passes `PACK_BYTES`; both ends too."""
    ends = np.cumsum(sizes)
    cuts = [0]
    while cuts[-1] < len(sizes):
        begun = int(ends[cuts[-1] - 1]) if cuts[-1] else 0
        cuts.append(max(int(np.searchsorted(ends, begun + PACK_BYTES, "right")), cuts[-1] + 1))
    return cuts if len(sizes) else [0, 0]


def _matched_exactly(post: Post, norm: bytes) -> bytes:
    """By which a text too short for shingles meets its copies: a link, a picture, or its letters."""
    link = next(filter(None, links(post)), None)
    if link:  # NUL: no normalised text has one
        return b"\0link " + link.encode()
    hashes = [media.phash for media in post.media or () if media.phash]
    return b"\0media " + hashes[0].lower().encode() if hashes else norm.replace(b" ", b"")


def _flags(
    is_repost: NDArray[np.bool_], created_ms: NDArray[np.int64], event_ms: NDArray[np.int64], new_ms: int
) -> NDArray[np.int64]:
    """`REPOST` and what is known of the account's age, int64 (n,)."""
    # A client may have written any number.
    created_ms = np.where((created_ms < EARLIEST_MS) | (created_ms >= LATEST_MS), _AGELESS_MS, created_ms)
    age_ms = event_ms - created_ms
    # An account created after its post tells nothing.
    is_known = age_ms >= -DAY_MS
    flags = is_repost.astype(np.int64) * REPOST
    flags |= is_known * AGE_KNOWN
    flags |= (is_known & (age_ms < new_ms)) * NEW_ACCOUNT
    return flags


def _deletes(deleted: NDArray[np.int64], events: Events, identities: NDArray[np.uint64]) -> list[Delete]:
    """The deletions of a batch; their positions differ by partition."""
    columns = events.offsets[deleted], events.watermark_ms[deleted], identities[deleted]
    return list(map(Delete, repeat(0), *(column.tolist() for column in columns)))
