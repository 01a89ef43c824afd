"""How many copies of a planted campaign pass before it is heard.

Each published scenario, and smaller ones made here (few accounts, many accounts, another script),
runs within its everyday feed, once as it is and once with the ages of accounts left out. Copies
are counted per language version, in order of the log: those up to the first alert that one of
them began, and up to the first ``critical``.

Whether a campaign *can* be called by copy 100 is told from the planted posts themselves, without
the detector: `shown_at` is the first copy by which ages, repetition and recurrence of its accounts reach
the score that a call takes, with 20 accounts in five minutes. Where that comes later, or never, the
honest answer by then is ``warning``; such cases are listed, and not judged.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from detectors import evidence
from detectors.alert import Alert, Severity
from detectors.chain import Chain
from detectors.settings import DetectorSettings
from detectors.sketcher import RawPost
from stream.detection import VERSION
from stream.scenarios import generate
from stream.scenarios.posts import at_ms
from tests.bench.corpus import near_copies, unique_posts
from tests.eval.data import BEGAN_MS
from tests.eval.engine import APPEND_MS
from tests.eval.rows import SEED, Row, Setup

SCENARIOS = ("new-caledonia", "boycott", "conference", "montage")
IN_TIME = 100
"""Copies by which a campaign that shows itself is to be called (the issue's reach)."""
BY_MEDIA = "montage"
"""Ever other words about one picture: text alone can't carry it."""
SLOW = "boycott"
ARABIC = (
    "مجلس المدينة باع الميناء سرا ولم يصوت أحد على ذلك، انشروا الخبر قبل أن يحذفوه من كل مكان اليوم "
    "واسألوا نوابكم"
)


class Heard(NamedTuple):
    """One version of a campaign.

    Attributes:
        first: Copies until an alert, None if none came.
        critical: Copies until one was critical.
        gravest: The gravest severity it reached.
        by_then: The gravest of its first `IN_TIME` copies.
        shown_at: Copies until its accounts had shown themselves by `evidence`'s score; None if not by then.
        score: The highest score of the first `IN_TIME` copies, by the planted posts.
    """

    campaign: str
    version: str
    ages: bool
    n_copies: int
    first: int | None
    critical: int | None
    gravest: str | None
    by_then: str | None
    shown_at: int | None
    score: float


def measure(setup: Setup) -> list[Row]:
    """first_copies, critical_copies, slow_first."""
    heard = []
    for name in setup.track([*SCENARIOS, *_MADE], "planted campaigns"):
        posts = generate(name, SEED) if name in SCENARIOS else list(_MADE[name]())
        for ages in (True, False):
            heard += _listen(name, posts, ages=ages)
    shown = [found._asdict() for found in heard]
    textual = [found for found in heard if found.campaign != BY_MEDIA]
    firsts = [found.first if found.first is not None else found.n_copies + 1 for found in textual]
    shows = [found for found in textual if found.shown_at is not None]
    called = [found.critical if found.critical is not None else found.n_copies + 1 for found in shows]
    slow = [found.first for found in textual if found.campaign == SLOW and found.ages]
    return [
        Row.judged(
            id="first_copies",
            measure=f"copies until the first alert, most of {len(textual)} (campaign, version, with ages or "
            f"without); {BY_MEDIA} needs media hashes and is left out",
            value=max(firsts), unit="copies", reach="≤ 25", cases=shown,
        ),
        Row.judged(
            id="critical_copies",
            measure=f"copies until critical, most of the {len(shows)} of {len(textual)} whose accounts show "
            f"themselves within {IN_TIME} copies; the others are a warning by then",
            value=max(called, default=0), unit="copies", reach=f"≤ {IN_TIME}", cases=shown,
        ),
        Row.judged(
            id="slow_first",
            measure="copies of either text of S3 until its first alert, with ages",
            value=max((first or 10_000 for first in slow), default=10_000),
            unit="copies", reach="≤ 60", cases=[case for case in shown if case["campaign"] == SLOW],
        ),
    ]  # fmt: skip


def _listen(name: str, posts: list[dict[str, Any]], *, ages: bool) -> Iterator[Heard]:
    """Feed the posts one batch at a time, small while the campaign runs, and note what each alert found."""
    version_of = {
        post["id"]: str(post["scenario"]["version"])
        for post in posts
        if post["scenario"]["actor"] == "campaign"
    }
    totals = Counter(version_of.values())
    first: dict[str, int] = {}
    critical: dict[str, int] = {}
    gravest: dict[str, Severity] = {}
    by_then: dict[str, Severity] = {}
    chain = Chain(DetectorSettings(), VERSION)
    for start in range(0, len(posts), 500):
        batch = posts[start : start + 500]
        records = [
            RawPost(start + i, APPEND_MS, orjson.dumps(post if ages else _ageless(post)))
            for i, post in enumerate(batch)
        ]
        for alert in chain.feed(records):
            version = version_of.get(alert.first_post.id)
            if version is None:
                continue
            first.setdefault(version, alert.posts)
            if alert.severity is Severity.CRITICAL:
                critical.setdefault(version, alert.posts)
            gravest[version] = _graver(gravest.get(version), alert)
            if alert.posts <= IN_TIME:
                by_then[version] = _graver(by_then.get(version), alert)
    for version, n_copies in totals.items():
        grave, then = gravest.get(version), by_then.get(version)
        yield Heard(
            name,
            version,
            ages,
            n_copies,
            first.get(version),
            critical.get(version),
            grave and grave.value,
            then and then.value,
            *_shown(posts, version, ages=ages),
        )


def _shown(posts: list[dict[str, Any]], version: str, *, ages: bool) -> tuple[int | None, float]:
    """`Heard.shown_at` and `Heard.score`, from the posts and what the scenario says of them."""
    settings = DetectorSettings()
    known = [post for post in posts if ages and "created_at" in post["author"]]
    others = [_is_new(post) for post in known if post["scenario"]["actor"] != "campaign"]
    base_new = sum(others) / len(others) if others else 0.0
    mine: dict[str, list[float]] = {}
    new: dict[str, bool] = {}
    elsewhere: set[str] = set()
    n_copies, best, shown_at = 0, 0.0, None
    for post in posts:
        if post["scenario"]["actor"] != "campaign" or "repost_of" in post:
            continue
        account, now_s = post["author"]["id"], _ms(post["created_at"]) / 1000
        if post["scenario"]["version"] != version:
            elsewhere.add(account)
            continue
        n_copies += 1
        mine.setdefault(account, []).append(now_s)
        if ages and "created_at" in post["author"]:
            new[account] = _is_new(post)
        recent = {
            name: [at for at in times if at > now_s - evidence.REPEAT_S] for name, times in mine.items()
        }
        parts = evidence.Parts(
            n_accounts=len(mine),
            n_known=len(new),
            n_new=sum(new.values()),
            base_new=base_new,
            n_active=sum(1 for times in recent.values() if times),
            n_repeating=sum(1 for times in recent.values() if len(times) > 1),
            n_recurring=len(elsewhere & mine.keys()),
            n_links=0,
            n_5min=sum(1 for times in mine.values() if times[-1] > now_s - evidence.SYNCHRONY_S),
            n_recent=len(mine),
        )
        if parts.n_5min >= settings.critical_accounts:
            best = max(best, evidence.score(parts))
            if best >= settings.coordination_threshold and shown_at is None:
                shown_at = n_copies
        if n_copies == IN_TIME:
            break
    return shown_at, best


def _is_new(post: dict[str, Any]) -> bool:
    days = (_ms(post["created_at"]) - _ms(post["author"]["created_at"])) / 86_400_000
    return days < DetectorSettings().new_account_days


def _ms(moment: str | int) -> int:
    return moment if isinstance(moment, int) else at_ms(moment)


def _graver(before: Severity | None, alert: Alert) -> Severity:
    return alert.severity if before is None or alert.severity.rank > before.rank else before


def _ageless(post: dict[str, Any]) -> dict[str, Any]:
    author = {name: value for name, value in post["author"].items() if name != "created_at"}
    return post | {"author": author}


def _planted(texts: list[str], *, n_accounts: int, minutes: float, age_days: int) -> Iterator[dict[str, Any]]:
    """Copies after an hour of unrelated posts, by accounts in turn, evenly over some minutes."""
    background = unique_posts(2000)
    for i, text in enumerate(background):
        yield _post(f"b{i}", BEGAN_MS + i * 3_600_000 // len(background), text, "chatter", 900)
    for i, text in enumerate(texts):
        at = BEGAN_MS + 3_600_000 + round(i * minutes * 60_000 / len(texts))
        yield _post(f"c{i % n_accounts}", at, text, "campaign", age_days, f"c{i}")


def _post(
    author: str, created_ms: int, text: str, actor: str, age_days: int, name: str | None = None
) -> dict[str, Any]:
    return {
        "id": name or author,
        "platform": "x",
        "author": {"id": author, "created_at": created_ms - age_days * 86_400_000},
        "created_at": created_ms,
        "text": text,
        "scenario": {"actor": actor, "version": "all"},
    }


def _arabic() -> list[str]:
    words = ARABIC.split()
    return [" ".join(words[: len(words) - i % 4]) + " " + "!" * (i % 5) for i in range(200)]


_MADE = {
    "few accounts": lambda: _planted(near_copies(160), n_accounts=12, minutes=60, age_days=900),
    "many accounts": lambda: _planted(near_copies(600), n_accounts=600, minutes=15, age_days=10),
    "another script": lambda: _planted(_arabic(), n_accounts=120, minutes=20, age_days=10),
}
"""Campaigns beside the published ones, by name."""
