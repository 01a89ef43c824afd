"""Bursts of a real troll farm, placed into natural minutes: which of them ring, and how loud.

One by one: of the bursts that share a run each is hours from the next, and has accounts of its
own, so that none helps another. As days: the farm's days as they were, all of their posts,
beside the natural feed; there accounts recur.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from detectors.alert import Severity
from detectors.settings import DetectorSettings
from tests.eval.data import RealPost
from tests.eval.natural import HOUR_MS, MINUTE_MS, PER, Found, Placed, by_severity, cases, heard, long_feed
from tests.eval.rows import SEED, Row, Setup, made_up

WARM_MS = 26 * HOUR_MS
"""The first burst comes when the feed knows a day."""
APART_MS = 6 * HOUR_MS
"""Between the beginnings of bursts of one run, give or take an hour: about as long as the longest lasts."""
HOAX = "Koch"
NATURAL_REACH = {Severity.INFO: 350, Severity.WARNING: 30, Severity.CRITICAL: 0}


class Burst(NamedTuple):
    """Near-duplicates by several accounts of the farm."""

    name: str
    posts: list[RealPost]

    @property
    def n_accounts(self) -> int:
        """Distinct accounts."""
        return len({post.author for post in self.posts})


def bursts_of(setup: Setup) -> list[Burst]:
    """All labelled bursts, by file and label."""
    found: dict[str, list[RealPost]] = defaultdict(list)
    for file in setup.data.files("ira"):
        for post in file.posts:
            if post.labels.get("silver_burst") and post.labels.get("silver_cluster"):
                found[f"{file.name}:{post.labels['silver_cluster']}"].append(post)
    return [Burst(name, posts) for name, posts in found.items()]


def jittered(posts: Iterable[RealPost], rng: random.Random) -> list[tuple[int, RealPost]]:
    """Posts with a time inside their minute; the files know minutes only."""
    timed = [(post.at_ms // MINUTE_MS * MINUTE_MS + rng.randrange(MINUTE_MS), post) for post in posts]
    return sorted(timed, key=lambda item: (item[0], item[1].id))


def placed_alone(burst: Burst, start_ms: int, rng: random.Random) -> list[Placed]:
    """A burst from `start_ms` on, with accounts that nothing else has."""
    timed = jittered(burst.posts, rng)
    shift = start_ms - timed[0][0]
    return [Placed(post, at + shift, burst.name, f"{post.author} {burst.name}") for at, post in timed]


def placed_days(setup: Setup, feed: Sequence[Placed], rng: random.Random) -> list[Placed]:
    """The farm's days as they were, one after another within the feed; sources are bursts or ``farm``."""
    placed: list[Placed] = []
    start_ms = feed[0].at_ms + WARM_MS
    for file in setup.data.files("ira"):
        timed = jittered(file.posts, rng)
        shift = start_ms - timed[0][0]
        for at_ms, post in timed:
            is_burst = post.labels.get("silver_burst") and post.labels.get("silver_cluster")
            source = f"{file.name}:{post.labels['silver_cluster']}" if is_burst else "farm"
            placed.append(Placed(post, at_ms + shift, source))
        start_ms = placed[-1].at_ms + WARM_MS
    return placed


def measure(setup: Setup) -> list[Row]:
    """troll_recall_8, troll_recall_all, troll_warning, troll_natural_*, troll_days, troll_hoax."""
    feed, bursts = long_feed(setup), bursts_of(setup)
    rung, natural, n_runs = one_by_one(setup, feed, bursts)
    lacks = made_up(placed.post for placed in feed)
    rows = _recall(bursts, rung)
    counts = by_severity(natural)
    for severity, reach in NATURAL_REACH.items():
        value = counts[severity] / (n_runs * len(feed)) * PER
        measure_ = f"natural {severity} per {PER:,} natural posts, in the runs of troll_recall"
        row = Row.judged(
            id=f"troll_natural_{severity}",
            measure=measure_,
            value=value,
            unit="bursts",
            reach=f"≤ {reach}",
            made_up=lacks,
        )
        rows.append(row)
    return rows + _days(setup, feed, bursts)


def one_by_one(
    setup: Setup, feed: Sequence[Placed], bursts: Sequence[Burst], settings: DetectorSettings | None = None
) -> tuple[dict[str, Found], list[Found], int]:
    """Which bursts ring, the gravest of each; what else rings; in how many runs of the feed."""
    room = max(1, (feed[-1].at_ms - feed[0].at_ms - WARM_MS) // APART_MS)
    n_runs = -(-len(bursts) // room)
    rung: dict[str, Found] = {}
    natural: list[Found] = []
    for run in setup.track(range(n_runs), "troll bursts one by one"):
        mine, rng = bursts[run::n_runs], random.Random(SEED + run)
        own = [
            placed
            for number, burst in enumerate(mine)
            for placed in placed_alone(
                burst, feed[0].at_ms + WARM_MS + number * APART_MS + rng.randrange(HOUR_MS), rng
            )
        ]
        for found in heard((*feed, *own), settings):
            names = [name for name in found.sources if name]
            natural += [] if names else [found]
            for name in names:
                if name not in rung or found.severity.rank > rung[name].severity.rank:
                    rung[name] = found
    return rung, natural, n_runs


def _recall(bursts: Sequence[Burst], rung: dict[str, Found]) -> list[Row]:
    eight = [burst for burst in bursts if burst.n_accounts >= 8]
    n_warning = sum(1 for found in rung.values() if found.severity.rank >= Severity.WARNING.rank)

    def row(name: str, which: Sequence[Burst], what: str, reach: str) -> Row:
        missed = [burst for burst in which if burst.name not in rung]
        return Row.judged(
            id=name,
            measure=f"{what}, one by one in natural minutes, that ring at any severity",
            value=1 - len(missed) / max(len(which), 1),
            unit="share",
            reach=reach,
            cases=[
                {"burst": b.name, "posts": len(b.posts), "accounts": b.n_accounts, "text": b.posts[0].text}
                for b in missed
            ],
        )

    return [
        row("troll_recall_8", eight, f"{len(eight)} troll bursts of 8 accounts or more", "≥ 0.98"),
        row("troll_recall_all", bursts, f"all {len(bursts)} troll bursts", "≥ 0.90"),
        Row(
            id="troll_warning",
            measure=f"of {len(bursts)} troll bursts, one by one, become warning or more",
            value=n_warning,
            unit="bursts",
            cases=[{"burst": name, **found.case()} for name, found in rung.items()],
        ),
    ]


def _days(setup: Setup, feed: list[Placed], bursts: Sequence[Burst]) -> list[Row]:
    """The farm's days as wholes: recurrence counts."""
    setup.say("the troll farm's days as wholes")
    days = placed_days(setup, feed, random.Random(SEED))
    found = [burst for burst in heard((*feed, *days)) if any(burst.sources)]
    return [*_as_days(bursts, found), _hoax(days, found)]


def _as_days(bursts: Sequence[Burst], found: Sequence[Found]) -> list[Row]:
    loud: dict[str, int] = {}
    for burst in found:
        for name in burst.sources:
            loud[name] = max(loud.get(name, -1), burst.severity.rank)
    rows = []
    for severity in (Severity.INFO, Severity.WARNING, Severity.CRITICAL):
        n_loud = sum(1 for burst in bursts if loud.get(burst.name, -1) >= severity.rank)
        rows.append(
            Row(
                id=f"troll_days_{severity}",
                measure=f"of {len(bursts)} troll bursts within the farm's whole days, {severity} or graver",
                value=n_loud / max(len(bursts), 1),
                unit="share",
            )
        )
    return rows


def _hoax(days: Sequence[Placed], found: Sequence[Found]) -> Row:
    """The hoax as a whole: all posts of its accounts' type."""
    mine = {placed.post.id for placed in days if placed.post.labels.get("account_type") == HOAX}
    rang = [b for b in found if any(p.id in mine for a in b.alerts for p in (a.first_post, *a.samples))]
    return Row(
        id="troll_hoax",
        measure=f"bursts that ring within the hoax as a whole ({len(mine):,} posts), warning or graver",
        value=sum(1 for burst in rang if burst.severity.rank >= Severity.WARNING.rank),
        unit="bursts",
        cases=cases(rang, Severity.WARNING),
    )
