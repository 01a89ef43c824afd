"""What a check found, and what to do about it."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

Clock = Callable[[], float]
"""Wall time of this machine, epoch seconds."""


class Level(StrEnum):
    """How bad it is; only `WRONG` makes the exit code 1."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


class Diagnosis(NamedTuple):
    """One finding."""

    check: str
    """What was looked at: broker, topics, versions, clock, group, lag, round-trip, …"""
    level: Level
    what: str
    fix: str = ""
    """What to do; empty when all is well."""


def ok(check: str, what: str) -> Diagnosis:
    """All is well."""
    return Diagnosis(check, Level.OK, what)


def note(check: str, what: str, fix: str) -> Diagnosis:
    """Someone should know."""
    return Diagnosis(check, Level.NOTE, what, fix)


def wrong(check: str, what: str, fix: str) -> Diagnosis:
    """The service fails, or will."""
    return Diagnosis(check, Level.WRONG, what, fix)
