"""Posts of a scenario in the form of the contract, collected and put in order."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from stream.scenarios.dice import Dice

Post = dict[str, Any]

_SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
_SEQUENCE_BITS = 22


def at_ms(text: str) -> int:
    """Milliseconds since the epoch of an RFC 3339 time."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def rfc3339(ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    seconds, millis = divmod(ms, 1000)
    return f"{_seconds(seconds)}.{millis:03d}Z"


@lru_cache(maxsize=1 << 15)
def _seconds(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An author. `created_ms` is ``None`` where the feed does not tell."""

    platform: str
    id: str
    handle: str
    lang: str
    created_ms: int | None
    followers: int

    def author(self) -> Post:
        """The post's `author` member."""
        author: Post = {"id": self.id, "handle": self.handle}
        if self.created_ms is not None:
            author["created_at"] = rfc3339(self.created_ms)
        author["followers"] = self.followers
        return author


@dataclass(slots=True, kw_only=True)
class Message:
    """What a post says, and what is extracted from it."""

    text: str
    hashtags: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    refs: dict[str, str] = field(default_factory=dict)
    """Any of `repost_of`, `quote_of` and `reply_to`."""
    image: bool = False
    phash: str | None = None
    """Perceptual hash of the image, 16 hexadecimal digits."""


class Ledger:
    """Collects posts, gives them ids, and hands them over in order of time.

    An id is made as X's are, of the time and a running number, so ids are unique over all
    platforms and tell nothing about who wrote them.

    Args:
        dice: draws the delay between `created_at` and `observed_at`.
        end_ms: nothing is created at or after it; what would be is left out.
    """

    def __init__(self, dice: Dice, end_ms: int) -> None:
        self._dice = dice
        self.end_ms = end_ms
        self._posts: list[Post] = []

    def add(
        self,
        account: Account,
        created_ms: int,
        message: Message,
        actor: str,
        *,
        version: str | None = None,
        item: str | None = None,
    ) -> Post | None:
        """Add a post; ``None`` when it would come after the end.

        Args:
            account: who posts.
            created_ms: when.
            message: what.
            actor: which part of the scenario this is, for recounts (`scenario.actor`).
            version: language version of a campaign.
            item: which headline, city, sign…
        """
        if created_ms >= self.end_ms:
            return None
        ident = str((created_ms - _SNOWFLAKE_EPOCH_MS << _SEQUENCE_BITS) + len(self._posts))
        post: Post = {
            "id": ident,
            "platform": account.platform,
            "author": account.author(),
            "created_at": rfc3339(created_ms),
            "observed_at": rfc3339(created_ms + self._dice.between(300, 5000)),
            "text": message.text,
            "lang": account.lang if version is None else version,
            "url": f"https://{account.platform}.example/{account.handle}/status/{ident}",
        }
        if message.hashtags:
            post["hashtags"] = message.hashtags
        if message.urls:
            post["urls"] = message.urls
        if message.image:
            name = self._dice.letters(12)
            image = {"type": "image", "url": f"https://media.{account.platform}.example/{name}.jpg"}
            post["media"] = [image if message.phash is None else image | {"phash": message.phash}]
        post.update(message.refs)
        post["scenario"] = {"actor": actor, "version": version, "item": item}
        self._posts.append(post)
        return post

    def in_order(self) -> list[Post]:
        """All posts by `created_at`, then id."""
        return sorted(self._posts, key=lambda post: (post["created_at"], post["id"]))
