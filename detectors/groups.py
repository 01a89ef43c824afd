"""Groups: the fragments of one content, and which accounts sit in several groups.

A fragment joins all groups, and makes them one, of which an exemplar is alike one of its own, by
the same index and threshold as posts join clusters. A group that may still matter is remembered: a
small one for as long as accounts count as recent, a larger one for the whole history.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain

import msgspec
import numpy as np

from detectors import accounts as acc
from detectors.activity import Snapshot
from detectors.index import ClusterIndex, IndexState, rows_from, rows_of
from detectors.index_kernel import Rows
from detectors.lifecycle import Ring
from detectors.merge import merge, sum_counts
from detectors.settings import DetectorSettings

MAX_FRAGMENTS = 8
"""A group with more folds its oldest ended ones into one."""

BRIDGES = 2
"""Exemplars of a fragment that must be alike a group each, where they are nearer to another. Of campaigns
with three disguises at once the largest burst holds 79 % (by the nearest alone 71 %); natural warnings are
26 per 100k (25). One exemplar does no better there, and chains the troll farm's hoax: 18 bursts, not 36."""


class Group(msgspec.Struct, kw_only=True, dict=True):
    """Fragments by cluster id, and what was told of them.

    Cached is what follows from the fragments: `forget_cached` when they change.
    """

    number: int
    """Order of appearance."""
    fragments: dict[str, Snapshot]
    folded: list[str] = []
    """Clusters inside a merged fragment; what still comes of them is old."""
    ring: Ring | None = None
    last_ms: int = 0
    n_accounts: int = 0
    """Sum over fragments: at least the distinct accounts."""

    n_reached: int = 0
    """Accounts up to which its growth is counted (see `FeedState.learn_sizes`)."""
    waits: bool = False
    """Whether it is to be judged when the watermark has passed its posts: it may be grave, or was ahead."""
    judged_posts: int = 0
    """Posts when its novelty was last computed while it did not ring."""

    @cached_property
    def name(self) -> str:
        """Id of the cluster with the earliest first post: the burst's, when it begins to ring."""
        return min((f.first_post.at_ms, f.cluster) for f in self.fragments.values())[1]

    @cached_property
    def first_ms(self) -> int:
        """Event time of the post that was read first."""
        return min(fragment.first_post.at_ms for fragment in self.fragments.values())

    def began_ms(self, slot_ms: int) -> int:
        """Event time of its earliest post, to the end of its slot if a later post was read first."""
        first_slot = min(fragment.slots[0][0] for fragment in self.fragments.values())
        return min(self.first_ms, (first_slot + 1) * slot_ms - 1)

    @property
    def n_posts(self) -> int:
        """Posts of all fragments: each is in one."""
        return sum(fragment.n_posts for fragment in self.fragments.values())

    @property
    def n_deleted(self) -> int:
        """Shown posts whose text has gone."""
        return sum(fragment.n_deleted for fragment in self.fragments.values())

    def slots(self) -> dict[int, int]:
        """Posts per slot."""
        return sum_counts([dict(fragment.slots) for fragment in self.fragments.values()])

    @cached_property
    def accounts(self) -> acc.AccountArray:
        """Its accounts, each once."""
        return acc.merge([acc.read(fragment.accounts) for fragment in self.fragments.values()])

    def exemplars(self) -> list[str]:
        """Normalised texts that stand for it."""
        return list(dict.fromkeys(text for f in self.fragments.values() for text in f.exemplars))

    def has_posts_in(self, start_ms: int, end_ms: int, slot_ms: int) -> bool:
        """Whether a slot that begins in [start, end) has posts; both are starts of slots."""
        first, last = start_ms // slot_ms, end_ms // slot_ms
        recent = (f.slots for f in self.fragments.values() if f.last_ms >= start_ms)
        return any(first <= slot < last for slots in recent for slot, _ in reversed(slots))

    def n_active_since(self, second: int) -> int:
        """Accounts that posted after an event second."""
        if len(self.fragments) == 1 and self.first_ms // 1000 > second:
            return self.n_accounts
        return int(np.count_nonzero(self.accounts["last_s"] > second))

    def n_accounts_before(self, second: int) -> int:
        """Accounts that posted before an event second, as far as the last two posts of each tell."""
        if len(self.fragments) == 1 and self.last_ms // 1000 < second:
            return self.n_accounts
        last_s, previous_s = self.accounts["last_s"], self.accounts["previous_s"]
        return int(np.count_nonzero((last_s < second) | ((previous_s > 0) & (previous_s < second))))

    def forget_cached(self) -> None:
        """The fragments have changed."""
        self.__dict__.clear()

    def whole(self) -> Snapshot:
        """All fragments merged."""
        return merge(list(self.fragments.values()))


class GroupsState(msgspec.Struct, kw_only=True):
    """All of `Groups` but what follows from it."""

    index: IndexState
    owners: dict[int, int]
    """Group by cluster of the index."""
    forward: dict[int, int]
    """Group that absorbed a group."""
    groups: list[Group]
    n_groups: int


class Groups:
    """All groups BURST remembers."""

    def __init__(self, settings: DetectorSettings, state: GroupsState | None = None) -> None:
        self._settings = settings
        self._groups: dict[int, Group] = {}
        self._group_of: dict[str, int] = {}
        self._by_account: dict[int, set[int]] = {}
        self._accounts_of: dict[int, set[int]] = {}
        self._shared_of: dict[int, set[int]] = {}
        """Of these, the accounts that other groups have too."""
        self._owners: dict[int, int] = {}
        self._forward: dict[int, int] = {}
        self._n_groups = 0
        self._index = ClusterIndex(settings.max_tracked_posts)
        if state is not None:
            self._load(state)

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[Group]:
        return iter(list(self._groups.values()))

    def dump(self) -> GroupsState:
        """The state, from which a new object goes on the same."""
        return GroupsState(
            index=self._index.dump(),
            owners=self._owners,
            forward=self._forward,
            groups=list(self._groups.values()),
            n_groups=self._n_groups,
        )

    def add(self, snapshot: Snapshot, low_ms: int) -> tuple[Group | None, list[Group]]:
        """Take a snapshot.

        Args:
            snapshot: The next of the log.
            low_ms: Event time that all partitions have reached.

        Returns:
            Its group, or None if the snapshot tells nothing new; and the groups that proved
            to be part of it, taken out.
        """
        number = self._group_of.get(snapshot.cluster)
        known = None if number is None else self._groups.get(number)
        old = None if known is None else known.fragments.get(snapshot.cluster)
        if known is not None and (old is None or old.version >= snapshot.version):
            return None, []
        n_accounts = len(snapshot.accounts) // acc.ACCOUNT.itemsize
        if known is None and self._is_past(n_accounts, snapshot.last_ms, low_ms):
            return None, []  # redelivered after its group was dropped, or as good as dropped
        matched, unowned = self._match(snapshot, 0 if old is None else len(old.exemplars))
        candidates = {group.number: group for group in (known, *matched) if group is not None}
        group = _oldest(list(candidates.values())) if candidates else self._open()
        absorbed = [other for other in candidates.values() if other is not group]
        for other in absorbed:
            self._absorb(group, other)
        self._owners.update(dict.fromkeys(unowned, group.number))
        group.fragments[snapshot.cluster] = snapshot
        self._group_of[snapshot.cluster] = group.number
        group.last_ms = max(group.last_ms, snapshot.last_ms)
        has_folded = self._fold(group, low_ms)
        may_have_lost = bool(absorbed) or has_folded or snapshot.hyperloglog is not None
        group.forget_cached()
        group.n_accounts = sum(len(f.accounts) // acc.ACCOUNT.itemsize for f in group.fragments.values())
        if group.n_accounts < self._settings.min_accounts:  # folded, and fewer than they seemed
            self._leave_accounts(group)
        elif may_have_lost or group.number not in self._accounts_of:
            self._register(group)
        else:  # accounts only came, and stand behind those known
            n_known = 0 if old is None else len(old.accounts) // acc.ACCOUNT.itemsize
            self._enter(group, set(acc.read(snapshot.accounts)["account"][n_known:].tolist()))
        return group, absorbed

    def _register(self, group: Group) -> None:
        """Note the accounts of a group, so that others that share them can tell."""
        now: set[int] = set()
        for fragment in group.fragments.values():
            now.update(acc.read(fragment.accounts)["account"].tolist())
        self._leave(group, self._accounts_of.get(group.number, set()) - now)
        self._enter(group, now)

    def _enter(self, group: Group, accounts: set[int]) -> None:
        mine = self._accounts_of.setdefault(group.number, set())
        for account in accounts - mine:
            groups = self._by_account.setdefault(account, set())
            groups.add(group.number)
            if len(groups) > 1:
                for number in groups if len(groups) == 2 else (group.number,):
                    self._shared_of.setdefault(number, set()).add(account)
        mine |= accounts

    def n_shared(self, group: Group) -> int:
        """Accounts of a group that sit in other groups too."""
        return len(self._shared_of.get(group.number, ()))

    def shared_with(self, group: Group) -> tuple[Counter[int], list[set[int]]]:
        """Accounts of a group that sit in other groups too.

        Returns:
            Shared accounts per other group; and for each such account its groups.
        """
        where = [self._by_account[account] for account in self._shared_of.get(group.number, ())]
        shared = Counter(chain.from_iterable(where))
        del shared[group.number]
        return shared, where

    def those(self, numbers: Iterable[int]) -> list[Group]:
        """The groups of these numbers, in order."""
        return [self._groups[number] for number in sorted(numbers)]

    def n_accounts(self, number: int) -> int:
        """Accounts of a group that were compared."""
        return len(self._accounts_of.get(number, ()))

    def forget(self, now_ms: int) -> None:
        """Drop groups that can matter no more."""
        for group in self:
            is_firing = group.ring is not None and group.ring.firing
            if not is_firing and self._is_past(group.n_accounts, group.last_ms, now_ms):
                self._drop(group)
        if len(self._forward) > 2 * len(self._groups) + 1000:  # mostly ways to groups long dropped
            owners = {cluster: self._owner(cluster) for cluster in self._owners}
            self._owners = {cluster: owner.number for cluster, owner in owners.items() if owner is not None}
            self._forward = {}

    def _is_past(self, n_accounts: int, last_ms: int, now_ms: int) -> bool:
        settings = self._settings
        keep_s = settings.recent_s if n_accounts < settings.min_accounts else settings.history_h * 3600
        return last_ms < now_ms - keep_s * 1000

    def _open(self) -> Group:
        self._n_groups += 1
        group = Group(number=self._n_groups, fragments={})
        self._groups[group.number] = group
        return group

    def _match(self, snapshot: Snapshot, n_known: int) -> tuple[list[Group], list[int]]:
        """Enter the exemplars that are new; the groups they match, and index clusters nobody owns."""
        if n_known >= len(snapshot.exemplars):
            return [], []
        rows = rows_of(snapshot.exemplars, exact=snapshot.exact)
        matched = self._bridged(rows)
        outcome = self._index.assign(rows_from(rows, n_known) if n_known else rows)
        for evicted in self._index.evictions:
            self._owners = {c: owner for c, owner in self._owners.items() if c >= evicted.base}
        unowned = []
        for cluster in outcome.clusters.tolist():
            owner = self._owner(cluster)
            if owner is None:
                unowned.append(cluster)
            else:
                matched.append(owner)
        return matched, unowned

    def _bridged(self, exemplars: Rows) -> list[Group]:
        """Groups that several exemplars are alike, though nearer to their own."""
        if len(exemplars.identities) < BRIDGES:
            return []
        alike = self._index.alike(exemplars).tolist()
        votes: Counter[int] = Counter()
        for clusters in alike:
            owners = (self._owner(cluster) for cluster in clusters if cluster >= 0)
            votes.update({owner.number for owner in owners if owner is not None})
        return self.those(number for number, n in votes.items() if n >= BRIDGES)

    def _owner(self, cluster: int) -> Group | None:
        """The living group that owns a cluster of the index."""
        number = self._owners.get(cluster)
        while number is not None and number in self._forward:
            number = self._forward[number]
        return None if number is None else self._groups.get(number)

    def _absorb(self, group: Group, other: Group) -> None:
        group.fragments.update(other.fragments)
        group.folded.extend(other.folded)
        group.last_ms = max(group.last_ms, other.last_ms)
        for cluster in (*other.fragments, *other.folded):
            self._group_of[cluster] = group.number
        self._forward[other.number] = group.number
        self._leave_accounts(other)
        del self._groups[other.number]

    def _fold(self, group: Group, now_ms: int) -> bool:
        """Merge fragments of epochs long ended: nothing new can come of them."""
        if len(group.fragments) <= MAX_FRAGMENTS:
            return False
        ended_ms = now_ms - 2 * self._settings.epoch_ms
        ended = [f for f in group.fragments.values() if f.watermark_ms < ended_ms]
        if len(ended) < 2:
            return False
        whole = merge(ended)
        for fragment in ended:
            del group.fragments[fragment.cluster]
        group.fragments[whole.cluster] = whole
        group.folded.extend(f.cluster for f in ended if f.cluster != whole.cluster)
        return True

    def _drop(self, group: Group) -> None:
        for cluster in (*group.fragments, *group.folded):
            self._group_of.pop(cluster, None)
        self._leave_accounts(group)
        del self._groups[group.number]

    def _leave_accounts(self, group: Group) -> None:
        self._leave(group, self._accounts_of.pop(group.number, set()))
        self._shared_of.pop(group.number, None)

    def _leave(self, group: Group, accounts: set[int]) -> None:
        self._accounts_of.get(group.number, set()).difference_update(accounts)
        for account in accounts:
            groups = self._by_account[account]
            groups.discard(group.number)
            for number in (group.number, *(groups if len(groups) == 1 else ())):
                self._shared_of.get(number, set()).discard(account)
            if not groups:
                del self._by_account[account]

    def _load(self, state: GroupsState) -> None:
        self._index = ClusterIndex.load(self._settings.max_tracked_posts, state.index)
        self._owners, self._forward, self._n_groups = state.owners, state.forward, state.n_groups
        for group in state.groups:
            self._groups[group.number] = group
            for cluster in (*group.fragments, *group.folded):
                self._group_of[cluster] = group.number
            if group.n_accounts >= self._settings.min_accounts:
                self._register(group)


def _oldest(groups: list[Group]) -> Group:
    """The one that survives a merge."""
    return groups[0] if len(groups) == 1 else min(groups, key=_age)


def _age(group: Group) -> tuple[int, int, str]:
    """Order of survival: a ringing burst before a silent group, then the earlier first post, then the id."""
    first = min(((f.first_post.at_ms, f.cluster) for f in group.fragments.values()), default=(1 << 62, ""))
    return (0 if group.ring is not None and group.ring.firing else 1, *first)
