"""The alert, as topic ``alerts`` carries it: a value with an order.

Readers keep the highest `seq` per `id` and ignore the rest: delivery is at least once, the
effect exactly once. Texts in it are data from strangers.
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec


class Severity(StrEnum):
    """`critical` wakes someone, `warning` stands on the dashboard, `info` is a list."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for critical."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class AlertReason(StrEnum):
    """Why an alert was written."""

    FIRST = "FIRST"
    """It began to ring, or rings again after it had resolved."""
    GREW = "GREW"
    """Its posts doubled, or its severity rose."""
    RESOLVED = "RESOLVED"
    """It has been quiet."""
    MERGED = "MERGED"
    """It proved to be part of an older one, named in `merged_into`."""
    REPEAT = "REPEAT"
    """Nothing new but its content, e.g. a deleted post's text has gone."""
    MUTED = "MUTED"
    """It goes on, but a person's ruling covers it from now: `muted_by`."""
    UNMUTED = "UNMUTED"
    """The ruling that covered it holds no more."""


class Shown(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A post as shown: `text` is empty and `deleted` true once its author deleted it."""

    platform: str
    id: str
    account: str
    """Keyed hash of the account, 16 hex digits: equal within a deployment, meaningless outside."""
    created_at: datetime
    text: str
    clipped: bool = False
    deleted: bool = False
    lang: str | None = None
    url: str | None = None


class WordedAs(msgspec.Struct):
    """One wording and how many posts had it."""

    text: str
    posts: int


class Series(msgspec.Struct):
    """Posts per slot; slot i covers [start + i·slot_s, start + (i+1)·slot_s)."""

    start: datetime
    slot_s: int
    counts: list[int]


class Share(msgspec.Struct):
    """`n` of `of`."""

    n: int
    of: int


class Coordination(msgspec.Struct, kw_only=True):
    """How little the accounts look like a crowd, and the counts behind it.

    score = 1 - (1 - .9 rec)(1 - .7 rep)(1 - .9 new), 0 to 1.
    """

    score: float
    new_accounts: Share
    """Accounts under 30 days at their post, of those with a known age."""
    feed_new_ratio: float
    """The same share in the feed as a whole."""
    repeating_accounts: Share
    """Accounts with two posts or more within 15 minutes, of those active in the last 15."""
    recurring_accounts: Share
    """Accounts that also sit in other bursts linked to this one, of all."""
    linked_bursts: int
    accounts_5min: int
    """Distinct accounts in the last five minutes: how synchronous it is."""
    identical_posts: Share
    """Posts of the commonest wording, of all."""
    platforms: int


class Campaign(msgspec.Struct):
    """Bursts that share more accounts than chance gives: language versions, stages of one incident."""

    id: str
    """Of its oldest burst; it never changes."""
    bursts: list[str]
    """Their ids, this one's too, oldest first; at most 50, of those that rang within `history_h`."""
    shared_accounts: int
    """Accounts of this burst that also sit in others of them."""


class Muted(msgspec.Struct, kw_only=True):
    """The ruling that keeps a burst from waking people."""

    ruling: str
    """Its id in topic ``rulings``; what ``tocsin unmute`` takes."""
    kind: Literal["mute", "known"]
    by: str
    why: str
    until: datetime | None = None
    """Event time at which it ends by itself."""


class Detector(msgspec.Struct):
    """What judged."""

    version: str
    settings_digest: str


class Alert(msgspec.Struct, kw_only=True):
    """One transition of one burst; all counts are of its whole life."""

    id: str
    """The burst: id of its first cluster."""
    seq: int
    """1, 2, 3 … per id."""
    status: Literal["firing", "resolved"]
    reason: AlertReason
    severity: Severity
    """The gravest it has been since it began to ring."""
    starts_at: datetime
    """First post of the burst in its whole life, as the counts are."""
    updated_at: datetime
    """Event time of this transition."""
    ends_at: datetime | None = None
    ingest_ts: datetime
    """Append time of the post that tripped it: alert delay = append time of the alert - this."""
    late: float
    """Seconds between `ingest_ts` and the moment this was written; large while catching up."""
    posts: int
    reposts: int
    accounts: int
    accounts_exact: bool
    rate_per_min: float
    """Posts a minute over the last five."""
    baseline_per_min: float
    """Posts a minute of the same content before that, up to 24 h back."""
    novelty: float
    """-log10 of the chance to see this many by its own history, 0 and up."""
    window_s: int
    """The window in which novelty was greatest."""
    series: Series
    coordination: Coordination
    exemplar: Shown
    samples: list[Shown]
    variants: list[WordedAs]
    hashtags: list[str]
    urls: list[str]
    platforms: dict[str, int]
    langs: dict[str, int]
    first_post: Shown
    merged_into: str | None = None
    muted_by: Muted | None = None
    """Set while a person's mute or known template covers it: nobody is to be woken."""
    campaign: Campaign | None = None
    signature: str
    """LeanMinHash of the normalised exemplar (see `detectors.sketch`), base64."""
    detector: Detector


encode_alert = msgspec.json.Encoder().encode
decode_alert = msgspec.json.Decoder(Alert).decode
