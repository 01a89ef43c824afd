"""What is owed to the people behind Alertmanager, worked out from the book: pure.

Labels are identity and bounded; all that changes is an annotation. A burst is one alert per
severity of which people must hear: a severity that may still rise waits for that, and one that
rose before it was due is told to nobody. A rise after that is one more notification, and each of
them ends with the burst. The alerts of a burst do not depend on each other: inhibition would let
Alertmanager find the lesser one firing, or over, while it is and while it is not inhibited.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from detectors.alert import Severity
from stream.alert_text import describe, headline
from stream.alerts import is_canary
from stream.deliver.book import Book, Story
from stream.settings_telling import DeliverySettings, WatchRule

BURST, LATE, STORM = "TocsinBurst", "TocsinLate", "TocsinStorm"
OTHER = "other"
"""Label ``watch`` of what no rule asks for."""
LABELS = ("alertname", "burst", "severity", "watch")
"""What an alert is told apart by."""
HOUR_MS = 3_600_000
TEXT_CHARS = 6_000
"""Of an annotation: Alertmanager refuses requests of some 10 MB, chats far smaller ones."""
LISTED = 15
"""Bursts that a digest names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One alert of Alertmanager's.

    Attributes:
        labels: Its identity.
        annotations: What people read.
        starts_ms: Wall time from which it holds, UTC milliseconds.
        ended_ms: Wall time at which it ended; None while it fires.
        url: The burst's page; empty for none.
        since: Offset of the record that began it; -1 if none did.
        until: Offset of the last record behind it.
        due_ms: Wall time before which nobody is told; None: another notice tells of it, and only
            who was told of this one already is told how it goes on.
        muted: It ended because a person muted it: who was not told of it need not be.
    """

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_ms: int
    ended_ms: int | None
    url: str = ""
    since: int = -1
    until: int = -1
    due_ms: int | None = 0
    muted: bool = False
    key: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", tuple(self.labels[name] for name in LABELS))


def notices(book: Book, settings: DeliverySettings, now_ms: int) -> list[Notice]:
    """All that is owed at wall time `now_ms`, UTC milliseconds."""
    overflow = _overflow(book, settings.pages_an_hour)
    owed = [
        _of_burst(book, story, severity, overflow, settings)
        for story in book
        if not is_canary(story.alert)
        for severity in story.reached
        if severity.rank >= Severity(settings.deliver_from).rank
        and not (severity is Severity.CRITICAL and story.alert.id in overflow)
    ]
    return [*owed, *_storm(book, overflow, settings), *_late(book, settings, now_ms)]


def _of_burst(
    book: Book,
    story: Story,
    severity: Severity,
    overflow: Container[str],
    settings: DeliverySettings,
) -> Notice:
    alert, reached = story.alert, story.reached[severity]
    over_ms = story.muted_ms or story.told.append_ms
    return Notice(
        labels={
            "alertname": BURST,
            "burst": alert.id,
            "severity": severity.value,
            "watch": watched_as(story, settings.watch),
        },
        annotations={
            "summary": headline(alert),
            "description": describe(alert)[:TEXT_CHARS],
            "runbook": settings.runbook_url + "/burst.md",
            **({"campaign": ", ".join(alert.campaign.bursts)} if alert.campaign else {}),
        },
        starts_ms=reached.append_ms,
        ended_ms=max(over_ms, reached.append_ms + 1) if book.is_over(alert) else None,
        url=f"{settings.page_url}/bursts/{alert.id}" if settings.page_url else "",
        since=reached.offset,
        until=story.told.offset,
        due_ms=_due_ms(book, story, severity, overflow, round(settings.rise_wait_s * 1000)),
        muted=story.muted_ms > 0,
    )


def _due_ms(
    book: Book, story: Story, severity: Severity, overflow: Container[str], wait_ms: int
) -> int | None:
    since_ms = story.reached[severity].append_ms
    if severity is Severity.CRITICAL:
        return since_ms
    told_by_others_ms = [
        reached.append_ms
        for other, reached in story.reached.items()
        if other.rank > severity.rank and not (other is Severity.CRITICAL and story.alert.id in overflow)
    ]
    heir = book.heir(story.alert)
    if heir is not None and heir is not story and severity in heir.reached:
        told_by_others_ms.append(story.told.append_ms)
    if told_by_others_ms and min(told_by_others_ms) - since_ms < wait_ms:
        return None
    return since_ms + wait_ms


def watched_as(story: Story, rules: Sequence[WatchRule]) -> str:
    """Name of the first rule that asks for the burst. By its first post, which never changes."""
    first = story.alert.first_post
    text = first.text.casefold()
    for rule in rules:
        if rule.terms and not any(term.casefold() in text for term in rule.terms):
            continue
        if rule.langs and first.lang not in rule.langs:
            continue
        if rule.platforms and first.platform not in rule.platforms:
            continue
        return rule.name
    return OTHER


def _overflow(book: Book, pages_an_hour: int) -> dict[str, Story]:
    """Bursts that reached critical when the hour before had its share of pages already."""
    critical = [
        (reached.append_ms, story)
        for story in book
        if (reached := story.reached.get(Severity.CRITICAL)) and not is_canary(story.alert)
    ]
    paged: list[int] = []
    overflow: dict[str, Story] = {}
    for at_ms, story in sorted(critical, key=lambda item: (item[0], item[1].alert.id)):
        if sum(at_ms - ms < HOUR_MS for ms in paged) < pages_an_hour:
            paged.append(at_ms)
        else:
            overflow[story.alert.id] = story
    return overflow


def _storm(book: Book, overflow: dict[str, Story], settings: DeliverySettings) -> Iterator[Notice]:
    if not overflow:
        return
    firing = [story for story in overflow.values() if not book.is_over(story.alert)]
    stories = firing or list(overflow.values())
    first_ms = min(story.reached[Severity.CRITICAL].append_ms for story in overflow.values())
    n_paged = settings.pages_an_hour
    summary = f"{len(stories):,} more bursts are critical; {n_paged} in an hour were paged one by one"
    yield Notice(
        labels={"alertname": STORM, "burst": "storm", "severity": Severity.CRITICAL.value, "watch": OTHER},
        annotations=_digest(summary, stories, settings),
        starts_ms=first_ms,
        ended_ms=None if firing else max(first_ms + 1, *(story.told.append_ms for story in stories)),
        url=settings.page_url,
        since=min(story.reached[Severity.CRITICAL].offset for story in overflow.values()),
        until=max(story.told.offset for story in overflow.values()),
    )


def _late(book: Book, settings: DeliverySettings, now_ms: int) -> Iterator[Notice]:
    """One digest for what rang while nobody listened; it stands for an hour."""
    late = [story for story in book if story.late_ms and not is_canary(story.alert)]
    if not late:
        return
    first_ms, last_ms = min(story.late_ms for story in late), max(story.late_ms for story in late)
    grave = sum(story.alert.severity is Severity.CRITICAL for story in late)
    summary = (
        f"{len(late):,} bursts, {grave:,} of them critical, were found over "
        f"{settings.late_digest_s / 60:g} minutes after the fact: the detector was catching up"
    )
    yield Notice(
        labels={"alertname": LATE, "burst": "late", "severity": Severity.WARNING.value, "watch": OTHER},
        annotations=_digest(summary, late, settings),
        starts_ms=first_ms,
        ended_ms=None if now_ms - last_ms < HOUR_MS else last_ms + HOUR_MS,
        url=settings.page_url,
        since=min(story.told.offset for story in late),
        until=max(story.told.offset for story in late),
    )


def _digest(summary: str, stories: Sequence[Story], settings: DeliverySettings) -> dict[str, str]:
    alerts = sorted((s.alert for s in stories), key=lambda a: (-a.severity.rank, -a.posts, a.id))
    lines = [headline(alert) for alert in alerts[:LISTED]]
    if len(alerts) > LISTED:
        lines.append(f"and {len(alerts) - LISTED:,} more: tocsin alerts --all")
    return {
        "summary": summary,
        "description": "\n".join(lines)[:TEXT_CHARS],
        "runbook": settings.runbook_url + "/storm-or-late.md",
    }


def rfc3339(ms: int) -> str:
    """A wall time as Alertmanager reads it."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
