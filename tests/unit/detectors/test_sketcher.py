"""SKETCH: one sequence of rows and marks however the log is cut; what a row says of its post."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import msgspec
import orjson
import pytest
from siphashc import siphash
from support.posts import DAY_MS, T0_MS, Written, hostile_feed, records, sliced, words

from detectors.post import CANARY
from detectors.rows import (
    AGE_KNOWN,
    CLOCK_LIED,
    EXACT,
    NEW_ACCOUNT,
    REPOST,
    Columns,
    Pack,
    Sample,
    read_sample,
)
from detectors.settings import DetectorSettings
from detectors.sketch_rows import PACK_BYTES
from detectors.sketcher import RawPost, Sketcher

SETTINGS = DetectorSettings()
PLAIN = Written(at_ms=T0_MS, text=words("plain"), author="a", id="1")


def unrolled(packs: Sequence[Pack]) -> list[tuple[Any, ...]]:
    """Rows, marks and deletions in the order in which CLUSTER takes them."""
    out: list[tuple[Any, ...]] = []
    for pack in packs:
        columns = Columns.of(pack)
        norms, ends = bytes(pack.norms), columns.norm_offsets.tolist()
        shown = columns.sample_offsets.tolist()
        marks = [(m.position, m.watermark_ms, 0, ("mark", m.watermark_ms, m.idle)) for m in pack.marks]
        deletes = [
            (d.position, d.watermark_ms, 1, ("delete", d.offset, d.watermark_ms, d.identity))
            for d in pack.deletes
        ]
        events = sorted(marks + deletes, key=lambda event: event[:3])
        for row in range(len(columns.offsets) + 1):
            out += [event[3] for event in events if event[0] == row]
            if row < len(columns.offsets):
                values = [column[row].tolist() for column in columns[:9]]
                sample = pack.samples[shown[row] : shown[row + 1]]
                out.append(("row", *values, norms[ends[row] : ends[row + 1]], sample))
    return out


def sketched(log: Sequence[RawPost], size: int, n_partitions: int = 3) -> list[list[tuple[Any, ...]]]:
    """What each partition receives, the log fed in batches of `size`."""
    sketcher = Sketcher(SETTINGS, 0, 1, n_partitions)
    packs: list[list[Pack]] = [[] for _ in range(n_partitions)]
    for batch in sliced(log, size):
        for partition, pack in sketcher.feed(batch).packs:
            packs[partition].append(pack)
    return [unrolled(part) for part in packs]


def row_of(post: Written, **settings: Any) -> tuple[int, str, Sample]:
    """(flags, matching text, sample) of one post."""
    sketcher = Sketcher(DetectorSettings(**settings), 0, 1, 1)
    ((_, pack),) = sketcher.feed(records([post])).packs
    return pack.flags[0], bytes(pack.norms).decode(), read_sample(pack.samples)


@pytest.mark.parametrize("size", [1, 7, 33])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sequence_per_partition_does_not_depend_on_the_cut(seed: int, size: int) -> None:
    """Rows, marks and deletions come in one order, with one content, to each of three partitions."""
    log = records(hostile_feed(seed, 400))
    whole = sketched(log, 500)
    assert sum(map(len, whole)) > 400
    assert sketched(log, size) == whole


def test_deletion_keeps_its_place_between_marks() -> None:
    """Marks before and after a deletion stay there though no row stands between them."""
    posts = [replace(PLAIN, id=str(i), at_ms=T0_MS + i * 30_000, more={"op": "delete"}) for i in range(3)]
    kinds = [[event[0] for event in part] for part in sketched(records(posts), 500)]
    assert kinds == [["mark", "delete"] * 3] * 3


def test_marks_go_to_every_partition() -> None:
    """A partition without rows learns the time all the same."""
    posts = [replace(PLAIN, id=str(i), at_ms=T0_MS + i * 5_000) for i in range(9)]
    marks = [[event[1] for event in part if event[0] == "mark"] for part in sketched(records(posts), 500)]
    assert marks == [[T0_MS + i * 10_000 for i in range(5)]] * 3


def test_copies_go_to_one_partition() -> None:
    """Identical texts share their route, whatever else differs; short ones too."""
    for text in (PLAIN.text, "good day"):
        posts = [replace(PLAIN, id=str(i), author=str(i), text=text) for i in range(20)]
        assert sum(any(e[0] == "row" for e in part) for part in sketched(records(posts), 500)) == 1


def test_row_watermark_is_the_running_maximum() -> None:
    """A late post carries the source's watermark and its own event time."""
    posts = [replace(PLAIN, id=str(i), at_ms=T0_MS + ms) for i, ms in enumerate((0, 4000, 1000, 5000))]
    (part,) = sketched(records(posts), 500, n_partitions=1)
    rows = [(event[2] - T0_MS, event[3] - T0_MS) for event in part if event[0] == "row"]
    assert rows == [(0, 0), (4000, 4000), (1000, 4000), (5000, 5000)]


@pytest.mark.parametrize("size", [1, 500])
def test_a_canary_counts_at_the_feeds_time_and_moves_no_clock(size: int) -> None:
    """It claims to be of now, and an archive stays where it is; before there is a clock no canary counts."""
    sung = replace(PLAIN, at_ms=T0_MS + 500 * DAY_MS, more={"platform": CANARY})
    posts = [
        replace(sung, id="early"),
        PLAIN,
        replace(sung, id="sung"),
        replace(PLAIN, id="2", at_ms=T0_MS + 1000),
        replace(sung, id="later"),
    ]
    sketcher = Sketcher(SETTINGS, 0, 1, 1)
    log = records(posts)
    told = [sketcher.feed(batch) for batch in sliced(log, size)]
    events = unrolled([pack for one in told for _, pack in one.packs])
    assert [event[2] - T0_MS for event in events if event[0] == "row"] == [0, 0, 1000, 1000]
    assert [event[1] for event in events if event[0] == "mark"] == [T0_MS]
    assert sum((one.counts for one in told), Counter())["unplaced"] == 1
    assert sum((one.platforms for one in told), Counter())[CANARY] == 3
    assert sketcher.watermark_ms == T0_MS + 1000
    assert sketcher.last_append_ms == log[3].timestamp
    sketcher.feed(records([replace(sung, id="idle")]))
    sketcher.idle_tick(log[3].timestamp + 7000)
    assert sketcher.watermark_ms == T0_MS + 8000  # the time of a silent feed goes on under a canary


def test_packs_are_split_by_size_and_keep_everything() -> None:
    """No pack of many rows passes the limit, and the split changes nothing."""
    posts = [
        replace(
            PLAIN,
            id=str(i),
            text=words(i, 1200),
            at_ms=T0_MS + i * 3000,
            more={} if i % 9 else {"op": "delete"},
        )
        for i in range(150)
    ]
    log = records(posts)
    packs = [pack for _, pack in Sketcher(SETTINGS, 0, 1, 1).feed(log).packs]
    assert len(packs) > 1
    assert all(len(msgspec.msgpack.encode(pack)) < PACK_BYTES * 1.2 for pack in packs)
    assert unrolled(packs) == sketched(log, 1, n_partitions=1)[0]


def test_rejected_records_are_handed_back_and_the_rest_goes_on() -> None:
    """A bad record has no row and no say in time."""
    log = [RawPost(0, T0_MS, b"{"), *records([PLAIN], 1), RawPost(2, T0_MS, None)]
    done = Sketcher(SETTINGS, 0, 1, 1).feed(log)
    assert [record.offset for record, _ in done.rejected] == [0, 2]
    assert [Columns.of(pack).offsets.tolist() for _, pack in done.packs] == [[1]]


def test_idle_clock_goes_by_elapsed_time_not_by_wall_time() -> None:
    """An archive of years ago moves on by as long as nothing came."""
    sketcher = Sketcher(SETTINGS, 0, 1, 2)
    append_ms = T0_MS + 400 * DAY_MS
    sketcher.feed([PLAIN.record(0, append_ms)])
    for now_ms, expected in ((30_000, 30_000), (90_000, 90_000), (60_000, 90_000)):
        ticks = sketcher.idle_tick(append_ms + now_ms)
        assert [(p, pack.marks[0].watermark_ms - T0_MS) for p, pack in ticks] == [
            (0, expected),
            (1, expected),
        ]
        assert all(pack.marks[0].idle for _, pack in ticks)


def test_idle_source_without_posts_says_so() -> None:
    """Watermark 0: it is known, and limits nobody."""
    ((_, pack),) = Sketcher(SETTINGS, 0, 1, 1).idle_tick(T0_MS)
    assert pack.marks == [(0, 0, True)]


@pytest.mark.parametrize(
    ("post", "flags"),
    [
        pytest.param(PLAIN, AGE_KNOWN, id="plain"),
        pytest.param(replace(PLAIN, age_days=None), 0, id="age-unknown"),
        pytest.param(replace(PLAIN, age_days=29.9), AGE_KNOWN | NEW_ACCOUNT, id="new"),
        pytest.param(replace(PLAIN, age_days=30), AGE_KNOWN, id="thirty-days-is-not-new"),
        pytest.param(replace(PLAIN, age_days=-0.9), AGE_KNOWN | NEW_ACCOUNT, id="created-this-day"),
        pytest.param(replace(PLAIN, age_days=-2), 0, id="created-after-its-post"),
        pytest.param(replace(PLAIN, age_days=T0_MS / DAY_MS), 0, id="created-in-1970"),
        pytest.param(replace(PLAIN, more={"repost_of": "0"}), REPOST | AGE_KNOWN, id="repost"),
        pytest.param(replace(PLAIN, text="good day"), EXACT | AGE_KNOWN, id="short"),
        pytest.param(
            replace(PLAIN, more={"created_at": T0_MS - 10**9, "observed_at": T0_MS}),
            CLOCK_LIED | AGE_KNOWN,
            id="clock-lied",
        ),
    ],
)
def test_flags(post: Written, flags: int) -> None:
    """What a row says of its post and account."""
    assert row_of(post)[0] == flags


@pytest.mark.parametrize("created_ms", [10**40, -(10**40), 2**63, -(2**63)])
def test_account_created_in_no_year_has_no_age(created_ms: int) -> None:
    """A client may write any number; the post stays one, its account's age is unknown."""
    post = orjson.loads(PLAIN.record(0).value or b"") | {"author": {"id": "a", "created_at": created_ms}}
    record = RawPost(0, T0_MS, json.dumps(post).encode())
    ((_, pack),) = Sketcher(SETTINGS, 0, 1, 1).feed([record]).packs
    assert pack.flags == b"\0"


@pytest.mark.parametrize(
    ("text", "more", "norm"),
    [
        pytest.param("good day", {}, "goodday", id="itself"),
        pytest.param("g o o d  d a y", {}, "goodday", id="itself-spelt-out"),
        pytest.param("look!", {"urls": ["https://e.example/1"]}, "\0link https://e.example/1", id="by-link"),
        pytest.param(
            "", {"urls": ["https://e.example/1"]}, "\0link https://e.example/1", id="nothing-but-link"
        ),
        pytest.param("look https://e.example/1", {}, "\0link https://e.example/1", id="link-in-the-text"),
        pytest.param("good day", {"urls": [""]}, "goodday", id="empty-link-is-none"),
        pytest.param(
            "look", {"media": [{"type": "i", "phash": "AB" * 8}]}, "\0media " + "ab" * 8, id="by-picture"
        ),
    ],
)
def test_short_text_matches_by_itself_its_link_or_its_picture(
    text: str, more: dict[str, Any], norm: str
) -> None:
    """Below thirteen letters similarity means nothing."""
    flags, matching, _ = row_of(replace(PLAIN, text=text, more=more))
    assert flags & EXACT
    assert matching == norm


@pytest.mark.parametrize("text", ["", "   ", "@someone", "\u200b\u200d", None])
def test_text_of_nothing_is_left_out(text: str | None) -> None:
    """Texts normalised to nothing have no row, and are counted."""
    posts = [replace(PLAIN, text=text or "")]
    done = Sketcher(SETTINGS, 0, 1, 1).feed(records(posts))
    assert done.counts == {"empty": 1}
    assert not any(pack.samples for _, pack in done.packs)


def test_accounts_are_keyed_hashes_kept_apart_by_platform() -> None:
    """Another key or platform gives another account; the same give the same."""

    def account(platform: str, key: bytes) -> str:
        return row_of(replace(PLAIN, more={"platform": platform}), account_hash_key=key)[2].account

    assert account("x", b"k") == account("x", b"k")
    assert len({account("x", b"k"), account("y", b"k"), account("x", b"l")}) == 3


def test_sample_holds_what_people_are_shown_of_the_post() -> None:
    """Each value under its own name."""
    more = {
        "platform": "x",
        "lang": "fr",
        "hashtags": ["#one", "two"],
        "urls": ["https://e.example/1"],
        "url": "u",
    }
    _, _, sample = row_of(replace(PLAIN, more=more))
    account = siphash(blake2b(SETTINGS.account_hash_key, digest_size=16).digest(), "x\0a")
    assert sample == Sample(
        platform="x",
        lang="fr",
        hashtags=["one", "two"],
        urls=["https://e.example/1"],
        id="1",
        account=f"{account:016x}",
        at_ms=T0_MS,
        text=PLAIN.text,
        clipped=False,
        url="u",
    )


def test_sample_is_bounded_and_says_that_it_is_clipped() -> None:
    """A thousand code points of text, ten hashtags, five links."""
    more = {
        "hashtags": ["#tag" * 60] * 100,
        "urls": ["https://e.example/" + "x" * 2000] * 12,
        "url": "u" * 2000,
    }
    _, _, sample = row_of(replace(PLAIN, text="😀 word " * 1000, more=more))
    assert (len(sample.text), sample.clipped) == (1000, True)
    assert (len(sample.hashtags), len(sample.urls)) == (10, 5)
    assert len(msgspec.msgpack.encode(sample)) < 12_000
    assert sample.url is None  # rather none than a cut one


def test_records_are_not_changed() -> None:
    """The bytes that come in are the bytes of a dead letter."""
    log = records(hostile_feed(4, 50))
    before = [(r.offset, r.timestamp, orjson.loads(r.value or b"")) for r in log]
    sketched(log, 50)
    assert [(r.offset, r.timestamp, orjson.loads(r.value or b"")) for r in log] == before
