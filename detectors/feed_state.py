"""What BURST knows of the feed as a whole: how far its time has come, and its base rates."""

from collections.abc import Iterable

import msgspec

from detectors.activity import SAMPLE_ONE_IN, Clock, Snapshot
from detectors.arrivals import MAX_SIZE, OLD_MS, Arrivals
from detectors.group import Group
from detectors.settings import DetectorSettings

PRIOR_KNOWN, PRIOR_NEW = 100, 3
"""A feed is taken for one with 3 % new accounts until its own posts outweigh these."""
MIN_FEED_ACCOUNTS = 1_000
"""The feed's accounts are taken for at least this many: a small sample estimates badly."""


class FeedState(msgspec.Struct, kw_only=True):
    """Part of the checkpoint."""

    watermarks: dict[int, int] = {}
    """Per partition of ``sketches``."""
    n_partitions: int = 0
    low_ms: int = 0
    """Event time reached by all partitions, UTC milliseconds; 0 before all have spoken."""
    start_ms: int = 0
    """First event time seen."""
    n_age_known: int = PRIOR_KNOWN
    n_new: int = PRIOR_NEW
    accounts: dict[int, int] = {}
    """A sample of the accounts that posted within the history, one in `SAMPLE_ONE_IN`, and when."""
    ingest_ms: int = 0
    arrivals: Arrivals = msgspec.field(default_factory=Arrivals)
    n_contents: int = 0
    """Contents large enough for a warning, as of the last clock: those that could be a false one."""
    n_spam: int = 0
    """Contents that one account repeats, as of the last clock."""

    @property
    def base_new(self) -> float:
        """The share of new accounts."""
        return self.n_new / self.n_age_known

    @property
    def n_accounts(self) -> int:
        """Accounts that posted within the history, as the sample tells."""
        return max(len(self.accounts) * SAMPLE_ONE_IN, MIN_FEED_ACCOUNTS)

    def see(self, snapshot: Snapshot) -> None:
        """A snapshot came, known or not."""
        if not self.start_ms:
            self.start_ms = max(snapshot.first_ms, snapshot.watermark_ms)
        self.ingest_ms = max(self.ingest_ms, snapshot.ingest_ms)

    def tick(self, clock: Clock, history_h: int) -> int | None:
        """Time has passed in one partition.

        Args:
            clock: What tells of it.
            history_h: Longest history, hours.

        Returns:
            `low_ms` as it was before, if it moved on.
        """
        self.n_partitions = max(self.n_partitions, clock.n_partitions)
        if clock.watermark_ms <= self.watermarks.get(clock.partition, 0):
            return None  # redelivered: its posts are counted
        self.watermarks[clock.partition] = clock.watermark_ms
        self.n_age_known += clock.n_age_known
        self.n_new += clock.n_new
        for account in clock.account_sample:
            self.accounts.pop(account, None)
            self.accounts[account] = clock.watermark_ms
        forgotten_ms = clock.watermark_ms - history_h * 3_600_000
        while self.accounts and next(iter(self.accounts.values())) < forgotten_ms:
            del self.accounts[next(iter(self.accounts))]
        self.ingest_ms = max(self.ingest_ms, clock.ingest_ms)
        self.arrivals.note_posts(clock.n_posts, clock.watermark_ms - 1)
        # Snapshots may come first, from sources that are read ahead of the others.
        self.start_ms = min(self.start_ms or clock.watermark_ms, clock.watermark_ms)
        low_ms = min(self.watermarks.values())
        if len(self.watermarks) < self.n_partitions or low_ms <= self.low_ms:
            return None
        closed_ms, self.low_ms = self.low_ms, low_ms
        return closed_ms

    def learn_sizes(self, groups: Iterable[Group], settings: DetectorSettings) -> None:
        """Fit `arrivals` to how far contents have grown, whenever a slice of event time has closed.

        Args:
            groups: All contents; each keeps how far it has been counted.
            settings: For slots and history.
        """
        end_ms = self.arrivals.end_of_slice(self.low_ms)
        if end_ms is None:
            return
        for group in groups:
            if group.n_accounts <= group.n_reached or group.n_reached >= MAX_SIZE:
                continue
            n_now = group.n_accounts_before(end_ms // 1000)
            if n_now <= group.n_reached:
                continue
            if group.began_ms(settings.slot_ms) >= self.start_ms + OLD_MS:
                self.arrivals.note(group.n_reached, n_now, min(group.last_ms, end_ms - 1))
            group.n_reached = n_now
        self.arrivals.fit(end_ms, self.start_ms, settings.history_h)
