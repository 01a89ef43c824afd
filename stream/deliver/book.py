"""What stands on topic ``alerts``, folded by burst: pure, a function of the log.

A burst reaches severities one after the other. Which it reached, and when, decides what is
owed to whom; a severity reached while the detector was catching up wakes nobody any more, one
reached while a person's ruling covers the burst wakes nobody until it holds no more.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from detectors.alert import Alert, AlertReason, Severity
from stream.alerts import Told

FORGET_S = 24 * 3600
"""A burst that is over is forgotten so long after its last word."""


class Reached(NamedTuple):
    """The record by which a burst reached a severity."""

    append_ms: int
    offset: int


@dataclass(slots=True)
class Story:
    """One burst.

    Attributes:
        told: Its last record.
        reached: Severities it reached on time since it began to ring, the lesser ones included.
        late_ms: Append time of the last record by which it reached one too late; 0 for never.
        muted_ms: Append time of the record since which a ruling covers it; 0 while none does.
    """

    told: Told
    reached: dict[Severity, Reached] = field(default_factory=dict)
    late_ms: int = 0
    muted_ms: int = 0

    @property
    def alert(self) -> Alert:
        """As it stands."""
        return self.told.alert


class Book:
    """All bursts that matter.

    Args:
        late_s: A record written longer than this after the post that tripped it is late, seconds.
    """

    def __init__(self, late_s: float) -> None:
        self._late_s = late_s
        self._stories: dict[str, Story] = {}
        self.end = 0
        """Offset after the last record taken."""

    def __iter__(self) -> Iterator[Story]:
        return iter(self._stories.values())

    def __len__(self) -> int:
        return len(self._stories)

    def take(self, told: Told) -> None:
        """The next record of the log."""
        alert = told.alert
        self.end = told.offset + 1
        story = self._stories.setdefault(alert.id, Story(told))
        if alert.reason is AlertReason.FIRST:  # it rings anew
            story.reached, story.late_ms, story.muted_ms = {}, 0, 0
        story.told = told
        if alert.status != "firing":
            return
        if alert.muted_by is not None:  # what was told of it ends; what comes is told to nobody
            story.muted_ms = story.muted_ms or told.append_ms
            return
        if story.muted_ms:  # it is news again
            story.reached, story.muted_ms = {}, 0
        new = [s for s in Severity if s.rank <= alert.severity.rank and s not in story.reached]
        if alert.late > self._late_s:
            story.late_ms = told.append_ms if new else story.late_ms
        else:
            story.reached |= dict.fromkeys(new, Reached(told.append_ms, told.offset))

    def heir(self, alert: Alert) -> Story | None:
        """The burst that carries it on, itself unless it was merged; None: that one is forgotten."""
        story, seen = self._stories.get(alert.id), {alert.id}
        while story is not None and (into := story.alert.merged_into) is not None and into not in seen:
            story = self._stories.get(into)
            seen.add(into)
        return story

    def is_over(self, alert: Alert) -> bool:
        """Whether it has ended, or is muted; what was merged into another burst ends with that one."""
        heir = self.heir(alert)
        return heir is None or heir.alert.status != "firing" or heir.alert.muted_by is not None

    def forget(self, now_ms: int) -> None:
        """Drop what has been over for long."""
        limit_ms = now_ms - FORGET_S * 1000
        gone = [
            story.alert.id
            for story in self
            if story.told.append_ms < limit_ms and story.late_ms < limit_ms and self.is_over(story.alert)
        ]
        for name in gone:
            del self._stories[name]
