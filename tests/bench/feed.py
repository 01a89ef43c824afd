"""Texts as records of topic ``posts``, at a steady pace of event time."""

from collections.abc import Iterable, Iterator
from itertools import islice

import orjson

from detectors.sketcher import RawPost

BEGAN_MS = 1_715_767_200_000
"""The beginning of an hour, so of an epoch."""
HOUR_MS = 3_600_000
BATCH = 1000


def records(
    texts: Iterable[str], *, step_ms: float, n_accounts: int = 1_000_000_000, n_batch: int = BATCH
) -> Iterator[list[RawPost]]:
    """Batches of posts, `step_ms` apart, by `n_accounts` in turn."""
    rest, n = iter(texts), 0
    while batch := list(islice(rest, n_batch)):
        posts = []
        for text in batch:
            at_ms = BEGAN_MS + round(n * step_ms)
            author = {"id": str(n % n_accounts)}
            post = {"id": str(n), "platform": "x", "author": author, "created_at": at_ms, "text": text}
            posts.append(RawPost(n, at_ms, orjson.dumps(post)))
            n += 1
        yield posts
