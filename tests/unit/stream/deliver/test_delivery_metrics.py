"""What `tocsin deliver` exports: few series, whatever rings."""

from typing import Any

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from support.alerts import alert

from detectors.alert import Severity
from stream.deliver.metrics import N_TOP, DeliveryMetrics

FAMILIES = {
    "tocsin_top_burst_posts",
    "tocsin_top_burst_accounts",
    "tocsin_top_burst_rate",
    "tocsin_top_burst_start_timestamp_seconds",
}


def top(metrics: DeliveryMetrics) -> list[Any]:
    """Samples of single bursts."""
    text = generate_latest(metrics.registry).decode()
    families = text_string_to_metric_families(text)
    return [s for family in families for s in family.samples if s.name.startswith("tocsin_top_burst")]


def test_of_a_thousand_bursts_the_ten_gravest_are_series_and_the_fastest_among_equals() -> None:
    """Four families of ten, at each scrape anew: what left the ten is gone."""
    metrics = DeliveryMetrics(["http://am"])
    assert top(metrics) == []
    storm = [alert(id=f"w{n:04}", severity=Severity.WARNING, rate_per_min=n) for n in range(1000)]
    metrics.top.show([*storm, alert(id="grave", severity=Severity.CRITICAL, rate_per_min=0.6)])
    samples = top(metrics)
    assert {sample.name for sample in samples} == FAMILIES
    assert len(samples) == len(FAMILIES) * N_TOP
    ids = {sample.labels["burst"] for sample in samples}
    assert ids == {"grave"} | {f"w{n:04}" for n in range(1000 - N_TOP + 1, 1000)}
    (rate,) = (s for s in samples if s.name == "tocsin_top_burst_rate" and s.labels["burst"] == "grave")
    assert (rate.labels, rate.value) == ({"burst": "grave", "severity": "critical"}, 0.01)
    metrics.top.show([])
    assert top(metrics) == []


def test_the_interval_of_the_canary_is_told_so_that_its_absence_can_be() -> None:
    """0 where none sings: then no rule waits for it."""
    for canary_s in (0, 600):
        text = generate_latest(DeliveryMetrics([], canary_s).registry).decode()
        assert f"tocsin_canary_interval_seconds {float(canary_s)}\n" in text
