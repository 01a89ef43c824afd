"""BURST: activity in, alerts out; one object, because merging and testing need one view.

A pure function of the ``activity`` log. Judged is a group when a snapshot of it comes, and
every ringing one whenever time enters another slot. People's rulings come in the same log.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import islice

import msgspec

from detectors import campaigns
from detectors.activity import Activity, Clock, Snapshot
from detectors.alert import Alert, AlertReason, Severity
from detectors.alert_builder import build_alert
from detectors.feed_state import FeedState
from detectors.group import Group
from detectors.groups import Groups, GroupsState
from detectors.lifecycle import Ring, decide
from detectors.measure import Measured, Measurer
from detectors.ruling import Ruled, Ruling, Undo
from detectors.rulings import Rulings
from detectors.settings import DetectorSettings


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
        self._measurer = Measurer(settings, self._feed, self._groups)
        self.rulings = Rulings()
        """Not of the checkpoint: topic ``rulings`` has them, whatever the settings."""
        self.ruled: list[Ruled] = []
        """Rulings that began or ended by the last message."""
        self.grown: Counter[Severity] = Counter()
        """Posts by which bursts grew while they rang, until whoever reads it clears it."""

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
        """Contents that one account repeats, as of the last clock; they ring only by `ring_spam`."""
        return self._feed.n_spam

    def firing(self) -> Counter[Severity]:
        """Bursts that ring now, by severity."""
        return Counter([ring.severity for _, ring in self._groups.ringing()])

    def ringing_ids(self) -> set[str]:
        """Ids of these bursts."""
        return {ring.id for _, ring in self._groups.ringing()}

    def muted(self) -> Counter[Severity]:
        """Of these, bursts that a ruling keeps from waking people, by severity."""
        return Counter([ring.severity for _, ring in self._groups.ringing() if ring.muted])

    def dump(self) -> BursterState:
        """The checkpoint as of the last message fed."""
        return BursterState(settings_digest=self._detector[1], feed=self._feed, groups=self._groups.dump())

    def feed(self, message: Activity) -> list[Alert]:
        """Take the next message of the log."""
        return [alert for _, alerts in self.feed_all([message]) for alert in alerts]

    def feed_all(self, messages: Sequence[Activity]) -> Iterator[tuple[int, list[Alert]]]:
        """Take the next messages of the log, faster; all that it yields must be asked for.

        Yields:
            Of each message that has alerts or is no snapshot: its place in `messages`, and its alerts.
        """
        first = 0
        while first < len(messages):
            told = _snapshots(messages, first)
            self.ruled = []
            outcomes = zip(told, self._groups.add(told, self._feed.low_ms), strict=True)
            for place, (snapshot, outcome) in enumerate(outcomes, first):
                if alerts := self._take(snapshot, *outcome):
                    yield place, alerts
            first += len(told)
            for other in messages[first : first + 1]:
                self.ruled = []
                yield first, self._heed(other)
            first += 1

    def _take(self, message: Snapshot, group: Group | None, absorbed: list[Group], n_new: int) -> list[Alert]:
        """More is known of a cluster."""
        self._feed.see(message)
        if group is None:
            return []
        ring, ingest_ms = group.ring, message.ingest_ms
        if ring is not None and ring.firing:
            self.grown[ring.severity] += n_new
        alerts = []
        for other in absorbed:
            alerts += self._end_merged(other, group, ingest_ms)
        # Catching up, sources are apart: a window is whole only when the watermark has passed it.
        is_ahead = group.last_ms > self._feed.low_ms + self._settings.lateness_s * 1000
        if is_ahead or group.n_accounts >= self._settings.warning_accounts:
            self._groups.watch.wait(group)
        return alerts + self._judge(group, group.last_ms, ingest_ms, is_ahead=is_ahead)

    def _heed(self, message: Activity) -> list[Alert]:
        """Anything but a snapshot."""
        if isinstance(message, Clock):
            return self._tick(message)
        return [] if isinstance(message, Snapshot) else self._rule(message)

    def _tick(self, clock: Clock) -> list[Alert]:
        """Time has passed in one partition; what rings may have fallen quiet."""
        feed = self._feed
        closed_ms = feed.tick(clock, self._settings.history_h)
        if closed_ms is None:
            return []
        low_ms, groups, watch = feed.low_ms, self._groups, self._groups.watch
        feed.learn_sizes(groups, self._settings)
        # All are counted before any is judged: each is one of so many, whatever its number.
        feed.n_contents = len(watch.large)
        feed.n_spam = sum([self._measurer.is_spam(group, low_ms) for group in groups.those(watch.repeated)])
        alerts = []
        for group in groups.those(watch.waiting | {group.number for group, _ in groups.ringing()}):
            is_firing = group.ring is not None and group.ring.firing
            has_news = group.waits and group.has_posts_in(closed_ms, low_ms, self._settings.slot_ms)
            if group.waits and group.last_ms < low_ms:
                watch.waited(group)
            if has_news or (is_firing and self._measurer.is_quiet(group)):
                group.judged_posts = 0
                # Within the slot that closed: the one that begins at `low_ms` has nothing yet.
                alerts += self._judge(group, low_ms - 1 if has_news else low_ms, feed.ingest_ms)
        groups.forget(low_ms)
        self.ruled = self.rulings.expire(low_ms)
        if self.ruled or self.rulings.silence:
            alerts += self._retell(feed.ingest_ms)
        return alerts

    def _rule(self, message: Ruling | Undo) -> list[Alert]:
        """A person has decided something: what rings hears of it at once."""
        if isinstance(message, Undo):
            self.ruled = self.rulings.undo(message)
        else:
            about = next((g for g, ring in self._groups.rung() if ring.id == message.burst), None)
            exemplars = [] if about is None else about.exemplars()
            peak = 0 if about is None else max(n for _, n in about.slots)
            self.ruled = self.rulings.take(message, exemplars, peak, self._feed.low_ms)
        return self._retell(message.at_ms)

    def _retell(self, ingest_ms: int) -> list[Alert]:
        """Tell of ringing groups that a ruling covers and did not before, or the other way round."""
        alerts = []
        for group, ring in sorted(self._groups.ringing(), key=lambda pair: pair[0].number):
            now_ms = max(self._feed.low_ms, group.last_ms)
            muting = self._muting(group, now_ms)
            if ring.muted != ("" if muting is None else muting.id):
                reason = AlertReason.UNMUTED if muting is None else AlertReason.MUTED
                alerts.append(
                    self._alert(group, ring, reason, self._measurer.measure(group, now_ms), now_ms, ingest_ms)
                )
        return alerts

    def _muting(self, group: Group, now_ms: int) -> Ruled | None:
        """The ruling that covers the group."""
        if not self.rulings.silence:
            return None
        since = (now_ms - self._settings.recent_s * 1000) // self._settings.slot_ms
        busiest = max((n for slot, n in group.slots if slot > since), default=0)
        return self.rulings.covering("" if group.ring is None else group.ring.id, group.exemplars(), busiest)

    def _judge(self, group: Group, now_ms: int, ingest_ms: int, *, is_ahead: bool = False) -> list[Alert]:
        """Whether the group has something to tell at event time `now_ms`."""
        measured = self._measurer.news(group, now_ms, is_ahead=is_ahead)
        if measured is None:
            return []
        ring = group.ring or Ring(id=group.name)
        reason = decide(ring, measured.judgement, self._measurer.closes_below(group))
        if reason is None:  # a deleted sample may have given way to later ones
            ring.n_deleted = min(ring.n_deleted, measured.judgement.n_deleted)
            return []
        if reason is AlertReason.FIRST:
            ring.firing, ring.severity = True, Severity.INFO
        elif reason is AlertReason.RESOLVED:
            ring.firing, ring.resolved_ms = False, now_ms
        severity, before = measured.judgement.severity, ring.severity
        if ring.firing and severity is not None and severity.rank > before.rank:
            ring.severity = severity
        self._groups.note(group, ring)
        ring.n_posts, ring.n_deleted = measured.judgement.n_posts, measured.judgement.n_deleted
        alerts = [self._alert(group, ring, reason, measured, now_ms, ingest_ms)]
        if (
            ring.severity is not before and ring.severity is Severity.CRITICAL
        ):  # others may be of one incident with it
            for mate in self._groups.those(measured.linked):
                alerts += self._judge(mate, max(now_ms, mate.last_ms), ingest_ms, is_ahead=is_ahead)
        return alerts

    def _end_merged(self, group: Group, survivor: Group, ingest_ms: int) -> list[Alert]:
        """A ringing group proved part of another: end its alert, or let the survivor carry it on."""
        ring = group.ring
        if ring is None:
            return []
        if survivor.ring is None:
            self._groups.note(survivor, ring)
            return []
        if not ring.firing:
            return []
        ring.firing = False
        measured = self._measurer.measure(group, group.last_ms, is_alive=False)
        return [
            self._alert(group, ring, AlertReason.MERGED, measured, group.last_ms, ingest_ms, survivor.ring.id)
        ]

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
        return build_alert(
            ring,
            reason,
            measured,
            group.whole(),
            now_ms=now_ms,
            ingest_ms=ingest_ms,
            merged_into=merged_into,
            muting=muting,
            campaign=campaigns.campaign_of(
                ring, group, self._groups.of_campaign(ring.campaign), self._groups.shared
            )
            if ring.campaign
            else None,
            slot_s=self._settings.slot_s,
            detector=self._detector,
        )


def _snapshots(messages: Sequence[Activity], first: int) -> list[Snapshot]:
    """Those that stand from `first` on, up to something else."""
    found: list[Snapshot] = []
    for message in islice(messages, first, None):
        if not isinstance(message, Snapshot):
            break
        found.append(message)
    return found


def settings_digest(settings: DetectorSettings) -> str:
    """12 hex digits over what decides a result.

    The hash key is left out: it renames accounts and changes no count, and a digest in every
    alert must not help to guess it.
    """
    public = msgspec.structs.replace(settings, account_hash_key=b"")
    return sha256(msgspec.json.encode(public)).hexdigest()[:12]
