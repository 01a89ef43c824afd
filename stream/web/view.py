"""An alert in the words and shapes of the page: pure.

Strangers' texts are cleaned and shortened here (`stream.safe_text`); the templates escape
them. Only http and https links become links.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher
from typing import NamedTuple
from urllib.parse import quote as quoted
from urllib.parse import urlsplit

from detectors.alert import Alert, AlertReason, Series, Shown, WordedAs
from detectors.ruling import Ended, Ruled, RulingKind
from stream import alert_text
from stream.safe_text import shorten, shown
from stream.web.board import Board, Entry

CARD_CELLS, POST_CELLS, WORD_CELLS, LINK_CELLS = 240, 900, 40, 90
MAX_TOKENS = 240
"""Of a wording that is compared with another; the rest is left out."""
MAX_BARS = 60
_CHART_HEIGHT = 20
_N_KEYS = 4
_N_TAGS = 12
_MAX_URL_CHARS = 2000
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_FEW_SPACES = 12
"""Characters per space from which words are no unit to compare by (Chinese, Japanese, Thai)."""

_REASONS = {
    AlertReason.FIRST: "began to ring",
    AlertReason.GREW: "grew",
    AlertReason.RESOLVED: "over",
    AlertReason.MERGED: "merged",
    AlertReason.REPEAT: "content changed",
    AlertReason.MUTED: "muted",
    AlertReason.UNMUTED: "no longer muted",
}

_RULINGS = {
    RulingKind.MUTE: "muted",
    RulingKind.KNOWN: "known template",
    RulingKind.TRUE: "it was right",
    RulingKind.FALSE: "it was not",
}


class Piece(NamedTuple):
    """Part of a wording, and whether the commonest wording lacks it."""

    text: str
    differs: bool


class Wording(NamedTuple):
    """A variant."""

    posts: int
    pieces: list[Piece]


class PostView(NamedTuple):
    """A post as shown."""

    text: str
    lang: str | None
    href: str | None
    where: str
    at: datetime
    when: str
    account: str
    deleted: bool


class Bar(NamedTuple):
    """A bar of a chart, in its own units."""

    x: int
    y: int
    height: int


class Chart(NamedTuple):
    """Posts over time as bars, `width` × `height` units, and the same in words."""

    bars: list[Bar]
    width: int
    height: int
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a list shows of a burst."""

    id: str
    href: str
    key: str
    """Cards of one list are shown in falling order of this."""
    place: str
    """``ringing`` or ``over``."""
    severity: str
    reason: str
    text: str
    lang: str | None
    posts: str
    accounts: str
    rate: str
    normal: str
    chart: Chart
    platforms: str
    langs: str
    starts_at: datetime
    period: str
    verdict: str
    first_href: str | None
    muted: bool
    notes: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """Everything about a burst."""

    evidence: list[str]
    advice: list[str]
    wordings: list[Wording]
    first: PostView
    samples: list[PostView]
    hashtags: list[str]
    links: list[tuple[str, str | None]]
    related: list[Card]


class Decision(NamedTuple):
    """A ruling as shown."""

    id: str
    holds: bool
    what: str
    text: str
    href: str
    by: str
    at: datetime
    when: str
    why: str
    until: str
    ended: str


class Line(NamedTuple):
    """A burst on the timeline, in hundredths of the day."""

    card: Card
    x: float
    width: float
    y: int


def card(entry: Entry) -> Card:
    """The card of a burst."""
    alert = entry.alert
    verdict, *_ = alert_text.evidence(alert)
    text = alert_text.text_of(alert)
    place = "ringing" if entry.rings else "over"
    ranks = (entry.rank, alert.starts_at) if entry.rings else (0, alert.updated_at)
    return Card(
        id=alert.id,
        href=f"/bursts/{quoted(alert.id, safe='')}",
        key=f"{ranks[0]}{ranks[1].timestamp():017.3f} {alert.id}",
        place=place,
        severity=alert.severity.value,
        reason=_REASONS[alert.reason],
        text="(text deleted by its author)" if text is None else shorten(text, CARD_CELLS) or "(no text)",
        lang=language(alert.exemplar.lang),
        posts=_counted(alert.posts, "post"),
        accounts=alert_text.account_count(alert),
        rate=alert_text.per_minute(alert.rate_per_min),
        normal=alert_text.per_minute(alert.baseline_per_min),
        chart=chart(alert.series),
        platforms=_keys(alert.platforms),
        langs=_keys(alert.langs),
        starts_at=alert.starts_at.astimezone(UTC),
        period=alert_text.period(alert),
        verdict=verdict,
        first_href=link(alert.first_post.url),
        muted=alert.muted_by is not None,
        notes=list(alert_text.notes(alert)),
    )


def detail(entry: Entry, board: Board) -> Detail:
    """The rest of what is known of a burst."""
    alert = entry.alert
    _, *counts = alert_text.evidence(alert)
    return Detail(
        evidence=[line.removeprefix("- ") for line in counts],
        advice=list(alert_text.advice(alert)),
        wordings=_wordings(alert.variants),
        first=post(alert.first_post, alert),
        samples=[post(sample, alert) for sample in sorted(alert.samples, key=_newest_first)],
        hashtags=[f"#{shown(tag, WORD_CELLS)}" for tag in alert.hashtags[:_N_TAGS]],
        links=[(shown(url, LINK_CELLS), link(url)) for url in alert.urls],
        related=[card(other) for other in board.related(alert)],
    )


def decision(ruled: Ruled) -> Decision:
    """A ruling in words."""
    ended = ruled.ended
    return Decision(
        id=ruled.id,
        holds=ended is None,
        what=_RULINGS[ruled.kind],
        text=shorten(ruled.text, CARD_CELLS) or "(no text)",
        href=f"/bursts/{quoted(ruled.burst, safe='')}",
        by=shown(ruled.by, WORD_CELLS),
        at=_moment(ruled.at_ms),
        when=alert_text.clock(_moment(ruled.at_ms)),
        why=shorten(ruled.why, POST_CELLS),
        until=alert_text.clock(_moment(ruled.until_ms)) if ruled.until_ms else "",
        ended="" if ended is None else _end(ended),
    )


def _end(ended: Ended) -> str:
    who = f"by {shown(ended.by, WORD_CELLS)}, " if ended.by else ""
    why = f": {shorten(ended.why, POST_CELLS)}" if ended.why else ""
    return f"ended {who}{alert_text.clock(_moment(ended.at_ms))}{why}"


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def post(one: Shown, alert: Alert) -> PostView:
    """A post of an alert."""
    gone = "(text deleted by its author)" if one.deleted else "(no visible text)"
    return PostView(
        text=shorten(one.text + ("…" if one.clipped else ""), POST_CELLS) or gone,
        lang=language(one.lang),
        href=link(one.url),
        where=shown(one.platform, WORD_CELLS),
        at=one.created_at.astimezone(UTC),
        when=f"{alert_text.clock(one.created_at)}, {alert_text.ago(one.created_at, alert.updated_at)}",
        account=shown(one.account, WORD_CELLS),
        deleted=one.deleted,
    )


def _wordings(variants: Sequence[WordedAs]) -> list[Wording]:
    """Each wording; in all but the first, what the first lacks is marked."""
    return [
        Wording(
            variant.posts,
            differing(variant.text, variants[0].text)
            if number
            else [Piece(shorten(variant.text, POST_CELLS) or "(no visible text)", differs=False)],
        )
        for number, variant in enumerate(variants)
    ]


def differing(text: str, other: str) -> list[Piece]:
    """`text` in pieces, those marked that `other` lacks; compared word by word."""
    mine, theirs = _tokens(text), _tokens(other)
    pieces: list[Piece] = []
    for tag, start, end, _, _ in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        if part := "".join(mine[start:end]):
            pieces.append(Piece(part, differs=tag != "equal" and not part.isspace()))
    return pieces or [Piece("(no visible text)", differs=False)]


def chart(series: Series) -> Chart:
    """Posts over time, in at most `MAX_BARS` bars of whole slots."""
    per_bar = max(1, -(-len(series.counts) // MAX_BARS))
    sums = [sum(series.counts[at : at + per_bar]) for at in range(0, len(series.counts), per_bar)]
    peak = max(sums, default=0)
    heights = [-(-n * _CHART_HEIGHT // peak) if peak else 0 for n in sums]
    bars = [Bar(3 * x, _CHART_HEIGHT - height, height) for x, height in enumerate(heights) if height]
    at = series.start + timedelta(seconds=per_bar * series.slot_s * (sums.index(peak) if peak else 0))
    told = f"at most {peak:,} posts in {per_bar * series.slot_s:,} s, at {alert_text.clock(at)}"
    return Chart(bars, max(MAX_BARS // 2, len(sums)) * 3, _CHART_HEIGHT, told if peak else "no pace known")


def timeline(entries: Sequence[Entry], latest: datetime | None) -> list[Line]:
    """Where each burst lies in the day that ends with `latest`."""
    lines: list[Line] = []
    for number, entry in enumerate(entries):
        if latest is None:
            break
        start = max(0.0, _share_of_day(entry.alert.starts_at, latest))
        end = 1.0 if entry.rings else _share_of_day(entry.alert.ends_at or entry.alert.updated_at, latest)
        lines.append(
            Line(card(entry), round(1000 * start, 1), round(max(2, 1000 * (end - start)), 1), number)
        )
    return lines


def link(url: str | None) -> str | None:
    """`url` if a click on it can do no more than open a web page."""
    if url is None or len(url) > _MAX_URL_CHARS or not url.isprintable():
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in {"http", "https"} and parts.netloc else None


def language(tag: str | None) -> str | None:
    """A language tag that a browser may believe."""
    return tag if tag and tag != "und" and len(tag) <= 20 and _LANGUAGE.fullmatch(tag) else None


def _tokens(text: str) -> list[str]:
    """Words with the space after them; characters where the script writes no spaces."""
    visible = shorten(text, POST_CELLS)
    if visible.count(" ") * _FEW_SPACES < len(visible):
        return list(visible)[:MAX_TOKENS]
    return re.findall(r"\S+\s*", visible)[:MAX_TOKENS]


def _keys(counts: dict[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    names = ["unknown" if key == "und" else shown(key, WORD_CELLS) for key, _ in ranked[:_N_KEYS]]
    more = f" and {len(ranked) - _N_KEYS} more" if len(ranked) > _N_KEYS else ""
    return ", ".join(names) + more


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def _newest_first(one: Shown) -> float:
    return -one.created_at.timestamp()


def _share_of_day(moment: datetime, latest: datetime) -> float:
    return 1 - (latest - moment) / timedelta(days=1)
