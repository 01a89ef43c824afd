"""Whose posts an alert is about, told from the feed's own labels and not from any text."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from detectors.alert import Alert
from stream.scenarios.posts import Post

CAMPAIGN = "campaign"
UNKNOWN = "unknown"


class Label(NamedTuple):
    """What a post is part of."""

    actor: str
    part: str
    """Language version of a campaign, or which headline, city, sign; empty if there is none."""

    def __str__(self) -> str:
        return f"{self.actor} {self.part}".rstrip()

    @property
    def short(self) -> str:
        """Told in a narrow column."""
        return str(self) if self.actor == CAMPAIGN else self.actor


class Finding(NamedTuple):
    """What most of the posts shown in an alert are."""

    label: Label
    n: int
    of: int

    @property
    def is_campaign(self) -> bool:
        """Whether it is about the campaign."""
        return self.label.actor == CAMPAIGN


class Truth:
    """Knows every post of the feed by platform and id.

    Args:
        posts: of a scenario, each with the field `scenario`, by time.
    """

    def __init__(self, posts: Sequence[Post]) -> None:
        self._labels = {(post["platform"], post["id"]): _label(post) for post in posts}
        self._copied_at: dict[str, list[float]] = {}
        for post in posts:
            label = self._labels[post["platform"], post["id"]]
            if label.actor == CAMPAIGN and "repost_of" not in post:
                created_s = datetime.fromisoformat(post["created_at"]).timestamp()
                self._copied_at.setdefault(label.part, []).append(created_s)

    @property
    def versions(self) -> list[str]:
        """Language versions of the campaign."""
        return sorted(self._copied_at)

    def find(self, alert: Alert) -> Finding:
        """What the alert is about, by the posts it shows."""
        shown = {(post.platform, post.id) for post in (alert.exemplar, alert.first_post, *alert.samples)}
        labels = Counter(self._labels.get(key, Label(UNKNOWN, "")) for key in sorted(shown))
        label, n = labels.most_common(1)[0]
        return Finding(label, n, len(shown))

    def n_copies(self, version: str, until: datetime | None = None) -> int:
        """Posts of a version, plain reposts left out; only those created by `until` if given."""
        times = self._copied_at[version]
        return len(times) if until is None else bisect_right(times, until.timestamp())

    def span_s(self, version: str) -> tuple[float, float]:
        """Event time of a version's first and last post, epoch seconds."""
        times = self._copied_at[version]
        return times[0], times[-1]

    @property
    def campaign_s(self) -> tuple[float, float]:
        """Event time of the campaign's first and last post, epoch seconds."""
        spans = [self.span_s(version) for version in self.versions]
        return min(first for first, _ in spans), max(last for _, last in spans)

    @property
    def n_campaign(self) -> int:
        """Posts of the campaign, plain reposts too."""
        return sum(label.actor == CAMPAIGN for label in self._labels.values())


def _label(post: Post) -> Label:
    told = post["scenario"]
    return Label(told["actor"], told["version"] or told["item"] or "")
