"""CLUSTER: packs of rows in, snapshots of clusters out, one object per partition of ``sketches``.

State is a function of the partition's log since the start of the epoch, whatever the packs'
size: rows and marks are taken in order, a slot closes at the row or mark by which the
watermark enters the next one, and a cluster is told at fixed counts and when a slot it
changed closes, never "once per batch".
"""

from bisect import bisect_left, bisect_right
from collections import Counter

import msgspec
import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from detectors.activity import Clock
from detectors.index import ClusterIndex
from detectors.pack_rows import FeedCounts, PackRows
from detectors.pages import give_back
from detectors.rows import REPOST, Delete, Mark, Pack
from detectors.settings import DetectorSettings
from detectors.singles import Singles
from detectors.tallies import Tallies
from detectors.tally import cluster_id
from detectors.tally_kernel import Posts
from detectors.watermarks import Source, Watermarks

Told = Raw | Clock
"""What is told: a snapshot as MessagePack of `activity.Snapshot`, or a clock."""
MAX_DELETED = 100_000
"""Deletions remembered within an epoch, so that a late second copy does not show the text."""


class EpochStart(msgspec.Struct, kw_only=True):
    """Where an epoch begins in the log of a partition: all that a rebuild needs to begin with."""

    epoch: int
    offset: int
    """The record (pack) in which the epoch begins; its earlier rows are known by `watermarks`."""
    watermarks: Watermarks
    ingest_ms: int = 0
    """Append time of the newest post before it."""
    ahead: dict[int, int] = {}
    """Posts read before it that lie in it or later, per slot."""


class Clusterer:
    """Clusters of one partition in the current epoch.

    Args:
        settings: What decides.
        partition: Partition of ``sketches``.
        n_partitions: How many it has.
        start: The epoch to begin in; None at the beginning of the log.
    """

    def __init__(
        self, settings: DetectorSettings, partition: int, n_partitions: int, start: EpochStart | None = None
    ) -> None:
        self._settings = settings
        self._slot_ms = settings.slot_ms
        self._n_slots = settings.history_h * 3600 // settings.slot_s
        """Of the history: older ones count as its oldest."""
        self._partition = partition
        self._n_partitions = n_partitions
        self._time = Watermarks() if start is None else _copy(start.watermarks)
        self.epoch = 0 if start is None else start.epoch
        self.counts: Counter[str] = Counter()
        """clustered, repeated, redelivered, late, reposts_unmatched, evicted; ever growing."""
        self.epoch_starts: list[EpochStart] = []
        """Epochs that began during the last `feed`."""
        self._offset = -1
        self._ingest_ms = 0 if start is None else start.ingest_ms
        self._stats = _FeedStats({} if start is None else start.ahead.copy())
        self._slot_open = self._time.low_ms // self._slot_ms
        self._begin()

    @property
    def watermark_ms(self) -> int:
        """Event time reached, UTC milliseconds; 0 before every source has spoken."""
        return self._time.low_ms

    @property
    def n_tracked(self) -> int:
        """Clusters of two posts or more."""
        return len(self._tallies)

    @property
    def n_exemplars(self) -> int:
        """Texts that stand for clusters, singletons included: what `max_tracked_posts` bounds."""
        return len(self._index)

    @property
    def index_bytes(self) -> int:
        """Memory of the index's arrays and of what is kept of posts that stand alone."""
        return self._index.n_bytes + self._singles.n_bytes

    def feed(self, offset: int, pack: Pack) -> list[Told]:
        """Take the next pack of the log.

        Raises:
            ValueError: The pack contradicts itself.
        """
        rows = PackRows(pack, self._slot_ms)
        source = self._time.source(pack.source, pack.n_sources)
        self._offset, self.epoch_starts = offset, []
        row = bisect_right(rows.offsets, source.highest)
        self.counts["redelivered"] += row
        out: list[Told] = []
        events: list[Mark | Delete] = [*pack.marks, *pack.deletes]
        for event in sorted(events, key=_place):
            if event.position > row:
                self._take(rows, source, row, event.position, out)
                row = event.position
            if isinstance(event, Delete):
                self._delete(event, source)
            elif source.take(event.watermark_ms, is_idle=event.idle):
                self._turn_to(rows, out)
        self._take(rows, source, row, len(rows.offsets), out)
        self._sum_up(rows)
        self._time.advance()
        return out

    def _begin(self) -> None:
        """An empty index: the state in which every epoch starts."""
        self._index = ClusterIndex(self._settings.max_tracked_posts)
        self._singles = Singles()
        self._tallies = Tallies(self._partition)
        self._reposts: Counter[int] = Counter()
        self._deleted: set[int] = set()
        self._to_redact: set[int] = set()

    def _take(self, rows: PackRows, source: Source, first: int, last: int, out: list[Told]) -> None:
        """Rows [first, last), cut where the watermark enters another slot."""
        if first >= last:
            return
        source.is_idle = False
        others_ms = self._time.others_ms(rows.source)
        row = first
        while row < last:
            source.watermark_ms = max(source.watermark_ms, rows.watermark_ms[row])
            self._turn_to(rows, out)
            slot_end_ms = (self._slot_open + 1) * self._slot_ms
            end = last
            if others_ms is not None and others_ms >= slot_end_ms:
                end = bisect_left(rows.watermark_ms, slot_end_ms, row + 1, last)
            self._cluster(rows, row, end, others_ms, out)
            source.highest = rows.offsets[end - 1]
            source.watermark_ms = max(source.watermark_ms, rows.watermark_ms[end - 1])
            row = end

    def _turn_to(self, rows: PackRows, out: list[Told]) -> None:
        """Close the slot, and the epoch, that the watermark has left before the next row."""
        low_ms = self._time.advance()
        slot = low_ms // self._slot_ms
        if slot == self._slot_open:
            return
        self._sum_up(rows)
        self._close_slot(low_ms, out)
        self._slot_open = slot
        epoch = low_ms // self._settings.epoch_ms
        if epoch == self.epoch:
            return
        before, self.epoch = self.epoch, epoch
        if not before:  # all sources have spoken for the first time: nothing ended
            return
        self._begin()
        give_back()
        watermarks = _copy(self._time)
        self.epoch_starts.append(
            EpochStart(
                epoch=epoch,
                offset=self._offset,
                watermarks=watermarks,
                ingest_ms=self._ingest_ms,
                ahead=self._stats.slots.copy(),
            )
        )

    def _close_slot(self, low_ms: int, out: list[Told]) -> None:
        if self._to_redact:
            self._tallies.redact(self._to_redact)
            self._to_redact.clear()
        out.extend(self._tallies.tell(self._index.texts, self._slot_open * self._slot_ms, self._ingest_ms))
        stats = self._stats
        slot = low_ms // self._slot_ms
        out.append(
            Clock(
                partition=self._partition,
                n_partitions=self._n_partitions,
                watermark_ms=slot * self._slot_ms,
                ingest_ms=self._ingest_ms,
                n_posts=sum(n for at, n in stats.slots.items() if at < slot),
                n_age_known=stats.n_age_known,
                n_new=stats.n_new,
                account_sample=list(dict.fromkeys(stats.account_sample)),
            )
        )
        self._stats = _FeedStats({at: n for at, n in stats.slots.items() if at >= slot})

    def _cluster(self, rows: PackRows, first: int, last: int, others_ms: int | None, out: list[Told]) -> None:
        """Rows [first, last) of one slot: count them and tell what became due.

        Snapshots tell the watermark floored to its slot: finer, it would tell how the log was cut.
        """
        now_ms = self._slot_open * self._slot_ms
        while first < last:
            if first >= rows.n_assigned:
                self._sum_up(rows)
                last_of_epoch = self._epoch_lasts(rows, first, others_ms)
                rows.assign(self._index, self._singles, first, last_of_epoch)
                for gone, end in self._index.gone:
                    self._tallies.keep(gone, end)
                self._count(rows, others_ms)
            end = min(last, rows.n_assigned)
            joined = rows.joined(first, end)
            if len(joined.flags):
                joined = joined._replace(
                    tallies=self._tallies_of(joined), slots=np.maximum(joined.slots, self._oldest_slot)
                )
                out.extend(self._tallies.add(joined, self._index.texts, now_ms, self._deleted))
            for evicted in rows.evictions(first, end):
                self._evict(evicted.base, evicted.n_exemplars)
            first = rows.n_clustered = end

    @property
    def _oldest_slot(self) -> int:
        return self._slot_open - self._n_slots

    def _tallies_of(self, posts: Posts) -> NDArray[np.int64]:
        """Rows of the tallies of the clusters that posts join, opened where they have none."""
        row_of, rows = self._tallies.row, []
        for number, flags in zip(posts.tallies.tolist(), posts.flags.tolist(), strict=True):
            row = row_of(number)
            if row is None:
                row = -1
                if flags & REPOST:
                    self._reposts[number] += 1
                else:
                    row = self._open(number)
            rows.append(row)
        return np.array(rows, np.int64)

    def _sum_up(self, rows: PackRows) -> None:
        """Have the feed's counts include all rows that were clustered."""
        first, last = rows.n_summed, rows.n_clustered
        if first < last:
            counts = rows.feed_counts(first, last)
            self._ingest_ms = max(self._ingest_ms, counts.ingest_ms)
            self._stats.add(counts)
            rows.n_summed = last

    def _epoch_lasts(self, rows: PackRows, first: int, others_ms: int | None) -> int:
        """End of the rows that surely belong to this epoch: they can be assigned in one go."""
        last = rows.next_idle_mark(first)
        epoch_end_ms = (self.epoch + 1) * self._settings.epoch_ms
        if others_ms is None or others_ms < epoch_end_ms:
            return last
        return max(bisect_left(rows.watermark_ms, epoch_end_ms, first, last), first + 1)

    def _open(self, number: int) -> int:
        """The row of the tally of a cluster that gets its second post, the first one counted."""
        first = self._singles.post(number, self._index.norm(number))
        return self._tallies.begin(
            number,
            first,
            cluster_id(first.identity, self._partition, self.epoch),
            max(first.event_ms // self._slot_ms, self._oldest_slot),
            self._reposts.pop(number, 0),
        )

    def _delete(self, delete: Delete, source: Source) -> None:
        if delete.offset <= source.highest:  # redelivered
            return
        source.highest = delete.offset
        if len(self._deleted) < MAX_DELETED:
            self._deleted.add(delete.identity)
        if len(self._to_redact) < MAX_DELETED:
            self._to_redact.add(delete.identity)

    def _evict(self, base: int, n_exemplars: int) -> None:
        """Forget clusters numbered below `base`; what they had not told is told at the slot's end."""
        self.counts["evicted"] += n_exemplars
        self._tallies.evict(base, self._to_redact)
        self._singles.drop(base)
        self._reposts = Counter({number: n for number, n in self._reposts.items() if number >= base})

    def _count(self, rows: PackRows, others_ms: int | None) -> None:
        """What became of the rows just assigned, for metrics."""
        low_ms = self._time.low_ms
        self.counts.update(rows.outcomes())
        self.counts["late"] += rows.n_late(low_ms, others_ms, self._settings.lateness_s * 1000)


class _FeedStats:
    """The feed as a whole since the last clock.

    Args:
        slots: Posts that were read before it and lie ahead of it, per slot.
    """

    def __init__(self, slots: dict[int, int]) -> None:
        self.slots = slots
        self.n_age_known = 0
        self.n_new = 0
        self.account_sample: list[int] = []

    def add(self, more: FeedCounts) -> None:
        for slot, n in more.slots.items():
            self.slots[slot] = self.slots.get(slot, 0) + n
        self.n_age_known += more.n_age_known
        self.n_new += more.n_new
        self.account_sample += more.account_sample


def _copy(watermarks: Watermarks) -> Watermarks:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(watermarks), type=Watermarks)


def _place(event: Mark | Delete) -> tuple[int, int, bool]:
    """Order within a pack, however it was cut: a deletion stands behind the mark of its own record."""
    return event.position, event.watermark_ms, isinstance(event, Delete)
