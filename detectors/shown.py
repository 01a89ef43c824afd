"""What people are shown of a post, cut to size and packed: `detectors.rows.Sample`."""

import re

from detectors.post import Post
from detectors.rows import pack_sample

SHOWN_CHARS = 1_000
"""Code points of a text that people are shown."""
LINK_CHARS = 500
"""Longest address that people are shown."""
TAG_CHARS = 100
N_TAGS, N_LINKS = 10, 5

_HASHTAG = re.compile(r"#(\w{1,100})")
_LINK = re.compile(r"https?://[^\s<>\"]{1,500}")


def packed_sample(post: Post, event_ms: int, account: str) -> bytes:
    """MessagePack of the `Sample` of a post.

    Args:
        post: It.
        event_ms: Its event time, UTC milliseconds.
        account: Keyed hash of the account, 16 hex digits.
    """
    text, url = post.text or "", post.url
    tags, urls = _hashtags(post), links(post)
    # In the order of its fields: made as a `Sample` first, it would cost a third more.
    return pack_sample(
        (
            post.platform,
            post.lang,
            [tag.lstrip("#")[:TAG_CHARS] for tag in tags[:N_TAGS]] if tags else [],
            [link[:LINK_CHARS] for link in urls[:N_LINKS]] if urls else [],
            post.id,
            account,
            event_ms,
            text[:SHOWN_CHARS],
            len(text) > SHOWN_CHARS,
            url if url is not None and len(url) <= LINK_CHARS else None,
            False,
        )
    )


def links(post: Post) -> list[str]:
    """Those the feed tells of, else those in its text."""
    if post.urls is not None:
        return post.urls
    text = post.text or ""
    return _LINK.findall(text) if "://" in text else []


def _hashtags(post: Post) -> list[str]:
    if post.hashtags is not None:
        return post.hashtags
    text = post.text or ""
    return _HASHTAG.findall(text) if "#" in text else []
