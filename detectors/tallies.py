"""What is counted of a partition's clusters of two posts or more, post by post.

Kernels keep it, in words: of a pack's posts half join clusters, and half of these make a snapshot due. As
objects of Python a tally took four times the memory, a post and a snapshot ten times as long.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

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
from detectors.sample_kernel import N_READ, find_foldable
from detectors.tally import Member
from detectors.tally_kernel import Book, Posts

START_TALLIES = 1024
START_WORDS = 1 << 20
OUT_BYTES = 1 << 18
MAX_TOLD = 4096
_LEFT, _GONE = 1, 2
_pack = msgspec.msgpack.Encoder().encode


class Tallies:
    """Tallies by the number of their cluster.

    Args:
        partition: Of ``sketches``.
    """

    def __init__(self, partition: int) -> None:
        self._teller = _teller(partition)
        self._rows: dict[int, int] = {}
        """Of the tallies that posts may join, in the order in which they were opened."""
        self._n = 0
        """Rows, with those that left."""
        self._leaving: list[int] = []
        """Rows of clusters that were evicted and have something to tell."""
        self._opened: list[Member] = []
        self._opened_slots: list[int] = []
        self._opened_rows: list[int] = []
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
        return len(self._rows)

    def row(self, number: int) -> int | None:
        """The tally of a cluster, as `Posts.tallies` names it; None if it has none."""
        return self._rows.get(number)

    def begin(self, number: int, first: Member, name: str, slot: int, n_reposts: int) -> int:
        """That of a cluster which gets its second post.

        Args:
            number: The cluster's, which is its first exemplar's.
            first: The post that opened it: it is counted before those of the next call of `add`.
            name: Its id.
            slot: Of its first post.
            n_reposts: Reposts that came while it was alone.

        Returns:
            As `row`.
        """
        row = self._n
        self._n += 1
        if row == len(self._book.tallies):
            tallies = zeros((4 * row, k.N_WORDS), np.int64)
            tallies[:row] = self._book.tallies
            self._book = self._book._replace(tallies=tallies)
        tally, octets = self._book.tallies[row], bytes.fromhex(name)
        tally[:] = 0
        tally[k.NUMBER] = number
        tally[k.NAME : k.NAME + 2] = [
            int.from_bytes(octets[i : i + 8], "little", signed=True) for i in (0, 8)
        ]
        tally[k.EXACT] = first.flags & EXACT
        tally[k.N_REPOSTS] = tally[k.TOLD] = n_reposts
        tally[k.DUE_AT] = 2
        tally[k.FIRST_MS] = first.event_ms
        self._rows[number] = row
        self._opened.append(first)
        self._opened_slots.append(slot)
        self._opened_rows.append(row)
        return row

    def add(self, posts: Posts, texts: Texts, now_ms: int, deleted: set[int]) -> list[Raw]:
        """Count posts in order, those of `deleted` without their texts.

        Args:
            posts: They.
            texts: That stand for clusters, those of `posts` among them.
            now_ms: Event time that was reached, UTC milliseconds.
            deleted: Identities.

        Returns:
            Snapshots that became due, as MessagePack of `activity.Snapshot`.

        Raises:
            ValueError: A sample of them is none.
        """
        if self._opened:
            numbers = self._book.tallies[self._opened_rows, k.NUMBER].tolist()
            first = posts_of(self._opened, self._opened_slots, self._opened_rows, numbers)
            self._opened, self._opened_slots, self._opened_rows = [], [], []
            self._take(first, texts, now_ms, deleted)
        return self._take(posts, texts, now_ms, deleted)

    def _take(self, posts: Posts, texts: Texts, now_ms: int, deleted: set[int]) -> list[Raw]:
        if deleted:
            posts.is_deleted[:] = [identity in deleted for identity in posts.identities.tolist()]
        find_foldable(posts.samples, posts.sample_spans, self._book.fields, posts.folded_at)
        posts = _folded(posts)
        told: list[Raw] = []
        row, status = 0, taking.HEAP_FULL
        while status != taking.DONE:
            row, status = taking.take_posts(self._book, texts, posts, self._teller, now_ms, self._out, row)
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
        new.tallies[: len(kept)] = old.tallies[kept]
        keeping.carry_over(old.heap, new.heap, new.tallies[: len(kept)])
        places, states = dict(zip(kept.tolist(), range(len(kept)), strict=True)), old.tallies[:, k.STATE]
        self._rows = {number: places[row] for number, row in self._rows.items() if not states[row]}
        self._leaving = [places[row] for row in self._leaving]
        self._book, self._n = new, len(kept)

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


def posts_of(members: Sequence[Member], slots: list[int], rows: list[int], numbers: list[int]) -> Posts:
    """Posts by themselves: their slots, the rows of their tallies, their numbers as exemplars."""
    norms, norm_spans = _joined([member.norm for member in members])
    samples, sample_spans = _joined([member.sample for member in members])
    n = len(members)
    return Posts(
        tallies=np.array(rows, np.int64),
        identities=np.array([member.identity for member in members], np.uint64),
        accounts=np.array([member.account for member in members], np.uint64),
        event_ms=np.array([member.event_ms for member in members], np.int64),
        ingest_ms=np.zeros(n, np.int64),
        slots=np.array(slots, np.int64),
        flags=np.array([member.flags for member in members], np.uint8),
        exemplars=np.array(numbers, np.int64),
        is_deleted=np.zeros(n, np.bool_),
        norms=norms,
        norm_spans=norm_spans,
        samples=samples,
        sample_spans=sample_spans,
        folded=_joined([])[0],
        folded_at=np.full(n, -1, np.int64),
    )


def _joined(pieces: Iterable[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    pieces = list(pieces)
    ends = [*accumulate(map(len, pieces), initial=0)]
    blob = frozen(np.frombuffer(b"".join(pieces), np.uint8), np.uint8)
    return blob, np.array([*pairwise(ends)], np.int64).reshape(-1, 2)


def _folded(posts: Posts) -> Posts:
    """With the hashtags case-folded of posts that have others than of ASCII, if any."""
    rows = (posts.folded_at >= 0).nonzero()[0].tolist()
    if not rows:
        return posts
    samples = [bytes(posts.samples[start:end]) for start, end in posts.sample_spans[rows].tolist()]
    folded, spans = _joined([_pack([*map(str.casefold, read_counted(s).hashtags)]) for s in samples])
    posts.folded_at[rows] = spans[:, 0]
    return posts._replace(folded=folded)


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
