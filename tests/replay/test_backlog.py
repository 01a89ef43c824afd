"""A backlog: the sources lie in the log already and are read in long strides, far apart in event time."""

from collections.abc import Iterable, Sequence
from itertools import permutations

import pytest
from support.scenario_feed import (
    Feed,
    assert_as_loud,
    chained,
    criticals,
    evening_feed,
    quiet_feed,
    rung,
    small_campaign,
)

from detectors.activity import read_told
from detectors.alert import Alert, Severity
from detectors.burster import Burster
from detectors.clusterer import Clusterer
from detectors.rows import Pack
from detectors.sketcher import RawPost, Sketcher
from stream.detection import detector_settings
from stream.settings import Settings

VERSIONS = [("campaign", "en", None), ("campaign", "fr", None)]
N_SOURCES = N_SKETCHES = 4
APPENDED_MS = 1_800_000_000_000
TOLERANCE = 0.005


def caught_up(feed: Feed, stride: int) -> list[Alert]:
    """The alerts when each source in turn is read `stride` records further, then all are idle."""
    settings = detector_settings(Settings())
    sketchers = [Sketcher(settings, i, N_SOURCES, N_SKETCHES) for i in range(N_SOURCES)]
    clusterers = [Clusterer(settings, i, N_SKETCHES) for i in range(N_SKETCHES)]
    burster, n_packs = Burster(settings, "test"), [0] * N_SKETCHES
    alerts: list[Alert] = []

    def through(packs: Iterable[tuple[int, Pack]]) -> None:
        for partition, pack in packs:
            for message in read_told(clusterers[partition].feed(n_packs[partition], pack)):
                alerts.extend(burster.feed(message))
            n_packs[partition] += 1

    logs = [
        [RawPost(offset, APPENDED_MS, value) for offset, value in enumerate(values)]
        for values in feed.records(N_SOURCES)
    ]
    for at in range(0, max(map(len, logs)), stride):
        for sketcher, log in zip(sketchers, logs, strict=True):
            through(sketcher.feed(log[at : at + stride]).packs)
    for sketcher in sketchers:
        through(sketcher.idle_tick(sketcher.last_append_ms + 3000))
    return alerts


@pytest.mark.parametrize("stride", [1000, 3500], ids=["strides", "source-by-source"])
def test_backlog_rings_the_same_as_the_live_order(stride: int) -> None:
    """Four sources, 1,000 records of each in turn or one source after the other; four partitions of sketches.

    Both language versions ring as critical with the posts of the live order to 0.5 %; nothing
    else does, in neither order; and the same headlines are a warning.
    """
    feed = evening_feed()
    live = rung(feed, chained(Settings(), feed.records()[0]))
    backlog = rung(feed, caught_up(feed, stride))
    assert criticals(live) == criticals(backlog) == set(VERSIONS)
    for version in VERSIONS:
        n, expected = backlog[version].posts, live[version].posts
        assert abs(n - expected) <= TOLERANCE * expected, f"{version}: {n} posts for {expected}"
    assert_as_loud(feed, backlog)


def rung_by_partition(logs: Sequence[Sequence[bytes]], order: Sequence[int]) -> list[Alert]:
    """The alerts when BURST reads all of one partition of sketches, then all of the next, in `order`."""
    settings = detector_settings(Settings())
    packs: list[list[Pack]] = [[] for _ in range(N_SKETCHES)]
    for source, values in enumerate(logs):
        sketcher = Sketcher(settings, source, len(logs), N_SKETCHES)
        records = [RawPost(offset, APPENDED_MS, value) for offset, value in enumerate(values)]
        for partition, pack in (*sketcher.feed(records).packs, *sketcher.idle_tick(APPENDED_MS + 3000)):
            packs[partition].append(pack)
    burster = Burster(settings, "test")
    alerts: list[Alert] = []
    for partition in order:
        clusterer = Clusterer(settings, partition, N_SKETCHES)
        for offset, pack in enumerate(packs[partition]):
            for message in read_told(clusterer.feed(offset, pack)):
                alerts += burster.feed(message)
    return alerts


@pytest.mark.parametrize("order", list(permutations(range(N_SKETCHES))), ids=str)
def test_a_campaign_read_before_the_feeds_history_rings(order: tuple[int, ...]) -> None:
    """Its snapshots come before any clock when one source is read to its end first.

    The feed's start is what the clocks say: taken from such a snapshot, the feed had no
    history, and nothing rang in one of five runs.
    """
    history = quiet_feed(150, start="2024-05-15T07:00:00Z", gap_s=72)
    text = "Nobody will tell you what the council did with the harbour money, so we shall"
    feed = [*history, *small_campaign(60, text=text, start="2024-05-15T10:00:00Z")]
    alerts = rung_by_partition([feed[source::N_SOURCES] for source in range(N_SOURCES)], order)
    assert max(alert.severity.rank for alert in alerts) == Severity.CRITICAL.rank
