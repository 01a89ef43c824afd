"""A backlog: the sources lie in the log already and are read in long strides, far apart in event time."""

from collections.abc import Iterable

from support.scenario_feed import Feed, Key, Rung, chained, evening_feed, rung

from detectors.alert import Alert, Severity
from detectors.burster import Burster
from detectors.clusterer import Clusterer
from detectors.rows import Pack
from detectors.sketcher import RawPost, Sketcher
from stream.detection import detector_settings
from stream.settings import Settings

VERSIONS = [("campaign", "en", None), ("campaign", "fr", None)]
N_SOURCES = N_SKETCHES = 4
BATCH = 1000
"""Over ten minutes of event time of a source."""
APPENDED_MS = 1_800_000_000_000
TOLERANCE = 0.005


def caught_up(feed: Feed) -> list[Alert]:
    """The alerts when each source in turn is read `BATCH` records further, then all are idle."""
    settings = detector_settings(Settings())
    sketchers = [Sketcher(settings, i, N_SOURCES, N_SKETCHES) for i in range(N_SOURCES)]
    clusterers = [Clusterer(settings, i, N_SKETCHES) for i in range(N_SKETCHES)]
    burster, n_packs = Burster(settings, "test"), [0] * N_SKETCHES
    alerts: list[Alert] = []

    def through(packs: Iterable[tuple[int, Pack]]) -> None:
        for partition, pack in packs:
            for message in clusterers[partition].feed(n_packs[partition], pack):
                alerts.extend(burster.feed(message))
            n_packs[partition] += 1

    logs = [
        [RawPost(offset, APPENDED_MS, value) for offset, value in enumerate(values)]
        for values in feed.records(N_SOURCES)
    ]
    for at in range(0, max(map(len, logs)), BATCH):
        for sketcher, log in zip(sketchers, logs, strict=True):
            through(sketcher.feed(log[at : at + BATCH]).packs)
    for sketcher in sketchers:
        through(sketcher.idle_tick(sketcher.last_append_ms + 3000))
    return alerts


def criticals(found: dict[Key, Rung]) -> set[Key]:
    """What rang as `critical`."""
    return {key for key, said in found.items() if said.severity is Severity.CRITICAL}


def test_backlog_rings_the_same_campaign_as_the_live_order() -> None:
    """Four sources in strides of 1,000 records, four partitions of sketches.

    Both language versions ring as critical with the posts of the live order to 0.5 %; nothing
    else does, in neither order.
    """
    feed = evening_feed()
    live, backlog = rung(feed, chained(Settings(), feed.records()[0])), rung(feed, caught_up(feed))
    assert criticals(live) == criticals(backlog) == set(VERSIONS)
    for version in VERSIONS:
        n, expected = backlog[version].posts, live[version].posts
        assert abs(n - expected) <= TOLERANCE * expected, f"{version}: {n} posts for {expected}"
