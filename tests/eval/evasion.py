"""Campaigns in disguise: how much of each ends in one burst.

Four made-up messages, 60 to 420 characters, 150 copies each by as many accounts within a quarter of
an hour, each copy disguised by chance, after an hour of unrelated posts. A row's value is the
largest share of a campaign's posts that one burst counts, for the message that fares worst. What is
outside a campaign's largest content is shown by cause, with an example.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import median
from typing import Any

import orjson
from rich.table import Table

from detectors.likeness import alike, words_jaccard
from detectors.normalise import normalise
from detectors.sketch import exact_jaccard
from detectors.words_kernel import LEAST_LETTERS, SHORT_CHARS
from tests.bench.corpus import unique_posts
from tests.eval.data import BEGAN_MS, PLATFORM
from tests.eval.disguises import ALONE, HARDER, STACKED, disguised
from tests.eval.engine import alerts_of, clusters_of
from tests.eval.rows import SEED, Row, Setup

N_COPIES = 150
EXAMPLE_CHARS = 80
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
    """evasion_<trick>, evasion_stacked_2 and _3; and, without a reach, what is harder still."""
    background = list(background_feed())
    names = [*ALONE, *STACKED, *HARDER]
    return [_row(name, background) for name in setup.track(names, "disguises")]


def escapes(rows: Iterable[Row]) -> Table | None:
    """The cases of such rows, as a table: what is outside a campaign's largest content, and why."""
    table = Table(title=f"what escapes, of {len(MESSAGES)} campaigns of {N_COPIES} copies each")
    for heading in ("disguise", "copies", "why", "letters", "words", "mostly under", "for example"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        for case in row.cases if row.id.startswith("evasion_") else ():
            cells = (
                case["copies"],
                case["why"],
                case["letters"],
                case["words"],
                case["tricks"],
                case["example"],
            )
            table.add_row(row.id.removeprefix("evasion_"), *map(str, cells))
    return table if table.rows else None


def _row(name: str, background: list[bytes]) -> Row:
    shares, escaped = [], []
    for number, message in enumerate(MESSAGES):
        chance = random.Random(f"{SEED}/{name}/{number}")
        copies, tricks = zip(*(disguised(name, chance, message) for _ in range(N_COPIES)), strict=True)
        share, _ = heard(copies, background, chance)
        shares.append(share)
        escaped += [(message, copies[i], tricks[i]) for i in _outside(copies)]
    measure = f"most of a campaign of {N_COPIES} copies in one burst, worst of {len(MESSAGES)} messages"
    common: dict[str, Any] = {"id": f"evasion_{name}", "measure": measure, "unit": "share"}
    common["cases"] = list(_causes(escaped))
    if name in ALONE or name in {"stacked_2", "stacked_3"}:
        return Row.judged(value=min(shares), reach="≥ 0.95", **common)
    return Row(value=min(shares), **common)


def _outside(copies: Iterable[str]) -> list[int]:
    """Which copies are not of the content that most are of."""
    values = [_record(f"c{i}", BEGAN_MS + i, text) for i, text in enumerate(copies)]
    clusters = clusters_of(values)
    contents = [clusters.content(i) for i in range(len(values))]
    ((most, _),) = Counter(contents).most_common(1)
    return [i for i, content in enumerate(contents) if content != most]


def _causes(escaped: Iterable[tuple[str, str, list[str]]]) -> Iterator[dict[str, Any]]:
    """Escaped copies (message, copy, tricks) by why they did, most frequent first."""
    by_cause: dict[str, list[tuple[str, str, list[str]]]] = defaultdict(list)
    for one in escaped:
        by_cause[_why(one[0], one[1])].append(one)
    for why, mine in sorted(by_cause.items(), key=lambda item: -len(item[1])):
        pairs = [(normalise(message), normalise(copy)) for message, copy, _ in mine]
        tricks = Counter(trick for _, _, names in mine for trick in names)
        yield {
            "copies": len(mine),
            "why": why,
            "letters": round(median(exact_jaccard(a, b) for a, b in pairs), 2),
            "words": round(median(words_jaccard(a, b) for a, b in pairs), 2),
            "tricks": ", ".join(name for name, _ in tricks.most_common(2)),
            "example": _legible(min((copy for _, copy, _ in mine), key=len))[:EXAMPLE_CHARS],
        }


def _legible(text: str) -> str:
    """Without line breaks and invisible signs."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def _why(message: str, copy: str) -> str:
    plain, left = normalise(message), normalise(copy)
    if len(left.replace(" ", "")) < SHORT_CHARS:
        return "too short to compare"
    if alike(plain, left):
        return "like the message, like no other copy"
    if exact_jaccard(plain, left) < LEAST_LETTERS:
        return "too few letters in a row are left"
    return "letters and words together are too few"


def heard(copies: Sequence[str], background: list[bytes], chance: random.Random) -> tuple[float, str]:
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
