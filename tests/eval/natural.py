"""One long feed of real posts that nobody planned, and what rings in it.

The files of ``background/`` run side by side, each in its own pace but for silences, which
last a minute at most; the minutes of ``stream/`` follow one another within, in real time. No
post comes twice: a looped file would make a template of every post.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from detectors.alert import Alert, Severity
from detectors.settings import DetectorSettings
from stream.alert_text import describe
from tests.eval.data import BEGAN_MS, DataFile, RealPost
from tests.eval.engine import alerts_of
from tests.eval.rows import Setup

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
PER = 100_000
"""Alerts are counted per so many natural posts."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A real post, put somewhere in an evaluation's feed."""

    post: RealPost
    at_ms: int
    source: str = ""
    """Whose it is: a burst's name, or empty for natural posts."""
    author: str | None = None
    """Another account than its own."""


class Found(NamedTuple):
    """A burst that rang: its alerts, in order, and whose posts they show."""

    alerts: list[Alert]
    sources: Counter[str]

    @property
    def severity(self) -> Severity:
        """The gravest it was."""
        return max((alert.severity for alert in self.alerts), key=lambda severity: severity.rank)

    @property
    def gravest(self) -> Alert:
        """The first alert of that severity."""
        return next(alert for alert in self.alerts if alert.severity is self.severity)

    @property
    def coordination(self) -> float:
        """The highest score while it rang."""
        return max(alert.coordination.score for alert in self.alerts)

    @property
    def n_accounts(self) -> int:
        """Accounts in the end."""
        return max(alert.accounts for alert in self.alerts)

    def case(self, **more: Any) -> dict[str, Any]:
        """What a person needs to judge it: the evidence as people are told it."""
        return {
            "severity": self.severity,
            "accounts": self.n_accounts,
            **more,
            "told": describe(self.gravest),
        }


def squeezed(posts: Sequence[RealPost], start_ms: int, longest_ms: int = MINUTE_MS) -> list[Placed]:
    """The posts of a file from `start_ms` on, no silence longer than `longest_ms`."""
    placed: list[Placed] = []
    at_ms, last_ms = start_ms, None
    for post in sorted(posts, key=lambda post: post.at_ms):
        at_ms += 0 if last_ms is None else min(post.at_ms - last_ms, longest_ms)
        last_ms = post.at_ms
        placed.append(Placed(post, at_ms))
    return placed


def long_feed(setup: Setup) -> list[Placed]:
    """All natural posts, the stream's minutes evenly among the background's hours."""
    feed = [placed for file in setup.data.files("background") for placed in squeezed(file.posts, BEGAN_MS)]
    end_ms = max(placed.at_ms for placed in feed)
    streams = setup.data.files("stream")
    for number, file in enumerate(streams, 1):
        start_ms = BEGAN_MS + (end_ms - BEGAN_MS) * number // (len(streams) + 1)
        feed += squeezed(file.posts, start_ms)
    return sorted(feed, key=lambda placed: placed.at_ms)


def after_the_others(setup: Setup, mine: DataFile) -> list[Placed]:
    """A file's posts (source ``mine``) after all other natural files: nothing of it is known."""
    feed: list[Placed] = []
    for file in (*setup.data.files("background"), *setup.data.files("stream")):
        if file is not mine:
            feed += squeezed(file.posts, BEGAN_MS)
    feed.sort(key=lambda placed: placed.at_ms)
    start_ms = feed[-1].at_ms + MINUTE_MS if feed else BEGAN_MS
    return feed + [Placed(p.post, p.at_ms, "mine") for p in squeezed(mine.posts, start_ms)]


def is_unnamed_repost(post: RealPost) -> bool:
    """Whether the file calls it a repost without saying of what."""
    return bool(post.labels.get("is_retweet")) and "repost_of" not in post.more


def heard(
    feed: Iterable[Placed],
    settings: DetectorSettings | None = None,
    *,
    ages: bool = True,
    harshly: bool = False,
) -> list[Found]:
    """What rings in a feed.

    Args:
        feed: In any order.
        settings: What decides; the defaults for None.
        ages: Whether account ages are told.
        harshly: Reposts whose original is not named count as posts of their own.
    """
    ordered = sorted(feed, key=lambda placed: placed.at_ms)
    sources = {placed.post.id: placed.source for placed in ordered}
    found: dict[str, Found] = {}
    for alert in alerts_of(_records(ordered, ages=ages, harshly=harshly), settings):
        burst = found.setdefault(alert.id, Found([], Counter()))
        burst.alerts.append(alert)
        shown = {post.id for post in (alert.first_post, *alert.samples)}
        burst.sources.update(sources[ident] for ident in shown)
    return list(found.values())


def _records(feed: Iterable[Placed], *, ages: bool, harshly: bool) -> Iterator[bytes]:
    for placed in feed:
        post = placed.post
        author = dict(post.more["author"]) if ages else {}
        author["id"] = placed.author or post.author
        changes: dict[str, Any] = {"created_at": placed.at_ms, "author": author}
        if not harshly and is_unnamed_repost(post):
            changes["repost_of"] = "unnamed"
        yield post.record(**changes)


def by_severity(found: Iterable[Found]) -> Counter[Severity]:
    """How many bursts became how grave."""
    return Counter(burst.severity for burst in found)


def cases(found: Iterable[Found], least: Severity, **more: Any) -> list[dict[str, Any]]:
    """Those of a severity or graver, gravest first."""
    grave = [burst for burst in found if burst.severity.rank >= least.rank]
    grave.sort(key=lambda burst: (-burst.severity.rank, -burst.n_accounts))
    return [burst.case(**more) for burst in grave]
