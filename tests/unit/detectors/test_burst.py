"""Novelty against a reference, in a cold start, for a steady template and for its surge."""

from math import log10

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from detectors.burst import MAX_NOVELTY, false_per_day, novelty, surprise

HOUR = 60
"""Slots of an hour."""
START_MS = 1_715_767_200_000


def judged(counts: list[int], *, feed_min: int | None = None, now: int | None = None) -> float:
    """Novelty at the end of per-minute counts, of a feed that began `feed_min` minutes before."""
    first = START_MS // 60_000
    now = len(counts) - 1 if now is None else now
    life = len(counts) if feed_min is None else feed_min
    begun = next(i for i, n in enumerate(counts) if n)
    return novelty(
        [(first + i, n) for i, n in enumerate(counts) if n],
        first_ms=START_MS + begun * 60_000,
        now_ms=START_MS + now * 60_000 + 30_000,
        feed_start_ms=START_MS + (now - life) * 60_000,
        slot_s=60,
        history_h=24,
    ).value


@given(st.integers(1, 200), st.integers(0, 400), st.floats(0.001, 0.999))
def test_surprise_is_the_binomial_tail_corrected(n_window: int, n_before: int, share: float) -> None:
    """-log10 P(Bin(n, share) ≥ n_window) less the log of the windows tried, as scipy.stats says."""
    tail = float(binom.sf(n_window - 1, n_window + n_before, share))
    expected = MAX_NOVELTY if tail <= 0 else max(0.0, -log10(tail) + log10(share))
    found = surprise(n_window, n_window + n_before, share)
    # Denormal numbers lose digits; past the cap nobody looks.
    assert min(found, MAX_NOVELTY) == pytest.approx(min(expected, MAX_NOVELTY), rel=1e-6, abs=1e-9)


def test_nothing_in_the_window_is_no_surprise() -> None:
    """However much came before."""
    assert surprise(0, 1000, 0.1) == 0.0


@pytest.mark.parametrize("minutes", [1, 4, 5, 8])
def test_cold_start_proves_nothing(minutes: int) -> None:
    """While the feed is younger than twice the shortest window, a flood is no surprise."""
    assert judged([500] * minutes) == 0.0


def test_steady_template_is_no_surprise_and_its_surge_is() -> None:
    """Ten posts a minute for six hours give next to nothing; twenty times as many ring."""
    steady = [10] * (6 * HOUR)
    assert judged(steady) < 0.5
    assert judged([*steady, *[200] * 5]) > 6


def test_new_content_in_an_old_feed_is_a_surprise() -> None:
    """Twenty posts within three minutes, first seen after a day of feed."""
    assert judged([7, 7, 6], feed_min=24 * HOUR) > 6


def test_template_that_began_after_the_feed_stays_far_from_ringing_loud() -> None:
    """Six hours of ten posts a minute are no alarm because the first came a minute after the feed."""
    assert judged([10] * (6 * HOUR), feed_min=6 * HOUR + 1) < 3


def test_novelty_ignores_history_older_than_a_day() -> None:
    """A wave of two days ago does not hide today's."""
    old = judged([900, *[0] * (48 * HOUR), 7, 7, 6], feed_min=72 * HOUR)
    assert old > 6


def test_slow_farm_is_seen_by_the_gap() -> None:
    """Eight posts, one an hour, after two weeks of feed: no window is full, the gap is telling."""
    hourly = ([1, *[0] * 59]) * 8
    assert judged(hourly, feed_min=14 * 24 * HOUR) > 6


@given(st.lists(st.integers(0, 50), min_size=1, max_size=200).filter(any), st.integers(0, 3000))
def test_novelty_is_bounded_and_never_negative(counts: list[int], feed_min: int) -> None:
    """Whatever the counts, also when the feed began after them."""
    assert 0.0 <= judged(counts, feed_min=feed_min) <= MAX_NOVELTY


def test_false_alarms_a_day_follow_from_novelty() -> None:
    """A novelty higher by one is ten times rarer; more contents, or less history, give more chances."""
    one = false_per_day(5, history_s=86_400, n_contents=10)
    assert false_per_day(6, history_s=86_400, n_contents=10) == pytest.approx(one / 10)
    assert false_per_day(5, history_s=86_400, n_contents=100) == pytest.approx(10 * one)
    assert false_per_day(5, history_s=43_200, n_contents=10) == pytest.approx(2 * one)
    assert false_per_day(5, history_s=0, n_contents=10) == pytest.approx(144 * one)
