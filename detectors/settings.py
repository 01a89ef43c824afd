"""What decides a detection result, in one frozen value.

Every number here changes alerts, so `stream.settings` digests the same fields into each
alert's ``detector.settings_digest``. Thresholds carry the measurement that set them; "design"
means the measurements on troll-farm days mixed into real stream minutes, CrisisLex and
Telegram that the project started from.
"""

import msgspec


class DetectorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Units are in the names; times of day never enter."""

    # --- time ---------------------------------------------------------------
    epoch_s: int = 3600
    """Life of a CLUSTER index, event seconds: memory and rebuild time grow with it."""
    slot_s: int = 60
    """Resolution of every count over time, event seconds."""
    quiet_s: int = 900
    """A burst resolves after this long with fewer than `close_accounts` accounts, event seconds."""
    close_accounts: int = 2
    """Fewer accounts than this within `quiet_s` is quiet; one straggler keeps no bell ringing."""
    lateness_s: int = 120
    """A post further behind the watermark counts as late, event seconds."""
    history_h: int = 24
    """How far back a burst's own history counts, event hours (design: T = min(24 h, feed age))."""
    recent_s: int = 7200
    """Accounts of a burst are counted over this long, event seconds: of the troll farm's bursts 90 %
    ring over two hours and 87 % over one, no more over three; natural `info` 203 and 188 per 100k."""

    # --- severity -----------------------------------------------------------
    min_accounts: int = 4
    """Smallest burst worth a line, where `info_per_100k` has room: a troll farm's burst has a median of
    nine, and a copy that is alone in its epoch is never told."""
    info_per_100k: float = 600.0
    """Contents per 100k posts, at the pace of the last day, that nature may let grow as large as a listed
    burst; a feed full of headlines lists larger ones only. With four accounts: of the troll farm's
    bursts 100 % ring of those with eight accounts and 95 % of all, natural `info` 267 per 100k."""
    ring_spam: bool = False
    """Whether a content that one account repeats is listed, too, as `info`."""
    info_novelty: float = 2.0
    """Least surprise, -log10 p, of a listed burst (design)."""
    warning_accounts: int = 8
    """Accounts for a warning when they look coordinated (design: 23 warnings per 100k natural posts)."""
    warning_novelty_accounts: int = 18
    """Accounts for a warning on surprise alone (design)."""
    critical_accounts: int = 20
    """Accounts in five minutes that may wake someone (design: New Caledonia at copy 20-33)."""
    warning_false_per_day: float = 10.0
    """Warnings a day that nature may give: contents as large, and as novel, come more rarely.
    In the small feeds of ``make eval`` the numbers of accounts bind before it does."""
    critical_false_per_day: float = 1.0
    """The same for critical."""
    coordination_threshold: float = 0.5
    """Coordination score, 0-1, for critical and for a small warning (design)."""
    new_account_days: int = 30
    """An account younger than this at its post is new (design)."""

    # --- bounds -------------------------------------------------------------
    max_tracked_posts: int = 500_000
    """Exemplars one index holds; past it the oldest quarter is evicted, counted."""
    max_text_chars: int = 20_000
    """Longer texts are dead-lettered."""
    max_post_bytes: int = 65_536
    """Larger records are dead-lettered unread."""
    account_hash_key: bytes = b"tocsin-public-default"
    """Key of the account hashes between stages (SipHash-2-4); change it to make them yours."""

    @property
    def slot_ms(self) -> int:
        """`slot_s` in milliseconds."""
        return self.slot_s * 1000

    @property
    def epoch_ms(self) -> int:
        """`epoch_s` in milliseconds."""
        return self.epoch_s * 1000
