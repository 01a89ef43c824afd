"""Counts what rang: pure, alerts in, figures out."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil

from detectors.alert import Alert, AlertReason, Severity
from stream.alerts import Told
from stream.demo.truth import Finding, Truth

_OVER = (AlertReason.RESOLVED, AlertReason.MERGED)


@dataclass(slots=True)
class Burst:
    """One burst, from its first alert to its last."""

    finding: Finding
    """By the latest alert."""
    last: Alert
    severity: Severity
    """The gravest it ever was."""
    n_alerts: int = 0
    ended_by: AlertReason | None = None
    """RESOLVED or MERGED; ``None`` while it rings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """The moment at which a version of the campaign reached something."""

    copies: int
    """`posts` in the alert: what the detector had counted, in log order."""
    true_copies: int
    """Posts of the version in the feed up to the event time of the alert. More than `copies` in a
    fast replay: at 300 times real time, partitions a tenth of a second apart are half a minute
    of event time apart."""
    at: datetime
    """Event time."""
    after_s: float
    """Event time since the version's first post."""


@dataclass(slots=True)
class Tally:
    """Everything the demo says about alerts.

    Args:
        truth: whose posts they are.
    """

    truth: Truth
    bursts: dict[str, Burst] = field(default_factory=dict)
    """By alert id, in the order they first rang."""
    transitions: Counter[tuple[AlertReason, Severity]] = field(default_factory=Counter)
    delays_s: list[float] = field(default_factory=list)
    first: dict[str, Milestone] = field(default_factory=dict)
    """By version: its first alert."""
    critical: dict[str, Milestone] = field(default_factory=dict)
    """By version: its first critical alert."""

    def add(self, told: Told) -> tuple[Finding, bool]:
        """Count an alert in.

        Returns:
            What it is about, and whether it is news: a burst that begins to ring or turns graver,
            one of severity warning that ends, and everything about a critical one.
        """
        alert = told.alert
        finding = self.truth.find(alert)
        # Tansu keeps the producer's timestamp as append time. Producer and broker share this
        # machine's clock here, so the difference is the delay as defined for real Kafka.
        self.delays_s.append(told.append_ms / 1000 - alert.ingest_ts.timestamp())
        self.transitions[alert.reason, alert.severity] += 1
        burst = self.bursts.setdefault(alert.id, Burst(finding, alert, alert.severity))
        grew_graver = alert.severity.rank > burst.last.severity.rank
        burst.finding, burst.last = finding, alert
        burst.n_alerts += 1
        burst.severity = max(burst.severity, alert.severity, key=lambda severity: severity.rank)
        burst.ended_by = alert.reason if alert.reason in _OVER else None
        if finding.is_campaign:
            self._mark(alert, finding.label.part)
        is_over = burst.ended_by is not None and alert.severity is not Severity.INFO
        is_critical = alert.severity is Severity.CRITICAL
        return finding, alert.reason is AlertReason.FIRST or grew_graver or is_over or is_critical

    def _mark(self, alert: Alert, version: str) -> None:
        milestone = Milestone(
            copies=alert.posts,
            true_copies=self.truth.n_copies(version, alert.updated_at),
            at=alert.updated_at,
            after_s=round(alert.updated_at.timestamp() - self.truth.span_s(version)[0], 3),
        )
        self.first.setdefault(version, milestone)
        if alert.severity is Severity.CRITICAL:
            self.critical.setdefault(version, milestone)

    @property
    def campaign(self) -> list[Burst]:
        """Bursts that are the campaign's."""
        return [burst for burst in self.bursts.values() if burst.finding.is_campaign]

    @property
    def background(self) -> list[Burst]:
        """Bursts that are not, gravest and largest first."""
        others = [burst for burst in self.bursts.values() if not burst.finding.is_campaign]
        return sorted(others, key=lambda burst: (-burst.severity.rank, -burst.last.posts))

    @property
    def campaign_rings(self) -> bool:
        """Whether a burst of the campaign has not ended."""
        return any(burst.ended_by is None for burst in self.campaign)

    def delay_s(self, ratio: float) -> float | None:
        """The delay that `ratio` of all transitions do not exceed (nearest rank); none, no delay."""
        ranked = sorted(self.delays_s)
        return ranked[max(0, ceil(ratio * len(ranked)) - 1)] if ranked else None
