"""Posts of the New Caledonia scenario as records, with what is true of them.

A feed ends with one post per partition hours later, so that everything that rang has resolved
by the log alone: what a test reads at the end does not depend on how long it waited.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

from detectors.alert import Alert
from detectors.chain import Chain
from detectors.sketcher import RawPost
from stream.detection import VERSION, detector_settings
from stream.scenarios import generate
from stream.scenarios.posts import at_ms, rfc3339
from stream.settings import Settings

END_AFTER_MS = 2 * 3_600_000
"""From the last post to the ones that end the feed: long past `quiet_s`."""
N_ENDS = 16
"""Ending posts at hand: the most partitions a test uses."""

Key = tuple[str, str | None, str | None]
"""What a post belongs to: actor, language version, item."""
NAMELESS = {"chatter", "reply", "short", "quote", "repost"}
"""Actors whose posts have nothing in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Posts in order of event time, and the posts that end it."""

    values: list[bytes]
    ends: list[bytes]
    end_ms: int
    truth: dict[str, Key]
    """By post id."""
    posts: list[dict[str, Any]]
    """`values`, read."""

    def records(self, n_partitions: int = 1) -> list[list[bytes]]:
        """Per partition: every n-th post, and an ending one."""
        return [[*self.values[number::n_partitions], self.ends[number]] for number in range(n_partitions)]


def _feed(posts: Sequence[dict[str, Any]]) -> Feed:
    end_ms = at_ms(posts[-1]["created_at"]) + END_AFTER_MS
    ends = [
        {
            "id": f"end-{number}",
            "platform": "x",
            "author": {"id": f"end-{number}"},
            "created_at": rfc3339(end_ms),
            "text": f"{number} is where this feed comes to its end, with words that nobody else used",
        }
        for number in range(N_ENDS)
    ]
    return Feed(
        values=[orjson.dumps(post) for post in posts],
        ends=[orjson.dumps(post) for post in ends],
        end_ms=end_ms,
        truth={post["id"]: key_of(post) for post in posts},
        posts=list(posts),
    )


def key_of(post: dict[str, Any]) -> Key:
    """What the scenario says the post belongs to; posts that stand alone are keyed by their id."""
    scenario = post["scenario"]
    actor = scenario["actor"]
    return actor, scenario["version"], post["id"] if actor in NAMELESS else scenario["item"]


@cache
def _generated() -> list[dict[str, Any]]:
    return generate("new-caledonia", 7)


@cache
def full_feed() -> Feed:
    """The whole scenario."""
    return _feed(_generated())


@cache
def short_feed() -> Feed:
    """An hour from ten minutes before the campaign, over an epoch's boundary, chatter thinned to a sixth."""
    window = "2024-05-15T10:11:00", "2024-05-15T11:11:00"
    posts = [post for post in _generated() if window[0] <= post["created_at"] < window[1]]
    return _feed([p for i, p in enumerate(posts) if p["scenario"]["actor"] not in NAMELESS or i % 6 == 0])


def small_campaign(
    n: int, *, text: str, start: str = "2024-05-15T10:00:00Z", gap_s: float = 2.0, name: str = "c"
) -> list[bytes]:
    """`n` copies by `n` new accounts, `gap_s` apart."""
    return [
        orjson.dumps(
            {
                "id": f"{name}{i}",
                "platform": "x",
                "author": {"id": f"{name}-author{i}", "created_at": "2024-05-10T00:00:00Z"},
                "created_at": rfc3339(at_ms(start) + round(i * gap_s * 1000)),
                "text": f"{text} {'!' * (i % 3)}",
            }
        )
        for i in range(n)
    ]


def chained(settings: Settings, values: Iterable[bytes], cut: int = 500) -> list[Alert]:
    """The alerts that the three stages give in one process, no Kafka."""
    chain = Chain(detector_settings(settings), VERSION)
    records = [RawPost(offset, 1_800_000_000_000, value) for offset, value in enumerate(values)]
    alerts = []
    for start in range(0, len(records), cut):
        alerts += chain.feed(records[start : start + cut])
    return alerts


def recount(feed: Feed, of: Callable[[dict[str, Any]], bool]) -> tuple[int, int, int]:
    """(posts, reposts, accounts of the posts) among those that `of` picks."""
    picked = [post for post in feed.posts if of(post)]
    originals = [post for post in picked if "repost_of" not in post]
    accounts = {(post["platform"], post["author"]["id"]) for post in originals}
    return len(originals), len(picked) - len(originals), len(accounts)
