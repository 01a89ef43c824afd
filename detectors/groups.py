"""Groups: the fragments of one content; which of them ring, and what accounts they share.

A fragment joins all groups, and makes them one, of which an exemplar is alike one of its own, by
the same index and threshold as posts join clusters. A group that may still matter is remembered: a
small one for as long as accounts count as recent, a larger one for the whole history.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from detectors import accounts as acc
from detectors.activity import Snapshot
from detectors.alert import Severity
from detectors.group import Group
from detectors.lifecycle import Ring
from detectors.merge import merge
from detectors.settings import DetectorSettings
from detectors.shared import SharedAccounts
from detectors.watch import Watch
from detectors.wordings import NOTHING, Asked, Likeness, Wordings, WordingsState

MAX_WORDINGS = 48
"""Clusters of the index that a group may own. Each may be like the next one and no other: without a bound,
200,000 posts made of templates are chained into one group of 15,000, and its cost is theirs together.
Disguised campaigns and natural posts ring as without it (warnings of a cold feed, per 100k: 12.3; with 16
they are 14.6); the troll farm's hoax comes apart a little (45 bursts; without it 36)."""

MAX_FRAGMENTS = 8
"""A group with more folds its oldest ended ones into one."""


class GroupsState(msgspec.Struct, kw_only=True):
    """All of `Groups` but what follows from it."""

    wordings: WordingsState
    groups: list[Group]
    n_groups: int


class Groups:
    """All groups BURST remembers."""

    def __init__(self, settings: DetectorSettings, state: GroupsState | None = None) -> None:
        self._settings = settings
        self._groups: dict[int, Group] = {}
        self._group_of: dict[str, int] = {}
        self._rung: dict[int, tuple[Group, Ring]] = {}
        self._ringing: dict[int, tuple[Group, Ring]] = {}
        self._critical: set[int] = set()
        self._unjoined: set[int] = set()
        """Those that rang and are of no campaign."""
        self._campaigns: dict[str, dict[int, tuple[Group, Ring]]] = {}
        self.shared = SharedAccounts()
        """Accounts of the groups large enough to ring."""
        self.watch = Watch(settings.warning_accounts)
        """Those that a clock concerns."""
        self._n_groups = 0
        self._wordings = Wordings(
            settings.max_tracked_posts, self._groups, None if state is None else state.wordings
        )
        if state is not None:
            self._load(state)

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[Group]:
        return iter(list(self._groups.values()))

    def rung(self) -> Iterable[tuple[Group, Ring]]:
        """Those that ring, or have rung, and what was told of them; in no order."""
        return self._rung.values()

    def ringing(self) -> Iterable[tuple[Group, Ring]]:
        """Those that ring; in no order."""
        return self._ringing.values()

    def of_campaign(self, campaign: str) -> Iterable[tuple[Group, Ring]]:
        """Those of a campaign, and what was told of them; in no order."""
        return self._campaigns.get(campaign, {}).values()

    def joinable(self, ring: Ring, numbers: AbstractSet[int]) -> AbstractSet[int]:
        """Of these groups those that rang and are not, as the burst told by `ring` is, of a campaign."""
        return numbers & (self._unjoined if ring.campaign else self._rung.keys())

    def has_critical(self, numbers: Iterable[int]) -> bool:
        """Whether one of these groups is critical now."""
        return not self._critical.isdisjoint(numbers)

    def note(self, group: Group, ring: Ring) -> None:
        """What was told of a group."""
        group.ring = ring
        self._rung[group.number] = group, ring
        if ring.campaign:
            self._campaigns.setdefault(ring.campaign, {})[group.number] = group, ring
            self._unjoined.discard(group.number)
        else:
            self._unjoined.add(group.number)
        if ring.firing:
            self._ringing[group.number] = group, ring
        else:
            self._ringing.pop(group.number, None)
        if ring.firing and ring.severity is Severity.CRITICAL:
            self._critical.add(group.number)
        else:
            self._critical.discard(group.number)

    def dump(self) -> GroupsState:
        """The state, from which a new object goes on the same."""
        return GroupsState(
            wordings=self._wordings.dump(), groups=list(self._groups.values()), n_groups=self._n_groups
        )

    def add(
        self, snapshots: Sequence[Snapshot], low_ms: int
    ) -> Iterator[tuple[Group | None, list[Group], int]]:
        """Take snapshots, each when its outcome is asked for; all must be.

        Args:
            snapshots: The next of the log.
            low_ms: Event time that all partitions have reached.

        Yields:
            Of each its group, or None if the snapshot tells nothing new; the groups that proved to be
            part of it, taken out; and the posts that it tells of and no snapshot before.
        """
        rest = snapshots
        while rest:
            asked = self._next(rest, low_ms)
            found = iter(self._wordings.look_up([one for one in asked if one is not None]))
            for one in asked:
                yield (None, [], 0) if one is None else self._take(one[0], next(found), low_ms)
            rest = rest[len(asked) :]

    def _next(self, snapshots: Sequence[Snapshot], low_ms: int) -> list[Asked | None]:
        """The first of these, as many as can be looked up in one go; None where one tells nothing new.

        How many of its texts a snapshot finds entered does not depend on where the snapshots before it
        go, but for fragments that may be folded by them: such are looked up alone.
        """
        ended_ms = low_ms - 2 * self._settings.epoch_ms
        asked: list[Asked | None] = []
        newest: dict[str, Snapshot] = {}
        group_of, groups = self._group_of, self._groups
        for snapshot in snapshots:
            cluster = snapshot.cluster
            known = groups.get(group_of.get(cluster, 0))
            old = newest.get(cluster)
            if old is None and known is not None:
                old = known.fragments.get(cluster)
            may_fold = snapshot.watermark_ms < ended_ms or (old is not None and old.watermark_ms < ended_ms)
            if may_fold and asked:
                break
            if old is not None:
                is_over = old.version >= snapshot.version
            else:
                end_ms = snapshot.last_ms + self._keep_ms(acc.n_rows(snapshot.accounts))
                is_over = known is not None or end_ms < low_ms
            # Redelivered, or folded, or so late that its group was dropped, or as good as that.
            if is_over:
                asked.append(None)
            else:
                asked.append((snapshot, 0 if old is None else len(old.exemplars)))
                newest[cluster] = snapshot
            if may_fold:
                break
        return asked

    def _take(self, snapshot: Snapshot, likeness: Likeness, low_ms: int) -> tuple[Group, list[Group], int]:
        """Make it a fragment of its group."""
        known = group = self._groups.get(self._group_of.get(snapshot.cluster, 0))
        old = None if known is None else known.fragments.get(snapshot.cluster)
        absorbed: list[Group] = []
        if group is None or likeness is not NOTHING:
            group, absorbed = self._place(known, likeness)
        group.put(snapshot)
        watch, number = self.watch, group.number
        may_have_lost = bool(absorbed) or snapshot.hyperloglog is not None
        is_folded = len(group.fragments) > MAX_FRAGMENTS and self._fold(group, low_ms)
        if may_have_lost or is_folded:
            group.forget_active()
        watch.see(group)
        if group is not known or is_folded:
            self._group_of[snapshot.cluster] = number
            if is_folded or not watch.expects(number):
                watch.expect(number, group.last_ms + self._keep_ms(group.n_accounts))
        if group.n_accounts < self._settings.min_accounts:  # folded, and fewer than they seemed
            self.shared.drop(number)
        elif may_have_lost or is_folded or number not in self.shared:
            self._register(group)
        else:  # accounts only came, and stand behind those known
            n_known = 0 if old is None else acc.n_rows(old.accounts)
            self.shared.enter(number, acc.names_from(snapshot.accounts, n_known))
        if likeness.base:
            left = self._wordings.forget(likeness.base)
            for other in self._groups.values():
                other.n_wordings = left[other.number]
        return group, absorbed, snapshot.n_posts - (0 if old is None else old.n_posts)

    def _place(self, known: Group | None, likeness: Likeness) -> tuple[Group, list[Group]]:
        """The group of a fragment by its texts, which it owns from now on; and the groups it takes in."""
        numbers, unowned = self._wordings.like(likeness)
        group, absorbed = self._unite(known, numbers) if numbers else (known or self._open(), [])
        if unowned:
            mine = unowned[: MAX_WORDINGS - group.n_wordings]
            self._wordings.own(mine, group.number)
            group.n_wordings += len(mine)
        return group, absorbed

    def _unite(self, known: Group | None, matched: set[int]) -> tuple[Group, list[Group]]:
        """The group of a fragment, and those of these numbers that proved one with it."""
        others = self.those(matched)
        if len(others) == 1 and (known is None or known is others[0]):
            return others[0], []
        others.sort(key=_age)
        group = known or others[0]
        absorbed = []
        for other in others:
            if other is group or other.number not in self._groups:
                continue
            if group.n_wordings + other.n_wordings > MAX_WORDINGS:
                continue
            group, less = sorted((group, other), key=_age)
            self._absorb(group, less)
            absorbed.append(less)
        return group, absorbed

    def _register(self, group: Group) -> None:
        """Note the accounts of a group, so that others that share them can tell."""
        now: set[int] = set()
        for fragment in group.fragments.values():
            now.update(acc.read(fragment.accounts)["account"].tolist())
        if group.number in self.shared:
            self.shared.keep(group.number, now)
        self.shared.enter(group.number, now)

    def those(self, numbers: Iterable[int]) -> list[Group]:
        """The groups of these numbers, in order."""
        return [self._groups[number] for number in sorted(numbers)]

    def forget(self, now_ms: int) -> None:
        """Drop groups that can matter no more."""
        for group in map(self._groups.__getitem__, self.watch.due(now_ms)):
            end_ms = group.last_ms + self._keep_ms(group.n_accounts)
            if end_ms >= now_ms or group.number in self._ringing:
                self.watch.expect(group.number, end_ms)
            else:
                self._drop(group)
        self._wordings.forget_ways(len(self._groups))

    def _keep_ms(self, n_accounts: int) -> int:
        """How long a group of so many accounts is kept after its last post, event time."""
        settings = self._settings
        keep_s = settings.recent_s if n_accounts < settings.min_accounts else settings.history_h * 3600
        return keep_s * 1000

    def _open(self) -> Group:
        self._n_groups += 1
        group = Group(number=self._n_groups, fragments={})
        self._groups[group.number] = group
        return group

    def _absorb(self, group: Group, other: Group) -> None:
        for fragment in other.fragments.values():
            group.put(fragment)
        group.folded.extend(other.folded)
        group.n_wordings += other.n_wordings
        for cluster in (*other.fragments, *other.folded):
            self._group_of[cluster] = group.number
        self._wordings.absorb(other.number, group.number)
        self._remove(other)

    def _fold(self, group: Group, now_ms: int) -> bool:
        """Merge fragments of epochs long ended: nothing new can come of them."""
        ended_ms = now_ms - 2 * self._settings.epoch_ms
        if group.oldest_ms >= ended_ms:
            return False
        ended = [f for f in group.fragments.values() if f.watermark_ms < ended_ms]
        if len(ended) < 2:
            return False
        whole = merge(ended)
        group.put_all([*(f for f in group.fragments.values() if f.watermark_ms >= ended_ms), whole])
        group.folded.extend(f.cluster for f in ended if f.cluster != whole.cluster)
        return True

    def _drop(self, group: Group) -> None:
        for cluster in (*group.fragments, *group.folded):
            self._group_of.pop(cluster, None)
        self._remove(group)

    def _remove(self, group: Group) -> None:
        self.shared.drop(group.number)
        _, ring = self._rung.pop(group.number, (None, None))
        if ring is not None and ring.campaign:
            self._campaigns[ring.campaign].pop(group.number)
            if not self._campaigns[ring.campaign]:
                del self._campaigns[ring.campaign]
        self._ringing.pop(group.number, None)
        self._critical.discard(group.number)
        self._unjoined.discard(group.number)
        self.watch.drop(group.number)
        del self._groups[group.number]

    def _load(self, state: GroupsState) -> None:
        self._n_groups = state.n_groups
        for group in state.groups:
            self._groups[group.number] = group
            if group.ring is not None:
                self.note(group, group.ring)
            for cluster in (*group.fragments, *group.folded):
                self._group_of[cluster] = group.number
            if group.n_accounts >= self._settings.min_accounts:
                self._register(group)
            self.watch.see(group)
            if group.waits:
                self.watch.wait(group)
            self.watch.expect(group.number, group.last_ms + self._keep_ms(group.n_accounts))


def _age(group: Group) -> tuple[int, int, str]:
    """Order of survival: a ringing burst before a silent group, then the earlier first post, then the id."""
    return (0 if group.ring is not None and group.ring.firing else 1, group.first_ms, group.name)
