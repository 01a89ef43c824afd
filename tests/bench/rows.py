"""What a benchmark takes and what it gives."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson

from stream.scenarios import generate
from tests.support import figures

SCENARIO = "new-caledonia"
SEED = 7


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
class Row(figures.Row):
    """One line of the table, beside peers."""

    peers: dict[str, float] = field(default_factory=dict)
    """The same measure of others and of Tocsin, in the same run."""
    peers_unit: str = "posts/s"
    points: dict[int, float] = field(default_factory=dict)
    """A curve: what grows → what it costs."""
    points_axes: tuple[str, str] = ("", "")
    ratio: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """As ``build/bench.json`` holds it."""
        drawn = {"peers_unit", "points", "points_axes"}
        return {name: value for name, value in super().as_dict().items() if name not in drawn}


@cache
def scenario() -> tuple[list[dict[str, Any]], list[bytes]]:
    """The posts of the scenario in order of time, and as records of topic ``posts``."""
    posts = generate(SCENARIO, SEED)
    return posts, [orjson.dumps(post) for post in posts]
