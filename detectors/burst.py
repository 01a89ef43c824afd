"""How surprising is a cluster's rate? Novelty against its own history.

Over a window w of a history T, a content that had k posts before and n within the window is
as surprising as drawing n or more of its n + k posts from a share w/T of the time; the
p-value is corrected for the T/w windows in which it could have happened. For slow farms a
gap term asks instead how soon n posts came after the first, in all the time the feed has run.

Direction: higher is more surprising; 0 is none; -log10 units, capped at 300.
Assumptions: posts of organic content come at a rate that the past 24 h know. Fails: in the
first ten minutes of a feed there is no history, and nothing rings; a template that comes in
hourly waves looks new in each until a day is known.

Source: conditional binomial test (Przyborowski, Wilenski 1940); measured on troll-farm days
in stream minutes, see the README.
"""

from collections.abc import Sequence
from math import log10
from typing import NamedTuple

from scipy.special.cython_special import bdtrc

WINDOWS_S = (60, 300, 900, 3600)
"""A spike, a wave, a quarter, an hour (design)."""
COLD_S = 600
"""A feed younger than this has no history to be surprised by."""
MAX_NOVELTY = 300.0
MAX_GAP_POSTS = 13
"""Posts that count in the gap term: it is for slow farms, and would ring for any template that
began after the feed did if a thousand posts of steady life counted as surprises."""
RATE_WINDOW_S = WINDOWS_S[1]
DAY_S = 86_400
OVERLAP = 2.7
"""Windows slide, but are corrected for as if they stood apart: with 1 here, 300 steady contents gave
3.3, 27 and 213 false alarms a day where 1, 10 and 100 were asked for."""


class Novelty(NamedTuple):
    """The greatest surprise of the windows tried."""

    value: float
    window_s: int
    rate_per_min: float
    baseline_per_min: float


def novelty(
    slots: Sequence[tuple[int, int]],
    *,
    first_ms: int,
    now_ms: int,
    feed_start_ms: int,
    slot_s: int,
    history_h: int,
) -> Novelty:
    """Novelty of a cluster at event time `now_ms`.

    Args:
        slots: (slot, posts), ascending; slot = event seconds // `slot_s`.
        first_ms: Its first post, UTC milliseconds.
        now_ms: The moment of judgement, the slot of which counts as it stands.
        feed_start_ms: First event time the feed was seen at.
        slot_s: Length of a slot, seconds.
        history_h: Longest history, hours.
    """
    now_slot = now_ms // (slot_s * 1000)
    history_s = min(history_h * 3600, (now_ms - feed_start_ms) // 1000)
    n_total, *in_windows = _counted(slots, now_slot, now_slot - history_s // slot_s, slot_s)
    best, best_window = _gap(n_total, first_ms, now_ms, feed_start_ms), WINDOWS_S[-1]
    for window_s, n_window in zip(WINDOWS_S, in_windows, strict=True):
        if history_s < max(2 * window_s, COLD_S):  # less than as much again to compare it with
            continue
        value = surprise(n_window, n_total, window_s / history_s)
        if value > best:
            best, best_window = value, window_s
    n_recent = in_windows[1]
    before_min = max(history_s - RATE_WINDOW_S, 60) / 60
    return Novelty(
        round(min(best, MAX_NOVELTY), 2),
        best_window,
        round(n_recent * 60 / RATE_WINDOW_S, 2),
        round((n_total - n_recent) / before_min, 4),
    )


def false_per_day(value: float, *, history_s: float, n_contents: int) -> float:
    """How often a day steady contents alone would give a novelty of `value`, anywhere in the feed.

    Args:
        value: Novelty, which is corrected for the windows of one content's own history.
        history_s: Length of that history.
        n_contents: Contents that are watched.
    """
    chances = OVERLAP * len(WINDOWS_S) * n_contents * DAY_S / max(history_s, COLD_S)
    return float(10**-value * chances)


def _counted(
    slots: Sequence[tuple[int, int]], now_slot: int, oldest: int, slot_s: int
) -> tuple[int, int, int, int, int]:
    """Posts from slot `oldest` to `now_slot`, and of these those within each of `WINDOWS_S`."""
    minute, wave, quarter, hour = [now_slot - window_s // slot_s for window_s in WINDOWS_S]
    n_total = n_minute = n_wave = n_quarter = n_hour = 0
    for slot, n in reversed(slots):
        if slot > now_slot:
            continue
        if slot < oldest:
            break
        n_total += n
        if slot <= hour:
            continue
        n_hour += n
        if slot <= quarter:
            continue
        n_quarter += n
        if slot <= wave:
            continue
        n_wave += n
        if slot > minute:
            n_minute += n
    return n_total, n_minute, n_wave, n_quarter, n_hour


def surprise(n_window: int, n_total: int, share: float) -> float:
    """-log10 P(Bin(n_total, share) ≥ n_window), less log10 of the 1/share windows tried."""
    if share <= 0.5 and n_window <= n_total * share:  # one in two, of two windows and more: no surprise
        return 0.0
    p_value = bdtrc(float(n_window - 1), n_total, share)
    if p_value <= 0.0:
        return MAX_NOVELTY
    return max(0.0, -log10(p_value) - log10(1 / share))


def _gap(n: int, first_ms: int, now_ms: int, feed_start_ms: int) -> float:
    """-(n - 1)·log10 of the part of the feed's life since the first of n posts; 0 in a cold start."""
    life_ms, gap_ms = now_ms - feed_start_ms, max(now_ms - first_ms, 1000)
    if n < 2 or gap_ms >= life_ms or life_ms <= WINDOWS_S[-1] * 1000:
        return 0.0
    return -(min(n, MAX_GAP_POSTS) - 1) * log10(gap_ms / life_ms)
