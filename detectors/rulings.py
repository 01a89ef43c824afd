"""Which rulings hold, and which of them covers a content: state of BURST, a function of its log.

A ruling covers what would have joined the cluster it was made about: a text that is alike one of
its exemplars by the index's own rule (`detectors.likeness`); one of under 13 letters only
itself. Signatures propose, so a lookup costs some 0.1 ms with a thousand rulings.

A mute lasts for a length of **event time**, from the time BURST had reached when it came: a
replayed archive mutes as the live feed did, and nothing here reads a clock. A known template has
no end, so it must not hide what is new: it stops covering a content whose busiest slot of the
last hour holds `SURGE` times the posts of the busiest one known when it was made.

Fails: a text that shares a third of its shingles with a muted one is muted with it, so a mute can
be borrowed by quoting it; it is shown greyed and counted all the same.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.alert import Severity
from detectors.likeness import alike
from detectors.normalise import normalise
from detectors.ruling import Ended, Ruled, Ruling, RulingKind, Undo
from detectors.sketch import signatures
from detectors.words_kernel import SHORT_CHARS

MAX_HELD = 10_000
"""Rulings that hold at once; beyond it the oldest ends."""
MAX_EXEMPLARS = 16
SURGE = 4
"""Times its busiest slot from which a known template rings again. Of 363 contents that went on over
an hour on real days (CrisisLex, Telegram, a troll farm's), 6 came to as much after their first hour."""
MIN_SURGE = 20
"""And posts in a slot at least: one of these 6 did. Small counts vary by more than that factor."""
_LEAST_ESTIMATE = 0.12
"""Of J: texts that are alike have 0.34, or 0.20 and common words, less two to five standard errors."""


class Rulings:
    """Rulings by id, in the order of the log."""

    def __init__(self) -> None:
        self._held: dict[str, Ruled] = {}
        self._texts: list[tuple[Ruled, str]] = []
        """Each text that a mute or a known template covers."""
        self._signatures = _sign([])

    def __len__(self) -> int:
        return len(self._held)

    @property
    def silence(self) -> bool:
        """Whether any of them can cover a content."""
        return any(one.kind.silences for one in self._held.values())

    def load(self, ruled: Iterable[Ruled], before: int) -> None:
        """Begin with what held when the log stood at the offset `before`."""
        self._held = {
            one.id: msgspec.structs.replace(one, ended=None)
            for one in sorted(ruled, key=lambda one: one.offset)
            if one.offset < before and (one.ended is None or one.ended.offset >= before)
        }
        self._enter()

    def take(self, ruling: Ruling, exemplars: Sequence[str], peak: int, now_ms: int) -> list[Ruled]:
        """A new ruling; one that is known already changes nothing.

        Args:
            ruling: It.
            exemplars: Normalised texts of the burst, where it is known.
            peak: Posts in the burst's busiest slot, where it is known.
            now_ms: Event time reached.

        Returns:
            What began or ended by it.
        """
        if ruling.id in self._held:
            return []
        texts = dict.fromkeys(text for text in (*exemplars, normalise(ruling.text)) if text)
        ruled = Ruled(
            id=ruling.id,
            kind=ruling.kind,
            burst=ruling.burst,
            text=ruling.text,
            severity=ruling.severity,
            by=ruling.by,
            why=ruling.why,
            at_ms=ruling.at_ms,
            until_ms=_end_of(ruling, now_ms),
            peak=max(ruling.peak, peak),
            exemplars=[*texts][:MAX_EXEMPLARS] if ruling.kind.silences else [],
            offset=ruling.offset,
        )
        changed = [
            self._end(old, _replaced(ruling, f"replaced by {ruled.id}"))
            for old in [*self._held.values()]
            if old.burst == ruled.burst and old.kind.silences is ruled.kind.silences
        ]
        while len(self._held) >= MAX_HELD:
            oldest = next(iter(self._held.values()))
            changed.append(self._end(oldest, _replaced(ruling, "made room for newer ones")))
        self._held[ruled.id] = ruled
        self._enter()
        return [*changed, ruled]

    def undo(self, undo: Undo) -> list[Ruled]:
        """A ruling is taken back, and returned; one that doesn't hold stays as it is."""
        ruled = self._held.get(undo.ruling)
        if ruled is None:
            return []
        self._end(ruled, Ended(by=undo.by, why=undo.why, at_ms=undo.at_ms, offset=undo.offset))
        self._enter()
        return [ruled]

    def expire(self, now_ms: int) -> list[Ruled]:
        """Event time has come to `now_ms`: the mutes that end by it, which hold no more."""
        over = [one for one in self._held.values() if 0 < one.until_ms <= now_ms]
        for ruled in over:
            self._end(ruled, Ended(by="", why="its time was over", at_ms=ruled.until_ms))
        if over:
            self._enter()
        return over

    def covering(self, burst: str, exemplars: Sequence[str], busiest: int) -> Ruled | None:
        """The ruling that silences a content, the oldest if several do.

        Args:
            burst: Id under which it rings, if it does.
            exemplars: Its normalised texts.
            busiest: Posts in its busiest slot of late.
        """
        near = self._near(exemplars)
        for ruled in self._held.values():
            is_meant = ruled.kind.silences and (ruled.burst == burst or ruled.id in near)
            surges = ruled.kind is RulingKind.KNOWN and busiest >= max(SURGE * ruled.peak, MIN_SURGE)
            if is_meant and not surges:
                return ruled
        return None

    def verdicts(self) -> Counter[tuple[Severity, RulingKind]]:
        """Verdicts that hold, by the severity of what they were about."""
        return Counter((one.severity, one.kind) for one in self._held.values() if not one.kind.silences)

    def _end(self, ruled: Ruled, ended: Ended) -> Ruled:
        ruled.ended = ended
        del self._held[ruled.id]
        return ruled

    def _enter(self) -> None:
        """Note the texts of all that hold."""
        self._texts = [(one, text) for one in self._held.values() for text in one.exemplars]
        self._signatures = _sign([text for _, text in self._texts])

    def _near(self, exemplars: Sequence[str]) -> set[str]:
        """Ids of the rulings whose texts are near-copies of one of these."""
        found = set()
        texts = [text for text in exemplars if text]
        for text, signature in zip(texts, _sign(texts), strict=True):
            estimates = (self._signatures == signature).mean(axis=1)
            for number in np.flatnonzero(estimates >= _LEAST_ESTIMATE).tolist():
                ruled, other = self._texts[number]
                if ruled.id not in found and _is_near(text, other):
                    found.add(ruled.id)
        return found


def _end_of(ruling: Ruling, now_ms: int) -> int:
    """Event time at which it ends; 0 for never."""
    if ruling.kind is not RulingKind.MUTE:
        return 0
    # After a loss of `activity` time may not have begun again.
    return max(now_ms, ruling.updated_ms) + ruling.for_s * 1000


def _replaced(ruling: Ruling, why: str) -> Ended:
    return Ended(by="", why=why, at_ms=ruling.at_ms, offset=ruling.offset)


def _sign(texts: Sequence[str]) -> NDArray[np.uint32]:
    """Signatures, uint32 (n, 128)."""
    encoded = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return signatures(np.frombuffer(b"".join(encoded), np.uint8), offsets)


def _is_near(text: str, other: str) -> bool:
    letters, others = text.replace(" ", ""), other.replace(" ", "")
    if min(len(letters), len(others)) < SHORT_CHARS:
        return letters == others
    return alike(text, other)
