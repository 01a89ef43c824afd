"""BURST's checkpoint, as it is written: all that decides what comes next.

Each class is the state of the one that dumps it. Structs of msgspec stand in modules that are not
compiled: mypyc drops the arguments of a class statement without a word (see pyproject.toml).
"""

import msgspec

from detectors.feed_state import FeedState
from detectors.group import Group
from detectors.index import IndexState


class WordingsState(msgspec.Struct, kw_only=True):
    """All of `Wordings`."""

    index: IndexState
    owners: dict[int, int]
    """Group by cluster of the index."""
    forward: dict[int, int]
    """Group that absorbed a group."""


class GroupsState(msgspec.Struct, kw_only=True):
    """All of `Groups` but what follows from it."""

    wordings: WordingsState
    groups: list[Group]
    n_groups: int


class BursterState(msgspec.Struct, kw_only=True):
    """All of `Burster`; the digest is of the settings that it came about by."""

    settings_digest: str
    feed: FeedState
    groups: GroupsState
