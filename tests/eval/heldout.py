"""What was learnt or tuned, judged on what it was not learnt or tuned on.

The list's length (`info_per_100k`) is chosen on all days of the troll farm but one, as the value of
most recall that keeps natural `info` within reach, and judged on the day left out. The law of how
large contents grow is fitted to all natural files but one, and what it expects of the one left out is
compared with what is there. Bounds of likeness: see `heldout_likeness`.
"""

from collections import defaultdict
from collections.abc import Iterable
from math import sqrt

import numpy as np
from msgspec.structs import replace
from scipy.stats import chi2

from detectors.alert import Severity
from detectors.arrivals import MAX_SIZE, MIN_SIZE, SLICE_MS, Arrivals
from detectors.chain import Chain
from detectors.settings import DetectorSettings
from detectors.sketcher import RawPost
from tests.eval.data import BEGAN_MS, DataFile
from tests.eval.engine import APPEND_MS, CHUNK
from tests.eval.natural import HOUR_MS, PER, by_severity, long_feed, squeezed
from tests.eval.rows import Row, Setup
from tests.eval.trolls import NATURAL_REACH, bursts_of, one_by_one

LISTED = (300.0, 600.0, 1200.0)
"""Values of `info_per_100k` that are tried."""
SIZES = (8, 16, 24)
LONG_H = 10_000
"""History that forgets nothing of a file."""


def measure(setup: Setup) -> list[Row]:
    """heldout_troll_*, heldout_law_*."""
    return [*_trolls(setup), *_laws(setup)]


def _trolls(setup: Setup) -> list[Row]:
    feed, bursts = long_feed(setup), bursts_of(setup)
    days: dict[str, set[str]] = defaultdict(set)
    for burst in bursts:
        days[burst.name.partition(":")[0]].add(burst.name)
    heard: dict[float, set[str]] = {}
    n_info: dict[float, float] = {}
    for listed in LISTED:
        rung, natural, n_runs = one_by_one(
            setup, feed, bursts, replace(DetectorSettings(), info_per_100k=listed)
        )
        heard[listed] = set(rung)
        n_info[listed] = by_severity(natural)[Severity.INFO] / (n_runs * len(feed)) * PER
    fits = [listed for listed in LISTED if n_info[listed] <= NATURAL_REACH[Severity.INFO]] or [LISTED[0]]
    large = {burst.name for burst in bursts if burst.n_accounts >= 8}
    found: set[str] = set()
    cases = []
    for day, mine in days.items():
        others = {burst.name for burst in bursts} - mine
        chosen = max(fits, key=lambda listed: len(heard[listed] & others))
        found |= heard[chosen] & mine
        cases.append(
            {
                "day": day,
                "info_per_100k": chosen,
                "bursts": len(mine),
                "rung": len(heard[chosen] & mine),
                "of_8": len(large & mine),
                "rung_of_8": len(heard[chosen] & mine & large),
            }
        )
    return [
        _share(f"heldout_troll_{name}", what, len(found & which), len(which), reach, cases)
        for name, what, which, reach in (
            ("8", "bursts of 8 accounts or more", large, 0.98),
            ("all", "bursts", {burst.name for burst in bursts}, 0.90),
        )
    ]


def _share(name: str, what: str, n: int, total: int, reach: float, cases: list[dict[str, object]]) -> Row:
    low, high = wilson(n, total)
    return Row.judged(
        id=name,
        measure=f"{total} troll {what} that ring, each day with the list's length that the other days chose; "
        f"95 % {low:.3f}-{high:.3f}",
        value=n / max(total, 1),
        unit="share",
        reach=f"≥ {reach}",
        cases=cases,
    )


def wilson(n: int, total: int) -> tuple[float, float]:
    """95 % interval of a share."""
    if not total:
        return 0.0, 1.0
    z2 = 1.96**2
    middle = (n + z2 / 2) / (total + z2)
    half = sqrt(z2 * (n * (total - n) / total + z2 / 4)) / (total + z2)
    return middle - half, middle + half


def _laws(setup: Setup) -> Iterable[Row]:
    files = [*setup.data.files("background"), *setup.data.files("stream")]
    grown = {file.name: _grown(file) for file in setup.track(files, "natural files alone")}
    expected, seen = dict.fromkeys(SIZES, 0.0), dict.fromkeys(SIZES, 0)
    cases: dict[int, list[dict[str, object]]] = {size: [] for size in SIZES}
    for name, (n_posts, *sizes) in grown.items():
        law = _fitted([counts for other, counts in grown.items() if other != name])
        for size in SIZES:
            mine, due = int(sizes[size - MIN_SIZE]), n_posts * law.per_post(size)
            expected[size] += due
            seen[size] += mine
            cases[size].append({"file": name, "posts": int(n_posts), "expected": round(due, 2), "seen": mine})
    for size in SIZES:
        low = float(chi2.ppf(0.025, 2 * seen[size])) / 2 if seen[size] else 0.0
        high = float(chi2.ppf(0.975, 2 * seen[size] + 2)) / 2
        yield Row(
            id=f"heldout_law_{size}",
            measure=f"new contents of {size} accounts and more in each natural file, over what the law of "
            f"the other files expects: {seen[size]} of {expected[size]:.1f}; 95 % "
            f"{low / expected[size]:.2f}-{high / expected[size]:.2f}",
            value=seen[size] / expected[size],
            unit="times",
            cases=cases[size],
        )


def _grown(file: DataFile) -> list[int]:
    """Posts of the file after its first hour; new contents that reached 2, 3, … `MAX_SIZE` accounts."""
    settings = replace(DetectorSettings(), history_h=LONG_H)
    chain = Chain(settings, "eval")
    values = [placed.post.record(created_at=placed.at_ms) for placed in squeezed(file.posts, BEGAN_MS)]
    for start in range(0, len(values), CHUNK):
        chunk = values[start : start + CHUNK]
        chain.feed([RawPost(start + i, APPEND_MS, value) for i, value in enumerate(chunk)])
    chain.end(2 * SLICE_MS / 1000)
    feed = chain.burster.dump().feed
    first = (feed.start_ms + HOUR_MS) // SLICE_MS
    late = [counts for at, counts in feed.arrivals.slices.items() if at >= first]
    return np.sum([[0] * (MAX_SIZE - MIN_SIZE + 2), *late], axis=0).tolist()


def _fitted(parts: list[list[int]]) -> Arrivals:
    """The law of some files' counts together."""
    arrivals = Arrivals(slices={BEGAN_MS // SLICE_MS: np.sum(parts, axis=0).tolist()})
    arrivals.fit(BEGAN_MS + SLICE_MS, BEGAN_MS - 2 * HOUR_MS, LONG_H)
    return arrivals
