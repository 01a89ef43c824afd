"""Real posts from a folder of the user's: found by folder, mapped to the contract of a post.

Under the root lie ``d3lta/``, ``ira/``, ``stream/`` and ``background/``; in them any files of
one JSON object a line, plain or gzipped. Nothing of them is ever part of the project.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from stream.feeds import FeedError, read_ndjson

FOLDERS = ("d3lta", "ira", "stream", "background")
BEGAN_MS = 1_715_767_200_000
"""Time of a file's first post where it has none: the beginning of an hour, so of an epoch."""
PLATFORM = "archive"
"""One for all files: which platform a post comes from must not tell the sides apart."""

_PLATFORM_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}")
_LISTS = ("urls", "hashtags", "media")
_NAMES = ("lang", "repost_of", "quote_of", "reply_to", "url")


class NoData(Exception):  # noqa: N818 - a lack, no error
    """A folder is missing, or holds no post."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealPost:
    """A line of a file."""

    id: str
    author: str
    at_ms: int
    text: str
    more: dict[str, Any]
    """The other members of the contract that it has, and `author` whole."""
    labels: dict[str, Any]
    """The line as it stands."""
    made_up: frozenset[str]
    """``author``: it had none and counts as an account of its own, the harshest reading;
    ``time``: it had none and counts as one second after the line before."""

    def record(self, **changes: Any) -> bytes:
        """As a record of topic ``posts``; a change to ``None`` leaves a member out."""
        post = {"id": self.id, "platform": PLATFORM, "author": {"id": self.author}, "created_at": self.at_ms}
        post |= {"text": self.text, **self.more, **changes}
        return orjson.dumps({name: value for name, value in post.items() if value is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """The posts of one file, in its order."""

    name: str
    posts: list[RealPost]


class Data:
    """The folder of real posts; files are read when asked for, and kept."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[str, list[DataFile]] = {}

    def files(self, folder: str) -> list[DataFile]:
        """All files of a folder that hold posts, by name.

        Raises:
            NoData: there is none.
        """
        if folder not in self._read:
            paths = sorted(path for path in (self._root / folder).rglob("*") if path.is_file())
            files = [DataFile(name=f"{folder}/{path.name}", posts=list(_posts(path))) for path in paths]
            self._read[folder] = [file for file in files if file.posts]
        if not self._read[folder]:
            raise NoData(f"no posts in {self._root / folder}")
        return self._read[folder]

    def posts(self, folder: str) -> list[RealPost]:
        """The posts of all files of a folder, file after file."""
        return [post for file in self.files(folder) for post in file.posts]


def _posts(path: Path) -> Iterator[RealPost]:
    """The lines that are posts; what else lies in the folder (a README, a licence) has none."""
    last_ms = BEGAN_MS - 1000
    try:
        for number, line in enumerate(read_ndjson(path)):
            post = _post(line, f"{path.name}:{number}", last_ms)
            if post is None:
                continue
            last_ms = post.at_ms
            yield post
    except FeedError:
        return


def _post(line: bytes, name: str, last_ms: int) -> RealPost | None:
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(fields, dict) or not isinstance(fields.get("text"), str):
        return None
    ident = str(fields.get("id") or name)
    made_up = set()
    author = _author(fields)
    if author is None:
        made_up.add("author")
        author = {"id": f"alone-{ident}"}
    at_ms = _time_ms(fields.get("created_at"))
    if at_ms is None:
        made_up.add("time")
        at_ms = last_ms + 1000
    return RealPost(
        id=ident,
        author=author["id"],
        at_ms=at_ms,
        text=fields["text"],
        more=_more(fields) | {"author": author},
        labels=fields,
        made_up=frozenset(made_up),
    )


def _author(fields: dict[str, Any]) -> dict[str, Any] | None:
    """The contract's `author`; the files have its members beside it."""
    given = fields.get("author")
    given = given if isinstance(given, dict) else {"id": given}
    if given.get("id") in {None, ""}:
        return None
    author = {"id": str(given["id"])}
    created_ms = _time_ms(given.get("created_at", fields.get("account_created")))
    if created_ms is not None:
        author["created_at"] = created_ms
    followers = given.get("followers", fields.get("followers"))
    if isinstance(followers, int):
        author["followers"] = followers
    return author


def _more(fields: dict[str, Any]) -> dict[str, Any]:
    more: dict[str, Any] = {
        name: fields[name] for name in _NAMES if isinstance(fields.get(name), str) and fields[name]
    }
    more |= {name: fields[name] for name in _LISTS if isinstance(fields.get(name), list)}
    platform = fields.get("platform")
    if isinstance(platform, str) and _PLATFORM_NAME.fullmatch(platform):
        more["platform"] = platform
    return more


def _time_ms(value: Any) -> int | None:
    """UTC milliseconds of RFC 3339 or of a number of milliseconds; a time without a zone is UTC."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
