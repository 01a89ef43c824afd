"""The rows of one pack on their way through CLUSTER.

Rows are assigned to clusters many at a time: where a slot closes does not matter to the
index, only where an epoch ends.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors import pack_kernel as k
from detectors.index import ClusterIndex, Evicted
from detectors.index_arrays import Rows
from detectors.rows import EXACT, REPOST, Columns, Pack
from detectors.singles import Singles
from detectors.tally_kernel import Posts

_OUTCOMES = ("clustered", "repeated", "reposts_unmatched", "clock_lied", "late")


class FeedCounts(NamedTuple):
    """What some rows say of the feed as a whole; see `activity.Clock`."""

    slots: dict[int, int]
    """Posts per slot of event time."""
    n_age_known: int
    n_new: int
    account_sample: list[int]
    ingest_ms: int
    """Their newest append time; 0 if there are none."""


class PackRows:
    """A pack's rows; those in [first, `n_assigned`) have met the index.

    Args:
        pack: It.
        slot_ms: Length of the slots in which posts are counted.
    """

    def __init__(self, pack: Pack, slot_ms: int) -> None:
        self._pack = pack
        self._slot_ms = slot_ms
        self._columns = Columns.of(pack)
        self.source = pack.source
        self.offsets: list[int] = self._columns.offsets.tolist()
        self.watermark_ms: list[int] = self._columns.watermark_ms.tolist()
        self.n_assigned = 0
        self.n_taken = 0
        """Rows up to here were read; up to `n_clustered` they were counted in clusters; and up to `n_summed`
        in what the feed is."""
        self.n_clustered = 0
        self.n_summed = 0
        self._first = 0
        self._posts: Posts
        self._evictions: list[Evicted] = []

    def next_idle_mark(self, row: int) -> int:
        """Position of the next mark by which the source turns idle, or the end."""
        positions = (mark.position for mark in self._pack.marks if mark.idle and mark.position > row)
        return min(positions, default=len(self.offsets))

    def assign(self, index: ClusterIndex, singles: Singles, first: int, last: int) -> NDArray[np.int64]:
        """Let the index assign rows [first, last); those that open clusters are added to `singles`.

        Returns:
            int64 (last - first,): the cluster of each, -1 for none.
        """
        columns, span = self._columns, slice(first, last)
        ends = slice(first + 1, last + 1)
        n, flags = last - first, columns.flags[span]
        self._outcome = index.assign(
            Rows(
                columns.norms,
                columns.norm_offsets[first : last + 1],
                columns.bands[span],
                columns.bits[span],
                columns.identities[span],
                (flags & EXACT) != 0,
                (flags & REPOST) != 0,
            )
        )
        self._first, self.n_assigned = first, last  # rows before were summed up, or are redelivered
        self.n_taken = self.n_clustered = self.n_summed = first
        self._evictions = index.evictions
        self._posts = Posts(
            clusters=np.empty(n, np.int64),
            tallies=np.empty(n, np.int64),
            identities=columns.identities[span],
            accounts=columns.accounts[span],
            event_ms=columns.event_ms[span],
            ingest_ms=columns.ingest_ms[span],
            slots=columns.event_ms[span] // self._slot_ms,
            flags=flags,
            exemplars=np.empty(n, np.int64),
            is_deleted=np.zeros(n, np.bool_),
            norms=columns.norms,
            norm_starts=columns.norm_offsets[span],
            norm_ends=columns.norm_offsets[ends],
            samples=columns.samples,
            sample_starts=columns.sample_offsets[span],
            sample_ends=columns.sample_offsets[ends],
            folded=columns.norms[:0],
            folded_at=np.full(n, -1, np.int64),
        )
        singled = k.Singled(
            numbers=np.empty(n, np.int64),
            identities=np.empty(n, np.uint64),
            flags=np.empty(n, np.uint8),
            ends=np.empty(n, np.int64),
            samples=np.empty(len(columns.samples), np.uint8),
        )
        singles.extend(singled, *k.sort_rows(self._outcome, self._posts, index.end, singled))
        return self._outcome.clusters

    def posts(self, first: int, last: int) -> tuple[Posts, int, int]:
        """Posts on their way into tallies, and which of them rows [first, last) are."""
        return self._posts, first - self._first, last - self._first

    def evictions(self, first: int, last: int) -> Iterator[Evicted]:
        """What the index evicted to make room for rows [first, last)."""
        begin = self._first
        return (evicted for evicted in self._evictions if first <= evicted.row + begin < last)

    def feed_counts(self, first: int, last: int) -> FeedCounts:
        """What rows [first, last) say of the feed."""
        _, first, last = self.posts(first, last)
        n = last - first
        summed = k.Summed(np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.uint64))
        bits = self._outcome.bits
        n_slots, n_accounts, n_age_known, n_new, ingest_ms = k.sum_up(bits, self._posts, first, last, summed)
        slots, n_posts = Counter[int](), summed.n_posts.tolist()
        for i, slot in enumerate(summed.slots[:n_slots].tolist()):
            slots[slot] += n_posts[i]
        return FeedCounts(slots, n_age_known, n_new, summed.accounts[:n_accounts].tolist(), ingest_ms)

    def outcomes(self, low_ms: int, others_ms: int | None, lateness_ms: int) -> dict[str, int]:
        """Rows just assigned, by what became of them.

        Args:
            low_ms: The watermark before them, UTC milliseconds.
            others_ms: What the other sources allow.
            lateness_ms: Rows further behind the watermark are late.
        """
        watermark_ms = self._columns.watermark_ms[self._first : self.n_assigned]
        counts = k.count_outcomes(
            self._outcome, self._posts, watermark_ms, low_ms, others_ms or 0, lateness_ms
        )
        return dict(zip(_OUTCOMES, counts, strict=True))
