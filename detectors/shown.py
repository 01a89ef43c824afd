"""What people are shown of posts, cut to size and packed: `detectors.rows.Sample`.

The strings of all posts are packed in one go, and a kernel makes samples of them: of each post alone
it would take half as long again. What else needs a post's strings in UTF-8 finds them there.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from detectors.jit import frozen
from detectors.post import Post
from detectors.rows import pack_sample
from detectors.shown_kernel import (
    AUTHOR,
    CREATED,
    ID,
    N_FIELDS,
    ROOM,
    TEXT,
    find_fields,
    find_moments,
    find_strings,
    hash_names,
    write_samples,
)

LINK_CHARS = 500
"""Longest address that people are shown."""
TAG_CHARS = 100
N_TAGS, N_LINKS = 10, 5

_HASHTAG = re.compile(r"#(\w{1,100})")
_LINK = re.compile(r"https?://[^\s<>\"]{1,500}")


class Shown(NamedTuple):
    """What is shown of n posts."""

    packed: NDArray[np.uint8]
    """MessagePack of their fields."""
    fields: NDArray[np.int64]
    """(n, N_FIELDS + 1): where each field begins, and the last one ends."""

    @classmethod
    def of(cls, posts: Sequence[Post]) -> Self:
        """That of posts."""
        told = [
            (
                post.platform,
                post.lang,
                _hashtags(post) if post.hashtags is not None or "#" in (post.text or "") else (),
                _links(post) if post.urls is not None or "://" in (post.text or "") else (),
                post.id,
                post.text,
                post.url if post.url is not None and len(post.url) <= LINK_CHARS else None,
                post.author.id if post.author else None,
                post.author.created_at if post.author else None,
            )
            for post in posts
        ]
        try:
            together = pack_sample(told)
        except OverflowError:  # a client may write any number
            together = pack_sample([(*fields, _representable(created)) for *fields, created in told])
        packed = frozen(np.frombuffer(together, np.uint8), np.uint8)
        fields = np.empty((len(posts), N_FIELDS + 1), np.int64)
        find_fields(packed, fields)
        return cls(packed, fields)

    def texts(self, posts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Spans in `packed` of the texts of some posts, int64 (m,); int64 (m, 2)."""
        spans = np.empty((len(posts), 2), np.int64)
        find_strings(self.packed, self.fields[posts, TEXT], spans)
        return spans

    def created_ms(self, absent_ms: int) -> NDArray[np.int64]:
        """Since when there are the posts' accounts, int64 (n,), UTC milliseconds; `absent_ms` if untold."""
        moments = np.empty(len(self.fields), np.int64)
        find_moments(self.packed, self.fields[:, CREATED].copy(), absent_ms, moments)
        return moments

    def accounts(self, key: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Keyed hashes of the posts' (platform, author), uint64 (n,).

        Args:
            key: uint64 (2,), see `siphash_kernel`.
        """
        return hash_names(self.packed, self.fields, AUTHOR, key)

    def identities(self, key: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """The same of their (platform, id)."""
        return hash_names(self.packed, self.fields, ID, key)

    def samples(
        self, posts: NDArray[np.int64], accounts: NDArray[np.uint64], event_ms: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """MessagePack of the `Sample` of some posts.

        Args:
            posts: int64 (m,): which.
            accounts: uint64 (m,): keyed hashes of their accounts.
            event_ms: int64 (m,): their event times, UTC milliseconds.

        Returns:
            The samples, uint8 with room behind them, and where each ends, int64 (m,).
        """
        out = np.empty(len(self.packed) + ROOM * len(posts), np.uint8)
        ends = np.empty(len(posts), np.int64)
        write_samples(self.packed, self.fields, posts, accounts, event_ms, out, ends)
        return out, ends


def _representable(moment: datetime | int | None) -> datetime | int | None:
    return None if isinstance(moment, int) and abs(moment) >> 63 else moment


def links(post: Post) -> list[str]:
    """Those the feed tells of, else those in its text."""
    if post.urls is not None:
        return post.urls
    text = post.text or ""
    return _LINK.findall(text) if "://" in text else []


def _links(post: Post) -> list[str]:
    return [link[:LINK_CHARS] for link in links(post)[:N_LINKS]]


def _hashtags(post: Post) -> list[str]:
    tags = _HASHTAG.findall(post.text or "") if post.hashtags is None else post.hashtags
    return [tag.lstrip("#")[:TAG_CHARS] for tag in tags[:N_TAGS]]
