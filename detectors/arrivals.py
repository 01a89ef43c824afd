"""How often does content of this feed grow so large by itself? Counted, and beyond by a law.

Contents that grow to a few accounts are many, and counted: how many of the last day reached 2, 3, …
`TAIL` accounts. From there on, of those that i accounts have posted a share
q(i) = (A + i) / (A + rho + i) gets one more (Waring): the rich get richer, with an end to it. `rho`
is fitted to the sizes from `TAIL` to `MAX_SIZE`; larger ones are told by the law, so that the
campaigns one looks for do not move it. Small sizes would: posts that barely resemble each other
are pairs in one partition and strangers in two (over four partitions a feed shows 60 % of the
contents of two accounts, 65 % of those of five, 96 % of those of eight).

Counted is only what all partitions have passed, when they have: slices of event time, and the
size each content has at the end of one. So the law in force at a moment of event time follows
from the posts before it, not from the order in which sources and partitions were read.

Direction: lower is rarer. Cost: a fit of a few hundred microseconds every `SLICE_MS` of event
time; a formula per judgement. Fails: a feed whose large contents are of another kind than its small ones
(an event day, all headlines); in its first hours, when the prior speaks for it.

Source: Waring distribution (Irwin 1963) as a growth process (Yule 1925, Simon 1955); the
negative binomial expects 4e-6 contents of eight accounts where seven were seen (design).
"""

from functools import lru_cache
from math import exp, lgamma

import msgspec
import numpy as np
from scipy.optimize import minimize_scalar

MIN_SIZE = 2
TAIL = 8
"""Sizes up to it are counted; it is also the smallest burst of which a warning is told."""
MAX_SIZE = 24
"""Contents that grow past it are told by the law alone."""
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
SLICE_MS = 10 * MINUTE_MS
"""Resolution of what is counted, and how often the law is fitted, event time."""
OLD_MS = HOUR_MS
"""Contents of a feed's first hour were there before it: templates that run all the time."""
A, PRIOR_RHO = -1.3, 1.5
"""The law of 3,438 contents of stream, disaster and news feeds together, of which it expects 361 of
five accounts (321 seen), 39 of 18 (43), 8 of 50 (11)."""
PRIOR_PER_POST = 0.026
"""And so many contents of two accounts a post: these 3,438 were of 130,165 posts."""
PRIOR_POSTS = 4_000
"""A feed is taken for one like these until it has had as many posts: five contents of `TAIL` accounts."""
RHO_BOUNDS = (0.3, 12.0)
N_CACHED = 10_000
"""Results kept of the law: it changes every `SLICE_MS`, and sizes are few."""


@lru_cache(N_CACHED)
def survival(size: int, rho: float, start: int = TAIL) -> float:
    """Share of the contents of `start` accounts that reach `size`, by the law."""
    if size <= start:
        return 1.0
    return exp(lgamma(A + size) - lgamma(A + start) + lgamma(A + rho + start) - lgamma(A + rho + size))


_PRIOR_REACHED = PRIOR_POSTS * np.array(
    [PRIOR_PER_POST * survival(size, PRIOR_RHO, MIN_SIZE) for size in range(MIN_SIZE, MAX_SIZE + 1)]
)
_PRIOR = (_PRIOR_REACHED[: TAIL - MIN_SIZE + 1] / PRIOR_POSTS).tolist()
_SIZES = np.arange(TAIL, MAX_SIZE)


class Arrivals(msgspec.Struct, kw_only=True):
    """What is known of the sizes of a feed's contents; part of the checkpoint."""

    slices: dict[int, list[int]] = {}
    """Per `SLICE_MS` of event time: posts; contents that reached 2, 3, … `MAX_SIZE` accounts within it."""
    closed_ms: int = 0
    """End of the last slice that was fitted to, UTC milliseconds."""
    posts_per_day: float = 0.0
    reached: list[float] = msgspec.field(default_factory=_PRIOR.copy)
    """Contents that reach 2, 3, … `TAIL` accounts, a post of the feed."""
    rho: float = PRIOR_RHO

    def end_of_slice(self, low_ms: int) -> int | None:
        """Event time up to which there is more to fit to, if `low_ms` has entered another slice."""
        end_ms = low_ms // SLICE_MS * SLICE_MS
        return end_ms if end_ms > self.closed_ms else None

    def note_posts(self, n: int, at_ms: int) -> None:
        """The feed had `n` posts more by event time `at_ms`."""
        self._slice(at_ms)[0] += n

    def note(self, n_before: int, n_now: int, at_ms: int) -> None:
        """A content that is new grew from `n_before` accounts to `n_now` by event time `at_ms`."""
        counts = self._slice(at_ms)
        for size in range(max(n_before + 1, MIN_SIZE), min(n_now, MAX_SIZE) + 1):
            counts[size - MIN_SIZE + 1] += 1

    def fit(self, end_ms: int, feed_start_ms: int, history_h: int) -> None:
        """Fit the law anew, to what came before `end_ms`.

        Args:
            end_ms: See `end_of_slice`.
            feed_start_ms: First event time the feed was seen at.
            history_h: Longest history, hours.
        """
        self.closed_ms, latest = end_ms, end_ms // SLICE_MS
        oldest = latest - history_h * HOUR_MS // SLICE_MS
        self.slices = {at: counts for at, counts in self.slices.items() if at >= oldest}
        come = {at: counts for at, counts in self.slices.items() if at < latest}
        life_ms = min(max(end_ms - feed_start_ms, MINUTE_MS), history_h * HOUR_MS)
        self.posts_per_day = sum(counts[0] for counts in come.values()) * 24 * HOUR_MS / life_ms
        since = (feed_start_ms + OLD_MS) // SLICE_MS
        new = [counts for at, counts in come.items() if at >= since]
        n_posts, *sizes = np.sum(new, axis=0) if new else np.zeros(len(_PRIOR_REACHED) + 1)
        # A content that joined another may have left sizes out.
        reached = np.minimum.accumulate(sizes) + _PRIOR_REACHED
        tail = reached[TAIL - MIN_SIZE :]
        self.reached = (reached[: TAIL - MIN_SIZE + 1] / (n_posts + PRIOR_POSTS)).tolist()
        on, ended = tail[1:], tail[:-1] - tail[1:]

        def unlikeliness(rho: float) -> float:
            all_ = A + rho + _SIZES
            return -float((on * np.log((A + _SIZES) / all_) + ended * np.log(rho / all_)).sum())

        self.rho = float(minimize_scalar(unlikeliness, bounds=RHO_BOUNDS, method="bounded").x)

    def per_day(self, size: int) -> float:
        """Contents a day that reach `size` accounts in this feed, as the law expects."""
        return self.posts_per_day * self.per_post(size)

    def per_post(self, size: int) -> float:
        """The same, a post of the feed."""
        if size <= TAIL:
            return self.reached[max(size, MIN_SIZE) - MIN_SIZE]
        return self.reached[-1] * survival(size, self.rho)

    def _slice(self, at_ms: int) -> list[int]:
        return self.slices.setdefault(at_ms // SLICE_MS, [0] * (MAX_SIZE - MIN_SIZE + 2))
