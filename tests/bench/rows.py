"""What a benchmark takes and what it gives."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson

from stream.scenarios import generate

SCENARIO = "new-caledonia"
SEED = 7


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How to measure."""

    repeat: int
    say: Callable[[str], None]
    """Progress, for a person."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    id: str
    measure: str
    value: float
    unit: str
    peers: dict[str, float] = field(default_factory=dict)
    """The same measure of others, in the same run."""
    ratio: float | None = None
    reach: str = ""
    holds: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        """As ``build/bench.json`` holds it."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@cache
def scenario() -> tuple[list[dict[str, Any]], list[bytes]]:
    """The posts of the scenario in order of time, and as records of topic ``posts``."""
    posts = generate(SCENARIO, SEED)
    return posts, [orjson.dumps(post) for post in posts]
