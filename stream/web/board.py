"""What the page knows: the last word on each burst, bounded. Pure, no clock.

Now is the latest event time that any alert told: a replayed archive has its own day.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from detectors.alert import Alert, Severity
from stream.alerts import Told
from stream.safe_text import clean

MAX_BURSTS = 2000
"""Beyond it the burst that matters least is forgotten: over before ringing, then slight, then old."""
_HAYSTACK_CHARS = 20_000

Status = Literal["firing", "resolved", "any"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One burst as last told."""

    alert: Alert
    append_ms: int
    version: int
    """Of the board when this was put on it: rises with every alert."""
    haystack: str
    """What a search looks in, folded."""

    @property
    def rings(self) -> bool:
        """Whether it is firing."""
        return self.alert.status == "firing"

    @property
    def rank(self) -> int:
        """Of its severity, 1 to 3; 0 while it is muted."""
        return 0 if self.alert.muted_by is not None else 1 + self.alert.severity.rank


class Wanted(NamedTuple):
    """Which bursts somebody wants to see."""

    words: tuple[str, ...] = ()
    """Folded; each must occur."""
    min_severity: Severity = Severity.INFO
    status: Status = "any"

    def takes(self, entry: Entry) -> bool:
        """Whether `entry` is one of them."""
        alert = entry.alert
        return (
            self.status in {"any", alert.status}
            and alert.severity.rank >= self.min_severity.rank
            and all(word in entry.haystack for word in self.words)
        )


ALL = Wanted()
"""Everything."""


class Board:
    """Bursts by id; the order of the dictionary is the order of their versions.

    A later alert of an id replaces the one before; the reader lets no `seq` step back.

    Args:
        max_bursts: How many are kept at most.
    """

    def __init__(self, max_bursts: int = MAX_BURSTS) -> None:
        self._max_bursts = max_bursts
        self._entries: dict[str, Entry] = {}
        self.version = 0
        """Changes so far."""
        self.latest: datetime | None = None
        """The latest event time told."""

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, told: Told) -> Entry:
        """Put an alert on the board."""
        self.version += 1
        alert = told.alert
        entry = Entry(alert=alert, append_ms=told.append_ms, version=self.version, haystack=_haystack(alert))
        self._entries.pop(alert.id, None)
        self._entries[alert.id] = entry
        self.latest = max(self.latest or alert.updated_at, alert.updated_at)
        if len(self._entries) > self._max_bursts:
            del self._entries[min(self._entries.values(), key=_worth).alert.id]
        return entry

    def touch(self, burst_id: str, ruling_id: str) -> None:
        """Something else is known of a burst, and of those that the ruling covers: tell of them again."""
        for entry in [*self._entries.values()]:
            by = entry.alert.muted_by
            if entry.alert.id == burst_id or (by is not None and by.ruling == ruling_id):
                self.version += 1
                del self._entries[entry.alert.id]
                self._entries[entry.alert.id] = replace(entry, version=self.version)

    def get(self, burst_id: str) -> Entry | None:
        """The burst of that id."""
        return self._entries.get(burst_id)

    def since(self, version: int) -> list[Entry]:
        """What changed after `version`, oldest change first."""
        changed = []
        for entry in reversed(self._entries.values()):
            if entry.version <= version:
                break
            changed.append(entry)
        return changed[::-1]

    def ringing(self, wanted: Wanted = ALL) -> list[Entry]:
        """What rings, gravest first, then what began last; what is muted behind all else."""
        return _ranked(entry for entry in self._entries.values() if entry.rings and wanted.takes(entry))

    def over(self, wanted: Wanted = ALL) -> list[Entry]:
        """What has ended within a day before the latest alert, the last to end first."""
        ended = (entry for entry in self._of_the_day() if not entry.rings and wanted.takes(entry))
        return sorted(ended, key=lambda entry: (entry.alert.updated_at, entry.alert.id), reverse=True)

    def find(self, wanted: Wanted) -> list[Entry]:
        """All that is wanted: what rings as `ringing` orders it, then the rest likewise."""
        found = [entry for entry in self._entries.values() if wanted.takes(entry)]
        return _ranked(entry for entry in found if entry.rings) + _ranked(
            entry for entry in found if not entry.rings
        )

    def day(self, wanted: Wanted = ALL) -> list[Entry]:
        """What rang within a day before the latest alert, by its beginning."""
        return sorted(
            (entry for entry in self._of_the_day() if wanted.takes(entry)),
            key=lambda entry: (entry.alert.starts_at, entry.alert.id),
        )

    def related(self, alert: Alert) -> list[Entry]:
        """Bursts of its campaign, the one it went on in and those that went on in it, as far as known."""
        ids = _named_by(alert)
        return _ranked(
            entry
            for entry in self._entries.values()
            if entry.alert.id != alert.id and (entry.alert.id in ids or alert.id in _named_by(entry.alert))
        )

    def _of_the_day(self) -> Iterator[Entry]:
        start = (self.latest or datetime.min.replace(tzinfo=UTC) + timedelta(days=1)) - timedelta(days=1)
        return (entry for entry in self._entries.values() if entry.alert.updated_at >= start)


def _named_by(alert: Alert) -> set[str | None]:
    """Bursts that an alert says it belongs to; theirs may be older and not name it back."""
    return {alert.merged_into, *(alert.campaign.bursts if alert.campaign else ())}


def fold(text: str) -> str:
    """`text` for comparison: cleaned, without case and marks."""
    decomposed = unicodedata.normalize("NFKD", clean(text))
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


def words_of(query: str) -> tuple[str, ...]:
    """The words of a search."""
    return tuple(fold(query).split())


def _ranked(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(
        entries,
        key=lambda entry: (entry.rank, entry.alert.starts_at, entry.alert.id),
        reverse=True,
    )


def _worth(entry: Entry) -> tuple[bool, int, int]:
    return entry.rings, entry.alert.severity.rank, entry.version


def _haystack(alert: Alert) -> str:
    posts = [alert.exemplar, alert.first_post, *alert.samples]
    parts = [
        alert.id,
        *(post.text for post in posts),
        *(variant.text for variant in alert.variants),
        *(f"#{tag}" for tag in alert.hashtags),
        *alert.urls,
        *(post.url or "" for post in posts),
        *alert.platforms,
        *alert.langs,
    ]
    return fold("\n".join(dict.fromkeys(parts))[:_HAYSTACK_CHARS])
