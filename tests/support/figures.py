"""Figures that are measured and judged: a row of ``make bench`` or ``make eval``."""

import operator
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_REACH = re.compile(r"([≥≤<=]) ?([\d.]+)")
_COMPARE = {"≥": operator.ge, "≤": operator.le, "<": operator.lt, "=": operator.eq}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    id: str
    measure: str
    value: float
    """What `reach` is stated in."""
    unit: str
    reach: str = ""
    holds: bool | None = None

    @classmethod
    def judged(cls, *, value: float, reach: str, **rest: Any) -> Self:
        """A row whose `reach` begins with a comparison, ``≥ 5`` or ``<0.2``, of its value."""
        match = _REACH.match(reach)
        if match is None:
            raise ValueError(f"a reach begins with ≥, ≤, < or = and a number, not {reach!r}")
        holds = bool(_COMPARE[match[1]](value, float(match[2])))
        return cls(value=value, reach=reach, holds=holds, **rest)

    def as_dict(self) -> dict[str, Any]:
        """As the JSON file holds it."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @property
    def verdict(self) -> str:
        """Whether it holds, for the table."""
        return "" if self.holds is None else "yes" if self.holds else "NO"


def figure(value: float) -> str:
    """Three digits of it, and no exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def describe_machine() -> dict[str, str | int]:
    """What the figures were measured on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "cpu": cpu or platform.processor(),
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
    }
