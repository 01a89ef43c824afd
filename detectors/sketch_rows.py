"""The rows of one batch of posts, in columns.

Rows stand sorted by their partition of ``sketches``, in log order within each: what a pack
carries is a slice of every column.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import pairwise, repeat
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from siphashc import siphash

from detectors.normalise import normalise_batch
from detectors.post import EARLIEST_MS, LATEST_MS, Post, epochs_ms
from detectors.rows import AGE_KNOWN, CLOCK_LIED, EXACT, NEW_ACCOUNT, REPOST, Delete, Mark, Pack
from detectors.settings import DetectorSettings
from detectors.shown import links, packed_sample
from detectors.sketch import sketch_batch
from detectors.words_kernel import SHORT_CHARS

PACK_BYTES = 512_000
"""A pack is split past this size; Kafka's default limit is 1 MB (design)."""
ROW_BYTES = 300
"""Fixed columns of a row in a pack, about."""
DAY_MS = 86_400_000
HASH_BYTES, KEY_BYTES = 8, 16
"""Of a keyed hash, little-endian where it stands as a number, and of SipHash's key."""

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


class Hasher:
    """Keyed 64-bit hashes of (platform, name): SipHash-2-4 (Aumasson & Bernstein 2012).

    Args:
        key: Of any length; see `DetectorSettings.account_hash_key`.
    """

    def __init__(self, key: bytes) -> None:
        self._key = blake2b(key, digest_size=KEY_BYTES).digest()

    def hashes(self, names: Iterable[tuple[str, str]]) -> NDArray[np.uint64]:
        """uint64 (n,), little-endian, of n pairs."""
        key = self._key
        hashes = [siphash(key, f"{platform}\0{name}") for platform, name in names]
        return np.array(hashes, "<u8")


class SketchRows:
    """The posts of a batch, sketched; those with something to match became rows.

    Args:
        settings: What decides.
        hasher: Of accounts and identities.
        events: The batch, one post or more.
        n_partitions: Partitions that ``sketches`` has.
    """

    def __init__(self, settings: DetectorSettings, hasher: Hasher, events: Events, n_partitions: int) -> None:
        posts = events.posts
        blob, ends = normalise_batch([post.text or "" for post in posts])
        sketches = sketch_batch(blob, ends)
        whole = blob.tobytes()
        norms = [whole[start:end] for start, end in pairwise(ends.tolist())]
        routes = sketches.route.astype(np.uint64) * np.uint64(0x9E3779B1) >> np.uint64(8)
        is_row = np.array([post.op == "create" for post in posts])
        is_exact = sketches.n_chars < SHORT_CHARS
        for event in np.flatnonzero(is_exact & is_row).tolist():
            norm = norms[event] = _matched_exactly(posts[event], norms[event])
            is_row[event], routes[event] = bool(norm), crc32(norm)
        partitions = (routes & np.uint64(0xFFFFFF)) % np.uint64(n_partitions)
        rows = np.flatnonzero(is_row)
        rows = rows[np.argsort(partitions[rows], kind="stable")]
        self._rows = rows
        """Event of each row."""
        self._bounds = np.searchsorted(partitions[rows], np.arange(n_partitions + 1)).tolist()
        """Rows of partition p: [bounds[p], bounds[p + 1])."""
        row_events = rows.tolist()
        row_posts = [posts[event] for event in row_events]
        accounts = hasher.hashes((post.platform, post.author.id if post.author else "") for post in row_posts)
        event_ms = events.event_ms[rows]
        self._norms = [norms[event] for event in row_events]
        self._samples = _samples(row_posts, event_ms, accounts)
        flags = _flags(row_posts, event_ms, settings.new_account_days * DAY_MS)
        flags |= is_exact[rows] * EXACT | events.clock_lied[rows] * CLOCK_LIED
        self._columns = {
            "offsets": events.offsets[rows].astype("<i8", copy=False),
            "event_ms": event_ms.astype("<i8", copy=False),
            "watermark_ms": events.watermark_ms[rows].astype("<i8", copy=False),
            "ingest_ms": events.append_ms[rows].astype("<i8", copy=False),
            "accounts": accounts,
            "identities": hasher.hashes((post.platform, post.id) for post in row_posts),
            "flags": flags.astype("u1"),
            "bands": sketches.bands[rows].astype("<u4", copy=False),
            "bits": sketches.bits[rows].astype("<u8", copy=False),
        }
        n_norms = np.fromiter(map(len, self._norms), np.int64, len(rows))
        self._norm_ends = np.cumsum(n_norms)
        self._sizes = n_norms + np.fromiter(map(len, self._samples), np.int64, len(rows)) + ROW_BYTES
        self._marked = events.marked
        self._mark_ms = events.watermark_ms[events.marked].tolist()
        self._deleted = np.array([event for event, post in enumerate(posts) if post.op == "delete"], np.int64)
        self._deletes = _deletes(self._deleted, events, hasher)
        ops = Counter([post.op for post in posts])
        self.counts = +Counter(
            sketched=len(rows),
            empty=ops["create"] - len(rows),
            reposts=int(np.count_nonzero(flags & REPOST)),
            clock_lied=int(np.count_nonzero(flags & CLOCK_LIED)),
            updates=ops["update"],
            deletes=ops["delete"],
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
            begun = self._norm_ends[start - 1] if start else 0
            pack.norm_ends = (self._norm_ends[start:end] - begun).astype("<i8", copy=False).tobytes()
            pack.norms = b"".join(self._norms[start:end])
            pack.samples = self._samples[start:end]
        return pack


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


def _samples(posts: Sequence[Post], event_ms: NDArray[np.int64], accounts: NDArray[np.uint64]) -> list[bytes]:
    digits = accounts.astype(">u8").tobytes().hex()
    places = range(0, len(digits), 2 * HASH_BYTES)
    names = [digits[at : at + 2 * HASH_BYTES] for at in places]
    return list(map(packed_sample, posts, event_ms.tolist(), names))


def _flags(posts: Sequence[Post], event_ms: NDArray[np.int64], new_ms: int) -> NDArray[np.int64]:
    """`REPOST` and what is known of the account's age, int64 (n,)."""
    created = [post.author.created_at if post.author else None for post in posts]
    created_ms = epochs_ms([_AGELESS_MS if moment is None else moment for moment in created])
    # A client may have written any number.
    created_ms[(created_ms < EARLIEST_MS) | (created_ms >= LATEST_MS)] = _AGELESS_MS
    age_ms = event_ms - created_ms
    # An account created after its post tells nothing.
    is_known = age_ms >= -DAY_MS
    flags = np.array([post.repost_of is not None for post in posts], np.int64) * REPOST
    flags |= is_known * AGE_KNOWN
    flags |= (is_known & (age_ms < new_ms)) * NEW_ACCOUNT
    return flags


def _deletes(deleted: NDArray[np.int64], events: Events, hasher: Hasher) -> list[Delete]:
    """The deletions of a batch; their positions differ by partition."""
    posts = (events.posts[event] for event in deleted.tolist())
    identities = hasher.hashes((post.platform, post.id) for post in posts).tolist()
    offsets, watermark_ms = events.offsets[deleted].tolist(), events.watermark_ms[deleted].tolist()
    return list(map(Delete, repeat(0), offsets, watermark_ms, identities))
