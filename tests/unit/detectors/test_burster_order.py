"""BURST: what a person hears follows from the posts, not from which partition was read first."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from support.posts import (
    HOUR_MS,
    MINUTE_MS,
    T0_MS,
    Written,
    cluster,
    packs_of,
    records,
    reloaded,
    ring,
    words,
)

from detectors.activity import Activity, Clock, Snapshot
from detectors.alert import Alert, AlertReason, Severity
from detectors.arrivals import Arrivals
from detectors.burster import Burster
from detectors.clusterer import Clusterer
from detectors.settings import DetectorSettings
from detectors.sketcher import Sketcher

SETTINGS = DetectorSettings(max_tracked_posts=512)
FEED_H = 3
LATER_MS = T0_MS + FEED_H * HOUR_MS
TEXT = words("burst", 30)


def lone(partition: int, hours: float = FEED_H + 1) -> list[Written]:
    """A feed of one-off posts, one a minute."""
    return [
        Written(
            at_ms=T0_MS + i * MINUTE_MS,
            text=words((partition, i)),
            author=f"l{partition}-{i}",
            id=f"l{partition}-{i}",
        )
        for i in range(round(hours * 60))
    ]


def wave(
    n: int, text: str = TEXT, *, name: str = "w", age_days: float = 900, start_ms: int = LATER_MS
) -> list[Written]:
    """One post each of n accounts, two seconds apart."""
    return [
        Written(
            at_ms=start_ms + i * 2000,
            text=text,
            author=f"{name}{i}",
            id=f"{name}-{text[:9]}-{i}",
            age_days=age_days,
        )
        for i in range(n)
    ]


def activity_of(posts: list[Written], partition: int) -> list[Activity]:
    """What the CLUSTER of one of two partitions tells of them."""
    ordered = sorted(posts, key=lambda post: post.at_ms)
    packs = [pack for _, pack in Sketcher(SETTINGS, 0, 1, 1).feed(records(ordered)).packs]
    return cluster(SETTINGS, packs, Clusterer(SETTINGS, partition, 2))


def gravest(alerts: list[Alert]) -> Severity | None:
    """Of all."""
    return max((alert.severity for alert in alerts), key=lambda severity: severity.rank, default=None)


def read_apart(campaign: list[Written]) -> tuple[list[Alert], list[Alert]]:
    """What rings when one partition, with a campaign, is read to its end before the other; and then."""
    burster = Burster(SETTINGS, "test")
    first = activity_of([*lone(0), *campaign], 0)
    return ring(burster, first), ring(burster, activity_of(lone(1), 1))


def test_a_crowd_that_is_read_ahead_rings_when_time_has_come_there() -> None:
    """How large is unusual has not been learnt yet: nothing is said before, and what is due then."""
    at_once, then = read_apart(wave(60))
    assert at_once == []
    assert gravest(then) is Severity.WARNING


def test_a_farm_that_is_read_ahead_rings_at_once() -> None:
    """Its accounts say what it is, whatever the rest of the feed will show."""
    at_once, _ = read_apart(wave(60, age_days=3))
    assert at_once[0].posts < 10
    assert gravest(at_once) is Severity.CRITICAL


def test_contents_alike_are_told_alike_whichever_came_first() -> None:
    """Three steady ones surge in one minute: judged at its end, each is one of three that might have.

    A false alarm by one of one content is rarer than asked for (0.2 a day), by one of three it is not (0.6).
    """
    settings = msgspec.structs.replace(SETTINGS, warning_false_per_day=0.3)
    posts = lone(0)
    for i in range(3):
        text = words(("steady", i), 30)
        for minute in range(FEED_H * 60):
            posts += wave(1, text, name=f"{i}-{minute}-", start_ms=T0_MS + minute * MINUTE_MS)
        posts += wave(8, text, name=f"{i}-surge")
    burster = Burster(settings, "test")
    assert ring(burster, activity_of(posts, 0)) == []
    first = [a for a in ring(burster, activity_of(lone(1), 1)) if a.reason is AlertReason.FIRST]
    assert [(alert.posts, alert.severity) for alert in first] == [(FEED_H * 60 + 8, Severity.INFO)] * 3


def test_what_was_learnt_is_the_same_in_whatever_order_partitions_are_read() -> None:
    """Interleaved or one after the other: posts a day, sizes, their law."""
    farms = [
        wave(5 + i % 20, words(("farm", i), 20), name=f"f{i}-", start_ms=LATER_MS + (i - 60) * MINUTE_MS)
        for i in range(90)
    ]
    parts = [[*lone(p), *(post for farm in farms[p::2] for post in farm)] for p in range(2)]
    logs = [activity_of(part, p) for p, part in enumerate(parts)]

    def learnt(messages: Sequence[Activity]) -> Arrivals:
        burster = Burster(SETTINGS, "test")
        ring(burster, messages)
        return burster.dump().feed.arrivals

    merged = [message for log in logs for message in log if isinstance(message, Snapshot | Clock)]
    together = sorted(merged, key=lambda message: message.watermark_ms)

    assert learnt([*logs[0], *logs[1]]) == learnt(together) == learnt([*logs[1], *logs[0]])


def test_growth_is_counted_where_it_happened_also_when_the_watermark_leaps() -> None:
    """An archive's silent night does not move yesterday's contents into today."""
    posts = [*lone(0, 3), *wave(20, start_ms=T0_MS + 2 * HOUR_MS)]
    end = replace(posts[-1], at_ms=T0_MS + 9 * HOUR_MS, text=words("end"), id="end")
    burster = Burster(SETTINGS, "test")
    ring(burster, cluster(SETTINGS, packs_of(SETTINGS, [*sorted(posts, key=lambda p: p.at_ms), end], 50)))
    arrivals = burster.dump().feed.arrivals
    grown = [at for at, (_, *sizes) in arrivals.slices.items() if sum(sizes)]
    assert grown == [(T0_MS + 2 * HOUR_MS) // 600_000]


def test_texts_of_one_campaign_become_critical_together() -> None:
    """Three texts that share accounts: the first to show itself is proof for those linked to it.

    By itself each text has shown too little: half of it are accounts that no other text has.
    """
    texts = [words(("text", i), 25) for i in range(3)]
    own = [wave(16, text, name=f"own{i}-") for i, text in enumerate(texts)]
    shared = [wave(14, text, name="s", start_ms=LATER_MS + 60_000) for text in texts]
    young = wave(20, texts[0], name="young", age_days=2, start_ms=LATER_MS + 120_000)
    burster = Burster(SETTINGS, "test")
    posts = sorted(
        [*lone(0), *(post for part in (*shared, *own) for post in part), *young], key=lambda p: p.at_ms
    )
    alerts = ring(burster, cluster(SETTINGS, packs_of(SETTINGS, posts, 50)))
    critical = [alert for alert in alerts if alert.severity is Severity.CRITICAL]
    first = {alert.exemplar.text: alert for alert in reversed(critical)}
    assert set(first) == set(texts)
    assert min(alert.coordination.score for alert in first.values()) < SETTINGS.coordination_threshold
    moments = [alert.updated_at for alert in first.values()]
    assert (max(moments) - min(moments)).total_seconds() <= 1
    without = [post for post in posts if not post.author.startswith("young")]
    quiet = ring(Burster(SETTINGS, "test"), cluster(SETTINGS, packs_of(SETTINGS, without, 50)))
    assert gravest(quiet) is Severity.WARNING


def test_a_restart_keeps_what_waits_for_time() -> None:
    """Between the reading of a crowd and the time it is judged at."""
    burster = Burster(SETTINGS, "test")
    ring(burster, activity_of([*lone(0), *wave(60)], 0))
    burster = reloaded(burster, SETTINGS)
    assert gravest(ring(burster, activity_of(lone(1), 1))) is Severity.WARNING


def test_clocks_count_posts_where_they_lie() -> None:
    """A source read two hours ahead of the other fills no slot but its own, in the next epoch neither."""
    posts = [[*lone(source, 2.5)] for source in range(2)]
    packs = [Sketcher(SETTINGS, s, 2, 1).feed(records(part)).packs for s, part in enumerate(posts)]
    clusterer = Clusterer(SETTINGS, 0, 1)
    clocks = [
        m
        for m in cluster(SETTINGS, [p for part in packs for _, p in part], clusterer)
        if isinstance(m, Clock)
    ]
    assert {clock.n_posts for clock in clocks[1:]} == {2}
    (*_, start) = clusterer.epoch_starts
    assert sum(start.ahead.values()) == 30


def test_a_snapshot_tells_when_its_content_began_whichever_post_was_read_first() -> None:
    """The first read came ten minutes after the first posted."""
    early, late = wave(3), wave(3, name="late", start_ms=LATER_MS + 10 * MINUTE_MS)
    sketchers = [Sketcher(SETTINGS, source, 2, 1) for source in range(2)]
    packs = [
        pack
        for sketcher, part in zip(sketchers, (late, early), strict=True)
        for _, pack in sketcher.feed(records(part)).packs
    ]
    burster = Burster(SETTINGS, "test")
    ring(burster, cluster(SETTINGS, packs))
    (group,) = burster.dump().groups.groups
    assert group.n_posts == 6
    assert LATER_MS <= group.began_ms(SETTINGS.slot_ms) < LATER_MS + MINUTE_MS
