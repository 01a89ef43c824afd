"""How often content grows so large: the law, its fit, and what does not move it."""

import msgspec
import numpy as np
import pytest
from scipy.special import gammaln

from detectors.arrivals import HOUR_MS, MAX_SIZE, PRIOR_RHO, SLICE_MS, TAIL, A, Arrivals, survival

START_MS = 1_715_767_200_000
DAY_MS = 24 * HOUR_MS


N_POSTS = 240_000
"""Of a whole day."""


def fed(sizes: list[int], *, hours: float = 25) -> Arrivals:
    """A feed of `hours` in which contents of these sizes arrived evenly after the first hour."""
    arrivals = Arrivals()
    span_ms = round(hours * HOUR_MS) - HOUR_MS
    for at_ms in range(0, round(hours * HOUR_MS), SLICE_MS):
        arrivals.note_posts(N_POSTS * SLICE_MS // DAY_MS, START_MS + at_ms)
    for number, size in enumerate(sizes):
        arrivals.note(0, size, START_MS + HOUR_MS + span_ms * number // len(sizes))
    arrivals.fit(START_MS + round(hours * HOUR_MS), START_MS, 24)
    return arrivals


def drawn(n: int, rho: float) -> list[int]:
    """Sizes by the law: the n quantiles of it."""
    reached = [survival(size, rho, 2) for size in range(2, 5000)]
    return [2 + sum(1 for share in reached[1:] if share > (i + 0.5) / n) for i in range(n)]


@pytest.mark.parametrize("rho", [PRIOR_RHO, 0.8, 4.0])
def test_survival_is_the_product_of_the_steps(rho: float) -> None:
    """Each account is followed by another with a chance of (A + i) / (A + rho + i)."""
    steps = [(A + i) / (A + rho + i) for i in range(TAIL, 40)]
    assert survival(40, rho) == pytest.approx(np.prod(steps))
    assert survival(40, rho, 2) == pytest.approx(
        np.exp(gammaln(A + 40) - gammaln(A + 2) + gammaln(A + rho + 2) - gammaln(A + rho + 40))
    )
    assert survival(TAIL, rho) == 1


@pytest.mark.parametrize("rho", [0.8, 1.5, 2.5])
def test_fit_tells_sizes_it_never_looked_at(rho: float) -> None:
    """Of 6,000 contents a day it expects as many of 20, 60 and 150 accounts as there are, give or take."""
    sizes = drawn(6000, rho)
    arrivals = fed(sizes)
    for size in (3, 8, 20, 60, 150):
        seen = sum(1 for one in sizes if one >= size)
        assert arrivals.per_day(size) == pytest.approx(seen, rel=0.3, abs=1.5)


def test_a_campaign_does_not_move_the_law() -> None:
    """Two contents of thousands of accounts count as two that grew past the sizes looked at."""
    sizes = drawn(1000, 2.0)
    with_campaign = fed([*sizes, 5000, 3000])
    assert with_campaign.per_day(100) < 2 * fed(sizes).per_day(100) + 0.5


def test_a_young_feed_is_taken_for_what_feeds_are() -> None:
    """From its first minutes on: so many contents a post, at its own pace."""
    arrivals = Arrivals()
    arrivals.note_posts(1000, START_MS)
    arrivals.fit(START_MS + SLICE_MS, START_MS, 24)
    assert arrivals.posts_per_day == 144_000
    assert 250 < arrivals.per_post(5) * 100_000 < 350
    assert 20 < arrivals.per_day(20) < 60


def test_contents_that_small_sizes_show_do_not_move_what_large_ones_are_expected() -> None:
    """How many pairs a feed shows depends on its partitions, where weak likenesses stray."""
    sizes = drawn(1000, 1.5)
    assert fed([*sizes, *[3] * 2000]).per_day(40) == fed(sizes).per_day(40)


def test_a_slice_closes_once() -> None:
    """There is more to fit to when time has entered another slice, and not before."""
    arrivals = Arrivals()
    assert arrivals.end_of_slice(START_MS + SLICE_MS + 5) == START_MS + SLICE_MS
    arrivals.fit(START_MS + SLICE_MS, START_MS, 24)
    assert arrivals.end_of_slice(START_MS + 2 * SLICE_MS - 1) is None
    assert arrivals.end_of_slice(START_MS + 2 * SLICE_MS) == START_MS + 2 * SLICE_MS


def test_only_what_the_watermark_has_passed_is_counted() -> None:
    """Sources that are read ahead of it, on catch-up, change nothing before their time."""
    arrivals = fed([2] * 240)
    ahead = fed([2] * 240)
    for hour in range(26, 40):
        ahead.note(0, MAX_SIZE, START_MS + hour * HOUR_MS)
    now_ms = START_MS + 25 * HOUR_MS + SLICE_MS
    arrivals.fit(now_ms, START_MS, 24)
    ahead.fit(now_ms, START_MS, 24)
    assert ahead.per_day(8) == arrivals.per_day(8)


def test_yesterday_is_forgotten() -> None:
    """After a day in which nothing came, nothing is expected, and nothing of it is kept."""
    arrivals = fed([5] * 100)
    assert arrivals.per_day(2) > 90
    arrivals.fit(START_MS + 3 * DAY_MS, START_MS, 24)
    assert arrivals.per_day(2) == 0
    assert arrivals.reached == pytest.approx(Arrivals().reached)
    assert arrivals.slices == {}


def test_growth_told_in_steps_counts_as_growth_told_at_once() -> None:
    """However the snapshots fell."""
    at_once, in_steps = Arrivals(), Arrivals()
    at_once.note(0, 30, START_MS)
    for before, now in ((0, 2), (2, 3), (3, 17), (17, 30), (30, 400)):
        in_steps.note(before, now, START_MS)
    assert in_steps.slices == at_once.slices


def test_the_checkpoint_holds_all_of_it() -> None:
    """A copy of the state expects the same, also before it is fitted anew."""
    arrivals = fed(drawn(500, 2.0))
    copy = msgspec.msgpack.decode(msgspec.msgpack.encode(arrivals), type=Arrivals)
    assert [copy.per_day(n) for n in (2, 8, 50)] == [arrivals.per_day(n) for n in (2, 8, 50)]
    assert copy == arrivals
