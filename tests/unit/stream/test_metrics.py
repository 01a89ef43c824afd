"""What `/metrics` shows: every series from the start, labels that are enumerations."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from detectors.alert import AlertReason, Severity
from detectors.post import Reason
from detectors.settings import DetectorSettings
from detectors.sketcher import RawPost, Sketcher
from stream.agents.sketch import SketchStage
from stream.detection import detector_settings
from stream.kafka import ACTIVITY, POSTS, SKETCHES
from stream.metrics import INPUTS, OUTCOMES, Metrics, resident_bytes
from stream.settings import Settings


@pytest.fixture
def metrics() -> Metrics:
    """As a worker makes them."""
    return Metrics(Settings())


def samples(metrics: Metrics) -> list[Any]:
    """What a scrape gives."""
    text = generate_latest(metrics.registry).decode()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """One sample; None if it is not there."""
    found = [s.value for s in samples(metrics) if s.name == name and s.labels == labels]
    return found[0] if found else None


def labels_of(metrics: Metrics, name: str) -> set[tuple[str, ...]]:
    """Label values of a name."""
    return {tuple(s.labels.values()) for s in samples(metrics) if s.name == name}


def test_every_reason_outcome_and_severity_is_a_series_at_zero_from_the_start(metrics: Metrics) -> None:
    """A misspelt query finds nothing at once, not on the day it matters."""
    assert labels_of(metrics, "tocsin_rejected_total") == {(reason.value,) for reason in Reason}
    assert labels_of(metrics, "tocsin_sketch_total") == {(outcome,) for outcome in OUTCOMES}
    assert labels_of(metrics, "tocsin_alerts_total") == {
        (r.value, s.value) for r in AlertReason for s in Severity
    }
    topics = {(topic,) for topic in INPUTS}
    for name in (
        "tocsin_records_total",
        "tocsin_redelivered_total",
        "tocsin_rebuild_missing_total",
        "tocsin_batch_seconds_count",
        "tocsin_rebuild_seconds_count",
        "tocsin_consumer_lag_records",
        "tocsin_consumer_lag_seconds",
        "tocsin_in_flight_batches",
    ):
        assert labels_of(metrics, name) == topics, name
    for name in ("posts", "clustered", "late", "repeated", "evicted"):
        assert value(metrics, f"tocsin_{name}_total") == 0.0, name
    counted = [s for s in samples(metrics) if not s.name.endswith(("_created", "_info", "_resident_bytes"))]
    assert {s.value for s in counted} == {0.0}


def test_labels_are_enumerations(metrics: Metrics) -> None:
    """Whatever happens, no label takes a value that was not there from the start, but bucket bounds."""
    before = {(s.name, tuple(s.labels.items())) for s in samples(metrics)}
    metrics.fed(POSTS, 7, 100, 0.01)
    metrics.skipped(SKETCHES, 99, 5)
    metrics.rebuilt(ACTIVITY, 0, 10, 3, 0.5)
    metrics.in_flight(POSTS, 7, 2)
    metrics.lag(POSTS, 7, 11)
    metrics.set_aside(POSTS, 7, 1234)
    metrics.state.appended_ms[POSTS, 7] = 1
    metrics.state.tracked[99] = 5
    after = {(s.name, tuple(s.labels.items())) for s in samples(metrics)}
    assert after == before
    assert value(metrics, "tocsin_records_total", topic=POSTS) == 100
    assert value(metrics, "tocsin_redelivered_total", topic=SKETCHES) == 5
    assert value(metrics, "tocsin_rebuild_missing_total", topic=ACTIVITY) == 3
    assert value(metrics, "tocsin_rejected_total", reason=Reason.INTERNAL_ERROR.value) == 1
    assert value(metrics, "tocsin_clusters_tracked") == 5


def test_a_scrape_of_some_names_shows_these_and_no_others(metrics: Metrics) -> None:
    """Gauges that are read when asked for are found by their names, as counters are."""
    metrics.lag(POSTS, 7, 11)
    asked = {"tocsin_posts_total", "tocsin_consumer_lag_records", "tocsin_resident_bytes"}
    text = generate_latest(metrics.registry.restricted_registry(asked)).decode()
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert {sample.name for sample in found} == asked
    assert [s.value for s in found if s.labels == {"topic": POSTS}] == [11]


def test_an_outcome_of_the_sketcher_is_a_known_one() -> None:
    """Its counts are labels: a new one would be a series that does not exist at zero."""
    post = b'{"id":"%d","platform":"x","author":{"id":"a"},"created_at":1715768400000,"text":"%s"%s}'
    values = [
        post % (1, b"some words that are long enough", b""),
        post % (2, b"", b""),
        post % (3, b"some words that are long enough", b',"repost_of":"1"'),
        post % (4, b"x", b',"op":"update"'),
        post % (5, b"x", b',"op":"delete"'),
        post % (6, b"other words, long enough as well", b',"observed_at":1715868400000'),
    ]
    sketcher = Sketcher(DetectorSettings(), 0, 1, 1)
    sung = post.replace(b'"platform":"x"', b'"platform":"tocsin-canary"') % (0, b"too early", b"")
    counts = sketcher.feed([RawPost(i, 1_800_000_000_000, v) for i, v in enumerate([sung, *values])]).counts
    assert set(counts) == set(OUTCOMES)


def test_only_platforms_of_the_setting_are_counted_apart() -> None:
    """Posts name platforms, and posts are hostile: the labels are ours."""
    settings = Settings(feed_platforms="bluesky, x")
    metrics = Metrics(settings)
    names = {("bluesky",), ("x",), ("tocsin-canary",), ("other",)}
    assert labels_of(metrics, "tocsin_platform_posts_total") == names
    stage = SketchStage(detector_settings(settings), 0, 1, 1, None, frozenset(settings.platforms_apart))
    values = [
        b'{"id":"1","platform":"%s","author":{"id":"a"},"created_at":1715768400000,"text":"hello"}' % name
        for name in (b"x", b"evil", b"x", b"odd", b"tocsin-canary")
    ]
    stage.feed([RawPost(n, 1_800_000_000_000, value) for n, value in enumerate([*values, b"no post"])])
    told = stage.told()
    assert told.platforms == {"x": 2, "other": 2, "tocsin-canary": 1}
    assert told.n_records == 5  # a canary hides no silent feed
    assert stage.told().platforms == {}


def test_firing_is_told_only_while_burst_stands_here(metrics: Metrics) -> None:
    """A restart must not look like an all-clear, nor a worker that stands by like a quiet one."""
    assert labels_of(metrics, "tocsin_bursts_firing") == set()
    metrics.state.firing = {Severity.CRITICAL: 2}
    assert labels_of(metrics, "tocsin_bursts_firing") == {(s.value,) for s in Severity}
    assert value(metrics, "tocsin_bursts_firing", severity="critical") == 2
    assert value(metrics, "tocsin_bursts_firing", severity="info") == 0
    metrics.dropped(ACTIVITY, 0)
    assert labels_of(metrics, "tocsin_bursts_firing") == set()


def test_what_went_to_another_worker_is_forgotten(metrics: Metrics) -> None:
    """Lag, memory and watermark of a partition leave with it; those of the others stay."""
    for partition, n in ((0, 5), (1, 7)):
        metrics.lag(SKETCHES, partition, n)
        metrics.in_flight(SKETCHES, partition, n)
        metrics.state.tracked[partition] = metrics.state.index_bytes[partition] = n
        metrics.state.watermark_ms[SKETCHES, partition] = 1000 * n
    assert value(metrics, "tocsin_watermark_timestamp_seconds", topic=SKETCHES) == 5
    metrics.dropped(SKETCHES, 0)
    assert value(metrics, "tocsin_consumer_lag_records", topic=SKETCHES) == 7
    assert value(metrics, "tocsin_in_flight_batches", topic=SKETCHES) == 7
    assert value(metrics, "tocsin_clusters_tracked") == value(metrics, "tocsin_index_bytes") == 7
    assert value(metrics, "tocsin_watermark_timestamp_seconds", topic=SKETCHES) == 7


def test_event_time_lag_is_what_a_stage_is_behind_the_newest_post(metrics: Metrics) -> None:
    """Never below zero: an idle source's clock may pass the newest post."""
    metrics.state.watermark_ms[POSTS, 0] = 100_000
    metrics.state.watermark_ms[SKETCHES, 0] = 90_000
    metrics.state.watermark_ms[ACTIVITY, 0] = 160_000
    assert value(metrics, "tocsin_event_time_lag_seconds", topic=SKETCHES) == 10
    assert value(metrics, "tocsin_event_time_lag_seconds", topic=ACTIVITY) == 0


def test_two_workers_in_a_process_do_not_share_series() -> None:
    """Each has a registry of its own."""
    one, other = Metrics(Settings()), Metrics(Settings())
    one.posts.inc()
    assert (value(one, "tocsin_posts_total"), value(other, "tocsin_posts_total")) == (1, 0)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells")
def test_resident_memory_is_that_of_the_worker_and_of_its_stages_processes() -> None:
    """A child that holds 100 MB counts while it lives."""
    alone = resident_bytes()
    code = "held = b'x' * 100_000_000; print(len(held), flush=True); input()"
    argv = [sys.executable, "-c", code]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        together = resident_bytes()
        child.kill()
    assert alone > 10_000_000
    assert 90_000_000 < together - alone < 200_000_000
