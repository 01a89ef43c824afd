"""Posts, records and timelines for the tests of the detectors; every text is made up."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import orjson

from detectors.activity import Activity, read_told
from detectors.alert import Alert
from detectors.burster import Burster, BursterState
from detectors.clusterer import Clusterer
from detectors.rows import Pack
from detectors.settings import DetectorSettings
from detectors.sketcher import RawPost, Sketcher

T0_MS = 1_715_767_200_000
"""2024-05-15T10:00:00Z, a full hour."""
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

_SYLLABLES = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "je",
    "ki",
    "lo",
    "mu",
    "na",
    "pe",
    "ri",
    "so",
    "tu",
    "va",
    "we",
    "xi",
    "yo",
    "zu",
    "bra",
    "cle",
    "dri",
    "flo",
    "gru",
]

encode_activity = msgspec.msgpack.Encoder().encode
_states = msgspec.msgpack.Decoder(BursterState)


def words(seed: object, n: int = 14) -> str:
    """A text of `n` invented words; another seed gives one that shares next to no shingle."""
    rng = random.Random(str(seed))
    return " ".join("".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4))) for _ in range(n))


def varied(text: str, n: int, seed: object) -> str:
    """The text with `n` of its words replaced."""
    rng = random.Random(f"varied {seed}")
    parts = text.split()
    for place in rng.sample(range(len(parts)), n):
        parts[place] = words((seed, place), 1)
    return " ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Written:
    """A post before it is a record."""

    at_ms: int
    text: str | None
    author: str
    id: str
    age_days: float | None = 900
    more: dict[str, Any] = field(default_factory=dict)

    def record(self, offset: int, append_ms: int | None = None) -> RawPost:
        """The record of topic ``posts``."""
        author: dict[str, Any] = {"id": self.author}
        if self.age_days is not None:
            author["created_at"] = self.at_ms - round(self.age_days * DAY_MS)
        post = {
            "id": self.id,
            "platform": "test",
            "author": author,
            "created_at": self.at_ms,
            "text": self.text,
            **self.more,
        }
        return RawPost(offset, self.at_ms + 500 if append_ms is None else append_ms, orjson.dumps(post))


def records(posts: Iterable[Written], first_offset: int = 0) -> list[RawPost]:
    """Records in the given order; append times never go back."""
    out: list[RawPost] = []
    append_ms = 0
    for offset, post in enumerate(posts, first_offset):
        append_ms = max(append_ms, post.at_ms + 500)
        out.append(post.record(offset, append_ms))
    return out


def sliced(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Batches of `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def hostile_feed(  # noqa: C901 - one branch a kind of post
    seed: int, n: int, *, start_ms: int = T0_MS, step_ms: int = 9_000
) -> list[Written]:
    """A feed with copies, variants, repeats, reposts, deletions, late posts, short and empty texts."""
    rng = random.Random(seed)
    contents = [words((seed, i), rng.randint(4, 30)) for i in range(max(n // 12, 3))]
    posts: list[Written] = []
    for i in range(n):
        at_ms = start_ms + i * step_ms + rng.randint(0, step_ms)
        kind = rng.random()
        author = f"a{rng.randrange(max(n // 6, 4))}"
        content = rng.choice(contents)
        age = rng.choice([None, 3, 900])
        post = Written(at_ms=at_ms, text=content, author=author, id=f"{seed}-{i}", age_days=age)
        if kind < 0.25:
            post = replace(post, text=varied(content, min(3, len(content.split())), (seed, i)))
        elif kind < 0.32 and posts:
            post = replace(rng.choice(posts), at_ms=at_ms)
        elif kind < 0.42:
            post = replace(post, more={"repost_of": "x"})
        elif kind < 0.52 and posts:
            post = replace(post, id=rng.choice(posts).id, more={"op": "delete"})
        elif kind < 0.60:
            post = replace(post, at_ms=at_ms - rng.randint(0, 400_000))
        elif kind < 0.64:
            post = replace(post, text=rng.choice(["good day", "yes", "hm ok", "🎉", ""]))
        elif kind < 0.68:
            post = replace(post, text="look", more={"urls": [f"https://e.example/{rng.randrange(3)}"]})
        elif kind < 0.70:
            post = replace(post, more={"op": "update"})
        elif kind < 0.78:
            post = replace(post, text=words((seed, "alone", i)))
        posts.append(post)
    return posts


def packs_of(
    settings: DetectorSettings, posts: Sequence[Written], size: int, *, source: int = 0, n_sources: int = 1
) -> list[Pack]:
    """All packs of one source for one partition, fed in batches of `size`."""
    sketcher = Sketcher(settings, source, n_sources, 1)
    return [pack for batch in sliced(records(posts), size) for _, pack in sketcher.feed(batch).packs]


def cluster(
    settings: DetectorSettings, packs: Iterable[Pack], clusterer: Clusterer | None = None, first: int = 0
) -> list[Activity]:
    """What CLUSTER makes of packs."""
    clusterer = Clusterer(settings, 0, 1) if clusterer is None else clusterer
    return [one for at, pack in enumerate(packs, first) for one in read_told(clusterer.feed(at, pack))]


def encoded(messages: Iterable[Activity]) -> list[bytes]:
    """Each message as MessagePack."""
    return [encode_activity(message) for message in messages]


def ring(burster: Burster, messages: Iterable[Activity]) -> list[Alert]:
    """What BURST makes of activity."""
    return [alert for message in messages for alert in burster.feed(message)]


def reloaded(burster: Burster, settings: DetectorSettings) -> Burster:
    """The object that its checkpoint gives."""
    return Burster(settings, "test", _states.decode(encode_activity(burster.dump())))


def told(alerts: Iterable[Alert]) -> list[tuple[str, int, str]]:
    """(reason, posts, severity) of alerts."""
    return [(str(a.reason), a.posts, str(a.severity)) for a in alerts]
