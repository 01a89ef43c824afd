"""What a part of the evaluation takes and what it gives."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.eval.data import Data, RealPost
from tests.support import figures

SEED = 7
"""Of everything random in the evaluation."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What to measure on, and how to tell a person how far it is."""

    data: Data
    say: Callable[[str], None]
    """A line of progress."""
    track: Callable[[Iterable[Any], str], Iterator[Any]]
    """The same things, with a bar while they are worked through."""


@dataclass(frozen=True, kw_only=True)
class Row(figures.Row):
    """One line of the table, with the cases behind it."""

    cases: list[dict[str, Any]] = field(default_factory=list)
    """What a person needs to judge each miss, or each alert: any JSON."""
    made_up: tuple[str, ...] = ()
    """``author``, ``time``: what the posts lacked and the harness filled in."""


def made_up(posts: Iterable[RealPost]) -> tuple[str, ...]:
    """For `Row.made_up`: what any of the posts lacked."""
    names: set[str] = set()
    for post in posts:
        names |= post.made_up
    return tuple(sorted(names))
