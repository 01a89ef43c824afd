"""BURST: activity in, alerts out; one object, because merging and testing need one view.

A pure function of the ``activity`` log. Judged is a group when a snapshot of it comes, and
every ringing one whenever time enters another slot.
"""

from collections import Counter
from hashlib import sha256

import msgspec

from detectors import accounts as acc
from detectors import evidence
from detectors.activity import SAMPLE_ONE_IN, Activity, Clock, Snapshot
from detectors.alert import Alert, AlertReason, Severity
from detectors.alert_builder import Assessment, build_alert
from detectors.burst import novelty
from detectors.groups import Group, Groups, GroupsState
from detectors.lifecycle import Judgement, Ring, decide, severity_of
from detectors.settings import DetectorSettings

PRIOR_KNOWN, PRIOR_NEW = 100, 3
"""A feed is taken for one with 3 % new accounts until its own posts outweigh these."""
MIN_FEED_ACCOUNTS = 1_000
"""The feed's accounts are taken for at least this many: a small sample estimates badly."""


class FeedState(msgspec.Struct, kw_only=True):
    """What BURST knows of the feed as a whole."""

    watermarks: dict[int, int] = {}
    """Per partition of ``sketches``."""
    n_partitions: int = 0
    low_ms: int = 0
    start_ms: int = 0
    """First event time seen."""
    n_age_known: int = PRIOR_KNOWN
    n_new: int = PRIOR_NEW
    accounts: set[int] = set()
    """A sample of the feed's accounts, one in `SAMPLE_ONE_IN`."""
    ingest_ms: int = 0


class BursterState(msgspec.Struct, kw_only=True):
    """A checkpoint: all that decides what comes next."""

    settings_digest: str
    feed: FeedState
    groups: GroupsState


class Burster:
    """State: groups, what was told of them, the feed's base rates.

    Args:
        settings: What decides.
        version: Of the detector, for the alerts.
        state: A checkpoint to go on from.
    """

    def __init__(self, settings: DetectorSettings, version: str, state: BursterState | None = None) -> None:
        self._settings = settings
        self._detector = (version, settings_digest(settings))
        self._feed = FeedState() if state is None else state.feed
        self._groups = Groups(settings, None if state is None else state.groups)

    @property
    def watermark_ms(self) -> int:
        """Event time reached by all partitions, UTC milliseconds; 0 before all have spoken."""
        return self._feed.low_ms

    @property
    def n_groups(self) -> int:
        """Groups remembered."""
        return len(self._groups)

    def firing(self) -> Counter[Severity]:
        """Bursts ringing now, by severity."""
        rings = (group.ring for group in self._groups)
        return Counter(ring.severity for ring in rings if ring is not None and ring.firing)

    def dump(self) -> BursterState:
        """The checkpoint as of the last message fed."""
        return BursterState(settings_digest=self._detector[1], feed=self._feed, groups=self._groups.dump())

    def feed(self, message: Activity) -> list[Alert]:
        """Take the next message of the log."""
        if isinstance(message, Clock):
            return self._tick(message)
        self._feed.start_ms = self._feed.start_ms or max(message.first_post.at_ms, message.watermark_ms)
        self._feed.ingest_ms = max(self._feed.ingest_ms, message.ingest_ms)
        group, absorbed = self._groups.add(message, self._feed.low_ms)
        if group is None:
            return []
        alerts = []
        for other in absorbed:
            alerts += self._end_merged(other, group, message.ingest_ms)
        return alerts + self._judge(group, group.last_ms, message.ingest_ms)

    def _tick(self, clock: Clock) -> list[Alert]:
        """Time has passed in one partition; what rings may have fallen quiet."""
        feed = self._feed
        feed.n_partitions = max(feed.n_partitions, clock.n_partitions)
        if clock.watermark_ms <= feed.watermarks.get(clock.partition, 0):
            return []  # redelivered: its posts are counted
        feed.watermarks[clock.partition] = clock.watermark_ms
        feed.n_age_known += clock.n_age_known
        feed.n_new += clock.n_new
        feed.accounts.update(clock.account_sample)
        feed.ingest_ms = max(feed.ingest_ms, clock.ingest_ms)
        feed.start_ms = feed.start_ms or clock.watermark_ms
        low_ms = min(feed.watermarks.values())
        if len(feed.watermarks) < feed.n_partitions or low_ms <= feed.low_ms:
            return []
        feed.low_ms = low_ms
        alerts = []
        for group in self._groups:
            if group.ring is not None and group.ring.firing:
                alerts += self._judge(group, max(low_ms, group.last_ms), feed.ingest_ms)
        self._groups.forget(low_ms)
        return alerts

    def _judge(self, group: Group, now_ms: int, ingest_ms: int) -> list[Alert]:
        """Whether the group has something to tell at event time `now_ms`."""
        if group.n_accounts < self._settings.min_accounts:
            return []
        found = self._assess(group, now_ms)
        ring = group.ring or Ring(id=found.whole.cluster)
        reason = decide(ring, found.judgement, self._settings.close_accounts)
        if reason is None:  # a deleted sample may have given way to later ones
            ring.n_deleted = min(ring.n_deleted, found.judgement.n_deleted)
            return []
        group.ring = ring
        if reason is AlertReason.FIRST:
            ring.firing, ring.severity = True, Severity.INFO
            ring.starts_ms = found.starts_ms
        elif reason is AlertReason.RESOLVED:
            ring.firing, ring.resolved_ms = False, now_ms
        severity = found.judgement.severity
        if ring.firing and severity is not None and severity.rank > ring.severity.rank:
            ring.severity = severity
        ring.n_posts, ring.n_deleted = found.judgement.n_posts, found.judgement.n_deleted
        return [self._alert(ring, reason, found, now_ms, ingest_ms)]

    def _end_merged(self, group: Group, survivor: Group, ingest_ms: int) -> list[Alert]:
        """A ringing group proved part of another: end its alert, or let the survivor carry it on."""
        ring = group.ring
        if ring is None:
            return []
        if survivor.ring is None:
            survivor.ring = ring
            return []
        if not ring.firing:
            return []
        ring.firing = False
        found = self._assess(group, group.last_ms, is_registered=False)
        return [self._alert(ring, AlertReason.MERGED, found, group.last_ms, ingest_ms, survivor.ring.id)]

    def _assess(self, group: Group, now_ms: int, *, is_registered: bool = True) -> Assessment:
        """Everything there is to say about the group at `now_ms`."""
        settings, feed = self._settings, self._feed
        whole = group.whole()
        rows = acc.read(whole.accounts)
        n_recurring = n_links = 0
        if is_registered:
            self._groups.register(group, rows)
            n_recurring, n_links = self._recurrence(group)
        since_ms = 0 if group.ring is None or group.ring.firing else group.ring.resolved_ms
        parts = evidence.count_parts(
            rows,
            now_ms=now_ms,
            since_ms=since_ms,
            recent_s=settings.recent_s,
            base_new=feed.n_new / feed.n_age_known,
            n_recurring=n_recurring,
            n_links=n_links,
        )
        surprise = novelty(
            dict(whole.slots),
            first_ms=whole.first_post.at_ms,
            now_ms=now_ms,
            feed_start_ms=feed.start_ms,
            slot_s=settings.slot_s,
            history_h=settings.history_h,
        )
        coordination = evidence.score(parts)
        quiet_s = now_ms // 1000 - settings.quiet_s
        return Assessment(
            whole=whole,
            parts=parts,
            coordination=coordination,
            novelty=surprise,
            n_accounts=acc.count(rows, whole.hyperloglog),
            starts_ms=_starts_ms(whole, since_ms, settings.slot_ms),
            judgement=Judgement(
                severity=severity_of(
                    settings,
                    n_recent=parts.n_recent,
                    n_5min=parts.n_5min,
                    novelty=surprise.value,
                    coordination=coordination,
                ),
                n_posts=whole.n_posts,
                n_quiet=int((rows["last_s"] > quiet_s).sum()),
                n_deleted=sum(sample.deleted for sample in whole.samples),
            ),
        )

    def _recurrence(self, group: Group) -> tuple[int, int]:
        """Accounts that also sit in groups linked to this one, and how many such groups."""
        shared, where = self._groups.shared_with(group)
        n_feed = max(len(self._feed.accounts) * SAMPLE_ONE_IN, MIN_FEED_ACCOUNTS)
        n_mine = self._groups.n_accounts(group.number)
        linked = {
            number
            for number, n_shared in shared.items()
            if evidence.are_linked(n_shared, n_mine, self._groups.n_accounts(number), n_feed, len(shared))
        }
        return sum(1 for groups in where if not linked.isdisjoint(groups)), len(linked)

    def _alert(
        self,
        ring: Ring,
        reason: AlertReason,
        found: Assessment,
        now_ms: int,
        ingest_ms: int,
        merged_into: str | None = None,
    ) -> Alert:
        ring.seq += 1
        return build_alert(
            ring, reason, found, now_ms, ingest_ms, merged_into, self._settings.slot_s, self._detector
        )


def settings_digest(settings: DetectorSettings) -> str:
    """12 hex digits over every value that decides a result."""
    return sha256(msgspec.json.encode(settings)).hexdigest()[:12]


def _starts_ms(whole: Snapshot, since_ms: int, slot_ms: int) -> int:
    """First post, or the start of the first slot after the last resolution."""
    if not since_ms:
        return whole.first_post.at_ms
    later = [slot * slot_ms for slot, _ in whole.slots if slot * slot_ms > since_ms]
    return min(later, default=whole.last_ms)
