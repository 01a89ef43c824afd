"""Do these accounts look like a crowd? The coordination score and its parts.

score = 1 - (1 - .9 rec)(1 - .7 rep)(1 - .9 new): any one part may carry it, none alone can
reach 1. Weights and form: measured on troll-farm days mixed into stream minutes (README).

Fails: accounts that lie about nothing because the feed tells no ages and each posts once;
legitimate syndication, whose accounts recur together too.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from scipy.special import bdtrc, gammaincinv

from detectors.account_kernel import count_rows
from detectors.accounts import AccountArray

REPEAT_S = 900
"""Repeats count within this: over an hour an organic headline repeats too (design)."""
SYNCHRONY_S = 300
MIN_KNOWN_AGES = 5
CHANCE = 0.01
"""A share of new accounts that the feed's own rate gives this often is no evidence."""
LINK_CHANCE = 1e-3
"""Two bursts are linked when chance shares as many accounts more rarely than this."""
N_CACHED = 10_000
"""Results kept of each test: counts are small, and the same ones come again."""
ACTIVITY_SKEW = 3.0
"""Busy accounts meet more often than uniform ones; chance meetings are multiplied by this."""


class Parts(NamedTuple):
    """Counts behind a score."""

    n_accounts: int
    n_known: int
    n_new: int
    base_new: float
    n_active: int
    """Accounts active within `REPEAT_S`."""
    n_repeating: int
    n_recurring: int
    n_links: int
    n_5min: int
    n_recent: int
    """Accounts active within the settings' `recent_s` and since the last resolution."""


def score(parts: Parts) -> float:
    """Coordination, 0 (a crowd) to 1, two decimals."""
    return round(_raw_score(parts), 2)


def reaches(parts: Parts, threshold: float) -> bool:
    """Whether the score is at least so high; mostly it is far from it, and rounding is the dearest step."""
    raw = _raw_score(parts)
    return raw > threshold - 0.01 and round(raw, 2) >= threshold


def _raw_score(parts: Parts) -> float:
    crowd = 1.0
    if parts.n_recurring:
        crowd = 1 - 0.9 * (parts.n_recurring / parts.n_accounts)
    if parts.n_repeating:
        crowd *= 1 - 0.7 * (parts.n_repeating / parts.n_active)
    if parts.n_new:
        crowd *= 1 - 0.9 * new_excess(parts)
    return 1 - crowd


def new_excess(parts: Parts) -> float:
    """How far the share of new accounts lies above the feed's, 0 to 1; 0 when chance explains it."""
    if parts.n_known < MIN_KNOWN_AGES or parts.n_new == 0:
        return 0.0
    return _new_excess(parts.n_new, parts.n_known, parts.base_new)


@lru_cache(N_CACHED)
def _new_excess(n_new: int, n_known: int, base_new: float) -> float:
    if float(bdtrc(n_new - 1, n_known, base_new)) > CHANCE:
        return 0.0
    return max(0.0, (n_new / n_known - base_new) / (1 - base_new))


def count_parts(
    accounts: AccountArray,
    *,
    now_ms: int,
    since_ms: int,
    recent_s: int,
    base_new: float,
    n_recurring: int,
    n_links: int,
) -> Parts:
    """Count a burst's accounts at event time `now_ms`.

    Args:
        accounts: Its accounts (`accounts.ACCOUNT`).
        now_ms: Event time of the judgement; what is later does not count as active.
        since_ms: Posts up to here belong to an earlier ring and are not recent; 0 for none.
        recent_s: Length of "recent".
        base_new: The feed's share of new accounts.
        n_recurring: Accounts that also sit in linked bursts.
        n_links: Linked bursts.
    """
    now_s = now_ms // 1000
    n_known, n_new, n_active, n_repeating, n_5min, n_recent = count_rows(
        accounts,
        now_s,
        max(now_s - recent_s, since_ms // 1000),
        now_s - REPEAT_S,
        now_s - SYNCHRONY_S,
    )
    n_accounts = len(accounts)
    return Parts(  # by position: half the time, and one a judgement
        n_accounts, n_known, n_new, base_new, n_active, n_repeating, n_recurring, n_links, n_5min, n_recent
    )


def linked_to(
    others: Mapping[int, int], size_of: Callable[[int], int], n_mine: int, n_feed: float, n_tests: int
) -> frozenset[int]:
    """Which bursts share more accounts with one than chance gives.

    Args:
        others: How many each shares with it, by number.
        size_of: Accounts of one of these.
        n_mine: Its own.
        n_feed: Accounts of the feed.
        n_tests: Pairs tried, for the correction.
    """
    skewed = ACTIVITY_SKEW * n_mine
    # A burst has the accounts that it shares at least: mostly chance gives so many to one as small.
    small = skewed / max(n_feed, n_mine)
    most = {}
    for n_shared in set(others.values()):
        expected = _most_expected(n_shared, n_tests)
        if small * n_shared < expected:
            most[n_shared] = expected
    linked = []
    for number, n_shared in others.items() if most else ():
        if n_shared in most:
            n_theirs = size_of(number)
            if skewed * n_theirs / max(n_feed, n_mine + n_theirs - n_shared) < most[n_shared]:
                linked.append(number)
    return frozenset(linked)


@lru_cache(N_CACHED)
def _most_expected(n_shared: int, n_tests: int) -> float:
    """Of how many by chance `n_shared` are rare: there P(Poisson ≥ n_shared) · n_tests is `LINK_CHANCE`."""
    return float(gammaincinv(n_shared, LINK_CHANCE / max(n_tests, 1))) if n_shared > 1 else 0.0
