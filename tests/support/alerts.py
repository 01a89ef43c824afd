"""Alerts as the tests need them, every field filled."""

from datetime import UTC, datetime, timedelta
from typing import Any

from detectors.alert import (
    Alert,
    AlertReason,
    Coordination,
    Detector,
    Muted,
    Series,
    Severity,
    Share,
    Shown,
    WordedAs,
)

START = datetime(2024, 5, 15, 10, 21, 8, tzinfo=UTC)
KANAKY = (
    "La France piétine la Nouvelle-Calédonie et prépare des Jeux à Paris pendant que Nouméa brûle. "
    "Il est temps de partir. #RecognizeNewCaledonia #EndFrenchColonialism"
)


def muted(by: str = "maria", **changes: Any) -> Muted:
    """A mute of an app's template."""
    return Muted(
        **({"ruling": "00c0ffee00c0ffee", "kind": "mute", "by": by, "why": "an app's template"} | changes)
    )


def post(text: str, *, after_s: int = 0, name: str = "1790", **more: Any) -> Shown:
    """A post on X, `after_s` after START."""
    return Shown(
        platform=more.pop("platform", "x"),
        id=name,
        account="8d3f0c1e77aa4b02",
        created_at=START + timedelta(seconds=after_s),
        text=text,
        url=more.pop("url", f"https://x.example/status/{name}"),
        **more,
    )


def alert(text: str = KANAKY, **changes: Any) -> Alert:
    """A campaign as VIGINUM described it, four minutes in; `changes` replace fields."""
    exemplar = changes.pop("exemplar", post(text))
    values: dict[str, Any] = {
        "id": "5b0c9f2e61d84a7730aa",
        "seq": 2,
        "status": "firing",
        "reason": AlertReason.FIRST,
        "severity": Severity.CRITICAL,
        "starts_at": START,
        "updated_at": START + timedelta(minutes=4, seconds=11),
        "ingest_ts": START + timedelta(minutes=4, seconds=12),
        "late": 0.21,
        "posts": 64,
        "reposts": 3,
        "accounts": 60,
        "accounts_exact": True,
        "rate_per_min": 12.8,
        "baseline_per_min": 0.0,
        "novelty": 41.7,
        "window_s": 300,
        "series": Series(START.replace(second=0), 60, [2, 7, 11, 19, 25]),
        "coordination": coordination(),
        "exemplar": exemplar,
        "samples": [exemplar, post(text.replace("Jeux", "JO"), after_s=248, name="1854")],
        "variants": [
            WordedAs(text, 31),
            WordedAs(text.replace("Il est temps de partir.", "Partez maintenant !"), 20),
            WordedAs("🇳🇨 " + text, 13),
        ],
        "hashtags": ["recognizenewcaledonia", "endfrenchcolonialism", "boycottparis2024"],
        "urls": ["https://clips.example/noumea.mp4"],
        "platforms": {"x": 61, "facebook": 3},
        "langs": {"fr": 64},
        "first_post": exemplar,
        "signature": "AAAA",
        "detector": Detector("0.1.0", "0a1b2c3d4e5f"),
    }
    return Alert(**(values | changes))


def coordination(**changes: Any) -> Coordination:
    """Young accounts that repeat themselves."""
    values: dict[str, Any] = {
        "score": 0.93,
        "new_accounts": Share(38, 41),
        "feed_new_ratio": 0.031,
        "repeating_accounts": Share(23, 60),
        "recurring_accounts": Share(12, 60),
        "linked_bursts": 2,
        "accounts_5min": 60,
        "identical_posts": Share(31, 64),
        "platforms": 2,
    }
    return Coordination(**(values | changes))
