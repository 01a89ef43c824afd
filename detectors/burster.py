"""BURST: activity in, alerts out; one object, because merging and testing need one view.

A pure function of the ``activity`` log. Judged is a group when a snapshot of it comes, and
every ringing one whenever time enters another slot. People's rulings come in the same log.
"""

from collections import Counter
from hashlib import sha256

import msgspec

from detectors import campaigns, evidence
from detectors.activity import SAMPLE_ONE_IN, Activity, Clock
from detectors.alert import Alert, AlertReason, Severity
from detectors.alert_builder import Measured, build_alert
from detectors.arrivals import OLD_MS, Arrivals
from detectors.burst import Novelty, false_per_day, novelty
from detectors.groups import Group, Groups, GroupsState
from detectors.lifecycle import Judgement, Ring, decide, severity_of
from detectors.ruling import Ruled, Ruling, Undo
from detectors.rulings import Rulings
from detectors.settings import DetectorSettings

PRIOR_KNOWN, PRIOR_NEW = 100, 3
"""A feed is taken for one with 3 % new accounts until its own posts outweigh these."""
MIN_FEED_ACCOUNTS = 1_000
"""The feed's accounts are taken for at least this many: a small sample estimates badly."""


SPAM_POSTS = 10
"""One account that posts a content so often within ``recent_s`` is a spammer, no burst: counted only."""


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
    accounts: dict[int, int] = {}
    """A sample of the accounts that posted within the history, one in `SAMPLE_ONE_IN`, and when."""
    ingest_ms: int = 0
    arrivals: Arrivals = msgspec.field(default_factory=Arrivals)
    n_contents: int = 0
    """Contents large enough to be told, as of the last clock."""
    n_spam: int = 0
    """Contents that one account repeats, as of the last clock."""


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
        self.rulings = Rulings()
        """Not of the checkpoint: topic ``rulings`` has them, whatever the settings."""
        self.ruled: list[Ruled] = []
        """Rulings that began or ended by the last message."""

    @property
    def watermark_ms(self) -> int:
        """Event time reached by all partitions, UTC milliseconds; 0 before all have spoken."""
        return self._feed.low_ms

    @property
    def n_groups(self) -> int:
        """Groups remembered."""
        return len(self._groups)

    @property
    def n_spam(self) -> int:
        """Contents that one account repeats, as of the last clock; they never ring."""
        return self._feed.n_spam

    def ringing(self) -> dict[int, tuple[Severity, int]]:
        """Severity and posts so far of the bursts ringing now, by a number that each keeps."""
        return {
            group.number: (group.ring.severity, group.n_posts)
            for group in self._groups
            if group.ring is not None and group.ring.firing
        }

    def muted(self) -> Counter[Severity]:
        """Of these, bursts that a ruling keeps from waking people, by severity."""
        rings = (group.ring for group in self._groups)
        return Counter(ring.severity for ring in rings if ring is not None and ring.firing and ring.muted)

    def dump(self) -> BursterState:
        """The checkpoint as of the last message fed."""
        return BursterState(settings_digest=self._detector[1], feed=self._feed, groups=self._groups.dump())

    def feed(self, message: Activity) -> list[Alert]:
        """Take the next message of the log."""
        self.ruled = []
        if isinstance(message, Clock):
            return self._tick(message)
        if isinstance(message, Ruling | Undo):
            return self._rule(message)
        self._feed.start_ms = self._feed.start_ms or max(message.first_post.at_ms, message.watermark_ms)
        self._feed.ingest_ms = max(self._feed.ingest_ms, message.ingest_ms)
        group, absorbed = self._groups.add(message, self._feed.low_ms)
        if group is None:
            return []
        if group.n_accounts > group.n_reached:
            if group.first_ms >= self._feed.start_ms + OLD_MS:
                self._feed.arrivals.note(group.n_reached, group.n_accounts, message.last_ms)
            group.n_reached = group.n_accounts
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
        for account in clock.account_sample:
            feed.accounts.pop(account, None)
            feed.accounts[account] = clock.watermark_ms
        forgotten_ms = clock.watermark_ms - self._settings.history_h * 3_600_000
        while feed.accounts and next(iter(feed.accounts.values())) < forgotten_ms:
            del feed.accounts[next(iter(feed.accounts))]
        feed.ingest_ms = max(feed.ingest_ms, clock.ingest_ms)
        if clock.watermark_ms >= feed.start_ms + OLD_MS:
            feed.arrivals.note_posts(clock.n_posts, clock.watermark_ms)
        # Snapshots may come first, from sources that are read ahead of the others.
        feed.start_ms = min(feed.start_ms or clock.watermark_ms, clock.watermark_ms)
        low_ms = min(feed.watermarks.values())
        if len(feed.watermarks) < feed.n_partitions or low_ms <= feed.low_ms:
            return []
        closed_ms, feed.low_ms = feed.low_ms, low_ms
        feed.arrivals.fit(low_ms, feed.start_ms, self._settings.history_h)
        feed.n_contents = feed.n_spam = 0
        alerts = []
        for group in self._groups:
            feed.n_contents += group.n_accounts >= self._settings.min_accounts
            feed.n_spam += group.n_accounts == 1 and group.n_posts >= SPAM_POSTS
            is_firing = group.ring is not None and group.ring.firing
            # Catching up, sources are apart: a window is whole only when the watermark has passed it.
            is_ahead = group.last_ms > low_ms + self._settings.lateness_s * 1000
            has_news = is_ahead and group.has_posts_in(closed_ms, low_ms, self._settings.slot_ms)
            if has_news or (is_firing and self._is_quiet(group)):
                group.judged_posts = 0
                alerts += self._judge(group, low_ms, feed.ingest_ms)
        self._groups.forget(low_ms)
        self.ruled = self.rulings.expire(low_ms)
        if self.ruled or self.rulings.silence:
            alerts += self._retell(feed.ingest_ms)
        return alerts

    def _rule(self, message: Ruling | Undo) -> list[Alert]:
        """A person has decided something: what rings hears of it at once."""
        if isinstance(message, Undo):
            self.ruled = self.rulings.undo(message)
        else:
            about = next((g for g in self._groups if g.ring is not None and g.ring.id == message.burst), None)
            exemplars = [] if about is None else about.exemplars()
            peak = 0 if about is None else max(about.slots().values())
            self.ruled = self.rulings.take(message, exemplars, peak, self._feed.low_ms)
        return self._retell(message.at_ms)

    def _retell(self, ingest_ms: int) -> list[Alert]:
        """Tell of ringing groups that a ruling covers and did not before, or the other way round."""
        alerts = []
        for group in self._groups:
            ring = group.ring
            if ring is None or not ring.firing:
                continue
            now_ms = max(self._feed.low_ms, group.last_ms)
            muting = self._muting(group, now_ms)
            if ring.muted != ("" if muting is None else muting.id):
                reason = AlertReason.UNMUTED if muting is None else AlertReason.MUTED
                alerts.append(
                    self._alert(group, ring, reason, self._measure(group, now_ms), now_ms, ingest_ms)
                )
        return alerts

    def _muting(self, group: Group, now_ms: int) -> Ruled | None:
        """The ruling that covers the group."""
        if not self.rulings.silence:
            return None
        since = (now_ms - self._settings.recent_s * 1000) // self._settings.slot_ms
        busiest = max((n for slot, n in group.slots().items() if slot > since), default=0)
        return self.rulings.covering("" if group.ring is None else group.ring.id, group.exemplars(), busiest)

    def _is_quiet(self, group: Group) -> bool:
        return self._n_quiet(group) < self._settings.close_accounts

    def _n_quiet(self, group: Group) -> int:
        """Accounts active within ``quiet_s`` of the watermark: what is ahead of it may have gaps yet."""
        return group.n_active_since(self._feed.low_ms // 1000 - self._settings.quiet_s)

    def _may_speak(self, group: Group, now_ms: int) -> bool:
        """False only where `decide` would find no reason, told cheaply: most snapshots change nothing."""
        is_firing = group.ring is not None and group.ring.firing
        return self._may_change(group, now_ms) if is_firing else self._may_open(group, now_ms)

    def _may_open(self, group: Group, now_ms: int) -> bool:
        # A template of a thousand posts is not surprised by one more: look again when 2 % came.
        if group.n_posts < group.judged_posts + group.judged_posts // 50:
            return False
        settings = self._settings
        n_recent = group.n_active_since(now_ms // 1000 - settings.recent_s)
        if n_recent < settings.min_accounts or self._is_common(n_recent):
            return False
        group.judged_posts = group.n_posts
        return self._novelty(group, now_ms).value >= settings.info_novelty

    def _may_change(self, group: Group, now_ms: int) -> bool:
        settings, ring, now_s = self._settings, group.ring, now_ms // 1000
        if ring is None or group.n_posts >= 2 * ring.n_posts or group.n_deleted != ring.n_deleted:
            return True
        if self._is_quiet(group):
            return True
        if ring.severity is Severity.CRITICAL:
            return False
        if ring.severity is Severity.WARNING:
            return group.n_active_since(now_s - evidence.SYNCHRONY_S) >= settings.critical_accounts
        least = min(settings.warning_accounts, settings.warning_novelty_accounts, settings.critical_accounts)
        return group.n_active_since(now_s - settings.recent_s) >= least

    def _judge(self, group: Group, now_ms: int, ingest_ms: int) -> list[Alert]:
        """Whether the group has something to tell at event time `now_ms`."""
        if group.n_accounts < self._settings.min_accounts or not self._may_speak(group, now_ms):
            return []
        measured = self._measure(group, now_ms)
        ring = group.ring or Ring(id=group.name)
        reason = decide(ring, measured.judgement, self._settings.close_accounts)
        if reason is None:  # a deleted sample may have given way to later ones
            ring.n_deleted = min(ring.n_deleted, measured.judgement.n_deleted)
            return []
        group.ring = ring
        if reason is AlertReason.FIRST:
            ring.firing, ring.severity = True, Severity.INFO
        elif reason is AlertReason.RESOLVED:
            ring.firing, ring.resolved_ms = False, now_ms
        severity = measured.judgement.severity
        if ring.firing and severity is not None and severity.rank > ring.severity.rank:
            ring.severity = severity
        ring.n_posts, ring.n_deleted = measured.judgement.n_posts, measured.judgement.n_deleted
        return [self._alert(group, ring, reason, measured, now_ms, ingest_ms)]

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
        measured = self._measure(group, group.last_ms, is_alive=False)
        return [
            self._alert(group, ring, AlertReason.MERGED, measured, group.last_ms, ingest_ms, survivor.ring.id)
        ]

    def _measure(self, group: Group, now_ms: int, *, is_alive: bool = True) -> Measured:
        """The group's numbers at `now_ms`; one that was absorbed is compared with no other."""
        settings, feed = self._settings, self._feed
        rows = group.accounts
        n_recurring, n_links = self._recurrence(group) if is_alive else (0, 0)
        parts = evidence.count_parts(
            rows,
            now_ms=now_ms,
            since_ms=0 if group.ring is None else group.ring.resolved_ms,
            recent_s=settings.recent_s,
            base_new=feed.n_new / feed.n_age_known,
            n_recurring=n_recurring,
            n_links=n_links,
        )
        surprise = self._novelty(group, now_ms)
        coordination = evidence.score(parts)
        return Measured(
            parts=parts,
            coordination=coordination,
            novelty=surprise,
            judgement=Judgement(
                severity=severity_of(
                    settings,
                    n_recent=parts.n_recent,
                    n_5min=parts.n_5min,
                    novelty=surprise.value,
                    coordination=coordination,
                    is_common=self._is_common(parts.n_recent),
                    false_per_day=self._false_per_day(parts.n_recent, surprise.value, now_ms),
                ),
                n_posts=group.n_posts,
                n_quiet=self._n_quiet(group),
                n_deleted=group.n_deleted,
            ),
        )

    def _novelty(self, group: Group, now_ms: int) -> Novelty:
        return novelty(
            group.slots(),
            first_ms=group.first_ms,
            now_ms=now_ms,
            feed_start_ms=self._feed.start_ms,
            slot_s=self._settings.slot_s,
            history_h=self._settings.history_h,
        )

    def _false_per_day(self, n_recent: int, value: float, now_ms: int) -> float:
        """How often a day nature gives a content as large as this and as far from its own past."""
        history_s = min(self._settings.history_h * 3600, (now_ms - self._feed.start_ms) / 1000)
        own = false_per_day(value, history_s=history_s, n_contents=max(self._feed.n_contents, 1))
        return max(own, self._feed.arrivals.per_day(n_recent))

    def _is_common(self, n_recent: int) -> bool:
        """Whether nature gives more contents as large than the list may hold."""
        return self._feed.arrivals.per_post(n_recent) * 100_000 > self._settings.info_per_100k

    def _recurrence(self, group: Group) -> tuple[int, int]:
        """Accounts that also sit in groups linked to this one, and how many such groups."""
        shared, where = self._groups.shared_with(group)
        n_feed = max(len(self._feed.accounts) * SAMPLE_ONE_IN, MIN_FEED_ACCOUNTS)
        n_mine = self._groups.n_accounts(group.number)
        linked = {
            number
            for number, n_shared in shared.items()
            if n_shared > 1  # most share one account, and one links nothing
            and evidence.are_linked(n_shared, n_mine, self._groups.n_accounts(number), n_feed, len(shared))
        }
        if group.ring is not None:
            mates = [n for n in linked if campaigns.are_one(shared[n], n_mine, self._groups.n_accounts(n))]
            campaigns.join(group.ring, group, self._groups.those(mates))
        return sum(1 for groups in where if not linked.isdisjoint(groups)), len(linked)

    def _alert(
        self,
        group: Group,
        ring: Ring,
        reason: AlertReason,
        measured: Measured,
        now_ms: int,
        ingest_ms: int,
        merged_into: str | None = None,
    ) -> Alert:
        ring.seq += 1
        muting = self._muting(group, now_ms)
        ring.muted = "" if muting is None else muting.id
        _, where = self._groups.shared_with(group) if ring.campaign else (None, [])
        return build_alert(
            ring,
            reason,
            measured,
            group.whole(),
            now_ms=now_ms,
            ingest_ms=ingest_ms,
            merged_into=merged_into,
            muting=muting,
            campaign=campaigns.campaign_of(ring, group, self._groups, where),
            slot_s=self._settings.slot_s,
            detector=self._detector,
        )


def settings_digest(settings: DetectorSettings) -> str:
    """12 hex digits over what decides a result.

    The hash key is left out: it renames accounts and changes no count, and a digest in every
    alert must not help to guess it.
    """
    public = msgspec.structs.replace(settings, account_hash_key=b"")
    return sha256(msgspec.json.encode(public)).hexdigest()[:12]
