"""What people decide about a content: mutes, known templates, verdicts, and taking one back.

A decision is a record of the log ``activity``, so that whoever replays the log comes to the same
state; it carries text, because bursts come and go and near-copies are what it means. `Ruled` is
the decision with what became of it, as topic ``rulings`` keeps it while it holds, and for long after.
"""

from enum import StrEnum

import msgspec

from detectors.alert import Severity


class RulingKind(StrEnum):
    """What was decided."""

    MUTE = "mute"
    """This content and its near-copies wake nobody for a while."""
    KNOWN = "known"
    """It is an evergreen template: it wakes nobody unless it surges."""
    TRUE = "true"
    """A verdict: the alert was right."""
    FALSE = "false"
    """A verdict: it was not."""

    @property
    def silences(self) -> bool:
        """Whether it keeps bursts from waking people; a verdict doesn't."""
        return self in {RulingKind.MUTE, RulingKind.KNOWN}


class Ruling(msgspec.Struct, tag="ruling", kw_only=True):
    """A person decides about the content of a burst."""

    id: str
    """Random, 16 hex digits."""
    kind: RulingKind
    burst: str
    """Id of the alert that it answers."""
    text: str
    """Of its exemplar, as posted and perhaps clipped; data from strangers."""
    severity: Severity
    """Of the alert then."""
    peak: int
    """Posts in the busiest slot of the alert's series."""
    updated_ms: int
    """Event time of the alert, UTC milliseconds."""
    by: str
    why: str
    for_s: int = 0
    """How long a mute holds, event seconds."""
    at_ms: int = 0
    """Append time of the record, UTC milliseconds; its writer leaves it 0."""
    offset: int = -1
    """Of the record; its writer leaves it -1."""


class Undo(msgspec.Struct, tag="undo", kw_only=True):
    """A person takes a ruling back."""

    ruling: str
    by: str
    why: str
    at_ms: int = 0
    """Append time of the record, UTC milliseconds; its writer leaves it 0."""
    offset: int = -1
    """Of the record; its writer leaves it -1."""


class Ended(msgspec.Struct, kw_only=True):
    """Why a ruling holds no more."""

    by: str
    """Who took it back; empty when nobody did: its time was over, or a newer one replaced it."""
    why: str
    at_ms: int
    """When, UTC milliseconds: append time when someone did it, event time when its time was over."""
    offset: int = -1
    """Of the record of ``activity`` that ended it."""


class Ruled(msgspec.Struct, kw_only=True):
    """A ruling and what became of it."""

    id: str
    kind: RulingKind
    burst: str
    """Id of the alert that it answered."""
    text: str
    """Of its exemplar, as posted; data from strangers."""
    severity: Severity
    """Of the alert then."""
    by: str
    why: str
    at_ms: int
    """When it was decided (append time), UTC milliseconds."""
    until_ms: int = 0
    """Event time at which a mute ends, UTC milliseconds; 0: it has no end."""
    peak: int = 0
    """Posts in the busiest slot known then: a known template surges beyond a multiple of it."""
    exemplars: list[str] = []
    """Normalised texts that it covers, with their near-copies."""
    offset: int = -1
    """Of its record in ``activity``."""
    ended: Ended | None = None
    """None while it holds."""


encode_ruled = msgspec.json.Encoder().encode
decode_ruled = msgspec.json.Decoder(Ruled).decode
