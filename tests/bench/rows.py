"""What a benchmark takes and what it gives."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import orjson

from stream.scenarios import generate

SCENARIO = "new-caledonia"
SEED = 7

_REACH = re.compile(r"([≥≤<]) ?([\d.]+)")
_COMPARE = {"≥": operator.ge, "≤": operator.le, "<": operator.lt}


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How to measure."""

    repeat: int
    short: bool
    """Try it in seconds: sizes too small to mean anything."""
    say: Callable[[str], None]
    """Progress, for a person."""

    def size(self, whole: int, short: int) -> int:
        """One of the two."""
        return short if self.short else whole


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    id: str
    measure: str
    value: float
    """What `reach` is stated in."""
    unit: str
    peers: dict[str, float] = field(default_factory=dict)
    """The same measure of others and of Tocsin, in the same run."""
    peers_unit: str = "posts/s"
    points: dict[int, float] = field(default_factory=dict)
    """A curve: what grows → what it costs."""
    points_axes: tuple[str, str] = ("", "")
    ratio: float | None = None
    reach: str = ""
    holds: bool | None = None

    @classmethod
    def judged(cls, *, value: float, reach: str, **rest: Any) -> Self:
        """A row whose `reach` begins with a comparison, ``≥ 5`` or ``<0.2``, of its value."""
        match = _REACH.match(reach)
        if match is None:
            raise ValueError(f"a reach begins with ≥, ≤ or < and a number, not {reach!r}")
        holds = bool(_COMPARE[match[1]](value, float(match[2])))
        return cls(value=value, reach=reach, holds=holds, **rest)

    def as_dict(self) -> dict[str, Any]:
        """As ``build/bench.json`` holds it."""
        drawn = {"peers_unit", "points", "points_axes"}
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in drawn}


@cache
def scenario() -> tuple[list[dict[str, Any]], list[bytes]]:
    """The posts of the scenario in order of time, and as records of topic ``posts``."""
    posts = generate(SCENARIO, SEED)
    return posts, [orjson.dumps(post) for post in posts]
