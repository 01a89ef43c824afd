"""The rows of one pack on their way through CLUSTER.

Rows are assigned to clusters many at a time: where a slot closes does not matter to the
index, only where an epoch ends. Only rows that join a cluster become objects.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors import index_kernel as k
from detectors.activity import SAMPLE_ONE_IN
from detectors.index import ClusterIndex, Evicted
from detectors.index_arrays import Rows
from detectors.rows import AGE_KNOWN, CLOCK_LIED, EXACT, NEW_ACCOUNT, REPOST, Columns, Pack
from detectors.singles import Singles
from detectors.tally_kernel import PER_POST, Posts


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
        self.n_clustered = 0
        """Rows up to here were counted in clusters; and, up to `n_summed`, in what the feed is."""
        self.n_summed = 0
        self._first = 0
        self._joined_rows: list[int] = []
        self._joined: Posts
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
        columns = self._columns
        self._flags = columns.flags[first:last]
        self._reposts = (self._flags & REPOST) != 0
        self._outcome = index.assign(
            Rows(
                columns.norms,
                columns.norm_offsets[first : last + 1],
                columns.bands[first:last],
                columns.bits[first:last],
                columns.identities[first:last],
                (self._flags & EXACT) != 0,
                self._reposts,
            )
        )
        self._first, self.n_assigned = first, last
        self.n_clustered = self.n_summed = first  # rows before were summed up, or are redelivered
        self._evictions = index.evictions
        clusters, bits = self._outcome.clusters, self._outcome.bits
        self._opened = opened = (bits & k.OPENED) != 0
        rows = opened.nonzero()[0]
        singles.extend(
            clusters[rows],
            columns.identities[first:last][rows],
            self._flags[rows],
            self._samples(rows + first),
        )
        self._counted = (bits & k.REPEATED) == 0
        self._counted &= ~self._reposts
        joined = ((clusters >= 0) & ~opened).nonzero()[0]
        is_new = (bits & k.NEW_EXEMPLAR) != 0
        exemplars = np.where(is_new, is_new.cumsum() + (index.end - 1 - _n(is_new)), -1)
        rows = joined + first
        self._joined_rows = rows.tolist()
        norms, samples = columns.norm_offsets, columns.sample_offsets
        self._joined = Posts(
            tallies=clusters[joined],
            identities=columns.identities[rows],
            accounts=columns.accounts[rows],
            event_ms=columns.event_ms[rows],
            ingest_ms=columns.ingest_ms[rows],
            slots=columns.event_ms[rows] // self._slot_ms,
            flags=columns.flags[rows],
            exemplars=exemplars[joined],
            is_deleted=np.zeros(len(rows), np.bool_),
            norms=columns.norms,
            norm_spans=np.column_stack((norms[rows], norms[rows + 1])),
            samples=columns.samples,
            sample_spans=np.column_stack((samples[rows], samples[rows + 1])),
            folded=columns.norms[:0],
            folded_at=np.full(len(rows), -1, np.int64),
        )
        return clusters

    def joined(self, first: int, last: int) -> Posts:
        """Of rows [first, last) those that joined clusters, which are in `tallies`; reposts included."""
        rows, posts = self._joined_rows, self._joined
        span = slice(bisect_left(rows, first), bisect_left(rows, last))
        parts = {name: getattr(posts, name)[span] for name in PER_POST}
        return posts._replace(**parts)

    def evictions(self, first: int, last: int) -> Iterator[Evicted]:
        """What the index evicted to make room for rows [first, last)."""
        begin = self._first
        return (evicted for evicted in self._evictions if first <= evicted.row + begin < last)

    def feed_counts(self, first: int, last: int) -> FeedCounts:
        """What rows [first, last) say of the feed."""
        columns, span = self._columns, slice(first - self._first, last - self._first)
        counted, known = self._counted[span], self._flags[span][self._opened[span]]
        ingest_ms, accounts = columns.ingest_ms[first:last][counted], columns.accounts[first:last][counted]
        return FeedCounts(
            Counter((columns.event_ms[first:last][counted] // self._slot_ms).tolist()),
            _n(known & AGE_KNOWN),
            _n(known & NEW_ACCOUNT),
            accounts[accounts % np.uint64(SAMPLE_ONE_IN) == 0].tolist(),
            int(np.maximum.reduce(ingest_ms, initial=0)),
        )

    def outcomes(self) -> dict[str, int]:
        """Rows just assigned, by what became of them."""
        repeated, reposts = (self._outcome.bits & k.REPEATED) != 0, self._reposts
        return {
            "clustered": _n(self._counted),
            "repeated": _n(repeated),
            "reposts_unmatched": _n(reposts & (self._outcome.clusters < 0) & ~repeated),
            "clock_lied": _n(self._flags & CLOCK_LIED),
        }

    def n_late(self, low_ms: int, others_ms: int | None, lateness_ms: int) -> int:
        """Rows just assigned that lie further behind the watermark than `lateness_ms`."""
        span = slice(self._first, self.n_assigned)
        limit_ms = 0 if others_ms is None else others_ms
        reached = np.maximum(low_ms, np.minimum(self._columns.watermark_ms[span], limit_ms))
        return _n(self._columns.event_ms[span] < reached - lateness_ms)

    def _samples(self, rows: NDArray[np.int64]) -> list[bytes]:
        samples, offsets = self._pack.samples, self._columns.sample_offsets
        return [
            samples[start:end]
            for start, end in zip(offsets[rows].tolist(), offsets[rows + 1].tolist(), strict=True)
        ]


def _n(rows: NDArray[Any]) -> int:
    """How many are not 0."""
    return int(np.count_nonzero(rows))
