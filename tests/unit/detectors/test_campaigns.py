"""Campaigns: bursts of other words by the same accounts are one incident, others are not."""

from collections.abc import Sequence

import pytest
from support.posts import MINUTE_MS, T0_MS, Written, cluster, packs_of, reloaded, words

from detectors.activity import Activity
from detectors.alert import Alert
from detectors.burster import Burster
from detectors.campaigns import are_one
from detectors.settings import DetectorSettings

SETTINGS = DetectorSettings(max_tracked_posts=512)
FRENCH, ENGLISH, THIRD = words("french", 30), words("english", 30), words("third", 30)
LATER_MIN = 180


def wave(n: int, start_min: float, text: str, accounts: str, first: int = 0) -> list[Written]:
    """One post each of n accounts, four seconds apart."""
    start_ms = T0_MS + round(start_min * MINUTE_MS)
    return [
        Written(at_ms=start_ms + i * 4000, text=text, author=f"{accounts}{first + i}", id=f"{text[:9]}-{i}")
        for i in range(n)
    ]


def activity(*waves: list[Written]) -> list[Activity]:
    """Of five hours of one-off posts, one a minute, with these among them."""
    lone = [
        Written(at_ms=T0_MS + i * MINUTE_MS, text=words(("lone", i)), author=f"l{i}", id=f"l{i}")
        for i in range(300)
    ]
    posts = sorted([*lone, *(post for one in waves for post in one)], key=lambda post: post.at_ms)
    return cluster(SETTINGS, packs_of(SETTINGS, posts, 50))


def play(burster: Burster, messages: Sequence[Activity]) -> list[Alert]:
    """What it tells of them."""
    return [alert for message in messages for alert in burster.feed(message)]


def last_of(alerts: Sequence[Alert]) -> dict[str, Alert]:
    """The last word on each text."""
    return {alert.exemplar.text: alert for alert in alerts}


def test_two_texts_of_the_same_accounts_are_one_campaign_and_a_third_of_others_is_not() -> None:
    """Named after the oldest, told in both with all members and the accounts in common."""
    messages = activity(
        wave(40, LATER_MIN, FRENCH, "c"),
        wave(40, LATER_MIN + 4, ENGLISH, "c", first=10),
        wave(40, LATER_MIN + 4, THIRD, "other"),
    )
    last = last_of(play(Burster(SETTINGS, "test"), messages))
    french, english = last[FRENCH], last[ENGLISH]
    assert french.campaign is not None
    assert english.campaign is not None
    assert french.campaign.id == english.campaign.id == french.id
    assert french.campaign.bursts == english.campaign.bursts == [french.id, english.id]
    assert french.campaign.shared_accounts == english.campaign.shared_accounts == 30
    assert last[THIRD].campaign is None


def test_a_later_stage_joins_and_the_id_stays() -> None:
    """A third text an hour later by the same accounts; what was told before never changes its name."""
    messages = activity(
        wave(40, LATER_MIN, FRENCH, "c"),
        wave(40, LATER_MIN + 4, ENGLISH, "c"),
        wave(40, LATER_MIN + 60, THIRD, "c"),
    )
    alerts = play(Burster(SETTINGS, "test"), messages)
    last = last_of(alerts)
    told = {alert.campaign.id for alert in alerts if alert.campaign is not None}
    assert told == {last[FRENCH].id}
    campaign = last[THIRD].campaign
    assert campaign is not None
    assert campaign.bursts == [last[text].id for text in (FRENCH, ENGLISH, THIRD)]


def test_a_campaign_is_part_of_the_checkpoint() -> None:
    """Restarted after each alert, BURST tells the same."""
    messages = activity(wave(40, LATER_MIN, FRENCH, "c"), wave(40, LATER_MIN + 4, ENGLISH, "c"))
    whole = play(Burster(SETTINGS, "test"), messages)
    burster, alerts = Burster(SETTINGS, "test"), list[Alert]()
    for message in messages:
        if more := burster.feed(message):
            alerts += more
            burster = reloaded(burster, SETTINGS)
    assert alerts == whole
    assert any(alert.campaign is not None for alert in whole)


@pytest.mark.parametrize(
    ("n_shared", "n_a", "n_b", "is_one"),
    [(4, 8, 8, False), (5, 8, 8, True), (24, 100, 900, False), (25, 100, 900, True), (25, 900, 100, True)],
)
def test_an_audience_in_common_is_no_campaign(n_shared: int, n_a: int, n_b: int, *, is_one: bool) -> None:
    """A quarter of the smaller burst's accounts, and five of them."""
    assert are_one(n_shared, n_a, n_b) is is_one
