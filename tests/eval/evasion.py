"""Campaigns in disguise: how much of each ends in one burst.

Four made-up messages, 60 to 420 characters, 150 copies each by as many accounts within a quarter of
an hour, each copy disguised by chance, after an hour of unrelated posts. A row's value is the
largest share of a campaign's posts that one burst counts, for the message that fares worst.
"""

import random
from collections.abc import Iterator

import orjson

from tests.bench.corpus import unique_posts
from tests.eval.data import BEGAN_MS, PLATFORM
from tests.eval.disguises import ALONE, HARDER, Disguise, stacked
from tests.eval.engine import alerts_of
from tests.eval.rows import SEED, Row, Setup

N_COPIES = 150
N_BACKGROUND = 1500
QUIET_MS = 3_600_000
CAMPAIGN_MS = 900_000

MESSAGES = (
    "The bridge at Aldermoor closes on Sunday and nobody asked us #Aldermoor #bridge",
    (
        "Breaking: the council of Eskhaven sold the harbour in secret. Nobody voted on it! Share before "
        "they delete this @eskhaven_news https://harbour.example/1 #SaveTheHarbour #Eskhaven #Council"
    ),
    (
        "On nous cache la vérité sur l'eau de Valdorra. Trois laboratoires ont confirmé les chiffres. Le "
        "maire refuse de répondre aux habitants ! Demandez les résultats avant l'été. #Valdorra #eau "
        "#transparence"
    ),
    (
        "My cousin works at the ministry in Westerlund and she says the new pension law takes two years "
        "from everyone born after 1970. The papers will not print it. They were told to wait until the "
        "holidays, when nobody reads. Ask your deputy today, by telephone, and write down what he says! "
        "Then ask him again in a week. We gather on the market square on Saturday at noon, with candles "
        "and empty plates. #Pensions #Westerlund"
    ),
)


def measure(setup: Setup) -> list[Row]:
    """evasion_<trick>, evasion_stacked_2 and _3; and what still escapes, without a reach."""
    tricks: dict[str, Disguise] = {**ALONE, "stacked_2": stacked(2), "stacked_3": stacked(3), **HARDER}
    background = list(background_feed())
    return [
        _row(name, trick, background, judged=name not in HARDER)
        for name, trick in setup.track(tricks.items(), "disguises")
    ]


def _row(name: str, trick: Disguise, background: list[bytes], *, judged: bool) -> Row:
    shares, cases = [], []
    for number, message in enumerate(MESSAGES):
        chance = random.Random(f"{SEED}/{name}/{number}")
        copies = [trick(chance, message) for _ in range(N_COPIES)]
        share, severity = heard(copies, background, chance)
        shares.append(share)
        if share < 0.95:
            cases.append({"message": message, "share": share, "severity": severity, "copies": copies[:5]})
    measure = f"most of a campaign of {N_COPIES} copies in one burst, worst of {len(MESSAGES)} messages"
    common = {"id": f"evasion_{name}", "measure": measure, "unit": "share", "cases": cases}
    if judged:
        return Row.judged(value=min(shares), reach="≥ 0.95", **common)
    return Row(value=min(shares), **common)


def heard(copies: list[str], background: list[bytes], chance: random.Random) -> tuple[float, str]:
    """Share of the copies in the largest burst that a copy began, and how grave it became."""
    start_ms = BEGAN_MS + QUIET_MS
    step_ms = CAMPAIGN_MS / len(copies)
    values = [
        _record(f"c{i}", round(start_ms + i * step_ms + chance.uniform(0, step_ms)), text)
        for i, text in enumerate(copies)
    ]
    end = _record("end", start_ms + 2 * QUIET_MS, "the end of this feed, in words that nobody else has used")
    last = {
        alert.id: alert for alert in alerts_of([*background, *values, end])
    }  # resolved: its count is whole
    mine = [
        alert for alert in last.values() if alert.first_post.id.startswith("c") and alert.merged_into is None
    ]
    if not mine:
        return 0.0, "silent"
    best = max(mine, key=lambda alert: alert.posts)
    return best.posts / len(copies), best.severity.value


def background_feed() -> Iterator[bytes]:
    """An hour of unrelated posts, records of topic ``posts``."""
    for i, text in enumerate(unique_posts(N_BACKGROUND)):
        yield _record(f"b{i}", BEGAN_MS + i * QUIET_MS // N_BACKGROUND, text)


def _record(name: str, at_ms: int, text: str) -> bytes:
    post = {"id": name, "platform": PLATFORM, "author": {"id": name}, "created_at": at_ms, "text": text}
    return orjson.dumps(post)
