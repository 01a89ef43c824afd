"""The scenarios beside New Caledonia are what they say: their published counts, and how hard they are."""

from collections import Counter
from datetime import datetime
from random import Random
from typing import Any

import pytest

from detectors.normalise import normalise
from detectors.sketch import exact_jaccard
from stream.scenarios import generate
from stream.scenarios.montage import MAX_FLIPPED_BITS, MONTAGE_PHASH

Posts = list[dict[str, Any]]


def the_campaign(name: str, seed: int = 7) -> Posts:
    """The coordinated posts of a scenario."""
    return [post for post in generate(name, seed) if post["scenario"]["actor"] == "campaign"]


@pytest.fixture(scope="module")
def montage() -> Posts:
    """S2's campaign."""
    return the_campaign("montage")


@pytest.fixture(scope="module")
def boycott() -> Posts:
    """S3's campaign."""
    return the_campaign("boycott")


@pytest.fixture(scope="module")
def conference() -> Posts:
    """S4's campaign."""
    return the_campaign("conference")


def accounts(posts: Posts) -> dict[str, str]:
    """When each account was created."""
    return {post["author"]["id"]: post["author"]["created_at"] for post in posts}


def similarities(posts: Posts, n_pairs: int = 2_000) -> list[float]:
    """Jaccard similarities of random pairs, as the detector sees them, ascending."""
    chance = Random(5)
    pairs = (chance.sample(posts, 2) for _ in range(n_pairs))
    return sorted(exact_jaccard(normalise(a["text"]), normalise(b["text"])) for a, b in pairs)


def test_the_montage_is_published_four_thousand_times_from_the_fifteenth_on(montage: Posts) -> None:
    """4,000 publications by 1,240 accounts, begun on 15 May; some follow on the 16th."""
    days = Counter(post["created_at"][:10] for post in montage)
    assert len(montage) == 4_000
    assert len(accounts(montage)) == 1_240
    assert min(days) == "2024-05-15"
    assert days["2024-05-16"] > 100


def test_the_montage_is_one_picture_in_ever_other_words(montage: Posts) -> None:
    """Perceptual hashes differ by a few bits; hardly one pair of texts in a hundred is a near-copy."""
    hashes = [int(post["media"][0]["phash"], 16) for post in montage]
    distances = [(phash ^ MONTAGE_PHASH).bit_count() for phash in hashes]
    assert max(distances) == MAX_FLIPPED_BITS
    assert len(set(hashes)) > 100
    near = similarities(montage)
    assert near[len(near) // 2] < 0.1
    assert sum(similarity >= 0.33 for similarity in near) < 0.01 * len(near)


def test_the_boycott_is_few_accounts_over_two_days(boycott: Posts) -> None:
    """1,600 posts by 91 accounts, 40 of them created that month, never after they post."""
    created = accounts(boycott)
    assert len(boycott) == 1_600
    assert len(created) == 91
    assert sum(at.startswith("2023-07") for at in created.values()) == 40
    assert {post["created_at"][:10] for post in boycott} == {"2023-07-26", "2023-07-27"}
    assert all(post["author"]["created_at"] < post["created_at"] for post in boycott)


def test_the_boycott_has_two_stages(boycott: Posts) -> None:
    """A smaller one of the older accounts on the first day, all of them on the second, a night between."""
    by_day = {day: [p for p in boycott if p["created_at"].startswith(f"2023-07-{day}")] for day in (26, 27)}
    assert [len(posts) for posts in by_day.values()] == [300, 1_300]
    assert not any(at.startswith("2023-07") for at in accounts(by_day[26]).values())
    assert len(accounts(by_day[27])) == 91
    last, first = by_day[26][-1]["created_at"], by_day[27][0]["created_at"]
    assert (datetime.fromisoformat(first) - datetime.fromisoformat(last)).total_seconds() > 8 * 3600


def test_the_conference_is_seven_thousand_posts_of_a_day(conference: Posts) -> None:
    """7,000 posts by 895 accounts, exactly 1,000 of them in the busiest ten minutes."""
    times = sorted(datetime.fromisoformat(post["created_at"]).timestamp() for post in conference)
    busiest = max(sum(at <= other < at + 600 for other in times) for at in times[::10])
    assert len(conference) == 7_000
    assert len(accounts(conference)) == 895
    assert {post["created_at"][:10] for post in conference} == {"2023-07-06"}
    assert 1_000 <= busiest < 1_010


@pytest.mark.parametrize("name", ["boycott", "conference"])
def test_copies_of_one_version_are_near(name: str, request: pytest.FixtureRequest) -> None:
    """The texts of a version are near-copies, those of two versions are not."""
    posts: Posts = request.getfixturevalue(name)
    versions = sorted({post["scenario"]["version"] for post in posts})
    for version in versions:
        near = similarities([post for post in posts if post["scenario"]["version"] == version], 200)
        assert near[0] > 0.4
    one_each = [next(p for p in posts if p["scenario"]["version"] == version) for version in versions]
    assert similarities(one_each, 100)[-1] < 0.3


def test_equal_seeds_give_equal_campaigns(boycott: Posts) -> None:
    """A seed decides every post."""
    assert the_campaign("boycott") == boycott
