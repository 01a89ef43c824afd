"""Measuring a group: its accounts, its surprise, its coordination, and what severity follows.

A full measurement counts all accounts and whom they are shared with; most snapshots change
nothing that is told, so `Measurer.news` asks first, cheaply, and never leaves out what would have
been a reason.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from detectors import campaigns, evidence
from detectors.alert import Severity
from detectors.burst import MAX_NOVELTY, Novelty, false_per_day, novelty
from detectors.evidence import Parts
from detectors.feed_state import FeedState
from detectors.group import Group
from detectors.groups import Groups
from detectors.lifecycle import Judgement, Ring, severity_of
from detectors.settings import DetectorSettings
from detectors.shared import MIN_SHARED
from detectors.watch import SPAM_POSTS

SPAM_CLOSES = 1
"""Accounts below which such a content is quiet: there is only one."""


class Measured(NamedTuple):
    """A group's numbers at one moment."""

    parts: Parts
    coordination: float
    novelty: Novelty
    judgement: Judgement
    linked: frozenset[int]
    """Numbers of groups that share more accounts with it than chance gives."""


class Links(NamedTuple):
    """Other groups with some of the same accounts."""

    n_recurring: int = 0
    """Accounts that also sit in groups linked to this one."""
    numbers: frozenset[int] = frozenset()
    """Such groups."""
    to_critical: bool = False
    """Whether a quarter of its accounts sit in such groups, and one of these is critical now: one incident,
    however far its own accounts have shown themselves yet."""


class Measurer:
    """Measures groups against the feed they are in.

    Args:
        settings: What decides.
        feed: What is known of the feed.
        groups: All groups remembered.
    """

    def __init__(self, settings: DetectorSettings, feed: FeedState, groups: Groups) -> None:
        self._settings = settings
        self._feed = feed
        self._groups = groups
        self._least_grave = min(
            settings.warning_accounts, settings.warning_novelty_accounts, settings.critical_accounts
        )

    def news(self, group: Group, now_ms: int, *, is_ahead: bool = False) -> Measured | None:
        """As `measure`; None where `decide` would find no reason, told cheaply."""
        surprise = None
        if group.ring is not None and group.ring.firing:
            if not self._may_change(group, group.ring, now_ms):
                return None
        elif self._is_large(group):
            surprise = self._may_open(group, now_ms)
            if surprise is None:
                return None
        elif not self._settings.ring_spam or not self.is_spam(group, now_ms):
            return None
        return self.measure(group, now_ms, is_ahead=is_ahead, surprise=surprise)

    def measure(
        self,
        group: Group,
        now_ms: int,
        *,
        is_alive: bool = True,
        is_ahead: bool = False,
        surprise: Novelty | None = None,
    ) -> Measured:
        """The group's numbers at event time `now_ms`.

        Args:
            group: Any.
            now_ms: The moment.
            is_alive: Whether it is one of `Groups`; one that was absorbed is compared with no other.
            is_ahead: Whether some partition has not come so far. Then only its accounts can make it grave:
                windows have gaps, and how large is unusual has not been learnt yet.
            surprise: Its novelty at that moment, if known.
        """
        linked = Links()
        if is_alive:
            several = self._groups.shared.several(group.number)
            if group.ring is not None:
                self._join(group, group.ring, several)
            linked = self._links(group, several)
        parts = self._parts(group, now_ms, linked)
        surprise = surprise or self._novelty(group, now_ms)
        is_coordinated = self._is_coordinated(parts, linked)
        false_per_day = self._false_per_day(parts.n_recent, surprise.value, now_ms)
        severity = self._severity(parts, surprise.value, false_per_day, is_coordinated=is_coordinated)
        if is_ahead and not is_coordinated:
            severity = None
        if self._settings.ring_spam and self.is_spam(group, now_ms):
            severity = Severity.INFO
        return Measured(
            parts=parts,
            coordination=evidence.score(parts),
            novelty=surprise,
            judgement=Judgement(
                severity=severity,
                n_posts=group.n_posts,
                n_quiet=self._n_quiet(group),
                n_deleted=group.n_deleted,
            ),
            linked=linked.numbers,
        )

    def is_quiet(self, group: Group) -> bool:
        """Whether it would end, as far as all partitions have come."""
        return not group.has_active(self.closes_below(group), self._quiet_since())

    def closes_below(self, group: Group) -> int:
        """Fewer accounts than this within ``quiet_s`` is quiet."""
        return self._settings.close_accounts if self._is_large(group) else SPAM_CLOSES

    def is_spam(self, group: Group, now_ms: int) -> bool:
        """Whether one account repeats it, and did so since it last rang."""
        if group.n_accounts != 1 or group.n_posts < SPAM_POSTS:
            return False
        resolved_ms = 0 if group.ring is None else group.ring.resolved_ms
        since = max(now_ms - self._settings.recent_s * 1000, resolved_ms) // self._settings.slot_ms
        return sum(n for slot, n in group.slots if slot > since) >= SPAM_POSTS

    def _is_large(self, group: Group) -> bool:
        return group.n_accounts >= self._settings.min_accounts

    def _n_quiet(self, group: Group) -> int:
        """Accounts active within ``quiet_s`` of the watermark: what is ahead of it may have gaps yet."""
        return group.n_active_since(self._quiet_since())

    def _quiet_since(self) -> int:
        return self._feed.low_ms // 1000 - self._settings.quiet_s

    def _may_open(self, group: Group, now_ms: int) -> Novelty | None:
        """Its novelty, if that is enough."""
        # A template of a thousand posts is not surprised by one more: look again when 2 % came.
        if group.n_posts < group.judged_posts + group.judged_posts // 50:
            return None
        settings = self._settings
        n_recent = group.n_active_since(now_ms // 1000 - settings.recent_s)
        if n_recent < settings.min_accounts or self._is_common(n_recent):
            return None
        group.judged_posts = group.n_posts
        surprise = self._novelty(group, now_ms)
        return surprise if surprise.value >= settings.info_novelty else None

    def _may_change(self, group: Group, ring: Ring, now_ms: int) -> bool:
        settings = self._settings
        if group.n_posts >= 2 * ring.n_posts or group.n_deleted != ring.n_deleted or self.is_quiet(group):
            return True
        if ring.severity is Severity.CRITICAL:
            return False
        if ring.severity is Severity.WARNING:
            least, within_s = settings.critical_accounts, evidence.SYNCHRONY_S
        else:
            least, within_s = self._least_grave, settings.recent_s
        return group.has_active(least, now_ms // 1000 - within_s) and self._may_rise(group, ring, now_ms)

    def _may_rise(self, group: Group, ring: Ring, now_ms: int) -> bool:
        """False only where its accounts rule it out, whatever its novelty; joins campaigns like `measure`."""
        several, n_recurring = self._groups.shared.several(group.number), 0
        if several:
            self._join(group, ring, several)
            # All that links could find: most accounts are shared with groups that chance explains.
            n_recurring = min(sum(several.values()), self._groups.shared.n_shared(group.number))
        parts = self._parts(group, now_ms, Links(n_recurring))
        may_coordinate = self._may_coordinate(group, parts, several)
        if not self._rises(ring, parts, is_coordinated=may_coordinate):
            return False
        if not may_coordinate or self._rises(ring, parts, is_coordinated=False):
            return True
        linked = self._linked(group, several)
        n_recurring = min(sum([several[number] for number in linked]), n_recurring)
        if not self._may_coordinate(group, parts._replace(n_recurring=n_recurring), linked):
            return False  # nor with the exact count, which is dearer
        links = self._counted(group, linked)
        return self._is_coordinated(parts._replace(n_recurring=links.n_recurring), links)

    def _may_coordinate(self, group: Group, parts: Parts, others: Collection[int]) -> bool:
        """Whether it looks coordinated, were it linked to `others` by as many accounts as `parts` has it."""
        if evidence.reaches(parts, self._settings.coordination_threshold):
            return True
        return self._is_part(group, parts.n_recurring) and self._groups.has_critical(others)

    def _rises(self, ring: Ring, parts: Parts, *, is_coordinated: bool) -> bool:
        """Whether it would be graver than was told, were it as novel as can be."""
        if not is_coordinated and (
            ring.severity is not Severity.INFO or parts.n_recent < self._settings.warning_novelty_accounts
        ):
            return False  # by surprise alone it is a warning, and of so many
        least_false = self._feed.arrivals.per_day(parts.n_recent)
        severity = self._severity(parts, MAX_NOVELTY, least_false, is_coordinated=is_coordinated)
        return severity is not None and severity.rank > ring.severity.rank

    def _is_coordinated(self, parts: Parts, linked: Links) -> bool:
        return linked.to_critical or evidence.reaches(parts, self._settings.coordination_threshold)

    def _parts(self, group: Group, now_ms: int, linked: Links) -> Parts:
        return evidence.count_parts(
            group.accounts,
            now_ms=now_ms,
            since_ms=0 if group.ring is None else group.ring.resolved_ms,
            recent_s=self._settings.recent_s,
            base_new=self._feed.base_new,
            n_recurring=linked.n_recurring,
            n_links=len(linked.numbers),
        )

    def _severity(
        self, parts: Parts, surprise: float, false_per_day: float, *, is_coordinated: bool
    ) -> Severity | None:
        return severity_of(
            self._settings,
            n_recent=parts.n_recent,
            n_5min=parts.n_5min,
            novelty=surprise,
            is_coordinated=is_coordinated,
            is_common=self._is_common(parts.n_recent),
            false_per_day=false_per_day,
        )

    def _novelty(self, group: Group, now_ms: int) -> Novelty:
        return novelty(
            group.slots,
            first_ms=group.began_ms(self._settings.slot_ms),
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

    def _links(self, group: Group, several: Mapping[int, int]) -> Links:
        """What its accounts say of the groups that share `several` of them."""
        return self._counted(group, self._linked(group, several))

    def _counted(self, group: Group, linked: frozenset[int]) -> Links:
        """How many of its accounts sit in groups that it is linked to."""
        if not linked:
            return Links()
        n_recurring = self._groups.shared.n_shared_with(group.number, linked)
        is_part = self._is_part(group, n_recurring)
        return Links(n_recurring, linked, is_part and self._groups.has_critical(linked))

    def _linked(self, group: Group, others: Mapping[int, int]) -> frozenset[int]:
        """Those of these groups that share more accounts with it than chance gives.

        Args:
            group: It.
            others: How many they share, by number.
        """
        if not others:
            return frozenset()
        shared = self._groups.shared
        n_mine, n_tests = shared.n_accounts(group.number), len(shared.ties(group.number))
        return evidence.linked_to(others, shared.n_accounts, n_mine, self._feed.n_accounts, n_tests)

    def _is_part(self, group: Group, n_recurring: int) -> bool:
        """Whether it may be one incident with the groups that have so many of its accounts."""
        n_mine = self._groups.shared.n_accounts(group.number)
        return n_recurring >= MIN_SHARED and n_recurring >= campaigns.MIN_SHARE * n_mine

    def _join(self, group: Group, ring: Ring, several: Mapping[int, int]) -> None:
        """Have it be of the campaign of the groups that it is one with."""
        shared = self._groups.shared
        many = self._groups.joinable(ring, shared.ties(group.number).many) if several else None
        if not many:
            return
        n_mine = shared.n_accounts(group.number)
        close = {
            number: several[number]
            for number in many
            if campaigns.are_one(several[number], n_mine, shared.n_accounts(number))
        }
        if close:
            mates = self._groups.those(self._linked(group, close))
            campaigns.join(ring, group, mates)
            for one in (group, *mates):
                if one.ring is not None and one.ring.campaign:
                    self._groups.note(one, one.ring)
