"""Coordination: each part alone, together, and what is no evidence."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import poisson

from detectors.accounts import ACCOUNT
from detectors.evidence import (
    ACTIVITY_SKEW,
    LINK_CHANCE,
    Parts,
    count_parts,
    linked_to,
    new_excess,
    score,
)
from detectors.rows import AGE_KNOWN, NEW_ACCOUNT

NONE = Parts(
    n_accounts=20,
    n_known=20,
    n_new=0,
    base_new=0.03,
    n_active=20,
    n_repeating=0,
    n_recurring=0,
    n_links=0,
    n_5min=20,
    n_recent=20,
)
NOW_S = 1_715_767_200


def counted(rows: list[tuple[int, int, int]], **changes: int) -> Parts:
    """Parts of accounts (last, previous: seconds ago, or 0 for none; flags)."""
    table = np.zeros(len(rows), ACCOUNT)
    for i, (last, previous, flags) in enumerate(rows):
        table[i] = (i, NOW_S - last, NOW_S - previous if previous else 0, 1 + bool(previous), flags)
    more = {"since_ms": 0, "recent_s": 3600, "n_recurring": 0, "n_links": 0, **changes}
    return count_parts(table, now_ms=NOW_S * 1000, base_new=0.03, **more)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, 0.0, id="a-crowd"),
        pytest.param({"n_new": 20}, 0.9, id="all-new"),
        pytest.param({"n_recurring": 20}, 0.9, id="all-recurring"),
        pytest.param({"n_repeating": 20}, 0.7, id="all-repeating"),
        pytest.param({"n_repeating": 10}, 0.35, id="half-repeating"),
        pytest.param({"n_new": 20, "n_recurring": 20, "n_repeating": 20}, 1.0, id="everything"),
        pytest.param({"n_new": 2}, 0.0, id="two-new-are-chance"),
        pytest.param({"n_known": 4, "n_new": 4}, 0.0, id="too-few-known-ages"),
        pytest.param({"n_known": 0}, 0.0, id="no-ages-known"),
        pytest.param({"n_active": 0, "n_accounts": 0}, 0.0, id="nobody"),
    ],
)
def test_score_of_parts(changes: dict[str, int], expected: float) -> None:
    """The score is 1 - (1 - .9 rec)(1 - .7 rep)(1 - .9 new), from counts."""
    assert score(NONE._replace(**changes)) == pytest.approx(expected, abs=0.011)


def test_new_accounts_count_above_the_feeds_own_share() -> None:
    """In a feed of young accounts, young accounts are no evidence."""
    assert new_excess(NONE._replace(n_new=10, base_new=0.5)) == 0.0
    assert new_excess(NONE._replace(n_new=20, base_new=0.5)) == 1.0


def test_accounts_are_counted_by_their_windows() -> None:
    """5 minutes, 15 minutes, an hour; a window of w seconds reaches to less than w ago."""
    rows = [
        (0, 0, 0),
        (299, 0, AGE_KNOWN),
        (300, 899, 0),
        (899, 900, 0),
        (3599, 3599, AGE_KNOWN | NEW_ACCOUNT),
    ]
    parts = counted([*rows, (3600, 0, 0)])
    assert (parts.n_5min, parts.n_active, parts.n_repeating, parts.n_recent) == (2, 4, 1, 5)
    assert (parts.n_accounts, parts.n_known, parts.n_new) == (6, 2, 1)


def test_posts_up_to_the_last_resolution_are_not_recent() -> None:
    """What ended once does not open again by its old accounts."""
    assert counted([(10, 0, 0), (600, 0, 0)], since_ms=(NOW_S - 600) * 1000).n_recent == 1


@pytest.mark.parametrize(
    ("shared", "sizes", "feed", "linked"),
    [
        pytest.param(1, (20, 20), 1_000_000, False, id="one-is-never-enough"),
        pytest.param(3, (20, 20), 1_000_000, True, id="three-of-twenty-in-a-million"),
        pytest.param(3, (500, 500), 10_000, False, id="chance-among-large-crowds"),
        pytest.param(20, (20, 20), 1_000, True, id="the-same-accounts"),
    ],
)
def test_bursts_are_linked_by_more_than_chance(
    shared: int, sizes: tuple[int, int], feed: int, *, linked: bool
) -> None:
    """The Poisson tail of the shared accounts decides, corrected for the pairs tried."""
    mine, theirs = sizes
    assert linked_to({7: shared}, {7: theirs}.__getitem__, mine, feed, 10) == ({7} if linked else set())


def test_links_are_those_of_the_poisson_tail() -> None:
    """Over sizes, shared accounts and tests, as its distribution says."""
    n_linked = 0
    for n_shared, n_a, n_b, n_tests in product((1, 2, 3, 5, 40), (4, 60, 3_000), (9, 400), (0, 1, 30)):
        expected = ACTIVITY_SKEW * n_a * n_b / 20_000
        is_rare = poisson.sf(n_shared - 1, expected) * max(n_tests, 1) < LINK_CHANCE
        linked = linked_to({7: n_shared}, {7: n_b}.__getitem__, n_a, 20_000, n_tests)
        assert linked == ({7} if is_rare and n_shared > 1 else set())
        n_linked += len(linked)
    assert n_linked > 10
