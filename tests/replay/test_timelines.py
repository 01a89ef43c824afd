"""Timelines on a virtual clock: what is posted when, and exactly which alerts follow.

Each begins with two hours of background (minutes 0 to 120): one-off posts, a weather bot, and
a template that many old accounts use, steadily. Waves come after.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from support.posts import MINUTE_MS, T0_MS, Written, records, sliced, told, varied, words

from detectors.alert import Alert, AlertReason, Severity
from detectors.chain import Chain
from detectors.settings import DetectorSettings

CAMPAIGN = words("campaign", 28)
TEMPLATE = words("template", 12)


def background(minutes: int) -> Iterator[Written]:
    """Nine posts a minute; nothing of it is news."""
    for i in range(minutes * 6):
        text = words(("alone", i))
        yield Written(at_ms=T0_MS + i * 10_000, text=text, author=f"u{i % 700}", id=f"alone{i}")
    for i in range(minutes):
        at_ms = T0_MS + i * MINUTE_MS
        bot = f"{words('weather bot', 9)} {i}"
        yield Written(at_ms=at_ms + 1000, text=bot, author="weather", id=f"bot{i}")
        for half in range(2):
            author = f"t{(2 * i + half) * 37 % 400}"
            yield Written(
                at_ms=at_ms + half * 30_000 + 7, text=TEMPLATE, author=author, id=f"template{i}.{half}"
            )


def campaign(
    n: int = 200, n_accounts: int = 60, *, age_days: float = 900, start_min: float = 120
) -> list[Written]:
    """Posts of one text, a word varied in every fifth, by accounts in turn; one each four seconds."""
    rng = random.Random(n)
    return [
        Written(
            at_ms=T0_MS + round(start_min * MINUTE_MS) + i * 4000 + rng.randint(0, 900),
            text=CAMPAIGN if i % 5 else varied(CAMPAIGN, 1, i),
            author=f"c{i % n_accounts}",
            id=f"c{i}",
            age_days=age_days,
        )
        for i in range(n)
    ]


def play(
    posts: Iterable[Written],
    size: int = 100,
    *,
    silence_s: float = 3600,
    settings: DetectorSettings | None = None,
) -> list[Alert]:
    """Alerts of the posts in the order of their times, and of the silence after them."""
    log = records(sorted(posts, key=lambda post: post.at_ms))
    chain = Chain(settings or DetectorSettings(), "test")
    alerts = [alert for batch in sliced(log, size) for alert in chain.feed(batch)]
    assert chain.rejected == []
    return alerts + chain.end(silence_s)


def test_background_rings_nothing() -> None:
    """Four hours of bots, templates and one-off posts."""
    assert told(play(background(240))) == []


def test_bot_rings_as_info_where_spam_is_asked_for_and_the_rest_as_before() -> None:
    """The weather bot's 120 posts: FIRST at ten, doublings, an end; the campaign rings no other way."""
    settings = DetectorSettings(ring_spam=True)
    posts = [*background(120), *campaign(90, 40)]
    alerts = play(posts, settings=settings)
    bot = [alert for alert in alerts if alert.accounts == 1]
    assert told(bot) == [
        ("FIRST", 10, "info"),
        ("GREW", 20, "info"),
        ("GREW", 40, "info"),
        ("GREW", 80, "info"),
        ("RESOLVED", 120, "info"),
    ]
    assert told(alert for alert in alerts if alert not in bot) == told(play(posts))


def test_campaign_that_repeats_rings_by_its_25th_copy_and_wakes_someone() -> None:
    """200 posts by 60 old accounts: FIRST early, critical, RESOLVED after the quiet period."""
    posts = campaign()
    alerts = play([*background(240), *posts])
    first, *_, last = alerts
    assert first.reason is AlertReason.FIRST
    assert first.posts <= 25
    assert {a.id for a in alerts} == {first.id}
    assert [a.seq for a in alerts] == list(range(1, len(alerts) + 1))
    assert alerts[-2].severity is Severity.CRITICAL
    assert (last.reason, last.status) == (AlertReason.RESOLVED, "resolved")
    quiet_s = (last.updated_at - last.ends_at).total_seconds() if last.ends_at else 0
    assert 840 <= quiet_s <= 1020


def test_last_alert_is_a_recount_of_the_posts() -> None:
    """Posts, accounts, repeats, series and platforms, exactly."""
    posts = campaign()
    *_, last = play([*background(240), *posts])
    assert (last.posts, last.accounts, last.accounts_exact) == (
        len(posts),
        len({p.author for p in posts}),
        True,
    )
    assert sum(last.series.counts) == len(posts)
    assert last.platforms == {"test": len(posts)}
    assert last.starts_at.timestamp() * 1000 == pytest.approx(posts[0].at_ms, abs=0.5)
    assert last.ends_at is not None
    assert last.ends_at.timestamp() * 1000 == pytest.approx(posts[-1].at_ms, abs=0.5)
    assert last.first_post.id == posts[0].id
    assert last.exemplar.text == CAMPAIGN
    assert last.coordination.identical_posts.n == sum(p.text == CAMPAIGN for p in posts)


def test_campaign_of_new_accounts_wakes_someone() -> None:
    """Sixty accounts of three days, once each."""
    alerts = play([*background(240), *campaign(60, age_days=3)])
    assert Severity.CRITICAL in {a.severity for a in alerts}
    *_, last = alerts
    assert (last.coordination.new_accounts.n, last.coordination.new_accounts.of) == (60, 60)


def test_old_accounts_that_post_once_stay_a_warning() -> None:
    """A crowd may say the same thing: without repeats or new accounts nobody is woken."""
    alerts = play([*background(240), *campaign(200, 200)])
    assert {a.severity for a in alerts} == {Severity.INFO, Severity.WARNING}
    assert alerts[-1].severity is Severity.WARNING


def test_campaign_still_going_is_not_resolved() -> None:
    """Without silence after it there is no end."""
    alerts = play([*background(130), *campaign()], silence_s=60)
    assert AlertReason.RESOLVED not in {a.reason for a in alerts}


def test_surge_of_the_steady_template_rings() -> None:
    """Two hours at two a minute are known; a hundred in five minutes are not."""
    surge = [
        replace(post, text=TEMPLATE, author=f"s{i}", id=f"s{i}")
        for i, post in enumerate(campaign(100, start_min=125))
    ]
    alerts = play([*background(240), *surge])
    assert alerts[0].reason is AlertReason.FIRST
    assert alerts[0].starts_at.timestamp() * 1000 < T0_MS + MINUTE_MS


@pytest.mark.parametrize("size", [1, 7, 500])
def test_alerts_do_not_depend_on_the_batches(size: int) -> None:
    """The whole chain, post by post or five hundred at a time."""
    posts = [*background(180), *campaign(90, 40)]
    assert play(posts, size) == play(posts, 50)


def test_timeline_of_a_campaign_in_full() -> None:
    """Each alert of 90 posts by 40 old accounts over six minutes: reason, posts, severity."""
    assert told(play([*background(240), *campaign(90, 40)])) == [
        ("FIRST", 4, "info"),
        ("GREW", 8, "info"),
        ("GREW", 16, "info"),
        ("GREW", 18, "warning"),
        ("GREW", 40, "warning"),
        ("GREW", 75, "critical"),
        ("RESOLVED", 90, "critical"),
    ]
