"""The burst rows place posts as they say, and see what rings and what does not."""

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from support.posts import words

from detectors.alert import Severity
from tests.eval import heldout, quiet, trolls
from tests.eval.data import Data
from tests.eval.natural import HOUR_MS, MINUTE_MS, after_the_others, heard, long_feed, squeezed
from tests.eval.rows import Setup
from tests.eval.separation import area_with_interval

DAY_MS = 24 * HOUR_MS
START_MS = 1_400_000_000_000
Lines = list[dict[str, Any]]


def line(ident: str, minute: float, text: str, **more: Any) -> dict[str, Any]:
    """A post of an account of its own."""
    at_ms = START_MS + round(minute * MINUTE_MS)
    return {"id": ident, "author": f"by-{ident}", "created_at": at_ms, "text": text, **more}


def burst(name: str, n: int, minute: float = 0, **more: Any) -> Lines:
    """Near-copies of one text, one a minute."""
    return [line(f"{name}{i}", minute + i, words(name, 14), **more) for i in range(n)]


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    """Two days of single posts; a headline of forty accounts in the second; a troll burst, a whisper."""
    alone = [line(f"alone{i}", 2 * i, words(("alone", i))) for i in range(1440)]
    headline = burst("headline", 40, minute=2000)
    labels = {"silver_burst": True, "account_type": "Koch"}
    loud = burst("loud", 10, silver_cluster="c1", **labels)
    few = burst("few", 3, minute=600, silver_cluster="c2", **labels)
    files = {
        "background/news": sorted(alone + headline, key=lambda post: post["created_at"]),
        "stream/minute": [line(f"now{i}", i / 60, words(("now", i))) for i in range(60)],
        "ira/day": loud + few,
    }
    for name, lines in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\n".join(map(orjson.dumps, lines)))

    def track(things: Any, _: str) -> Iterator[Any]:
        return iter(things)

    return Setup(data=Data(tmp_path), say=lambda _: None, track=track)


def test_no_natural_post_comes_twice_and_no_silence_is_long(setup: Setup) -> None:
    """The long feed holds every post once, a minute apart at most, streams within the background."""
    feed = long_feed(setup)
    assert len({placed.post.id for placed in feed}) == len(feed) == 1440 + 40 + 60
    gaps = [b.at_ms - a.at_ms for a, b in pairwise(feed)]
    assert 0 <= min(gaps) <= max(gaps) <= MINUTE_MS
    streamed = [placed.at_ms for placed in feed if placed.post.id.startswith("now")]
    assert feed[0].at_ms < min(streamed) < max(streamed) < feed[-1].at_ms


def test_a_squeezed_file_keeps_its_pace_but_for_silences(setup: Setup) -> None:
    """Posts a second apart stay so; the two minutes between single posts become one."""
    stream, background = setup.data.posts("stream"), setup.data.posts("background")
    assert {b.at_ms - a.at_ms for a, b in pairwise(squeezed(stream, 0))} == {1000}
    assert squeezed(background[:3], 0)[-1].at_ms == 2 * MINUTE_MS


def test_warm_means_that_nothing_of_the_judged_file_came_before(setup: Setup) -> None:
    """All other natural files come first, the judged one last."""
    (mine,) = setup.data.files("background")
    feed = after_the_others(setup, mine)
    assert [placed.source for placed in feed] == [""] * 60 + ["mine"] * 1480


def test_quiet_lists_the_headline_with_its_words(setup: Setup) -> None:
    """Forty accounts on one text are told as a case, with the evidence as people read it."""
    rows = {row.id: row for row in quiet.measure(setup)}
    (case,) = rows["quiet_cold_warning"].cases + rows["quiet_cold_info"].cases
    assert case["accounts"] == 40
    assert words("headline", 14)[:20] in case["told"]
    assert rows["quiet_cold_critical"].value == 0
    assert rows["quiet_cold_critical"].holds


def test_reposts_are_read_as_such_but_harshly(setup: Setup) -> None:
    """A file that calls posts reposts without naming their originals: no burst, unless read harshly."""
    for post in setup.data.posts("background"):
        post.labels["is_retweet"] = True
    feed = long_feed(setup)
    assert not heard(feed)
    assert len(heard(feed, harshly=True)) == 1


def test_troll_bursts_are_placed_apart_and_those_missed_are_cases(setup: Setup) -> None:
    """Ten accounts ring; three do not, and are named."""
    rows = {row.id: row for row in trolls.measure(setup)}
    assert rows["troll_recall_8"].value == 1
    assert rows["troll_recall_all"].value == 0.5
    assert [case["accounts"] for case in rows["troll_recall_all"].cases] == [3]
    assert rows["troll_natural_critical"].value == 0


def test_a_placed_burst_has_accounts_of_its_own_and_times_inside_its_minutes(setup: Setup) -> None:
    """Accounts carry the burst's name, and minutes keep their distance."""
    (loud, _) = trolls.bursts_of(setup)
    placed = trolls.placed_alone(loud, DAY_MS, random.Random(1))
    assert placed[0].at_ms == DAY_MS
    assert all(p.author is not None and p.author.endswith(loud.name) for p in placed)
    gaps = [b.at_ms - a.at_ms for a, b in pairwise(placed)]
    assert all(0 < gap < 2 * MINUTE_MS for gap in gaps)


def test_severity_of_a_found_burst_is_the_gravest_it_was(setup: Setup) -> None:
    """Whatever it was told as before and after."""
    (found,) = heard(long_feed(setup))
    told = [alert.severity.rank for alert in found.alerts]
    assert found.severity.rank == max(told)
    assert found.gravest.severity is found.severity
    assert found.severity is not Severity.CRITICAL


def test_area_under_the_curve() -> None:
    """1 where all ours lie above, half where both sides are alike; the interval holds it."""
    assert area_with_interval([0.9, 0.8], [0.1, 0.2, 0.3]) == (1.0, 1.0, 1.0)
    area, low, high = area_with_interval([0.5, 0.1] * 20, [0.5, 0.1] * 20)
    assert area == 0.5
    assert low < 0.5 < high


def test_held_out_rows_judge_what_they_were_not_fitted_to(setup: Setup) -> None:
    """One day has no others to choose for it; the headline is more than what the other file expects."""
    rows = {row.id: row for row in heldout.measure(setup)}
    assert rows["heldout_troll_8"].value == 1
    assert [case["rung_of_8"] for case in rows["heldout_troll_8"].cases] == [1]
    (news, minute) = rows["heldout_law_24"].cases
    assert (news["seen"], minute["seen"]) == (1, 0)
    assert 0 < news["expected"] < 1


def test_the_interval_of_a_share_holds_it() -> None:
    """Also where all or none of it was found."""
    for n, total in ((0, 20), (7, 20), (20, 20)):
        low, high = heldout.wilson(n, total)
        assert 0 <= low <= n / total <= high <= 1
        assert high - low < 0.45
