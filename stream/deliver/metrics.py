"""Metrics of ``tocsin deliver``."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from detectors.alert import Severity


class DeliveryMetrics:
    """In a registry of their own. The address of a target is the only label not an enum: few, ours."""

    def __init__(self, targets: list[str]) -> None:
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
            "Append time of the newest canary's alert; 0 before the first.",
            registry=registry,
        )
        for severity in Severity:
            self.firing.labels(severity.value)
        for target in targets:
            self.behind.labels(target)
            for outcome in ("ok", "failed"):
                self.attempts.labels(target, outcome)
