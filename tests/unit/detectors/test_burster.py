"""BURST: the same alerts whatever cuts, restarts and redeliveries do; each transition by its rule."""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import msgspec
import pytest
from support.posts import (
    HOUR_MS,
    MINUTE_MS,
    T0_MS,
    Written,
    cluster,
    encode_activity,
    hostile_feed,
    packs_of,
    records,
    reloaded,
    ring,
    told,
    varied,
    words,
)

from detectors.activity import Activity, Clock, Snapshot
from detectors.alert import Alert, AlertReason, Severity, decode_alert, encode_alert
from detectors.burster import Burster, settings_digest
from detectors.clusterer import Clusterer
from detectors.group import Group
from detectors.lifecycle import Ring
from detectors.measure import Measurer
from detectors.settings import DetectorSettings
from detectors.sketcher import Sketcher

SETTINGS = DetectorSettings(max_tracked_posts=512)
TEXT = words("burst", 30)
FEED_H = 3
_ids = count()


def wave(
    n: int, start_ms: int, text: str = TEXT, *, accounts: str = "w", step_ms: int = 5000, **more: Any
) -> list[Written]:
    """One post each of n old accounts."""
    return [
        Written(
            at_ms=T0_MS + start_ms + i * step_ms,
            text=text,
            author=f"{accounts}{i}",
            id=f"{accounts}-{start_ms}-{i}-{next(_ids)}",
            more=more,
        )
        for i in range(n)
    ]


def lone(start_min: int, end_min: int) -> Iterator[Written]:
    """A feed of one-off posts, one a minute."""
    for i in range(start_min, end_min):
        yield Written(at_ms=T0_MS + i * MINUTE_MS, text=words(("lone", i)), author=f"l{i}", id=f"l{i}")


def feed(
    posts: list[Written], settings: DetectorSettings = SETTINGS, hours: float = FEED_H + 2
) -> list[Activity]:
    """Activity of a feed of one-off posts with these among them."""
    return cluster(settings, packs_of(settings, timeline(posts, hours), 50))


def timeline(posts: list[Written], hours: float = FEED_H + 2) -> list[Written]:
    """The posts among one-off ones."""
    return sorted([*lone(0, round(hours * 60)), *posts], key=lambda post: post.at_ms)


def alerts_of(posts: list[Written], hours: float = FEED_H + 2) -> list[Alert]:
    """What a fresh BURST tells of them."""
    return ring(Burster(SETTINGS, "test"), feed(posts, hours=hours))


def bare(posts: list[Written], *, partition: int = 0, n_partitions: int = 1) -> list[Activity]:
    """Activity of a partition of its own."""
    packs = [pack for _, pack in Sketcher(SETTINGS, 0, 1, 1).feed(records(posts)).packs]
    return cluster(SETTINGS, packs, Clusterer(SETTINGS, partition, n_partitions))


LATER = FEED_H * HOUR_MS


def test_burst_opens_grows_and_ends() -> None:
    """FIRST at four accounts, GREW at each doubling and severity, RESOLVED after the quiet period."""
    alerts = alerts_of(wave(45, LATER))
    assert told(alerts) == [
        ("FIRST", 4, "info"),
        ("GREW", 8, "info"),
        ("GREW", 16, "info"),
        ("GREW", 18, "warning"),
        ("GREW", 36, "warning"),
        ("RESOLVED", 45, "warning"),
    ]
    assert [a.seq for a in alerts] == [1, 2, 3, 4, 5, 6]
    assert len({a.id for a in alerts}) == 1
    *_, last = alerts
    assert (last.status, last.accounts, last.accounts_exact) == ("resolved", 45, True)
    assert last.ends_at is not None
    assert round((last.updated_at - last.ends_at).total_seconds()) in range(840, 961)


def test_straggler_keeps_no_bell_ringing_and_rings_none() -> None:
    """One account that goes on does not hold it open, and what trickles in afterwards opens nothing."""
    drip = [replace(p, author="one") for p in wave(60, LATER + 5 * MINUTE_MS, step_ms=MINUTE_MS)]
    reasons = [reason for reason, *_ in told(alerts_of([*wave(12, LATER), *drip]))]
    assert reasons.count("FIRST") == reasons.count("RESOLVED") == 1


def test_late_posts_do_not_ring_again() -> None:
    """Posts of the wave's time that arrive after its end are counted and tell nothing."""
    late = [
        replace(p, at_ms=T0_MS + LATER + 45 * MINUTE_MS + i)
        for i, p in enumerate(wave(9, LATER, accounts="x"))
    ]
    late = [replace(p, more={"created_at": T0_MS + LATER + 60_000}) for p in late]
    assert [reason for reason, *_ in told(alerts_of([*wave(12, LATER), *late]))].count("FIRST") == 1


def test_second_wave_rings_again_under_the_same_id() -> None:
    """A new FIRST with the next seq, of the same burst since its first post."""
    alerts = alerts_of([*wave(12, LATER), *wave(30, LATER + HOUR_MS, accounts="second")])
    first = [a for a in alerts if a.reason is AlertReason.FIRST]
    assert len(first) == 2
    assert len({a.id for a in alerts}) == 1
    assert [a.seq for a in alerts] == list(range(1, len(alerts) + 1))
    assert first[1].starts_at == first[0].starts_at  # the counts are of its whole life, too
    assert alerts[-1].reason is AlertReason.RESOLVED


def test_nothing_rings_in_a_cold_start() -> None:
    """A wave in the first minutes of a feed proves nothing, whatever its size."""
    assert alerts_of(wave(60, 0, step_ms=2000), hours=0.12) == []


def test_reposts_ring_nothing_and_are_counted_apart() -> None:
    """Alone they are silent; beside a wave they stand in `reposts`."""
    assert alerts_of(wave(60, LATER, repost_of="x")) == []
    *_, last = alerts_of([*wave(12, LATER), *wave(7, LATER + 30_000, accounts="r", repost_of="x")])
    assert (last.posts, last.reposts, last.accounts) == (12, 7, 12)


@pytest.mark.parametrize("text", ["", "🎉", "@a @b", "https://e.example/1"])
def test_text_of_nothing_never_rings_but_by_its_link(text: str) -> None:
    """Sixty empty posts are no content; sixty bare links are one."""
    alerts = alerts_of(wave(60, LATER, text))
    assert bool(alerts) == text.startswith("http")


def test_short_texts_ring_only_by_the_same_bytes() -> None:
    """Twelve that differ in a letter are twelve contents; twelve equal ones are one."""
    different = [replace(p, text=f"so long {i:02}") for i, p in enumerate(wave(12, LATER))]
    assert alerts_of(different) == []
    assert alerts_of(wave(12, LATER, "so long 00"))[0].posts == 4


def test_deleted_text_goes_from_the_alert_at_once() -> None:
    """A REPEAT without the text, while it rings; counts stay."""
    posts = wave(12, LATER)
    gone = replace(posts[0], at_ms=T0_MS + LATER + 2 * MINUTE_MS, more={"op": "delete"})
    alerts = alerts_of([*posts, gone])
    (repeat,) = [a for a in alerts if a.reason is AlertReason.REPEAT]
    assert repeat.first_post.deleted
    assert repeat.first_post.text == ""
    assert [s.deleted for s in repeat.samples].count(True) == 1
    assert repeat.posts == 12
    assert all(a.first_post.text == "" for a in alerts if a.seq > repeat.seq)


MIXED = timeline([*hostile_feed(71, 300, start_ms=T0_MS + LATER, step_ms=12_000), *wave(45, LATER + 60_000)])


@pytest.mark.parametrize("settings", [SETTINGS, DetectorSettings(max_tracked_posts=48, epoch_s=1800)])
def test_alerts_are_the_same_for_batches_of_1_7_and_500(settings: DetectorSettings) -> None:
    """From the log of posts to the bytes of the alerts, across epochs and with evictions."""
    results = []
    for size in (1, 7, 500):
        burster, alerts = Burster(settings, "test"), []
        for messages in batched(cluster(settings, packs_of(settings, MIXED, size)), size):
            for _, rung in burster.feed_all(messages):
                alerts += [encode_alert(alert) for alert in rung]
        results.append((alerts, encode_activity(burster.dump())))
    assert results[0] == results[1] == results[2]
    assert len(results[0][0]) > 5


def batched(messages: list[Activity], size: int) -> Iterator[list[Activity]]:
    """So many at a time."""
    for start in range(0, len(messages), size):
        yield messages[start : start + size]


def test_restart_at_any_message_changes_no_alert() -> None:
    """Dumped and loaded through MessagePack before every message."""
    activity = cluster(SETTINGS, packs_of(SETTINGS, MIXED, 50))
    live = restarted = Burster(SETTINGS, "test")
    live = Burster(SETTINGS, "test")
    n_alerts = 0
    for i, message in enumerate(activity):
        if isinstance(message, Snapshot) or i % 10 == 0:
            restarted = reloaded(restarted, SETTINGS)
        expected = live.feed(message)
        assert restarted.feed(message) == expected
        n_alerts += len(expected)
    assert n_alerts > 5
    assert (restarted.firing(), restarted.ringing_ids()) == (live.firing(), live.ringing_ids())


@pytest.mark.parametrize("length", [1, 10, 100])
def test_redelivered_activity_changes_nothing(length: int) -> None:
    """Snapshots and clocks sent again, stepping back, tell nothing and count nothing."""
    activity = cluster(SETTINGS, packs_of(SETTINGS, MIXED, 50))
    once, again = Burster(SETTINGS, "test"), Burster(SETTINGS, "test")
    for start in range(0, len(activity), length):
        part = activity[start : start + length]
        assert ring(again, [*part, *part]) == ring(once, part)
    assert encode_activity(again.dump().groups) == encode_activity(once.dump().groups)
    assert again.dump().feed == once.dump().feed


def test_fragments_of_two_partitions_are_one_burst() -> None:
    """Counts add, accounts unite exactly."""
    history = [bare(list(lone(0, FEED_H * 60)), partition=p, n_partitions=2) for p in range(2)]
    parts = [
        bare(wave(30, LATER + p * 1000, varied(TEXT, p, "v")), partition=p, n_partitions=2) for p in range(2)
    ]
    burster = Burster(SETTINGS, "test")
    ring(burster, [m for pair in zip(*history, strict=True) for m in pair])
    snapshots = [[m for m in part if isinstance(m, Snapshot)] for part in parts]
    alerts = ring(burster, [m for pair in zip(*snapshots, strict=True) for m in pair])
    assert len({a.id for a in alerts}) == 1
    end = [Clock(partition=p, n_partitions=2, watermark_ms=T0_MS + LATER + HOUR_MS, ingest_ms=0, n_posts=0,
                 n_age_known=0, n_new=0, account_sample=[]) for p in range(2)]  # fmt: skip
    (last,) = ring(burster, end)
    assert (last.reason, last.posts, last.accounts) == (AlertReason.RESOLVED, 60, 30)


def test_burst_goes_on_across_an_epochs_end() -> None:
    """CLUSTER begins anew at the hour; the burst keeps its id, its posts and its accounts."""
    alerts = alerts_of(wave(60, LATER - 3 * MINUTE_MS, step_ms=6000))
    assert len({a.id for a in alerts}) == 1
    assert (alerts[-1].reason, alerts[-1].posts, alerts[-1].accounts) == (AlertReason.RESOLVED, 60, 60)


def test_two_firing_bursts_that_prove_one_merge() -> None:
    """The older survives; the other ends MERGED, naming it; later counts are of both."""
    chain = words("chain", 36).split()
    text, near, far, other = (" ".join(chain[first : first + 20]) for first in (0, 4, 12, 16))
    older, younger = wave(12, LATER, text, accounts="o"), wave(12, LATER + 120_000, other, accounts="y")
    bridge = wave(20, LATER + 300_000, near, accounts="b", step_ms=2000)
    bridge[1::2] = [replace(post, text=far) for post in bridge[1::2]]
    activity = [
        *bare(list(lone(0, FEED_H * 60))),
        *(m for part in (older, younger, bridge) for m in bare(part)),
    ]
    alerts = ring(Burster(SETTINGS, "test"), activity)
    (merged,) = [a for a in alerts if a.reason is AlertReason.MERGED]
    survivor, ended = alerts[0].id, next(a.id for a in alerts if a.id != alerts[0].id)
    assert (merged.id, merged.merged_into, merged.status) == (ended, survivor, "resolved")
    assert alerts[-1].id == survivor
    assert alerts[-1].posts > 24
    assert not [a for a in alerts if a.id == ended and a.seq > merged.seq]
    for name in (survivor, ended):
        seqs = [a.seq for a in alerts if a.id == name]
        assert seqs == list(range(1, len(seqs) + 1))


def test_shared_accounts_link_bursts_and_count_as_coordination() -> None:
    """The same twenty accounts behind two contents recur in the second."""
    alerts = alerts_of([*wave(20, LATER), *wave(20, LATER + 10 * MINUTE_MS, words("second content", 30))])
    second = [a for a in alerts if a.id != alerts[0].id]
    assert second[-1].coordination.linked_bursts == 1
    assert second[-1].coordination.recurring_accounts.n == 20
    assert second[-1].severity is Severity.CRITICAL


def test_more_accounts_than_the_cap_do_not_fall_quiet_while_they_post() -> None:
    """Six thousand accounts over an hour, once each: it rings until the last has stopped."""
    settings = msgspec.structs.replace(SETTINGS, quiet_s=300)
    posts = timeline(wave(6000, LATER, step_ms=500), 5)
    alerts = ring(Burster(settings, "test"), cluster(settings, packs_of(settings, posts, 500)))
    assert [a.reason for a in alerts].count(AlertReason.RESOLVED) == 1
    *_, last = alerts
    assert (last.posts, last.accounts_exact) == (6000, False)
    assert last.accounts == pytest.approx(6000, rel=0.03)


HOSTILE = [
    pytest.param("\x01" * 10 + "control " * 20 + "\x02" * 800, id="control-characters"),
    pytest.param("😀🎉🧨 " * 20 + "party at the square tonight " * 8, id="emoji"),
    pytest.param(words("long", 2600), id="twenty-thousand-characters"),
    pytest.param("ﷺ" * 5000 + " spells out to eighteen characters each", id="expanding"),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_burst_stays_within_the_bounds_of_messages(text: str) -> None:
    """An alert below 256 kB, a snapshot below 1 MB, whatever the posts hold; and they read back."""
    bell = "\x07"
    posts = [
        replace(
            p,
            text=f"{text[:19_900]} {i}",
            id=bell * 245 + p.id[-10:],
            more={
                "urls": [f"https://e.example/{i}/{n}/" + bell * 60 for n in range(100)],
                "hashtags": [f"{bell * 60}{i}-{n}" for n in range(100)],
                "url": bell * 500,
                "lang": bell * 35,
            },
        )
        for i, p in enumerate(wave(60, LATER))
    ]
    settings = msgspec.structs.replace(SETTINGS, max_post_bytes=10**6)
    activity = feed(posts, settings)
    assert max(len(msgspec.json.encode(m)) for m in activity) < 1_000_000
    alerts = ring(Burster(settings, "test"), activity)
    assert alerts
    for alert in alerts:
        value = encode_alert(alert)
        assert len(value) < 256_000
        assert decode_alert(value) == alert


def test_settings_digest_tells_what_judged() -> None:
    """Any value that decides changes it."""
    assert len(settings_digest(SETTINGS)) == 12
    assert settings_digest(SETTINGS) != settings_digest(DetectorSettings(min_accounts=6))
    assert settings_digest(DetectorSettings(account_hash_key=b"secret")) == settings_digest(
        DetectorSettings()
    )


def test_one_account_that_repeats_itself_is_counted_and_rings_nowhere() -> None:
    """Thirty copies by one account are spam, nine are not yet, thirty by thirty accounts are a burst."""
    by_one = [replace(post, author="spammer") for post in wave(30, LATER)]
    by_nine = [replace(post, author="fan") for post in wave(9, LATER, words("nine times", 14))]
    crowd = wave(30, LATER, words("crowd", 14), accounts="c")
    for posts, n_spam, n_bursts in ((by_one, 1, 0), (by_nine, 0, 0), (crowd, 0, 1)):
        burster = Burster(SETTINGS, "test")
        alerts = ring(burster, feed(posts, hours=FEED_H + 0.5))
        assert burster.n_spam == n_spam
        assert len({alert.id for alert in alerts}) == n_bursts


def test_spam_rings_where_asked_for_and_again_only_after_ten_posts_more() -> None:
    """Twelve copies ring and end; nine after that are nothing yet, and the tenth rings under the same id."""
    asked = msgspec.structs.replace(SETTINGS, ring_spam=True)
    first, second = wave(12, LATER), wave(10, LATER + HOUR_MS // 2)
    for more, again in ((second[:9], []), (second, [("FIRST", 22, "info"), ("RESOLVED", 22, "info")])):
        posts = [replace(post, author="spammer") for post in (*first, *more)]
        alerts = ring(Burster(asked, "test"), feed(posts, asked))
        assert told(alerts) == [("FIRST", 10, "info"), ("RESOLVED", 12, "info"), *again]
        assert len({alert.id for alert in alerts}) == 1


def test_spam_that_becomes_a_crowd_goes_on_as_its_burst() -> None:
    """Twelve copies by one account, then thirty accounts: one id, and from there graver as any burst."""
    asked = msgspec.structs.replace(SETTINGS, ring_spam=True)
    one = [replace(post, author="spammer") for post in wave(12, LATER)]
    alerts = ring(Burster(asked, "test"), feed([*one, *wave(30, LATER + 2 * MINUTE_MS)], asked))
    assert told(alerts)[0] == ("FIRST", 10, "info")
    assert alerts[-1].severity is not Severity.INFO
    assert len({alert.id for alert in alerts}) == 1


def test_a_template_is_known_over_a_restart_and_rings_when_it_surges() -> None:
    """Two posts a minute for six hours, BURST begun again from its checkpoint, then fifty in four minutes."""
    rng = random.Random(3)
    steady = [
        replace(post, author=f"t{rng.randrange(300)}")
        for post in wave(2 * 60 * 6, 0, words("template", 12), accounts="t", step_ms=30_000)
    ]
    surge = wave(50, 6 * HOUR_MS, words("template", 12), accounts="s")
    messages = feed([*steady, *surge], hours=7)
    clocks = [(i, m.watermark_ms - T0_MS) for i, m in enumerate(messages) if isinstance(m, Clock)]
    begin = next(i for i, at_ms in clocks if at_ms > 5 * HOUR_MS)
    first = Burster(SETTINGS, "test")
    early = ring(first, messages[:begin])
    late = ring(reloaded(first, SETTINGS), messages[begin:])
    assert not [alert for alert in early if alert.updated_at.timestamp() * 1000 > T0_MS + 2 * HOUR_MS]
    assert late[0].reason is AlertReason.FIRST
    assert late[0].updated_at.timestamp() * 1000 > T0_MS + 6 * HOUR_MS
    assert max(alert.severity.rank for alert in late) == Severity.WARNING.rank


def test_measuring_less_changes_no_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `Measurer` leaves unmeasured would have told nothing: crowds, repeats, new and shared accounts."""
    rng = random.Random(11)
    posts = [
        replace(
            post,
            at_ms=post.at_ms + rng.randrange(60_000),
            author=f"a{rng.randrange(n_accounts)}",
            age_days=rng.choice([3, 900]) if with_ages else 900,
        )
        for i, (n_accounts, with_ages) in enumerate([(60, False), (30, True), (400, False), (45, False)])
        for post in wave(150, LATER + i * 6 * MINUTE_MS, words(("less", i), 20), step_ms=2500)
    ]
    activity = feed(posts)
    less = [encode_alert(alert) for alert in ring(Burster(SETTINGS, "test"), activity)]
    may_rise, told_no = Measurer._may_rise, []

    def in_full(self: Measurer, group: Group, ring: Ring, now_ms: int) -> bool:
        told_no.append(not may_rise(self, group, ring, now_ms))
        return True

    monkeypatch.setattr(Measurer, "_may_rise", in_full)
    assert [encode_alert(alert) for alert in ring(Burster(SETTINGS, "test"), activity)] == less
    assert 0 < sum(told_no) < len(told_no)
