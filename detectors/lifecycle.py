"""When is an alert written? A pure decision that returns its reason.

Opening and closing have thresholds of their own: a burst opens at a severity and closes when
it is quiet, so a rate that hovers at one threshold does not ring twice. After Alertmanager's
``notify.dedup``: the reason is the answer, not a boolean.
"""

import msgspec

from detectors.alert import AlertReason, Severity
from detectors.settings import DetectorSettings

COORDINATED = 0.04
"""Of natural contents of 8 accounts, the share that looks coordinated: 5 of 113, all of them news
channels that syndicate."""
SYNCHRONOUS = 0.1
"""Of natural contents of 20 accounts, the share that has 20 within five minutes: 9 of 137."""


class Ring(msgspec.Struct):
    """What has been told of a burst so far."""

    id: str
    seq: int = 0
    firing: bool = False
    severity: Severity = Severity.INFO
    n_posts: int = 0
    """Posts at the last alert."""
    resolved_ms: int = 0
    """Event time of its last resolution; accounts up to then do not open it again."""
    n_deleted: int = 0
    """Deleted samples at the last alert."""
    muted: str = ""
    """Id of the ruling that covered it at the last alert."""
    campaign: str = ""
    """Id of the campaign it came to be of: that of the campaign's oldest burst."""


class Judgement(msgspec.Struct, kw_only=True):
    """A burst as it stands at one moment of event time."""

    severity: Severity | None
    """None when it is not worth a line."""
    n_posts: int
    n_quiet: int
    """Accounts active within ``quiet_s``."""
    n_deleted: int = 0


def severity_of(
    settings: DetectorSettings,
    *,
    n_recent: int,
    n_5min: int,
    novelty: float,
    is_coordinated: bool,
    is_common: bool,
    false_per_day: float,
) -> Severity | None:
    """Severity from the measured rules; each threshold is a setting that says what set it.

    Args:
        settings: The thresholds.
        n_recent: Accounts within ``recent_s``.
        n_5min: Accounts within five minutes.
        novelty: Surprise, -log10 units.
        is_coordinated: Its accounts look coordinated, or those of its campaign do.
        is_common: Nature gives more contents as large than the list may hold.
        false_per_day: How often a day nature gives something as large and as novel.
    """
    if is_common or n_recent < settings.min_accounts or novelty < settings.info_novelty:
        return None
    expected = false_per_day * (COORDINATED if is_coordinated else 1)
    is_synchronous = n_5min >= settings.critical_accounts
    if is_coordinated and is_synchronous and expected * SYNCHRONOUS <= settings.critical_false_per_day:
        return Severity.CRITICAL
    least = settings.warning_accounts if is_coordinated else settings.warning_novelty_accounts
    if n_recent >= least and expected <= settings.warning_false_per_day:
        return Severity.WARNING
    return Severity.INFO


def decide(previous: Ring, current: Judgement, close_accounts: int) -> AlertReason | None:
    """Why an alert is due now, or None.

    Args:
        previous: What was told.
        current: What is.
        close_accounts: Fewer accounts than this within ``quiet_s`` is quiet.
    """
    if not previous.firing:
        opens = current.severity is not None and current.n_quiet >= close_accounts
        return AlertReason.FIRST if opens else None
    if current.n_quiet < close_accounts:
        return AlertReason.RESOLVED
    if current.severity is not None and current.severity.rank > previous.severity.rank:
        return AlertReason.GREW
    if current.n_posts >= 2 * previous.n_posts:
        return AlertReason.GREW
    if current.n_deleted > previous.n_deleted:
        return AlertReason.REPEAT
    return None
