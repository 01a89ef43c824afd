"""Metrics of ``tocsin deliver``."""

import heapq
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from detectors.alert import Alert, Severity

N_TOP = 10
"""Bursts that are shown one by one: so many series per family at a scrape, whatever rings."""


class TopBursts(Collector):
    """The gravest bursts ringing now, by id, for dashboards that link to their pages.

    Ids come and go, so the set of series is bounded at each moment, not over time: a burst that
    leaves takes its series along, and Prometheus forgets them with its retention.
    """

    def __init__(self) -> None:
        self._top: list[Alert] = []

    def show(self, ringing: Iterable[Alert]) -> None:
        """Of these the `N_TOP` gravest, then fastest."""
        self._top = heapq.nlargest(N_TOP, ringing, key=lambda a: (a.severity.rank, a.rate_per_min, a.id))

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: what is collected depends on what rings."""
        return []

    def collect(self) -> list[GaugeMetricFamily]:
        """What their last alerts say."""
        top = self._top
        return [
            _by_burst("tocsin_top_burst_posts", "Posts of a burst.", top, [a.posts for a in top]),
            _by_burst("tocsin_top_burst_accounts", "Its accounts.", top, [a.accounts for a in top]),
            _by_burst(
                "tocsin_top_burst_rate",
                "Its posts a second over five minutes.",
                top,
                [a.rate_per_min / 60 for a in top],
            ),
            _by_burst(
                "tocsin_top_burst_start_timestamp_seconds",
                "Event time of its first post.",
                top,
                [a.starts_at.timestamp() for a in top],
            ),
        ]


def _by_burst(name: str, text: str, top: list[Alert], values: list[float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=["burst", "severity"])
    for alert, value in zip(top, values, strict=True):
        family.add_metric([alert.id, alert.severity.value], value)
    return family


class DeliveryMetrics:
    """In a registry of their own. Labels beside enums: addresses of targets, and ids of `N_TOP` bursts."""

    def __init__(self, targets: list[str], canary_s: int = 0) -> None:
        self.registry = registry = CollectorRegistry()
        self.leading = Gauge(
            "tocsin_deliver_leading", "1: this one delivers; 0: it stands by.", registry=registry
        )
        self.firing = Gauge(
            "tocsin_deliver_firing", "Bursts ringing on topic alerts.", ["severity"], registry=registry
        )
        self.attempts = Counter(
            "tocsin_deliver_attempts_total", "Requests to a target.", ["target", "outcome"], registry=registry
        )
        self.behind = Gauge(
            "tocsin_deliver_behind_seconds",
            "How long a target has not taken what it must know; 0 when it has.",
            ["target"],
            registry=registry,
        )
        self.canary = Gauge(
            "tocsin_canary_timestamp_seconds",
            "Append time of the newest canary's alert; before the first, when it began to sing.",
            registry=registry,
        )
        self.canary_interval = Gauge(
            "tocsin_canary_interval_seconds", "Setting canary_s; 0: no canary sings.", registry=registry
        )
        self.canary_interval.set(canary_s)
        self.top = TopBursts()
        registry.register(self.top)
        for severity in Severity:
            self.firing.labels(severity.value)
        for target in targets:
            self.behind.labels(target)
            for outcome in ("ok", "failed"):
                self.attempts.labels(target, outcome)
