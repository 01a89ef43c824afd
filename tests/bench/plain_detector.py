"""A near-copy alarm as a user would write it on datasketch, for the peers of the worker row."""

import re
import unicodedata
from typing import Any

from datasketch import MinHash, MinHashLSH

N_PERM = 128
THRESHOLD = 0.5
RING_AT = 20
"""Accounts."""

_LINK_OR_MENTION = re.compile(r"https?://\S+|@\w+")


class PlainDetector:
    """Clusters by the first candidate of the LSH; rings once, at `RING_AT` accounts. Forgets nothing."""

    def __init__(self) -> None:
        self._lsh = MinHashLSH(threshold=THRESHOLD, num_perm=N_PERM)
        self._clusters: dict[str, str] = {}
        self._accounts: dict[str, set[str]] = {}

    def see(self, post: dict[str, Any]) -> dict[str, Any] | None:
        """Take a post; the alert it causes."""
        text = unicodedata.normalize("NFKC", _LINK_OR_MENTION.sub(" ", post["text"])).casefold()
        text = " ".join(text.split())
        minhash = MinHash(num_perm=N_PERM)
        minhash.update_batch({text[i : i + 3].encode() for i in range(max(len(text) - 2, 1))})
        found = self._lsh.query(minhash)
        self._lsh.insert(post["id"], minhash, check_duplication=False)
        cluster = self._clusters[found[0]] if found else post["id"]
        self._clusters[post["id"]] = cluster
        accounts = self._accounts.setdefault(cluster, set())
        accounts.add(post["author"]["id"])
        if len(accounts) != RING_AT:
            return None
        return {"cluster": cluster, "accounts": len(accounts), "text": post["text"]}
