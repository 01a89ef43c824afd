"""Every metric of the worker, declared once.

Base units, enum labels only: never a post, an author, a link or a burst is a label. Every
reason and severity exists at zero from the start, so that a misspelt query fails loud.
"""

import resource
import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, Info
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from detectors.alert import AlertReason, Severity
from detectors.burster import settings_digest
from detectors.post import CANARY, Reason
from detectors.ruling import RulingKind
from stream.detection import VERSION, detector_settings
from stream.kafka import ACTIVITY, POSTS, SKETCHES
from stream.settings import Settings

INPUTS = (POSTS, SKETCHES, ACTIVITY)
OTHER_PLATFORM = "other"
OUTCOMES = ("sketched", "empty", "reposts", "updates", "deletes", "clock_lied", "unplaced")
DELAY_BUCKETS_S = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 15, 60, 900)
BATCH_BUCKETS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


class Metrics:
    """The worker's metrics in a registry of its own.

    Implements `stream.lane.RunnerHooks` for what the runners tell.
    """

    def __init__(self, settings: Settings) -> None:
        # Else a scrape of some names would show no gauge of `state`, which has other ones from time to time.
        self.registry = registry = CollectorRegistry(support_collectors_without_names=True)
        self.posts = Counter(
            "tocsin_posts_total", "Records read from topic posts, but the canary's.", registry=registry
        )
        self.rejected = Counter(
            "tocsin_rejected_total", "Records dead-lettered, by reason.", ["reason"], registry=registry
        )
        self.outcomes = Counter(
            "tocsin_sketch_total", "What became of the posts that were read.", ["outcome"], registry=registry
        )
        self.platforms = Counter(
            "tocsin_platform_posts_total",
            "Posts read, by the platforms of the setting feed_platforms, and the canary's; else other.",
            ["platform"],
            registry=registry,
        )
        self.clustered = Counter("tocsin_clustered_total", "Posts counted in clusters.", registry=registry)
        self.late = Counter(
            "tocsin_late_total", "Posts behind the watermark by more than lateness_s.", registry=registry
        )
        self.repeated = Counter(
            "tocsin_repeated_total", "Posts the feed repeated within an epoch, dropped.", registry=registry
        )
        self.evicted = Counter(
            "tocsin_evicted_total",
            "Exemplars evicted because max_tracked_posts was reached.",
            registry=registry,
        )
        self.alerts = Counter(
            "tocsin_alerts_total",
            "Alerts written, by reason and severity.",
            ["reason", "severity"],
            registry=registry,
        )
        self.copies = Counter(
            "tocsin_burst_posts_total",
            "Posts by which bursts grew while they rang.",
            ["severity"],
            registry=registry,
        )
        self.delay = Histogram(
            "tocsin_alert_delay_seconds",
            "From the append of the post that tripped an alert to the alert's own append.",
            buckets=DELAY_BUCKETS_S,
            registry=registry,
        )
        self.batch = Histogram(
            "tocsin_batch_seconds",
            "Time a stage took for a batch, by its input topic.",
            ["topic"],
            buckets=BATCH_BUCKETS_S,
            registry=registry,
        )
        self.records = Counter(
            "tocsin_records_total", "Records fed to a stage.", ["topic"], registry=registry
        )
        self.redelivered = Counter(
            "tocsin_redelivered_total",
            "Records that came again and were skipped.",
            ["topic"],
            registry=registry,
        )
        self.rebuild = Histogram(
            "tocsin_rebuild_seconds",
            "Time to rebuild a partition's state.",
            ["topic"],
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
            registry=registry,
        )
        self.rebuild_missing = Counter(
            "tocsin_rebuild_missing_total",
            "Offsets a rebuild wanted that retention had deleted: counts are too low.",
            ["topic"],
            registry=registry,
        )
        self.state = _StateCollector(settings)
        registry.register(self.state)
        registry.register(_Resident())
        for reason in Reason:
            self.rejected.labels(reason.value)
        for platform in (*settings.platforms_apart, CANARY, OTHER_PLATFORM):
            self.platforms.labels(platform)
        for outcome in OUTCOMES:
            self.outcomes.labels(outcome)
        for severity in Severity:
            self.copies.labels(severity.value)
            for alert_reason in AlertReason:
                self.alerts.labels(alert_reason.value, severity.value)
        for topic in INPUTS:
            for family in (self.batch, self.records, self.redelivered, self.rebuild, self.rebuild_missing):
                family.labels(topic)
        info = Info("tocsin_build", "Version, and digest of the settings that decide.", registry=registry)
        info.info({"version": VERSION, "settings_digest": settings_digest(detector_settings(settings))})

    # ── RunnerHooks ───────────────────────────────────────────────────────────────────────

    def fed(self, topic: str, partition: int, n_records: int, seconds: float) -> None:  # noqa: ARG002
        """A batch went through its stage."""
        self.batch.labels(topic).observe(seconds)
        self.records.labels(topic).inc(n_records)

    def skipped(self, topic: str, partition: int, n_records: int) -> None:  # noqa: ARG002
        """Records came again."""
        self.redelivered.labels(topic).inc(n_records)

    def rebuilt(self, topic: str, partition: int, n_records: int, n_missing: int, seconds: float) -> None:  # noqa: ARG002
        """A partition's state stands."""
        self.rebuild.labels(topic).observe(seconds)
        self.rebuild_missing.labels(topic).inc(n_missing)

    def in_flight(self, topic: str, partition: int, n_batches: int) -> None:
        """Batches not acknowledged yet."""
        self.state.in_flight[topic, partition] = n_batches

    def lag(self, topic: str, partition: int, n_records: int) -> None:
        """Records not fed yet."""
        self.state.lag[topic, partition] = n_records

    def set_aside(self, topic: str, partition: int, offset: int) -> None:  # noqa: ARG002
        """A record that crashed workers is a dead letter now."""
        self.rejected.labels(Reason.INTERNAL_ERROR.value).inc()

    def dropped(self, topic: str, partition: int) -> None:
        """The partition is another worker's."""
        self.state.drop(topic, partition)


class _StateCollector(Collector):
    """Gauges of what stands now, read when Prometheus asks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.lag: dict[tuple[str, int], int] = {}
        self.in_flight: dict[tuple[str, int], int] = {}
        self.appended_ms: dict[tuple[str, int], int] = {}
        """Append time of the newest record fed."""
        self.watermark_ms: dict[tuple[str, int], int] = {}
        """Event time reached, by input topic and partition."""
        self.tracked: dict[int, int] = {}
        self.index_bytes: dict[int, int] = {}
        self.firing: dict[Severity, int] | None = None
        """None until BURST is rebuilt here: a restart must not look like an all-clear."""
        self.muted: dict[Severity, int] = {}
        self.verdicts: dict[tuple[Severity, RulingKind], int] = {}
        self.groups = 0
        self.spam = 0
        self.checkpoint_bytes = 0
        self.clock_skew_s: Callable[[], float | None] = lambda: None
        """Asked of what sends (`stream.producer.Sender`)."""

    def drop(self, topic: str, partition: int) -> None:
        """Forget a partition that went to another worker."""
        for values in (self.lag, self.in_flight, self.appended_ms, self.watermark_ms):
            values.pop((topic, partition), None)
        if topic == SKETCHES:
            self.tracked.pop(partition, None)
            self.index_bytes.pop(partition, None)
        if topic == ACTIVITY:
            self.firing = None

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: what is collected depends on what is assigned."""
        return []

    def collect(self) -> list[GaugeMetricFamily]:
        """The gauges as of now."""
        families = [
            _gauge("tocsin_clusters_tracked", "Clusters of two posts or more.", sum(self.tracked.values())),
            _gauge("tocsin_index_bytes", "Memory of the indices.", sum(self.index_bytes.values())),
        ]
        if (skew_s := self.clock_skew_s()) is not None:
            text = "By how much the broker's clock is ahead of this machine's, at least; below 0: behind."
            families.append(_gauge("tocsin_clock_skew_seconds", text, skew_s))
        now_ms = time.time() * 1000
        per_topic = (
            ("tocsin_consumer_lag_records", "Records not fed yet.", self._lag_records),
            (
                "tocsin_consumer_lag_seconds",
                "Age of the newest record fed, while more wait; else 0.",
                self._lag_s,
            ),
            ("tocsin_in_flight_batches", "Batches whose messages are not all acknowledged.", self._in_flight),
        )
        for name, text, read in per_topic:
            family = GaugeMetricFamily(name, text, labels=["topic"])
            for topic in INPUTS:
                family.add_metric([topic], read(topic, now_ms))
            families.append(family)
        watermark = GaugeMetricFamily(
            "tocsin_watermark_timestamp_seconds",
            "Event time reached (the least of the partitions).",
            labels=["topic"],
        )
        for topic in INPUTS:
            reached = [ms for (name, _), ms in self.watermark_ms.items() if name == topic and ms]
            if reached:
                watermark.add_metric([topic], min(reached) / 1000)
        families.append(watermark)
        families.append(self._event_lag())
        if self.firing is not None:
            families += self._burst()
        return families

    def _lag_records(self, topic: str, _now_ms: float) -> float:
        return sum(n for (name, _), n in self.lag.items() if name == topic)

    def _lag_s(self, topic: str, now_ms: float) -> float:
        waiting = [tp for tp, n in self.lag.items() if n > 0 and tp[0] == topic and tp in self.appended_ms]
        return max((now_ms - self.appended_ms[tp] for tp in waiting), default=0.0) / 1000

    def _in_flight(self, topic: str, _now_ms: float) -> float:
        return sum(n for (name, _), n in self.in_flight.items() if name == topic)

    def _event_lag(self) -> GaugeMetricFamily:
        """Newest event time read from posts here, less the time CLUSTER and BURST have reached."""
        family = GaugeMetricFamily(
            "tocsin_event_time_lag_seconds",
            "Event time by which a stage is behind the newest post read by this worker.",
            labels=["topic"],
        )
        newest = max((ms for (name, _), ms in self.watermark_ms.items() if name == POSTS), default=0)
        for topic in (SKETCHES, ACTIVITY):
            reached = [ms for (name, _), ms in self.watermark_ms.items() if name == topic and ms]
            if newest and reached:
                family.add_metric([topic], max(0, newest - min(reached)) / 1000)
        return family

    def _burst(self) -> list[GaugeMetricFamily]:
        firing = GaugeMetricFamily("tocsin_bursts_firing", "Bursts ringing now.", labels=["severity"])
        for severity in Severity:
            firing.add_metric([severity.value], (self.firing or {}).get(severity, 0))
        muted = GaugeMetricFamily(
            "tocsin_bursts_muted",
            "Of the bursts ringing now, those that a mute or a known template covers.",
            labels=["severity"],
        )
        verdicts = GaugeMetricFamily(
            "tocsin_verdicts",
            "What people said of alerts, by the severity these had.",
            labels=["severity", "verdict"],
        )
        for severity in Severity:
            muted.add_metric([severity.value], self.muted.get(severity, 0))
            for kind in (RulingKind.TRUE, RulingKind.FALSE):
                verdicts.add_metric([severity.value, kind.value], self.verdicts.get((severity, kind), 0))
        return [
            firing,
            muted,
            verdicts,
            _gauge("tocsin_burst_groups", "Contents BURST remembers.", self.groups),
            _gauge(
                "tocsin_spam_contents",
                "Contents that one account repeats; see ring_spam.",
                self.spam,
            ),
            _gauge("tocsin_checkpoint_bytes", "Size of the last checkpoint of BURST.", self.checkpoint_bytes),
        ]


class _Resident(Collector):
    """By itself: it reads files of every process, and who asks for other names is spared that."""

    def describe(self) -> list[GaugeMetricFamily]:
        """Its name."""
        return [self._family()]

    def collect(self) -> list[GaugeMetricFamily]:
        """What it is now; nothing where the system does not tell."""
        family, resident = self._family(), resident_bytes()
        if resident:
            family.add_metric([], resident)
        return [family]

    @staticmethod
    def _family() -> GaugeMetricFamily:
        text = "Resident memory of the worker and the processes of its stages."
        return GaugeMetricFamily("tocsin_resident_bytes", text)


def resident_bytes() -> int:
    """Resident memory of this process and all below it, shared pages counted in each; 0 but on Linux."""
    total, pids = 0, ["self"]
    while pids:
        folder = Path(f"/proc/{pids.pop()}")
        try:
            total += int((folder / "statm").read_text().split()[1]) * resource.getpagesize()
            for path in folder.glob("task/*/children"):
                pids += path.read_text().split()
        except (OSError, IndexError):  # ended meanwhile, or another system
            continue
    return total


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
