"""Posts at the door: every reason for a refusal, the event-time rule at its edges, any bytes at all."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.post import (
    EARLIEST_MS,
    LATEST_MS,
    Author,
    Post,
    Reason,
    Rejected,
    TimedPost,
    decide_time,
    decide_times,
    parse_post,
)

APPEND_MS = 1_715_767_260_000


def parse(
    value: bytes | None, *, max_bytes: int = 200_000, max_text_chars: int = 100
) -> TimedPost | Rejected:
    """With limits of its own."""
    return parse_post(value, APPEND_MS, max_bytes=max_bytes, max_text_chars=max_text_chars)


def post(**changes: Any) -> bytes:
    """A valid post with fields changed; None takes one out."""
    fields = {
        "id": "1",
        "platform": "test",
        "author": {"id": "a"},
        "created_at": APPEND_MS,
        "text": "hi",
        **changes,
    }
    return json.dumps({key: value for key, value in fields.items() if value is not None}).encode()


def raw(created_at: str = "1715767260000", text: str = '"hi"', more: str = "") -> bytes:
    """A post of JSON fragments."""
    author = '"author":{"id":"a"}'
    return f'{{"id":"1","platform":"test",{author},"created_at":{created_at},"text":{text}{more}}}'.encode()


REFUSED = [
    pytest.param(None, Reason.TOMBSTONE, id="tombstone"),
    pytest.param(b" " * 200_001, Reason.TOO_LARGE, id="too-large"),
    pytest.param(b"", Reason.NOT_JSON, id="empty"),
    pytest.param(b"\xef\xbb\xbf" + post(), Reason.NOT_JSON, id="byte-order-mark"),
    pytest.param(post() + b"x", Reason.NOT_JSON, id="trailing"),
    pytest.param(post()[:-3], Reason.NOT_JSON, id="cut"),
    pytest.param(raw(created_at="NaN"), Reason.NOT_JSON, id="nan-time"),
    pytest.param(raw(more=',"x":NaN'), Reason.NOT_JSON, id="nan-in-unknown"),
    pytest.param(raw(text='"\x01"'), Reason.NOT_JSON, id="raw-control-character"),
    pytest.param(b"\xff\xfe{}", Reason.NOT_UTF8, id="utf-16"),
    pytest.param(raw(text='"?"').replace(b"?", b"\xff"), Reason.NOT_UTF8, id="not-utf8-text"),
    pytest.param(raw(text='"?"').replace(b"?", b"\xed\xa0\x80"), Reason.NOT_UTF8, id="encoded-surrogate"),
    pytest.param(raw(text='"\\ud800"'), Reason.LONE_SURROGATE, id="lone-high"),
    pytest.param(raw(text='"a\\udc00b"'), Reason.LONE_SURROGATE, id="lone-low"),
    pytest.param(raw(more=',"x":' + "[" * 30_000 + "]" * 30_000), Reason.TOO_DEEP, id="deep-array"),
    pytest.param(raw(more=',"x":' + '{"a":' * 9_000 + "1" + "}" * 9_000), Reason.TOO_DEEP, id="deep-object"),
    pytest.param(raw(more=',"x":' + "[" * 30_000), Reason.TOO_DEEP, id="deep-and-cut"),
    pytest.param(b'{"a":' * 9_000 + b"1" + b"}" * 9_000, Reason.TOO_DEEP, id="deep-at-top"),
    pytest.param(b"[" * 60_000, Reason.NOT_OBJECT, id="deep-array-at-top"),
    pytest.param(b"[]", Reason.NOT_OBJECT, id="array"),
    pytest.param(b"null", Reason.NOT_OBJECT, id="null"),
    pytest.param(b"12", Reason.NOT_OBJECT, id="number"),
    pytest.param(b"{}", Reason.MISSING_FIELD, id="nothing"),
    *(
        pytest.param(post(**{name: None}), Reason.MISSING_FIELD, id=f"no-{name}")
        for name in json.loads(post())
    ),
    pytest.param(post(author={}), Reason.MISSING_FIELD, id="no-author-id"),
    pytest.param(post(id=1), Reason.MISTYPED_FIELD, id="numeric-id"),
    pytest.param(post(text=["hi"]), Reason.MISTYPED_FIELD, id="array-text"),
    pytest.param(post(author="a"), Reason.MISTYPED_FIELD, id="string-author"),
    pytest.param(post(op="explode"), Reason.MISTYPED_FIELD, id="unknown-op"),
    pytest.param(post(created_at=True), Reason.MISTYPED_FIELD, id="bool-time"),
    pytest.param(raw(created_at="null"), Reason.MISTYPED_FIELD, id="null-time"),
    pytest.param(raw(created_at="1715767260000.5"), Reason.MISTYPED_FIELD, id="fractional-time"),
    pytest.param(raw(created_at="1e999"), Reason.OUT_OF_BOUNDS, id="infinite-time"),
    pytest.param(post(id=""), Reason.OUT_OF_BOUNDS, id="empty-id"),
    pytest.param(post(id="x" * 257), Reason.OUT_OF_BOUNDS, id="long-id"),
    pytest.param(post(platform="No Such"), Reason.OUT_OF_BOUNDS, id="bad-platform"),
    pytest.param(post(platform="test\n"), Reason.OUT_OF_BOUNDS, id="platform-with-newline"),
    pytest.param(
        post(media=[{"type": "i", "phash": "0" * 16 + "\n"}]), Reason.OUT_OF_BOUNDS, id="phash-with-newline"
    ),
    pytest.param(post(urls=["u"] * 101), Reason.OUT_OF_BOUNDS, id="too-many-urls"),
    pytest.param(raw(more=',"author":{"id":"a","followers":1e999}'), Reason.OUT_OF_BOUNDS, id="followers"),
    pytest.param(post(created_at="2024-05-15T10:01:00"), Reason.NAIVE_TIME, id="naive"),
    pytest.param(post(created_at="2024-05-15"), Reason.BAD_TIME, id="date"),
    pytest.param(post(created_at="yesterday"), Reason.BAD_TIME, id="words-for-time"),
    pytest.param(post(created_at="0000-00-00T00:00:00Z"), Reason.BAD_TIME, id="zero-date"),
    pytest.param(post(created_at="0001-01-01T00:00:00+23:59"), Reason.ABSURD_TIME, id="year-0"),
    pytest.param(post(created_at="9999-12-31T23:59:59-23:59"), Reason.ABSURD_TIME, id="year-10000"),
    pytest.param(post(created_at=EARLIEST_MS - 1), Reason.ABSURD_TIME, id="before-feeds"),
    pytest.param(post(created_at=LATEST_MS, observed_at=APPEND_MS), Reason.ABSURD_TIME, id="after-feeds"),
    pytest.param(post(created_at=1_715_767_260), Reason.ABSURD_TIME, id="seconds-for-milliseconds"),
    pytest.param(raw(created_at="9" * 400), Reason.ABSURD_TIME, id="huge-time"),
    pytest.param(post(observed_at=-1), Reason.ABSURD_TIME, id="absurd-observed"),
    pytest.param(post(created_at=APPEND_MS + 60_001), Reason.FUTURE_TIME, id="future"),
    pytest.param(post(observed_at=APPEND_MS + 60_001), Reason.FUTURE_TIME, id="future-observed"),
    pytest.param(post(text="x" * 101), Reason.TEXT_TOO_LONG, id="text-too-long"),
]


@pytest.mark.parametrize(("value", "reason"), REFUSED)
def test_hostile_record_is_refused_by_its_reason(value: bytes | None, reason: Reason) -> None:
    """Each kind of bad record has one reason, and its detail is short and quotes nothing."""
    rejected = parse(value)
    assert isinstance(rejected, Rejected)
    assert rejected.reason is reason
    assert len(rejected.detail) < 100


def test_every_reason_has_an_example() -> None:
    """No reason is left without a hostile example, but the one that a worker's crash gives."""
    assert {param.values[1] for param in REFUSED} == set(Reason) - {Reason.INTERNAL_ERROR}


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"author": {}}, "author.id"),
        ({"id": 7}, "id"),
        ({"author": {"id": "a", "created_at": "2024-05-15T10:01:00"}}, "author.created_at"),
        ({"media": [{"type": "i", "phash": "zz"}]}, "media[0].phash"),
    ],
)
def test_detail_names_the_field(fields: dict[str, Any], detail: str) -> None:
    """The person who reads a dead letter learns which field it was."""
    rejected = parse(post(**fields))
    assert isinstance(rejected, Rejected)
    assert rejected.detail == detail


@pytest.mark.parametrize(
    ("created_ms", "observed_ms", "event_ms", "lied"),
    [
        pytest.param(-600_000, 0, -600_000, False, id="ten-minutes-before-is-credible"),
        pytest.param(-600_001, 0, 0, True, id="a-millisecond-more-is-not"),
        pytest.param(60_000, 0, 60_000, False, id="a-minute-after-is-credible"),
        pytest.param(60_001, 0, 0, True, id="a-millisecond-more-after-is-not"),
        pytest.param(120_000, 60_000, 120_000, False, id="both-ahead-of-the-broker"),
        pytest.param(60_000, None, 60_000, False, id="archive-up-to-a-minute-ahead"),
        pytest.param(-(10**11), None, -(10**11), False, id="archive-of-years-ago"),
    ],
)
def test_event_time_at_the_edges(
    created_ms: int, observed_ms: int | None, event_ms: int, *, lied: bool
) -> None:
    """Event time is created_at within [observed - 10 min, observed + 60 s], both ends included."""
    observed = None if observed_ms is None else APPEND_MS + observed_ms
    timed = parse(post(created_at=APPEND_MS + created_ms, observed_at=observed))
    assert isinstance(timed, TimedPost)
    assert (timed.event_ms - APPEND_MS, timed.clock_lied) == (event_ms, lied)


def test_rfc_3339_and_milliseconds_are_the_same_moment() -> None:
    """Both forms of a time, in any zone, give one event time."""
    for time in ("2024-05-15T10:01:00Z", "2024-05-15T12:01:00+02:00", "2024-05-15T10:01:00.000Z", APPEND_MS):
        timed = parse(post(created_at=time))
        assert isinstance(timed, TimedPost)
        assert timed.event_ms == APPEND_MS


def test_text_at_the_limit_and_unknown_fields_pass() -> None:
    """The limit is inclusive and counts code points; what is not known is not read."""
    timed = parse(post(text="😀" * 100, unknown={"deep": [1, {"x": 1e300}]}))
    assert isinstance(timed, TimedPost)
    assert timed.post.text == "😀" * 100


def test_deletion_needs_neither_author_nor_text() -> None:
    """Feeds that tell of a deletion seldom say whose it was."""
    assert isinstance(parse(post(op="delete", author=None, text=None)), TimedPost)


NEAR = st.integers(APPEND_MS - 700_000, APPEND_MS + 130_000)
MOMENTS = st.one_of(
    NEAR,
    NEAR.map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC)),
    st.sampled_from(
        [EARLIEST_MS, EARLIEST_MS - 1, LATEST_MS, LATEST_MS - 1, -1, 0, 2**63, -(2**63), 2**64 - 1]
    ),
)


@given(st.lists(st.tuples(MOMENTS, st.none() | MOMENTS)))
def test_posts_decide_their_times_together_as_each_does_alone(
    moments: list[tuple[datetime | int, datetime | int | None]],
) -> None:
    """Whatever a client wrote, numbers past 64 bits among them."""
    posts = [
        Post(id="1", platform="x", author=Author("a"), text="", created_at=created, observed_at=observed)
        for created, observed in moments
    ]
    event_ms, lied, refused = decide_times(posts, np.full(len(posts), APPEND_MS))
    together = zip(event_ms.tolist(), lied.tolist(), refused.tolist(), strict=True)
    for one, (at_ms, clock_lied, is_refused) in zip(posts, together, strict=True):
        alone = decide_time(one, APPEND_MS)
        assert isinstance(alone, Rejected) == is_refused
        assert isinstance(alone, Rejected) or alone == TimedPost(one, at_ms, clock_lied)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_post_or_a_reason(value: bytes) -> None:
    """Nothing raises, whatever the bytes."""
    assert isinstance(parse(value), TimedPost | Rejected)


@given(st.dictionaries(st.sampled_from([*json.loads(post()), "observed_at", "op", "media", "urls"]), JSON))
def test_any_fields_give_a_post_or_a_reason(changes: dict[str, Any]) -> None:
    """Nothing raises, whatever stands in the known fields, and a refusal never is `internal_error`."""
    value = json.dumps({**orjson.loads(post()), **changes}).encode()
    parsed = parse(value)
    assert isinstance(parsed, TimedPost) or parsed.reason is not Reason.INTERNAL_ERROR


@given(st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_a_post_with_bytes_put_in_anywhere_gives_a_post_or_a_reason(place: int, noise: bytes) -> None:
    """Corrupted records are refused, not raised."""
    whole = post(observed_at="2024-05-15T10:01:00Z", urls=["https://e.example"], media=[{"type": "image"}])
    assert isinstance(parse(whole[:place] + noise + whole[place:]), TimedPost | Rejected)
