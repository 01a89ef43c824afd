"""Does the coordination score tell campaigns from crowds? Three areas under the ROC curve.

Score of a burst: the highest coordination while it rang; area: the chance that one of a
campaign scores above a natural one, ties half. What one side lacks is taken from both: account
ages are not told, and every post has a random second of its minute. Intervals are 95 %, by
bootstrap over bursts.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from stream.scenarios import SCENARIOS, generate
from stream.scenarios.posts import Post, at_ms
from tests.eval.data import RealPost
from tests.eval.natural import HOUR_MS, MINUTE_MS, Found, Placed, heard, long_feed
from tests.eval.rows import SEED, Row, Setup, made_up
from tests.eval.trolls import WARM_MS, placed_days

KEPT = (100, 50, 25, 0)
"""Percent of their accounts that bursts keep."""
N_BOOTSTRAPS = 1_000
Score = Callable[[Found], float]


def measure(setup: Setup) -> list[Row]:
    """separation_planted, separation_ira_{100,50,25,0}, separation_ira_alone."""
    feed, rng = long_feed(setup), random.Random(SEED)
    lacks = made_up(placed.post for placed in feed)
    blurred = [replace(p, at_ms=p.at_ms // MINUTE_MS * MINUTE_MS + rng.randrange(MINUTE_MS)) for p in feed]

    def row(name: str, what: str, found: Sequence[Found], score: Score) -> Row:
        mine = [score(burst) for burst in found if any(burst.sources)]
        natural = [score(burst) for burst in found if not any(burst.sources)]
        area, low, high = area_with_interval(mine, natural)
        said = f"{what}, {len(mine)} bursts, against {len(natural)} natural: area under ROC of coordination"
        return Row(
            id=name, measure=f"{said}, 95 % {low:.3f}-{high:.3f}", value=area, unit="share", made_up=lacks
        )

    setup.say("planted campaigns against natural bursts")
    planted = heard((*blurred, *_planted(feed[0].at_ms + WARM_MS, rng)), ages=False)
    rows = [row("separation_planted", "generated campaigns", planted, _whole)]
    for kept in setup.track(KEPT, "troll days, as accounts keep their identity"):
        days = placed_days(setup, feed, random.Random(SEED))
        found = heard((*blurred, *_renamed(days, kept, random.Random(SEED))), ages=False)
        rows.append(row(f"separation_ira_{kept}", f"troll days, {kept} % of identity kept", found, _whole))
        if kept == KEPT[0]:
            alone = row("separation_ira_alone", "troll days, recurrence off", found, _without_recurrence)
    return [*rows, alone]


def area_with_interval(mine: Sequence[float], natural: Sequence[float]) -> tuple[float, float, float]:
    """Area under the ROC curve and its 95 % interval by bootstrap over both sides."""
    if not mine or not natural:
        return float("nan"), float("nan"), float("nan")
    rng = np.random.default_rng(SEED)
    ours, theirs = np.array(mine), np.array(natural)
    areas = [_area(rng.choice(ours, len(ours)), rng.choice(theirs, len(theirs))) for _ in range(N_BOOTSTRAPS)]
    low, high = np.quantile(areas, (0.025, 0.975))
    return _area(ours, theirs), float(low), float(high)


def _area(mine: NDArray[np.float64], natural: NDArray[np.float64]) -> float:
    ranks = rankdata(np.concatenate((mine, natural)))[: len(mine)]
    return float((ranks.sum() - len(mine) * (len(mine) + 1) / 2) / (len(mine) * len(natural)))


def _whole(burst: Found) -> float:
    return burst.coordination


def _without_recurrence(burst: Found) -> float:
    """The score's other part that is left once ages are not told: .7 of those that repeat."""
    repeating = (alert.coordination.repeating_accounts for alert in burst.alerts)
    return max(0.7 * share.n / max(share.of, 1) for share in repeating)


def _planted(start_ms: int, rng: random.Random) -> Iterable[Placed]:
    """The campaigns of all scenarios, one every sixty hours."""
    for number, name in enumerate(SCENARIOS):
        mine = [post for post in generate(name, SEED) if post["scenario"]["actor"] == "campaign"]
        posts = [_real(post) for post in mine]
        shift = start_ms + number * 60 * HOUR_MS - min(post.at_ms for post in posts)
        for post in posts:
            minute_ms = (post.at_ms + shift) // MINUTE_MS * MINUTE_MS
            yield Placed(post, minute_ms + rng.randrange(MINUTE_MS), name)


def _real(post: Post) -> RealPost:
    author = {"id": post["author"]["id"]}
    return RealPost(
        id=post["id"],
        author=author["id"],
        at_ms=at_ms(post["created_at"]),
        text=post["text"],
        more={"author": author},
        labels=post,
        made_up=frozenset(),
    )


def _renamed(days: Iterable[Placed], kept: int, rng: random.Random) -> Iterable[Placed]:
    """Days in which an account is itself in a burst with a chance of `kept` %, else somebody new."""
    names: dict[tuple[str, str], str] = {}
    for placed in days:
        key = (placed.post.author, placed.source)
        if key not in names:
            is_kept = placed.source == "farm" or rng.random() * 100 < kept
            names[key] = placed.post.author if is_kept else " ".join(key)
        yield replace(placed, author=names[key])
