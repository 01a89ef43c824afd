"""What is counted of a partition's clusters of two posts or more, post by post.

Kernels keep it, in words: of a pack's posts half join clusters, and half of these make a snapshot due. As
objects of Python a tally took four times the memory, a post and a snapshot ten times as long.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from detectors import keeping_kernel as keeping
from detectors import taking_kernel as taking
from detectors import tally_kernel as k
from detectors import telling_kernel as t
from detectors.heap_kernel import enlarged, new_heap
from detectors.index_arrays import Texts
from detectors.jit import frozen
from detectors.pages import zeros
from detectors.rows import EXACT, read_counted
from detectors.sample_kernel import N_READ
from detectors.seating_kernel import enter_rows, seat_posts
from detectors.tally_kernel import Book, Posts, find_foldable

START_TALLIES = 1024
START_WORDS = 1 << 20
OUT_BYTES = 1 << 18
MAX_TOLD = 4096
NAME_BYTES = 10
_LEFT, _GONE = 1, 2
_pack = msgspec.msgpack.Encoder().encode


class Seated(NamedTuple):
    """What `Tallies.seat` found."""

    numbers: NDArray[np.int64]
    """Of clusters that got tallies, in the order of these."""
    reposted: list[int]
    """Of clusters that have none, once for each repost."""


class Tallies:
    """Tallies by the number of their cluster.

    Args:
        partition: Of ``sketches``.
    """

    def __init__(self, partition: int) -> None:
        self._teller = _teller(partition)
        self._seats = zeros((2 * START_TALLIES,), np.uint32)
        self._n_open = 0
        """Tallies that posts may join."""
        self._n = 0
        """Rows, with those that left."""
        self._leaving: list[int] = []
        """Rows of clusters that were evicted and have something to tell."""
        words = zeros((k.MAX_KEY_BYTES // 8,), np.int64)
        self._book = Book(
            tallies=zeros((START_TALLIES, k.N_WORDS), np.int64),
            heap=new_heap(START_WORDS),
            key=np.array([hash(f"texts of clusters {i}") & (1 << 64) - 1 for i in range(2)], np.uint64),
            fields=np.zeros(N_READ, np.int64),
            name=words.view(np.uint8),
            name_words=words,
            touched=np.zeros(16, np.int64),
        )
        self._out = taking.Out(
            zeros((OUT_BYTES,), np.uint8), zeros((MAX_TOLD,), np.int64), np.zeros(2, np.int64)
        )

    def __len__(self) -> int:
        """Clusters of two posts or more."""
        return self._n_open

    def seat(self, posts: Posts, first: int, last: int) -> Seated:
        """Find the tallies of posts [first, last), and begin them for clusters that have none.

        The posts that opened these must be handed to `begin` next.
        """
        self._make_room(last - first)
        reposted, before = np.empty(last - first, np.int64), self._n
        tallies = self._book.tallies
        self._n, n_reposted = seat_posts(self._seats, tallies, before, posts, first, last, reposted)
        self._n_open += self._n - before
        return Seated(tallies[before : self._n, k.NUMBER].copy(), reposted[:n_reposted].tolist())

    def begin(
        self,
        firsts: Posts,
        names: bytes,
        n_reposts: Sequence[int],
        texts: Texts,
        oldest_slot: int,
        deleted: set[int],
    ) -> None:
        """Count the posts that opened the clusters which `seat` began.

        Args:
            firsts: They, in its order.
            names: Ids of the clusters, `NAME_BYTES` each.
            n_reposts: Reposts that came while they were alone.
            texts: As for `add`, and so what follows.
            oldest_slot: See there.
            deleted: See there.
        """
        n = len(firsts.clusters)
        firsts.tallies[:] = np.arange(self._n - n, self._n)
        begun = self._book.tallies[self._n - n : self._n]
        octets = np.zeros((n, 16), np.uint8)
        octets[:, :NAME_BYTES] = np.frombuffer(names, np.uint8).reshape(n, NAME_BYTES)
        begun[:, k.NAME : k.NAME + 2] = octets.view(np.int64)
        begun[:, k.EXACT] = firsts.flags & EXACT
        begun[:, k.N_REPOSTS] = begun[:, k.TOLD] = n_reposts
        begun[:, k.DUE_AT] = 2
        begun[:, k.FIRST_MS] = firsts.event_ms
        self.add(firsts, 0, n, texts, 0, oldest_slot, deleted)

    def add(
        self,
        posts: Posts,
        first: int,
        last: int,
        texts: Texts,
        now_ms: int,
        oldest_slot: int,
        deleted: set[int],
    ) -> list[Raw]:
        """Count posts [first, last), which were seated, in order, those of `deleted` without their texts.

        Args:
            posts: They.
            first: The first one.
            last: One past the last.
            texts: That stand for clusters, those of `posts` among them.
            now_ms: Event time that was reached, UTC milliseconds.
            oldest_slot: Older posts count as of this one.
            deleted: Identities.

        Returns:
            Snapshots that became due, as MessagePack of `activity.Snapshot`.

        Raises:
            ValueError: A sample of them is none.
        """
        if deleted:
            identities = posts.identities[first:last].tolist()
            posts.is_deleted[first:last] = [identity in deleted for identity in identities]
        if find_foldable(posts, first, last, self._book.fields):
            posts = _folded(posts, first, last)
        told: list[Raw] = []
        row, status = first, taking.HEAP_FULL
        while status != taking.DONE:
            row, status = taking.take_posts(
                self._book, texts, posts, self._teller, now_ms, oldest_slot, self._out, row, last
            )
            if status == taking.BROKEN:
                raise ValueError("a sample of a pack is none")
            if status == taking.HEAP_FULL:
                self._book = self._book._replace(heap=enlarged(self._book.heap))
            else:
                told += self._told(status)
        return told

    def tell(self, texts: Texts, now_ms: int, ingest_ms: int) -> list[Raw]:
        """Snapshots of those that changed since their last one: first of clusters that were evicted."""
        tallies = self._book.tallies[: self._n]
        version = tallies[:, k.N_POSTS] + tallies[:, k.N_REPOSTS] + tallies[:, k.N_REDACTIONS]
        is_dirty = (version != tallies[:, k.TOLD]) & (tallies[:, k.STATE] == 0)
        rows = np.concatenate((np.array(self._leaving, np.int64), is_dirty.nonzero()[0]))
        tallies[self._leaving, k.STATE] = _GONE
        self._leaving = []
        told: list[Raw] = []
        place, status = 0, taking.OUT_FULL
        while status != taking.DONE:
            place, status = taking.tell_all(
                self._book, texts, rows, self._teller, now_ms, ingest_ms, self._out, place
            )
            told += self._told(status)
        return told

    def redact(self, deleted: set[int]) -> None:
        """Posts of these identities were deleted: their texts go."""
        rows = (self._book.tallies[: self._n, k.STATE] != _GONE).nonzero()[0]
        keeping.redact_posts(self._book, rows, np.array(sorted(deleted), np.uint64))

    def keep(self, gone: Texts, end: int) -> None:
        """Have what texts numbered below `end` are needed for; `gone` has them, the index no longer."""
        while not keeping.keep_texts(self._book, self._n, gone, end):
            self._book = self._book._replace(heap=enlarged(self._book.heap))

    def evict(self, base: int, deleted: set[int]) -> None:
        """Forget clusters numbered below `base`.

        Those of them that changed since their last snapshot, or change because posts were deleted, are told
        by the next `tell`.
        """
        tallies = self._book.tallies[: self._n]
        leaving = ((tallies[:, k.NUMBER] < base) & (tallies[:, k.STATE] == 0)).nonzero()[0]
        if deleted:
            keeping.redact_posts(self._book, leaving, np.array(sorted(deleted), np.uint64))
        version = tallies[:, k.N_POSTS] + tallies[:, k.N_REPOSTS] + tallies[:, k.N_REDACTIONS]
        is_dirty = version != tallies[:, k.TOLD]
        tallies[leaving, k.STATE] = np.where(is_dirty[leaving], _LEFT, _GONE)
        self._leaving += leaving[is_dirty[leaving]].tolist()
        self._close_up()

    def _close_up(self) -> None:
        """Have what is kept stand without gaps."""
        old = self._book
        kept = (old.tallies[: self._n, k.STATE] != _GONE).nonzero()[0]
        new = old._replace(tallies=zeros(old.tallies.shape, np.int64), heap=new_heap(len(old.heap.words)))
        np.take(old.tallies, kept, axis=0, out=new.tallies[: len(kept)], mode="clip")  # else it is buffered
        keeping.carry_over(old.heap, new.heap, new.tallies[: len(kept)])
        self._leaving = kept.searchsorted(self._leaving).tolist()
        self._book, self._n = new, len(kept)
        self._n_open = len(kept) - len(self._leaving)
        self._seat_anew(len(self._seats))

    def _make_room(self, n: int) -> None:
        """For so many more tallies."""
        old, n = self._book.tallies, self._n + n
        if n > len(old):
            tallies = zeros((max(4 * len(old), n), k.N_WORDS), np.int64)
            tallies[: self._n] = old[: self._n]
            self._book = self._book._replace(tallies=tallies)
        if 2 * n > len(self._seats):
            self._seat_anew(1 << (4 * n - 1).bit_length())

    def _seat_anew(self, n_seats: int) -> None:
        tallies = self._book.tallies
        self._seats = zeros((n_seats,), np.uint32)
        enter_rows(self._seats, tallies, (tallies[: self._n, k.STATE] == 0).nonzero()[0])

    def _told(self, status: int) -> list[Raw]:
        """What stands in `_out`, which is empty afterwards, and larger if one was too large for it."""
        octets, ends, size = self._out
        n_bytes, n_told = size.tolist()
        if not n_told:
            if status == taking.OUT_FULL:
                self._out = self._out._replace(octets=zeros((2 * len(octets),), np.uint8))
            return []
        data = memoryview(octets[:n_bytes].tobytes())
        size[:] = 0
        return [Raw(data[start:end]) for start, end in pairwise([0, *ends[:n_told].tolist()])]


def _folded(posts: Posts, first: int, last: int) -> Posts:
    """With the hashtags case-folded of those of [first, last) that have others than of ASCII."""
    rows = first + (posts.folded_at[first:last] >= 0).nonzero()[0]
    spans = zip(posts.sample_starts[rows].tolist(), posts.sample_ends[rows].tolist(), strict=True)
    samples = [bytes(posts.samples[start:end]) for start, end in spans]
    folded = [_pack([*map(str.casefold, read_counted(sample).hashtags)]) for sample in samples]
    posts.folded_at[rows] = [*accumulate(map(len, folded[:-1]), initial=0)]
    return posts._replace(folded=frozen(np.frombuffer(b"".join(folded), np.uint8), np.uint8))


def _teller(partition: int) -> t.Teller:
    names = [_pack(name) for name in t.FIELDS]
    head = _pack({"type": "snapshot"} | dict.fromkeys(t.FIELDS, False))
    begin = head[: head.index(names[0])]
    begins = [*accumulate(map(len, names), initial=len(begin))]
    return t.Teller(
        begin=frozen(np.frombuffer(begin + b"".join(names), np.uint8), np.uint8),
        begins=np.array(begins, np.int64),
        partition=partition,
        fields=np.zeros(N_READ, np.int64),
        ranked=np.zeros(2 * k.MAX_KEYS, np.int64),
    )


def warm_up() -> None:
    """Compile what eviction and deletion need, or load it."""
    tallies = Tallies(0)
    tallies.keep(Texts(zeros((1,), np.uint8), zeros((1,), np.int64), 0), 0)
    tallies.redact({1})
    tallies.evict(0, set())
