"""CLUSTER: packs of rows in, snapshots of clusters out, one object per partition of ``sketches``.

State is a function of the partition's log since the start of the epoch, whatever the packs'
size: rows and marks are taken in order, a slot closes at the row or mark by which the
watermark enters the next one, and a cluster is told at fixed counts and when a slot it
changed closes, never "once per batch".
"""

from bisect import bisect_left, bisect_right
from collections import Counter

import msgspec
from msgspec import Raw

from detectors.activity import Clock
from detectors.index import ClusterIndex
from detectors.pack_rows import FeedCounts, PackRows
from detectors.pages import give_back
from detectors.rows import Delete, Mark, Pack
from detectors.settings import DetectorSettings
from detectors.singles import Singles
from detectors.tallies import Tallies
from detectors.tally import name_bytes
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
                self._count(rows, out)
                self._delete(event, source)
            elif source.take(event.watermark_ms, is_idle=event.idle):
                self._turn_to(rows, out)
        self._take(rows, source, row, len(rows.offsets), out)
        self._count(rows, out)
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
        """Read rows [first, last), which `_count` counts, cut where the watermark enters another slot."""
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
            if row >= rows.n_assigned:
                self._assign(rows, row, others_ms, out)
            end = rows.n_taken = min(end, rows.n_assigned)
            source.highest = rows.offsets[end - 1]
            source.watermark_ms = max(source.watermark_ms, rows.watermark_ms[end - 1])
            row = end

    def _turn_to(self, rows: PackRows, out: list[Told]) -> None:
        """Close the slot, and the epoch, that the watermark has left before the next row."""
        low_ms = self._time.advance()
        slot = low_ms // self._slot_ms
        if slot == self._slot_open:
            return
        self._count(rows, out)
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

    def _assign(self, rows: PackRows, first: int, others_ms: int | None, out: list[Told]) -> None:
        """Have rows from `first` on meet the index, as many as belong to this epoch."""
        self._count(rows, out)
        self._sum_up(rows)
        rows.assign(self._index, self._singles, first, self._epoch_lasts(rows, first, others_ms))
        for gone, end in self._index.gone:
            self._tallies.keep(gone, end)
        self.counts.update(rows.outcomes(self._time.low_ms, others_ms, self._settings.lateness_s * 1000))

    def _count(self, rows: PackRows, out: list[Told]) -> None:
        """Count the rows in hand, which are of one slot, in their clusters and tell what became due.

        Snapshots tell the watermark floored to its slot: finer, it would tell how the log was cut.
        """
        if rows.n_clustered == rows.n_taken:
            return
        tallies, texts, oldest_slot = self._tallies, self._index.texts, self._slot_open - self._n_slots
        posts, first, last = rows.posts(rows.n_clustered, rows.n_taken)
        numbers, reposted = tallies.seat(posts, first, last)
        self._reposts.update(reposted)
        if len(numbers):
            firsts = self._singles.posts(numbers, self._index.norms(numbers), self._slot_ms)
            names = b"".join(
                name_bytes(identity, self._partition, self.epoch) for identity in firsts.identities.tolist()
            )
            n_reposts = [self._reposts.pop(number, 0) for number in numbers.tolist()]
            tallies.begin(firsts, names, n_reposts, texts, oldest_slot, self._deleted)
        now_ms = self._slot_open * self._slot_ms
        out.extend(tallies.add(posts, first, last, texts, now_ms, oldest_slot, self._deleted))
        for evicted in rows.evictions(rows.n_clustered, rows.n_taken):
            self._evict(evicted.base, evicted.n_exemplars)
        rows.n_clustered = rows.n_taken

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
        give_back()


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
