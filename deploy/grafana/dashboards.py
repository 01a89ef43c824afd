"""The two dashboards, written once as code: ``make grafana`` writes ``dashboards/*.json``.

Every query is tried on a real Prometheus by ``tests/e2e/test_stack.py``, and one that finds nothing
fails. Both work on any Prometheus that scrapes us: choose it, and the page's address, at the top.
"""

import sys
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from panels import GREY, ORANGE, RED, THIRD, YELLOW, board, graph, gravest, mark, number


def bursts() -> dashboard.Dashboard:
    """What rings."""
    shown = board("tocsin-bursts", "Tocsin: bursts", "What rings, how fast it grows, how soon it was told.")
    shown.annotation(
        mark(
            "became critical",
            RED,
            'sum(delta(tocsin_bursts_firing{severity="critical"}[1m])) > 0',
        )
    )
    for severity, steps in (("critical", [(1, RED)]), ("warning", [(1, ORANGE)]), ("info", [(1, GREY)])):
        shown.with_panel(
            number(
                f"{severity} now",
                "Bursts ringing. Nothing shown: no worker has BURST running.",
                "short",
                f'sum(tocsin_bursts_firing{{severity="{severity}"}})',
                *steps,
            )
        )
    return (
        shown.with_panel(
            number(
                "rang within an hour",
                "Bursts that began to ring.",
                "short",
                'sum(increase(tocsin_alerts_total{reason="FIRST"}[1h]))',
            )
        )
        .with_panel(
            number(
                "delay, 99 of 100",
                "From the append of the post that tripped an alert to the alert's own; the objective is 5 s.",
                "s",
                "histogram_quantile(0.99, sum by (le) (rate(tocsin_alert_delay_seconds_bucket[1h])))",
                (1, YELLOW),
                (5, RED),
            )
        )
        .with_panel(
            number(
                "behind in telling people",
                "How long a target of tocsin deliver has not taken what it must know.",
                "s",
                "max(tocsin:deliver_behind_seconds:max)",
                (60, YELLOW),
                (120, RED),
            )
        )
        .with_panel(gravest())
        .with_panel(
            graph(
                "Bursts ringing",
                "By the gravest severity each has reached; muted ones are told to nobody.",
                "short",
                ("sum by (severity) (tocsin_bursts_firing)", "{{severity}}"),
                ("sum(tocsin_bursts_muted)", "muted"),
            )
        )
        .with_panel(
            graph(
                "Copies a minute",
                "Posts by which bursts grew while they rang.",
                "short",
                ("60 * sum by (severity) (rate(tocsin_burst_posts_total[5m]))", "{{severity}}"),
            )
        )
        .with_panel(
            graph(
                "Alert delay",
                "Median and 99 of 100.",
                "s",
                ("histogram_quantile(0.5, sum by (le) (rate(tocsin_alert_delay_seconds_bucket[5m])))", "p50"),
                (
                    "histogram_quantile(0.99, sum by (le) (rate(tocsin_alert_delay_seconds_bucket[5m])))",
                    "p99",
                ),
            )
        )
        .with_panel(
            graph(
                "Alerts written",
                "In five minutes, by what happened to their bursts.",
                "short",
                ("sum by (reason) (increase(tocsin_alerts_total[5m]))", "{{reason}}"),
            )
        )
    )


def service() -> dashboard.Dashboard:
    """Whether the service is well."""
    firing = 'ALERTS{alertname=~"Tocsin.+", alertstate="firing", severity=~"warning|critical"}'
    return (
        board("tocsin-service", "Tocsin: the service", "Does it keep up, is it whole, are people told?")
        .annotation(mark("a health rule fires", ORANGE, firing))
        .with_row(dashboard.Row("In"))
        .with_panel(
            graph(
                "Posts a second",
                "Read from topic posts.",
                "short",
                ("sum(rate(tocsin_posts_total[1m]))", "read"),
                ("sum by (platform) (rate(tocsin_platform_posts_total[1m]))", "{{platform}}"),
                width=THIRD,
            )
        )
        .with_panel(
            graph(
                "What became of them",
                "clock_lied: created_at was not believed.",
                "short",
                ("sum by (outcome) (rate(tocsin_sketch_total[1m]))", "{{outcome}}"),
                width=THIRD,
            )
        )
        .with_panel(
            graph(
                "Dead letters a second",
                "By reason; they are in posts.dead.",
                "short",
                ("sum by (reason) (rate(tocsin_rejected_total[5m]))", "{{reason}}"),
                width=THIRD,
            )
        )
        .with_panel(
            graph(
                "Share of dead letters",
                "Over 1 % a rule tells.",
                "percentunit",
                ("sum(rate(tocsin_rejected_total[10m])) / sum(rate(tocsin_posts_total[10m]))", "refused"),
                width=THIRD,
            )
        )
        .with_panel(
            graph(
                "Late, repeated, redelivered",
                "Records a second.",
                "short",
                ("sum(rate(tocsin_late_total[5m]))", "behind the watermark"),
                ("sum(rate(tocsin_repeated_total[5m]))", "repeated by the feed"),
                ("sum by (topic) (rate(tocsin_redelivered_total[5m]))", "redelivered {{topic}}"),
                width=THIRD,
            )
        )
        .with_panel(
            graph(
                "Workers that answer",
                "And deliveries.",
                "short",
                ('sum by (job) (up{job=~"tocsin-.+"})', "{{job}}"),
                width=THIRD,
            )
        )
        .with_row(dashboard.Row("In time"))
        .with_panel(
            graph(
                "Lag",
                "Age of the newest record read while more wait; over a minute a rule tells.",
                "s",
                ("max by (topic) (tocsin_consumer_lag_seconds)", "{{topic}}"),
                width=THIRD,
            )
        )
        .with_panel(
            graph(
                "Records that wait",
                "By topic.",
                "short",
                ("sum by (topic) (tocsin_consumer_lag_records)", "{{topic}}"),
                width=THIRD,
            )
        )
        .with_panel(
            graph(
                "Event time behind the newest post",
                "Some slots and lateness_s are normal.",
                "s",
                ("max by (topic) (tocsin_event_time_lag_seconds)", "{{topic}}"),
                width=THIRD,
            )
        )
        .with_panel(
            graph(
                "Alerts over 5 s late",
                "Of all; 1 % is the budget of a month.",
                "percentunit",
                ("tocsin:alerts_slow:ratio_rate5m", "5 min"),
                ("tocsin:alerts_slow:ratio_rate1h", "1 h"),
                width=THIRD,
            )
        )
        .with_panel(
            graph(
                "Rebuilds of state",
                "Of a partition, mean since the workers started.",
                "s",
                (
                    "sum by (topic) (tocsin_rebuild_seconds_sum) / sum by (topic) (tocsin_rebuild_seconds_count)",  # noqa: E501
                    "{{topic}}",
                ),
                width=THIRD,
            )
        )
        .with_panel(
            graph(
                "Batches on their way",
                "At max_in_flight a stage waits for the broker.",
                "short",
                ("sum by (topic) (tocsin_in_flight_batches)", "{{topic}}"),
                width=THIRD,
            )
        )
        .with_row(dashboard.Row("Stages, by the topic each reads"))
        .with_panel(
            graph(
                "Work a second",
                "Seconds of work per second; near 1 a stage is at its limit.",
                "percentunit",
                ("sum by (topic, instance) (rate(tocsin_batch_seconds_sum[1m]))", "{{topic}} {{instance}}"),
                width=THIRD,
            )
        )
        .with_panel(
            graph(
                "Time a batch",
                "99 of 100.",
                "s",
                (
                    "histogram_quantile(0.99, sum by (le, topic) (rate(tocsin_batch_seconds_bucket[5m])))",
                    "{{topic}}",
                ),
                width=THIRD,
            )
        )
        .with_panel(
            graph(
                "Records a second",
                "A record of sketches is a pack of posts.",
                "short",
                ("sum by (topic) (rate(tocsin_records_total[1m]))", "{{topic}}"),
                width=THIRD,
            )
        )
        .with_row(dashboard.Row("Memory"))
        .with_panel(
            graph(
                "Resident",
                "Of a worker and its stages' processes.",
                "bytes",
                ("tocsin_resident_bytes", "{{instance}}"),
                width=THIRD,
            )
        )
        .with_panel(
            graph(
                "Indices",
                "One epoch of posts.",
                "bytes",
                ("sum by (instance) (tocsin_index_bytes)", "{{instance}}"),
                ("max(tocsin_checkpoint_bytes)", "BURST's checkpoint"),
                width=THIRD,
            )
        )
        .with_panel(
            graph(
                "Clusters and contents held",
                "Evicted: max_tracked_posts is reached.",
                "short",
                ("sum by (instance) (tocsin_clusters_tracked)", "clusters {{instance}}"),
                ("max(tocsin_burst_groups)", "contents of BURST"),
                ("sum(rate(tocsin_evicted_total[5m]))", "evicted a second"),
                width=THIRD,
            )
        )
        .with_row(dashboard.Row("Telling people"))
        .with_panel(
            graph(
                "Behind",
                "How long a target has not taken what it must know.",
                "s",
                ("tocsin:deliver_behind_seconds:max", "{{target}}"),
                width=THIRD,
            )
        )
        .with_panel(
            graph(
                "Requests a second",
                "To each target.",
                "short",
                (
                    "sum by (target, outcome) (rate(tocsin_deliver_attempts_total[5m]))",
                    "{{target}} {{outcome}}",
                ),
                width=THIRD,
            )
        )
        .with_panel(
            graph(
                "Who leads, and the canary's age",
                "One leads. The canary: while canary_s is set.",
                "short",
                ("sum(tocsin_deliver_leading)", "leaders"),
                ("(time() - max(tocsin_canary_timestamp_seconds > 0)) / 60", "canary, minutes"),
                width=THIRD,
            )
        )
    )


def write(folder: Path) -> None:
    """One file each, named by its uid."""
    for made in (bursts().build(), service().build()):
        for place, panel in enumerate(made.panels, start=1):
            panel.id_val = place
        text = JSONEncoder(sort_keys=True, indent=2).encode(made)
        (folder / f"{made.uid}.json").write_text(text + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
