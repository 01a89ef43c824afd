"""A group: the fragments of one content, and what is counted over them as they come and change."""

from collections.abc import Iterable
from functools import cached_property

import msgspec
import numpy as np

from detectors import accounts as acc
from detectors.activity import Snapshot
from detectors.lifecycle import Ring
from detectors.merge import Whole, make_whole, sum_slots


class Group(msgspec.Struct, kw_only=True, dict=True):
    """Fragments by cluster id, and what was told of them. They change by `put` alone."""

    number: int
    """Order of appearance."""
    fragments: dict[str, Snapshot]
    folded: list[str] = []
    """Clusters inside a merged fragment; what still comes of them is old."""
    ring: Ring | None = None
    last_ms: int = 0
    n_posts: int = 0
    """Posts of all fragments: each is in one."""
    n_accounts: int = 0
    """Sum over fragments: at least the distinct accounts."""
    n_deleted: int = 0
    """Shown posts whose text has gone."""
    first_ms: int = 1 << 62
    """Event time of the post that was read first."""
    first_slot: int = 1 << 62
    """The earliest slot with posts."""
    name: str = ""
    """Id of the cluster with the earliest first post: the burst's, when it begins to ring."""
    n_wordings: int = 0
    """Clusters of the index that it owns."""
    n_reached: int = 0
    """Accounts up to which its growth is counted (see `FeedState.learn_sizes`)."""
    waits: bool = False
    """Whether it is to be judged when the watermark has passed its posts: it may be grave, or was ahead."""
    judged_posts: int = 0
    """Posts when its novelty was last computed while it did not ring."""

    def put(self, snapshot: Snapshot) -> None:
        """More is known of a fragment, or it is new: what is counted over all changes by what it changes."""
        cluster, fragments, cached = snapshot.cluster, self.fragments, self.__dict__
        old = fragments.get(cluster)
        fragments[cluster] = snapshot
        cached["_newest"] = snapshot
        cached["_accounts"] = cached["_slots"] = None
        self.last_ms = max(self.last_ms, snapshot.last_ms)
        self.first_slot = min(self.first_slot, snapshot.slots[0][0])
        if old is None:
            self.n_posts += snapshot.n_posts
            self.n_accounts += acc.n_rows(snapshot.accounts)
            self.n_deleted += snapshot.n_deleted
            self.first_ms, self.name = min((self.first_ms, self.name), (snapshot.first_ms, cluster))
            cached.pop("oldest_ms", None)
        else:
            self.n_posts += snapshot.n_posts - old.n_posts
            self.n_accounts += acc.n_rows(snapshot.accounts) - acc.n_rows(old.accounts)
            self.n_deleted += snapshot.n_deleted - old.n_deleted

    def began_ms(self, slot_ms: int) -> int:
        """Event time of its earliest post, to the end of its slot if a later post was read first."""
        return min(self.first_ms, (self.first_slot + 1) * slot_ms - 1)

    def put_all(self, fragments: Iterable[Snapshot]) -> None:
        """Put these in place of all that there are."""
        self.fragments = {}
        self.n_posts = self.n_accounts = self.n_deleted = 0
        self.__dict__.clear()
        for fragment in fragments:
            self.put(fragment)

    @property
    def slots(self) -> list[tuple[int, int]]:
        """Posts per slot, as `Snapshot.slots`."""
        slots: list[tuple[int, int]] | None = self.__dict__.get("_slots")
        if slots is None:
            slots = sum_slots([*self.fragments.values()])
            self.__dict__["_slots"] = slots
        return slots

    @property
    def accounts(self) -> acc.AccountArray:
        """Its accounts, each once."""
        accounts: acc.AccountArray | None = self.__dict__.get("_accounts")
        if accounts is None:  # by hand: they change with each snapshot, and `cached_property` takes a lock
            accounts = acc.merge([fragment.accounts for fragment in self.fragments.values()])
            self.__dict__["_accounts"] = accounts
        return accounts

    @cached_property
    def oldest_ms(self) -> int:
        """Event time that no fragment is behind."""
        return min([fragment.watermark_ms for fragment in self.fragments.values()])

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
        return acc.n_active(self.accounts, second)

    def n_accounts_before(self, second: int) -> int:
        """Accounts that posted before an event second, as far as the last two posts of each tell."""
        if len(self.fragments) == 1 and self.last_ms // 1000 < second:
            return self.n_accounts
        last_s, previous_s = self.accounts["last_s"], self.accounts["previous_s"]
        return int(np.count_nonzero((last_s < second) | ((previous_s > 0) & (previous_s < second))))

    def has_active(self, n: int, second: int) -> bool:
        """Whether at least `n` accounts posted after an event second.

        They stay active, and others come: what was found once holds for all seconds before, until accounts
        may be lost (see `forget_active`).
        """
        since: dict[int, int] | None = self.__dict__.get("_active")
        if since is None:
            since = self.__dict__["_active"] = {}
        elif second < since.get(n, -1):
            return True
        if self.n_accounts < n:
            return False
        # Mostly one fragment tells.
        newest: Snapshot | None = self.__dict__.get("_newest")
        latest = second
        if newest is not None and len(self.fragments) > 1:
            latest = acc.nth_latest(acc.read(newest.accounts), n)
        if latest <= second:
            latest = acc.nth_latest(self.accounts, n)
        since[n] = latest
        return latest > second

    def forget_active(self) -> None:
        """Its accounts may have become fewer."""
        self.__dict__.pop("_active", None)

    def whole(self) -> Whole:
        """What an alert tells of all fragments."""
        return make_whole(list(self.fragments.values()), self.slots, self.accounts)
