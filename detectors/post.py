"""A post as feeds write it, and the only way one enters: `parse_post`.

Posts are hostile. Either a record can be represented safely and whole, or it is `Rejected`
with one enumerated reason; nothing is silently truncated, and nothing raises.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

AwareTime = Annotated[datetime, msgspec.Meta(tz=True)] | int
"""RFC 3339 with a zone, or integer milliseconds since the Unix epoch."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Platform = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": r"^[a-z0-9][a-z0-9_.-]{0,31}$(?!\n)"})]
"""Held to its pattern by `parse_post`: it is one of a few, and msgspec would match each anew (0.4 µs)."""
Short = Annotated[str, msgspec.Meta(max_length=2048)]
Tag = Annotated[str, msgspec.Meta(max_length=256)]

CANARY = "tocsin-canary"
"""Platform of our own test bursts: they have no time of their own, and are told to nobody."""
EARLIEST_MS = 946_684_800_000  # 2000-01-01: before any social feed
LATEST_MS = 4_102_444_800_000  # 2100-01-01
MAX_SKEW_AHEAD_MS = 60_000
MAX_SKEW_BEHIND_MS = 600_000


class Reason(StrEnum):
    """Why a record became a dead letter. Every one is a metric series from the start."""

    TOMBSTONE = "tombstone"
    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    LONE_SURROGATE = "lone_surrogate"
    TOO_DEEP = "too_deep"
    NOT_OBJECT = "not_object"
    MISSING_FIELD = "missing_field"
    MISTYPED_FIELD = "mistyped_field"
    OUT_OF_BOUNDS = "out_of_bounds"
    NAIVE_TIME = "naive_time"
    BAD_TIME = "bad_time"
    ABSURD_TIME = "absurd_time"
    FUTURE_TIME = "future_time"
    TEXT_TOO_LONG = "text_too_long"
    INTERNAL_ERROR = "internal_error"


class Rejected(NamedTuple):
    """A record that is no post. `detail` names the field and never quotes the content."""

    reason: Reason
    detail: str


class Author(msgspec.Struct, gc=False):
    """Who published. `id` is hashed with a key before it leaves SKETCH."""

    id: Name
    handle: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    created_at: AwareTime | None = None
    followers: int | None = None


class Media(msgspec.Struct, gc=False):
    """An attachment; `phash` is 16 hex digits, `pdq` 64."""

    type: Annotated[str, msgspec.Meta(max_length=32)]
    url: Short | None = None
    phash: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{16}$(?!\n)")] | None = None
    pdq: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{64}$(?!\n)")] | None = None


class Post(msgspec.Struct, gc=False):
    """One record of topic ``posts``. Unknown fields pass unread."""

    id: Name
    platform: Platform
    created_at: AwareTime
    author: Author | None = None
    text: str | None = None
    observed_at: AwareTime | None = None
    op: Literal["create", "update", "delete"] = "create"
    lang: Annotated[str, msgspec.Meta(max_length=35)] | None = None
    urls: Annotated[list[Short], msgspec.Meta(max_length=100)] | None = None
    hashtags: Annotated[list[Tag], msgspec.Meta(max_length=100)] | None = None
    media: Annotated[list[Media], msgspec.Meta(max_length=100)] | None = None
    repost_of: Name | None = None
    quote_of: Name | None = None
    reply_to: Name | None = None
    url: Short | None = None


class TimedPost(NamedTuple):
    """A post with its event time decided."""

    post: Post
    event_ms: int
    """UTC milliseconds: `created_at`, or `observed_at` where the claim is not credible."""
    clock_lied: bool
    """`created_at` was outside [observed_at - 10 min, observed_at + 60 s]."""


_decode = msgspec.json.Decoder(Post).decode
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_PLATFORM = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}")


@lru_cache(maxsize=1024)
def _is_platform(name: str) -> bool:
    return _PLATFORM.fullmatch(name) is not None


def parse_post(
    value: bytes | None, append_ms: int, *, max_bytes: int, max_text_chars: int
) -> TimedPost | Rejected:
    """Read one record of topic ``posts``.

    Args:
        value: The record's bytes, of any content.
        append_ms: The record's append time, UTC milliseconds.
        max_bytes: Larger records are refused unread.
        max_text_chars: Longer texts are refused, in code points.

    Returns:
        The post with its event time, or why it is none.
    """
    post = read_post(value, max_bytes, max_text_chars)
    return post if isinstance(post, Rejected) else decide_time(post, append_ms)


def read_post(  # noqa: PLR0911 (a reason each)
    value: bytes | None, max_bytes: int, max_text_chars: int
) -> Post | Rejected:
    """What `parse_post` does but for the time, which many posts decide together (`decide_times`)."""
    if value is None:
        return Rejected(Reason.TOMBSTONE, "the record has no value")
    if len(value) > max_bytes:
        return Rejected(Reason.TOO_LARGE, f"{len(value)} bytes, at most {max_bytes}")
    try:
        post = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _diagnose(value, error)
    if not _is_platform(post.platform):
        return Rejected(Reason.OUT_OF_BOUNDS, "platform")
    if post.op == "delete":
        return post
    if post.text is None or post.author is None:
        return Rejected(Reason.MISSING_FIELD, "author" if post.author is None else "text")
    if len(post.text) > max_text_chars:
        return Rejected(Reason.TEXT_TOO_LONG, f"{len(post.text)} characters, at most {max_text_chars}")
    return post


def epoch_ms(moment: datetime | int) -> int:
    """UTC milliseconds since the Unix epoch of an aware time or of milliseconds."""
    return moment if isinstance(moment, int) else int(moment.timestamp() * 1000 + 0.5)


def epochs_ms(moments: Sequence[datetime | int]) -> NDArray[np.int64]:
    """`epoch_ms` of each, int64 (n,); what lies before 1970 or after `LATEST_MS` is set to either end."""
    ms = [m if isinstance(m, int) else int(m.timestamp() * 1000 + 0.5) for m in moments]
    try:
        return np.clip(np.array(ms, np.int64), 0, LATEST_MS)
    except OverflowError:  # a client may write any number
        return np.array([min(max(moment, 0), LATEST_MS) for moment in ms], np.int64)


def decide_times(
    posts: Sequence[Post], append_ms: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Event times of n posts; see `decide_time`, which says why a refused one is refused.

    Args:
        posts: They.
        append_ms: int64 (n,): their append times.

    Returns:
        Event times, int64 (n,), whether each clock lied, whether each post is refused, bool (n,).
    """
    created = epochs_ms([post.created_at for post in posts])
    observed = epochs_ms(
        [post.created_at if post.observed_at is None else post.observed_at for post in posts]
    )
    absurd = (
        (created < EARLIEST_MS) | (created >= LATEST_MS) | (observed < EARLIEST_MS) | (observed >= LATEST_MS)
    )
    lied = (created < observed - MAX_SKEW_BEHIND_MS) | (created > observed + MAX_SKEW_AHEAD_MS)
    return np.where(lied, observed, created), lied, absurd | (observed > append_ms + MAX_SKEW_AHEAD_MS)


def decide_time(post: Post, append_ms: int) -> TimedPost | Rejected:
    """The post with its event time, or why it has none."""
    created = epoch_ms(post.created_at)
    observed = created if post.observed_at is None else epoch_ms(post.observed_at)
    if not EARLIEST_MS <= created < LATEST_MS:
        return Rejected(Reason.ABSURD_TIME, "created_at")
    if not EARLIEST_MS <= observed < LATEST_MS:
        return Rejected(Reason.ABSURD_TIME, "observed_at")
    if observed > append_ms + MAX_SKEW_AHEAD_MS:
        return Rejected(Reason.FUTURE_TIME, "created_at" if post.observed_at is None else "observed_at")
    if observed - MAX_SKEW_BEHIND_MS <= created <= observed + MAX_SKEW_AHEAD_MS:
        return TimedPost(post, created, clock_lied=False)
    return TimedPost(post, observed, clock_lied=True)


def _diagnose(value: bytes, error: Exception) -> Rejected:
    """Name the reason. Slow, and only for what is refused."""
    if isinstance(error, RecursionError):
        return Rejected(Reason.TOO_DEEP, "nesting")
    try:
        text = value.decode()
    except UnicodeDecodeError as utf8:
        return Rejected(Reason.NOT_UTF8, f"byte {utf8.start}")
    if not isinstance(error, msgspec.ValidationError):
        try:
            json.loads(text, parse_constant=_refuse_constant)
        except RecursionError:
            return Rejected(Reason.TOO_DEEP, "nesting")
        except ValueError:
            return Rejected(Reason.NOT_JSON, "not a JSON text (RFC 8259)")
        lone = _SURROGATE.search(value) is not None
        return Rejected(Reason.LONE_SURROGATE if lone else Reason.NOT_JSON, "string")
    return _diagnose_validation(str(error))


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _diagnose_validation(message: str) -> Rejected:
    """Map msgspec's message to a reason; the messages are held by a contract test."""
    field = message.rpartition("`$")[2].strip("`.") if "`$" in message else ""
    if message.startswith("Object missing required field"):
        return Rejected(Reason.MISSING_FIELD, ".".join(filter(None, (field, message.split("`")[1]))))
    if message.startswith("Expected `object`") and not field:
        return Rejected(Reason.NOT_OBJECT, "the record is no JSON object")
    if "timezone component" in message:
        return Rejected(Reason.NAIVE_TIME, field)
    if message.startswith("Invalid RFC3339"):
        return Rejected(Reason.BAD_TIME, field)
    if " of length " in message or "matching regex" in message or "out of range" in message:
        return Rejected(Reason.OUT_OF_BOUNDS, field)
    return Rejected(Reason.MISTYPED_FIELD, field)
