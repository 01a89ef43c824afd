"""How often does content of this feed grow so large by itself? Waring, fitted to the feed.

Of the contents that i accounts have posted, a share q(i) = (a + i) / (a + rho + i) gets one
more: the rich get richer, with an end to it. So the contents a day that reach n accounts are
those that reach two, times q(2)·q(3)·…·q(n - 1). `a` and `rho` are fitted to how many contents
of the last day reached each size up to `MAX_SIZE`; larger sizes are told by the law, so that
the campaigns one looks for do not move it.

Direction: lower is rarer. Cost: a fit of a few hundred microseconds every `SLICE_MS` of event
time; a table lookup per judgement. Fails: a feed whose large contents are of another kind than its small ones
(an event day, all headlines), and in the first minutes, when `PRIOR` speaks.

Source: Waring distribution (Irwin 1963) as a growth process (Yule 1925, Simon 1955); the
negative binomial expects 4e-6 contents of eight accounts where seven were seen (design).
"""

from math import lgamma

import msgspec
import numpy as np

MIN_SIZE = 2
MAX_SIZE = 24
"""Contents that grow past it are told by the law alone."""
SLICE_MS = 600_000
"""Resolution of what is counted, and how often the law is fitted, event time."""
HOUR_MS = 3_600_000
OLD_MS = HOUR_MS
"""Contents of a feed's first hour were there before it: templates that run all the time."""
PRIOR = 20.0
"""Weight, in contents, of the shape a feed is taken for until its own contents outweigh it."""
PRIOR_A, PRIOR_RHO = -1.3, 1.5
"""That shape: 3,438 contents of stream, disaster and news feeds together, of which it expects 361 of
five accounts (321 seen), 39 of 18 (43), 8 of 50 (11)."""
PRIOR_PER_POST = 0.026
"""And so many contents of two accounts a post: these 3,438 were of 130,165 posts."""

_SIZES = np.arange(MIN_SIZE, MAX_SIZE)
_GRID = np.meshgrid(np.geomspace(0.1, 50, 20) - MIN_SIZE, np.geomspace(0.4, 12, 32))
_A, _RHO = (axis.ravel() for axis in _GRID)
_ON = np.log((_A[:, None] + _SIZES) / (_A[:, None] + _RHO[:, None] + _SIZES))
_END = np.log(_RHO[:, None] / (_A[:, None] + _RHO[:, None] + _SIZES))


def survival(size: int, a: float, rho: float) -> float:
    """Share of the contents of two accounts that reach `size`, by the law."""
    if size <= MIN_SIZE:
        return 1.0
    log = lgamma(a + size) - lgamma(a + MIN_SIZE) + lgamma(a + rho + MIN_SIZE) - lgamma(a + rho + size)
    return float(np.exp(log))


_PRIOR_REACHED = np.array(
    [PRIOR * survival(size, PRIOR_A, PRIOR_RHO) for size in range(MIN_SIZE, MAX_SIZE + 1)]
)


class Arrivals(msgspec.Struct, kw_only=True):
    """What is known of the sizes of a feed's contents; part of the checkpoint."""

    slices: dict[int, list[int]] = {}
    """Per `SLICE_MS` of event time: posts; contents that reached 2, 3, … `MAX_SIZE` accounts within it."""
    fitted_ms: int = 0
    a: float = PRIOR_A
    rho: float = PRIOR_RHO
    n_per_day: float = 0.0
    """Contents a day that reach two accounts."""
    n_per_post: float = PRIOR_PER_POST
    """The same, a post."""

    def note_posts(self, n: int, at_ms: int) -> None:
        """The feed had `n` posts more by event time `at_ms`."""
        self._slice(at_ms)[0] += n

    def note(self, n_before: int, n_now: int, at_ms: int) -> None:
        """A content that is new grew from `n_before` accounts to `n_now` at event time `at_ms`."""
        counts = self._slice(at_ms)
        for size in range(max(n_before + 1, MIN_SIZE), min(n_now, MAX_SIZE) + 1):
            counts[size - MIN_SIZE + 1] += 1

    def fit(self, now_ms: int, feed_start_ms: int, history_h: int) -> None:
        """Fit the law anew, at most once in `SLICE_MS` of event time.

        Args:
            now_ms: Event time all partitions have reached.
            feed_start_ms: First event time the feed was seen at.
            history_h: Longest history, hours.
        """
        if now_ms < self.fitted_ms + SLICE_MS:
            return
        latest = now_ms // SLICE_MS
        self.fitted_ms = latest * SLICE_MS
        oldest = latest - history_h * HOUR_MS // SLICE_MS
        self.slices = {at: counts for at, counts in self.slices.items() if at >= oldest}
        # Only what the watermark has passed: catching up, sources are read ahead of it.
        come = [counts for at, counts in self.slices.items() if at < latest]
        n_posts, *sizes = np.sum(come, axis=0) if come else np.zeros(len(_PRIOR_REACHED) + 1)
        life_ms = min(max(self.fitted_ms - feed_start_ms - OLD_MS, SLICE_MS), history_h * HOUR_MS)
        self.n_per_day = float(sizes[0]) * 24 * HOUR_MS / life_ms
        self.n_per_post = float(sizes[0] + PRIOR) / float(n_posts + PRIOR / PRIOR_PER_POST)
        # A content that joined another may have left sizes out.
        reached = np.minimum.accumulate(sizes) + _PRIOR_REACHED
        likelihood = (_ON * reached[1:] + _END * (reached[:-1] - reached[1:])).sum(axis=1)
        best = int(np.argmax(likelihood))
        self.a, self.rho = float(_A[best]), float(_RHO[best])

    def per_day(self, size: int) -> float:
        """Contents a day that reach `size` accounts in this feed, as the law expects."""
        return self.n_per_day * survival(size, self.a, self.rho)

    def per_post(self, size: int) -> float:
        """The same, a post of the feed."""
        return self.n_per_post * survival(size, self.a, self.rho)

    def _slice(self, at_ms: int) -> list[int]:
        return self.slices.setdefault(at_ms // SLICE_MS, [0] * (MAX_SIZE - MIN_SIZE + 2))
