"""The generated scenario is what it says: its published counts, its hard background, its repeatability."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from random import Random
from typing import Any

import orjson
import pytest

from stream.scenarios import SCENARIOS, generate
from stream.scenarios.copies import CORES, HASHTAGS
from stream.scenarios.tongues import TONGUES

Posts = list[dict[str, Any]]

CAMPAIGN_START = "2024-05-15T10:21:00.000Z"


@pytest.fixture(scope="module")
def posts() -> Posts:
    """The scenario as the demo plays it."""
    return generate("new-caledonia", seed=7)


@pytest.fixture(scope="module")
def other_posts() -> Posts:
    """The same with another seed."""
    return generate("new-caledonia", seed=8)


@pytest.fixture(scope="module")
def campaign(posts: Posts) -> Posts:
    """The coordinated posts."""
    return [post for post in posts if post["scenario"]["actor"] == "campaign"]


@pytest.fixture(scope="module")
def background(posts: Posts) -> Posts:
    """Everything else."""
    return [post for post in posts if post["scenario"]["actor"] != "campaign"]


def digest(posts: Posts) -> str:
    """SHA-256 over the posts as NDJSON."""
    return hashlib.sha256(b"\n".join(orjson.dumps(post) for post in posts)).hexdigest()


def authors(posts: Iterable[dict[str, Any]]) -> set[str]:
    """Ids of the accounts."""
    return {post["author"]["id"] for post in posts}


def shingles(text: str) -> frozenset[str]:
    """Three-character shingles without links and mentions."""
    plain = re.sub(r"\s+", " ", re.sub(r"https?://\S+|@\w+", " ", text)).casefold().strip()
    return frozenset(plain[i : i + 3] for i in range(len(plain) - 2))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared part of two shingle sets."""
    return len(one & other) / max(1, len(one | other))


def test_the_campaign_has_the_published_counts(campaign: Posts) -> None:
    """X: 5,187 originals and 179 reposts by 1,686 accounts; Facebook: 145 posts by 80 accounts."""
    on_x = [post for post in campaign if post["platform"] == "x"]
    on_facebook = [post for post in campaign if post["platform"] == "facebook"]
    reposts = [post for post in on_x if "repost_of" in post]
    assert len(on_x) - len(reposts) == 5_187
    assert len(reposts) == 179
    assert len(authors(on_x)) == 1_686
    assert len(on_facebook) == 145
    assert len(authors(on_facebook)) == 80
    assert len(on_x) + len(on_facebook) == len(campaign)


def test_the_counts_hold_for_another_seed(other_posts: Posts) -> None:
    """The published counts are exact, not expected values."""
    kinds = Counter(
        (post["platform"], "repost_of" in post)
        for post in other_posts
        if post["scenario"]["actor"] == "campaign"
    )
    assert kinds == {("x", False): 5_187, ("x", True): 179, ("facebook", False): 145}


def test_equal_seeds_give_equal_bytes_and_other_seeds_other_ones(posts: Posts, other_posts: Posts) -> None:
    """A seed decides every byte."""
    assert digest(generate("new-caledonia", seed=7)) == digest(posts)
    assert digest(other_posts) != digest(posts)


def test_every_post_keeps_the_contract(posts: Posts) -> None:
    """Members have the types of the contract; ids are unique; references point to earlier posts."""
    known: dict[str, str] = {}
    for post in posts:
        assert isinstance(post["id"], str)
        assert post["id"] not in known
        assert post["text"].strip()
        assert post["author"]["id"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", post["created_at"])
        assert post["author"].get("created_at", "") < post["created_at"]
        delay = datetime.fromisoformat(post["observed_at"]) - datetime.fromisoformat(post["created_at"])
        assert 0.3 <= delay.total_seconds() < 5.0
        assert re.match(r"https://[a-z]+\.example/", post["url"])
        assert all("example/" in url for url in post.get("urls", []))
        for ref in {"repost_of", "quote_of", "reply_to"} & post.keys():
            assert known[post[ref]] < post["created_at"]
        known[post["id"]] = post["created_at"]


def test_posts_come_in_order_of_time(posts: Posts) -> None:
    """A replay needs no sorting."""
    times = [post["created_at"] for post in posts]
    assert times == sorted(times)


def test_the_background_is_ten_times_the_campaign_and_outlasts_it(campaign: Posts, background: Posts) -> None:
    """At least an hour of quiet before, half an hour after, ten posts to each of the campaign's."""
    assert len(background) >= 10 * len(campaign)
    before = datetime.fromisoformat(campaign[0]["created_at"]) - datetime.fromisoformat(
        background[0]["created_at"]
    )
    after = datetime.fromisoformat(background[-1]["created_at"]) - datetime.fromisoformat(
        campaign[-1]["created_at"]
    )
    assert before.total_seconds() >= 3600
    assert after.total_seconds() >= 45 * 60


def test_the_background_never_pauses(background: Posts) -> None:
    """Every minute has posts, so event time moves on and quiet can be told from silence."""
    minutes = Counter(post["created_at"][:16] for post in background)
    assert len(minutes) == 300
    assert min(minutes.values()) >= 100


def test_ten_languages_and_six_scripts_are_spoken(background: Posts) -> None:
    """Each language has at least a thousand posts."""
    spoken = {lang for lang, n in Counter(post["lang"] for post in background).items() if n >= 1000}
    scripts = {tongue.script for tongue in TONGUES if tongue.code in spoken}
    assert len(spoken) >= 10
    assert len(scripts) >= 6


def test_the_background_has_everything_that_should_not_ring(background: Posts) -> None:
    """Bots, apps, headlines, greetings, reposts, replies, quotes and short posts all occur."""
    actors = Counter(post["scenario"]["actor"] for post in background)
    assert actors.keys() == {
        "chatter", "reply", "repost", "quote", "short", "greeting", "headline", "weather-bot",
        "follower-app", "now-playing", "horoscope", "prayer-app", "fan-vote", "job-spam",
    }  # fmt: skip
    assert min(actors.values()) >= 100
    for bot in ("weather-bot", "follower-app", "job-spam"):
        hours = {post["created_at"][:13] for post in background if post["scenario"]["actor"] == bot}
        assert len(hours) == 6, bot


def test_a_headline_is_shared_once_by_each_of_many_settled_accounts(background: Posts) -> None:
    """One reaches four hundred accounts, one a hundred within five minutes; no account repeats one."""
    shares: dict[str, Posts] = defaultdict(list)
    for post in background:
        if post["scenario"]["actor"] == "headline":
            shares[post["scenario"]["item"]].append(post)
    assert all(len(authors(items)) == len(items) for items in shares.values())
    assert max(len(items) for items in shares.values()) >= 400
    fast = [datetime.fromisoformat(post["created_at"]).timestamp() for post in shares["stonebridge-quake"]]
    assert sum(at < fast[0] + 300 for at in fast) >= 100
    everyone = [post for items in shares.values() for post in items]
    assert not any(post["author"].get("created_at", "") > "2024-01-01" for post in everyone)


@pytest.mark.parametrize("version", ["fr", "en"])
def test_each_version_starts_abruptly(campaign: Posts, version: str) -> None:
    """Nothing before 12:21 Paris time; 25 accounts within four minutes; nine in ten posts in ninety."""
    copies = [post for post in campaign if post["scenario"]["version"] == version]
    times = [post["created_at"] for post in copies]
    assert times[0] >= CAMPAIGN_START
    assert len(authors(post for post in copies if post["created_at"] < "2024-05-15T10:25:00")) >= 25
    assert times[int(0.9 * len(times))] < "2024-05-15T11:51:00"


def test_campaign_accounts_are_new_repeat_and_speak_both_languages(campaign: Posts) -> None:
    """Two in three are under 30 days, a third repeat within 15 minutes, many post both versions."""
    originals = [post for post in campaign if post["platform"] == "x" and "repost_of" not in post]
    by_author: dict[str, Posts] = defaultdict(list)
    for post in originals:
        by_author[post["author"]["id"]].append(post)
    n = len(by_author)
    new = sum(items[0]["author"].get("created_at", "") > "2024-04-15" for items in by_author.values())
    both = sum(len({post["scenario"]["version"] for post in items}) == 2 for items in by_author.values())
    times = [
        [datetime.fromisoformat(p["created_at"]).timestamp() for p in items] for items in by_author.values()
    ]
    repeating = sum(any(b - a < 900 for a, b in pairwise(t)) for t in times)
    assert new > 0.6 * n
    assert both > 0.35 * n
    assert repeating > 0.33 * n


def test_few_background_accounts_are_new(background: Posts) -> None:
    """The base rate that novelty of accounts is measured against is about three in a hundred."""
    ages = {
        post["author"]["id"]: post["author"]["created_at"]
        for post in background
        if "created_at" in post["author"]
    }
    young = sum(created > "2024-04-15" for created in ages.values())
    assert 0.015 < young / len(ages) < 0.045
    assert any("created_at" not in post["author"] for post in background)


@pytest.mark.parametrize("version", ["fr", "en"])
def test_copies_are_near_but_seldom_exact(campaign: Posts, version: str) -> None:
    """Any two copies are near-duplicates; hashtags, typos, links and emoji make most texts unique."""
    copies = [
        post for post in campaign
        if post["scenario"]["version"] == version and post["platform"] == "x" and "repost_of" not in post
    ]  # fmt: skip
    sample = [shingles(post["text"]) for post in Random(1).sample(copies, 200)]
    similarities = sorted(jaccard(a, b) for i, a in enumerate(sample) for b in sample[:i])
    assert similarities[0] > 0.4
    assert similarities[len(similarities) // 2] > 0.7
    assert len({post["text"] for post in copies}) > 0.8 * len(copies)
    assert {tag for post in copies for tag in post.get("hashtags", [])} == set(HASHTAGS)
    assert any("urls" in post for post in copies)
    assert any(post["text"].startswith("@") for post in copies)


def test_nothing_of_the_background_resembles_the_campaign(background: Posts) -> None:
    """No background post reaches Jaccard 0.3 with either version, though some share its subject."""
    cores = [shingles(f"{core} #{HASHTAGS[0]} #{HASHTAGS[4]}") for core in CORES.values()]
    texts = {post["text"] for post in background if post["lang"] in {"en", "fr"}}
    assert max(jaccard(shingles(text), core) for text in texts for core in cores) < 0.3
    assert any("New Caledonia" in text for text in texts)


@pytest.mark.parametrize("lang", ["en", "ja", "ar"])
def test_people_are_not_copies_of_each_other(background: Posts, lang: str) -> None:
    """Two posts of one language share little; near-copies by chance are rarer than one pair in 1,000."""
    said = [
        shingles(post["text"])
        for post in background
        if post["lang"] == lang and post["scenario"]["actor"] in {"chatter", "reply", "quote"}
    ]
    chance = Random(3)
    similarities = [jaccard(*chance.sample(said, 2)) for _ in range(10_000)]
    assert sum(similarities) / len(similarities) < 0.1
    assert sum(similarity >= 0.3 for similarity in similarities) < 10


def test_every_scenario_has_a_summary_under_its_name() -> None:
    """`tocsin scenario --list` has something to say about each."""
    assert all(scenario.name == name and scenario.summary for name, scenario in SCENARIOS.items())
