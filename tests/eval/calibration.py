"""Do false alarms come as often as they were asked for? Nature is simulated, and alarms counted.

Own history: contents of steady rates, from one an hour to twenty a minute, watched at the end
of each slot. New content: contents arrive all day long and grow by the Waring law of the long
natural feed, or by a heavier one. Nothing of it is a burst, so each alarm is false. A budget of b a
day must give about b; intervals are 95 %, exact Poisson. Evergreen templates then pass through
a restart of BURST, and surge.
"""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc
from scipy.stats import chi2

from detectors.alert import Alert, Severity
from detectors.arrivals import MIN_SIZE, PRIOR_PER_POST, SLICE_MS, Arrivals
from detectors.burst import WINDOWS_S, false_per_day
from detectors.burster import Burster, BursterState
from detectors.chain import Chain
from detectors.settings import DetectorSettings
from detectors.sketcher import RawPost
from tests.eval.data import BEGAN_MS, PLATFORM
from tests.eval.engine import APPEND_MS
from tests.eval.natural import HOUR_MS, MINUTE_MS
from tests.eval.rows import SEED, Row, Setup

BUDGETS = (1, 3, 10, 30, 100)
"""False alarms a day that are asked for."""
SLOT_S = 60
DAY = 86_400 // SLOT_S
"""Slots of a day."""
N_CONTENTS, N_DAYS = 300, 20
HOLD = 15
"""Slots that an alarm lasts: within them no second one is counted, as a burst that rings is one."""
LAWS = {"natural": (-1.3, 1.5), "heavy": (-1.3, 0.8)}
CONTENTS_A_DAY = 20_000
ARRIVAL_DAYS = 20
PARETO_FROM = 1_000
"""Accounts from which on contents no longer grow one account at a time, but are drawn."""
PLOT = Path("build/calibration.png")


class Realised(NamedTuple):
    """Alarms of one budget."""

    what: str
    budget: float
    n: int
    days: float

    @property
    def per_day(self) -> float:
        """Alarms a day."""
        return self.n / self.days

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, exact Poisson, a day."""
        low = 0.0 if self.n == 0 else float(chi2.ppf(0.025, 2 * self.n)) / 2
        return low / self.days, float(chi2.ppf(0.975, 2 * self.n + 2)) / 2 / self.days

    @property
    def interval_text(self) -> str:
        """The interval, for people."""
        low, high = self.interval
        return f"{low:.2f}-{high:.2f}"


def measure(setup: Setup) -> list[Row]:
    """calibration_own_*, calibration_new_*, evergreen_*."""
    rng = np.random.default_rng(SEED)
    setup.say("simulating steady contents and new ones")
    realised = own_history(rng)
    for law, (a, rho) in LAWS.items():
        realised += new_content(law, a, rho, rng)
    _plot(realised, setup)
    rows = [
        Row(
            id=f"calibration_{found.what}_{found.budget:g}",
            measure=f"false alarms a day, {found.budget:g} asked for; 95 % {found.interval_text}",
            value=found.per_day,
            unit="a day",
            reach=f"{found.budget / 3:.3g} to {found.budget * 2:g}",
            holds=found.budget / 3 <= found.per_day <= 2 * found.budget,
        )
        for found in realised
    ]
    return [*rows, *evergreens()]


def own_history(rng: np.random.Generator) -> list[Realised]:
    """Steady contents against their own last day."""
    rates = np.geomspace(1 / 60, 20, N_CONTENTS)
    alarms = dict.fromkeys(BUDGETS, 0)
    for rate in rates:
        counts = rng.poisson(rate, (N_DAYS + 1) * DAY)
        expected = false_per_day_of(counts, N_CONTENTS)
        for budget in BUDGETS:
            alarms[budget] += n_alarms(expected <= budget)
    return [Realised("own", budget, n, N_DAYS) for budget, n in alarms.items()]


def false_per_day_of(counts: NDArray[np.int64], n_contents: int) -> NDArray[np.float64]:
    """What `detectors.burst` expects, at the end of each slot from the second day on."""
    total = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    ends = np.arange(DAY + 1, len(counts) + 1)
    n_day = total[ends] - total[ends - DAY - 1]
    best = np.zeros(len(ends))
    for window_s in WINDOWS_S:
        n_window = total[ends] - total[ends - window_s // SLOT_S]
        share = window_s / 86_400
        with np.errstate(divide="ignore"):
            p_value = np.where(n_window > 0, bdtrc(n_window - 1, n_day, share), 1.0)
            best = np.maximum(best, -np.log10(p_value) + np.log10(share))
    no_surprise = false_per_day(0.0, history_s=86_400, n_contents=n_contents)
    return no_surprise * 10.0**-best


def n_alarms(is_on: NDArray[np.bool_]) -> int:
    """Alarms, one for all slots that lie within `HOLD` of each other."""
    slots = np.flatnonzero(is_on)
    return int(len(slots) > 0) + int((np.diff(slots) > HOLD).sum())


def new_content(law: str, a: float, rho: float, rng: np.random.Generator) -> list[Realised]:
    """Contents that grow by a law, against what the detector has learnt of their feed."""
    arrivals, start_ms = Arrivals(), BEGAN_MS
    alarms = dict.fromkeys(BUDGETS, 0)
    posts = round(CONTENTS_A_DAY / PRIOR_PER_POST) * SLICE_MS // (24 * HOUR_MS)
    for at_ms in range(start_ms, start_ms + (ARRIVAL_DAYS + 2) * 24 * HOUR_MS, SLICE_MS):
        arrivals.note_posts(posts, at_ms)
    for day in range(ARRIVAL_DAYS + 1):
        sizes = grown(a, rho, CONTENTS_A_DAY, rng)
        for at_ms, size in zip(np.sort(rng.uniform(0, 24 * HOUR_MS, len(sizes))), sizes, strict=True):
            now_ms = start_ms + day * 24 * HOUR_MS + HOUR_MS + int(at_ms)
            end_ms = arrivals.end_of_slice(now_ms)
            if end_ms is not None:
                arrivals.fit(end_ms, start_ms, 24)
            arrivals.note(0, int(size), now_ms)
            if day:
                expected = arrivals.per_day(int(size))
                for budget in BUDGETS:
                    alarms[budget] += expected <= budget
    return [Realised(f"new_{law}", budget, n, ARRIVAL_DAYS) for budget, n in alarms.items()]


def grown(a: float, rho: float, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Accounts of `n` contents of two or more: each account may be the last, by the law."""
    sizes = np.full(n, MIN_SIZE)
    going = np.arange(n)
    while len(going):
        size = sizes[going[0]]
        going = going[rng.random(len(going)) < (a + size) / (a + rho + size)]
        sizes[going] += 1
        if size > PARETO_FROM:  # the law's tail from here on, to some parts in a thousand
            sizes[going] = size * rng.random(len(going)) ** (-1 / rho)
            break
    return sizes


def evergreens() -> list[Row]:
    """Twenty templates, two posts a minute each by ever other accounts, for a day and a half."""
    rng = np.random.default_rng(SEED)
    n, hours = 20, 36
    slots = [(minute, template) for minute in range(hours * 60) for template in range(n)]
    posts = [
        _post(minute, template, int(account))
        for minute, template in slots
        for account in rng.integers(0, 5000, rng.poisson(2))
    ]
    surge = [
        _post(hours * 60 + minute, t, 10_000 + i) for minute in range(5) for t in range(n) for i in range(40)
    ]
    settings = DetectorSettings()
    chain = Chain(settings, "eval")
    quiet = _late(_feed(chain, posts, 0), 24)
    # Another worker takes over: all it has is the checkpoint.
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(chain.burster.dump()), type=BursterState)
    chain.burster = Burster(settings, "eval", state)
    surged = [*_feed(chain, surge, len(posts)), *chain.end(120)]
    loud = {alert.id for alert in surged if alert.severity is not Severity.INFO}
    return [
        Row.judged(
            id="evergreen_quiet",
            measure=f"of {n} steady templates, those a warning after their first day",
            value=len(quiet),
            unit="bursts",
            reach="≤ 5, half a day of the default budget",
        ),
        Row.judged(
            id="evergreen_surge",
            measure=f"of {n} steady templates, those a warning when they surge twentyfold, after a restart",
            value=len(loud | quiet) / n,  # what rang is not told again
            unit="share",
            reach="≥ 1",
        ),
    ]


def _post(minute: int, template: int, account: int) -> bytes:
    at_ms = BEGAN_MS + minute * MINUTE_MS + account % 59_000
    dice = random.Random(template)
    text = " ".join("".join(dice.choices(ascii_lowercase, k=7)) for _ in range(8))
    post = {"id": f"{minute}-{template}-{account}", "platform": PLATFORM, "text": text}
    return msgspec.json.encode(post | {"author": {"id": str(account)}, "created_at": at_ms})


def _feed(chain: Chain, posts: Sequence[bytes], offset: int) -> list[Alert]:
    records = [RawPost(offset + i, APPEND_MS, post) for i, post in enumerate(posts)]
    return [alert for i in range(0, len(records), 500) for alert in chain.feed(records[i : i + 500])]


def _late(alerts: Iterable[Alert], hours: int) -> set[str]:
    after_s = (BEGAN_MS + hours * HOUR_MS) / 1000
    loud = (alert for alert in alerts if alert.severity is not Severity.INFO)
    return {alert.id for alert in loud if alert.updated_at.timestamp() > after_s}


def _plot(realised: Sequence[Realised], setup: Setup) -> None:
    """Asked for against realised, into ``build/calibration.png``."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 (only the plot needs it)
    except ImportError:
        setup.say("no plot: matplotlib comes with the extra eval")
        return
    figure = Figure(figsize=(6, 5))
    axes = figure.subplots()
    axes.plot((0.5, 200), (0.5, 200), color="grey", label="as asked for")
    for what in dict.fromkeys(found.what for found in realised):
        mine = [found for found in realised if found.what == what]
        lows, highs = zip(*(found.interval for found in mine), strict=True)
        middles = [found.per_day for found in mine]
        spans = (np.subtract(middles, lows), np.subtract(highs, middles))
        axes.errorbar([found.budget for found in mine], middles, yerr=spans, marker="o", label=what)
    axes.set(
        xscale="log", yscale="log", xlabel="false alarms a day asked for", ylabel="realised, 95 % Poisson"
    )
    axes.legend()
    PLOT.parent.mkdir(exist_ok=True)
    figure.savefig(PLOT, dpi=120, bbox_inches="tight")
