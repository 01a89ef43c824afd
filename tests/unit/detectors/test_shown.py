"""What is shown of posts: the kernel packs what `msgspec` would pack of each `Sample`."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from siphashc import siphash

from detectors.post import EARLIEST_MS, LATEST_MS, Author, Post
from detectors.rows import Sample, pack_sample
from detectors.shown import LINK_CHARS, N_LINKS, N_TAGS, TAG_CHARS, Shown
from detectors.shown_kernel import SHOWN_CHARS

KEY = np.frombuffer(bytes(range(16)), "<u8")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHARS = st.characters(exclude_categories=["Cs"])
_NAMES = st.text(_CHARS, min_size=1, max_size=60)
_LONG = st.builds(lambda part, n: part * n, st.text(_CHARS, max_size=40), st.sampled_from([1, 30, 500, 9000]))
_POSTS = st.builds(
    Post,
    id=_NAMES,
    platform=_NAMES,
    created_at=st.just(0),
    author=st.just(Author("a")),
    text=_LONG,
    lang=st.none() | st.text(_CHARS, max_size=35),
    hashtags=st.lists(st.text(_CHARS, max_size=250), max_size=12),
    urls=st.lists(_LONG, max_size=7),
    url=st.none() | _LONG,
)
_MOMENTS = st.integers(EARLIEST_MS, LATEST_MS)
_ACCOUNTS = st.integers(0, 2**64 - 1)


def expected(post: Post, account: int, at_ms: int) -> bytes:
    """The sample of a post, as it is told to be."""
    text, url = post.text or "", post.url
    return pack_sample(
        Sample(
            platform=post.platform,
            lang=post.lang,
            hashtags=[tag.lstrip("#")[:TAG_CHARS] for tag in (post.hashtags or [])[:N_TAGS]],
            urls=[link[:LINK_CHARS] for link in (post.urls or [])[:N_LINKS]],
            id=post.id,
            account=f"{account:016x}",
            at_ms=at_ms,
            text=text[:SHOWN_CHARS],
            clipped=len(text) > SHOWN_CHARS,
            url=url if url is not None and len(url) <= LINK_CHARS else None,
        )
    )


def samples_of(shown: Shown, asked: list[tuple[int, int, int]]) -> list[bytes]:
    """Samples of (post, account, event time)."""
    posts, accounts, event_ms = zip(*asked, strict=True) if asked else ((), (), ())
    columns = np.array(posts, np.int64), np.array(accounts, np.uint64), np.array(event_ms, np.int64)
    packed, ends = shown.samples(*columns)
    return [packed[start:end].tobytes() for start, end in pairwise([0, *ends.tolist()])]


@given(st.lists(st.tuples(_POSTS, _ACCOUNTS, _MOMENTS), max_size=20), st.randoms(use_true_random=False))
def test_samples_are_what_msgspec_packs_and_names_are_hashed_as_siphashc_does(
    told: list[tuple[Post, int, int]], order: Any
) -> None:
    """Whatever strings a post holds, of whatever length, and in whatever order they are asked for."""
    posts = [post for post, _, _ in told]
    shown = Shown.of(posts)
    asked = order.sample(range(len(told)), len(told) // 2)
    assert samples_of(shown, [(at, *told[at][1:]) for at in asked]) == [expected(*told[at]) for at in asked]
    for names, hashes in (("a", shown.accounts(KEY)), (None, shown.identities(KEY))):
        expected_names = [f"{post.platform}\0{names or post.id}" for post in posts]
        assert hashes.tolist() == [siphash(KEY.tobytes(), name) for name in expected_names]
    texts = [
        shown.packed[start:end].tobytes().decode()
        for start, end in shown.texts(np.arange(len(posts))).tolist()
    ]
    assert texts == [post.text for post in posts]


def test_fields_are_found_in_batches_of_every_size() -> None:
    """What msgspec writes before many posts is longer than before few."""
    for n in (15, 16, 65_535, 65_536):
        posts = [Post(id=str(i), platform="x", created_at=0, author=Author("a"), text="t") for i in range(n)]
        asked = [(n - 1, 0, EARLIEST_MS)]
        assert samples_of(Shown.of(posts), asked) == [expected(posts[-1], 0, EARLIEST_MS)]


@given(
    st.lists(
        st.none()
        | st.integers(-(2**70), 2**70)
        | st.sampled_from([sign * 2**n + d for n in range(64) for d in (-1, 0, 1) for sign in (-1, 1)])
        | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-11, minutes=30))])),
        max_size=20,
    )
)
def test_moments_are_read_whatever_form_they_are_packed_in(moments: list[datetime | int | None]) -> None:
    """To the nearest millisecond; beyond 64 bits nothing is told, and what takes all of them is no moment."""
    posts = [Post(id="1", platform="x", created_at=0, author=Author("a", None, told)) for told in moments]
    for told, found in zip(moments, Shown.of(posts).created_ms(7).tolist(), strict=True):
        if isinstance(told, datetime):
            assert found == ((told - EPOCH) // timedelta(microseconds=1) + 500) // 1000
        elif told is None or abs(told) >= 2**64:
            assert found == 7
        elif abs(told) < 2**63:
            assert found == told
        else:
            assert found < EARLIEST_MS


def test_an_account_of_a_post_without_one_is_untold() -> None:
    """A deletion need not say who wrote."""
    assert Shown.of([Post(id="1", platform="x", created_at=0)]).created_ms(7).tolist() == [7]
