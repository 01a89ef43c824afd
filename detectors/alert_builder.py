"""From an assessment to the alert that is written: bounded, and complete for a reader."""

from base64 import b64encode
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np

from detectors.alert import (
    Alert,
    AlertReason,
    Campaign,
    Coordination,
    Detector,
    Muted,
    Series,
    Share,
    Shown,
    WordedAs,
)
from detectors.lifecycle import Ring
from detectors.measure import Measured
from detectors.merge import Whole
from detectors.rows import read_sample
from detectors.ruling import Ruled, RulingKind
from detectors.sketch import lean_bytes, signatures

MAX_SLOTS = 240
"""Slots of the series: the latest four hours of minutes."""
SHOWN_VARIANT_CHARS = 300
N_KEYS = 20
N_SAMPLES = 10
N_SIGNATURES = 10_000
"""Signatures kept: a burst tells the same one with every alert."""


def build_alert(  # noqa: PLR0913 (an alert is many things)
    ring: Ring,
    reason: AlertReason,
    found: Measured,
    whole: Whole,
    *,
    now_ms: int,
    ingest_ms: int,
    merged_into: str | None,
    muting: Ruled | None,
    campaign: Campaign | None,
    slot_s: int,
    detector: tuple[str, str],
) -> Alert:
    """The alert of one transition.

    Args:
        ring: What has been told, this transition included.
        reason: Why it is written.
        found: The burst's numbers.
        whole: All that is known of it.
        now_ms: Event time of the transition.
        ingest_ms: Append time of the post that tripped it.
        merged_into: The surviving burst, if `reason` is MERGED.
        muting: The ruling that covers it.
        campaign: The bursts that share accounts with it.
        slot_s: Length of a slot, seconds.
        detector: (version, settings digest).
    """
    parts, details, firing = found.parts, whole.details, ring.firing
    samples = [_shown(packed) for packed in details.samples[:N_SAMPLES]]
    return Alert(
        id=ring.id,
        seq=ring.seq,
        status="firing" if firing else "resolved",
        reason=reason,
        severity=ring.severity,
        starts_at=at(whole.first_ms),
        updated_at=at(now_ms),
        ends_at=None if firing else at(whole.last_ms),
        ingest_ts=at(ingest_ms),
        late=0.0,
        posts=whole.n_posts,
        reposts=whole.n_reposts,
        accounts=whole.n_accounts,
        accounts_exact=whole.accounts_exact,
        rate_per_min=found.novelty.rate_per_min,
        baseline_per_min=found.novelty.baseline_per_min,
        novelty=found.novelty.value,
        window_s=found.novelty.window_s,
        series=_series(whole.slots, slot_s),
        coordination=Coordination(
            score=found.coordination,
            new_accounts=Share(parts.n_new, parts.n_known),
            feed_new_ratio=round(parts.base_new, 4),
            repeating_accounts=Share(parts.n_repeating, parts.n_active),
            recurring_accounts=Share(parts.n_recurring, parts.n_accounts),
            linked_bursts=parts.n_links,
            accounts_5min=parts.n_5min,
            identical_posts=Share(max((v.n_posts for v in details.variants), default=0), whole.n_posts),
            platforms=len(details.platforms),
        ),
        exemplar=samples[0] if details.exemplar is None else _shown(details.exemplar),
        samples=samples,
        variants=[WordedAs(v.text[:SHOWN_VARIANT_CHARS], v.n_posts) for v in details.variants if v.text],
        hashtags=list(details.hashtags)[:N_KEYS],
        urls=list(details.urls)[:N_KEYS],
        platforms=details.platforms,
        langs=details.langs,
        first_post=samples[0],
        merged_into=merged_into,
        muted_by=None if muting is None else _muted(muting),
        campaign=campaign,
        signature=_signature(whole.wording),
        detector=Detector(*detector),
    )


def at(moment_ms: int) -> datetime:
    """Aware UTC time of milliseconds since the Unix epoch."""
    return datetime.fromtimestamp(moment_ms / 1000, UTC)


def _muted(ruled: Ruled) -> Muted:
    return Muted(
        ruling=ruled.id,
        kind="known" if ruled.kind is RulingKind.KNOWN else "mute",
        by=ruled.by,
        why=ruled.why,
        until=at(ruled.until_ms) if ruled.until_ms else None,
    )


def _series(slots: list[tuple[int, int]], slot_s: int) -> Series:
    last = slots[-1][0]
    first = max(slots[0][0], last - MAX_SLOTS + 1)
    counts = [0] * (last - first + 1)
    for slot, n in slots:
        if slot >= first:
            counts[slot - first] = n
    return Series(at(first * slot_s * 1000), slot_s, counts)


def _shown(packed: bytes) -> Shown:
    sample = read_sample(packed)
    return Shown(
        platform=sample.platform,
        id=sample.id,
        account=sample.account,
        created_at=at(sample.at_ms),
        text=sample.text,
        clipped=sample.clipped,
        deleted=sample.deleted,
        lang=sample.lang,
        url=sample.url,
    )


@lru_cache(N_SIGNATURES)
def _signature(normalised: str) -> str:
    text = np.frombuffer(normalised.encode(), np.uint8)
    return b64encode(lean_bytes(signatures(text, np.array([0, len(text)]))[0])).decode()
