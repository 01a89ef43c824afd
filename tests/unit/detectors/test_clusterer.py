"""CLUSTER: its activity is a function of the log, whatever cuts, restarts and redeliveries do."""

from dataclasses import replace

import pytest
from support.posts import (
    HOUR_MS,
    MINUTE_MS,
    T0_MS,
    Written,
    cluster,
    encoded,
    hostile_feed,
    packs_of,
    records,
    sliced,
    words,
)

from detectors.activity import Clock, Snapshot, read_details
from detectors.clusterer import Clusterer, EpochStart
from detectors.rows import Pack, read_sample
from detectors.settings import DetectorSettings
from detectors.sketcher import Sketcher

SETTINGS = DetectorSettings()
SMALL = DetectorSettings(max_tracked_posts=24, epoch_s=600)
TEXT = words("the campaign")


def copies(n: int, text: str = TEXT, step_ms: int = 1000, **changes: object) -> list[Written]:
    """The same text by n accounts."""
    return [
        replace(
            Written(at_ms=T0_MS + i * step_ms, text=text, author=f"a{i}", id=f"{text[:9]}-{i}"), **changes
        )
        for i in range(n)
    ]


def snapshots(settings: DetectorSettings, posts: list[Written], *, end: bool = True) -> list[Snapshot]:
    """Snapshots of one source's posts, an hour of silence after them."""
    sketcher = Sketcher(settings, 0, 1, 1)
    packs = [pack for _, pack in sketcher.feed(records(posts)).packs]
    if end:
        packs += [pack for _, pack in sketcher.idle_tick(sketcher.last_append_ms + 5 * MINUTE_MS)]
    return [message for message in cluster(settings, packs) if isinstance(message, Snapshot)]


def interleaved(settings: DetectorSettings, seed: int, size: int, *, ticks: bool = True) -> list[Pack]:
    """Packs of two sources, by turns; the second far ahead, and silent at times."""
    sketchers = [Sketcher(settings, source, 2, 1) for source in range(2)]
    logs = [records(hostile_feed(seed + s, 240, start_ms=T0_MS + s * 300_000)) for s in range(2)]
    packs: list[Pack] = []
    for turn in range(0, 240, 60):
        for sketcher, log in zip(sketchers, logs, strict=True):
            for batch in sliced(log[turn : turn + 60], size):
                packs += [pack for _, pack in sketcher.feed(batch).packs]
        if ticks:
            packs += [pack for _, pack in sketchers[1].idle_tick(sketchers[1].last_append_ms + 45_000)]
    return packs


@pytest.mark.parametrize("settings", [SETTINGS, SMALL], ids=["roomy", "evicting"])
@pytest.mark.parametrize("seed", [1, 2])
def test_activity_is_the_same_for_batches_of_1_7_and_500(settings: DetectorSettings, seed: int) -> None:
    """Byte for byte, across epochs, with deletions, reposts, late posts and evictions."""
    posts = hostile_feed(seed, 600)
    results = {}
    for size in (1, 7, 500):
        clusterer = Clusterer(settings, 0, 1)
        results[size] = encoded(cluster(settings, packs_of(settings, posts, size), clusterer))
        assert clusterer.counts["evicted"] > 0 or settings is SETTINGS
    assert results[1] == results[7] == results[500]
    assert len(results[1]) > 100


@pytest.mark.parametrize("settings", [SETTINGS, SMALL], ids=["roomy", "evicting"])
def test_activity_of_two_sources_is_the_same_for_any_cut(settings: DetectorSettings) -> None:
    """Sources alternate in turns of 60 posts; how each turn is packed decides nothing."""
    results = [encoded(cluster(settings, interleaved(settings, 11, size))) for size in (1, 7, 60)]
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("seed", [21, 22])
def test_rebuilt_from_an_epochs_start_it_goes_on_the_same(seed: int) -> None:
    """From the record in which the epoch began, replayed to any later record, then live."""
    packs = interleaved(SMALL, seed, 23)
    clusterer = Clusterer(SMALL, 0, 1)
    live, starts = [], []
    for offset, pack in enumerate(packs):
        live.append(encoded(clusterer.feed(offset, pack)))
        starts += clusterer.epoch_starts
    assert len(starts) >= 2
    for start in starts:
        rebuilt = Clusterer(SMALL, 0, 1, start)
        for offset in range(start.offset, len(packs)):
            told = encoded(rebuilt.feed(offset, packs[offset]))
            if offset == start.offset:  # the pack's first rows were of the epoch before
                assert live[offset][len(live[offset]) - len(told) :] == told
            else:
                assert told == live[offset]
            assert rebuilt.epoch_starts == [s for s in starts if s.offset == offset and s.epoch > start.epoch]


def test_start_of_an_epoch_is_not_changed_by_what_follows() -> None:
    """It is kept for the next rebuild, while the object that began with it goes on."""
    packs = packs_of(SMALL, hostile_feed(3, 400), 40)
    clusterer = Clusterer(SMALL, 0, 1)
    starts: list[EpochStart] = []
    for offset, pack in enumerate(packs):
        clusterer.feed(offset, pack)
        starts += clusterer.epoch_starts
    kept = encoded(starts[:1])
    rebuilt = Clusterer(SMALL, 0, 1, starts[0])
    cluster(SMALL, packs[starts[0].offset :], rebuilt, starts[0].offset)
    assert encoded(starts[:1]) == kept


@pytest.mark.parametrize("settings", [SETTINGS, SMALL], ids=["roomy", "evicting"])
@pytest.mark.parametrize("length", [1, 5, 20])
def test_redelivered_packs_change_nothing(settings: DetectorSettings, length: int) -> None:
    """A range sent twice, in its order, as after a crash between send and commit."""
    packs = packs_of(settings, hostile_feed(31, 400), 9)
    once = encoded(cluster(settings, packs))
    doubled = [pack for part in sliced(packs, length) for pack in [*part, *part]]
    assert encoded(cluster(settings, doubled)) == once


def test_redelivered_packs_of_two_sources_change_nothing() -> None:
    """Ticks of the idle one included."""
    packs = interleaved(SETTINGS, 41, 13)
    once = encoded(cluster(SETTINGS, packs))
    for length in (1, 3, 10):
        doubled = [pack for part in sliced(packs, length) for pack in [*part, *part]]
        assert encoded(cluster(SETTINGS, doubled)) == once


def test_restarted_sketcher_with_other_batches_changes_nothing() -> None:
    """It begins again at an earlier offset, knows only the last times, and cuts otherwise."""
    log = records(hostile_feed(51, 300))
    first = Sketcher(SETTINGS, 0, 1, 1)
    packs = [pack for batch in sliced(log[:200], 11) for _, pack in first.feed(batch).packs]
    rest = [pack for batch in sliced(log[200:], 17) for _, pack in first.feed(batch).packs]
    once = encoded(cluster(SETTINGS, [*packs, *rest]))
    half = Sketcher(SETTINGS, 0, 1, 1)
    half.feed(log[:150])
    second = Sketcher(SETTINGS, 0, 1, 1, (half.watermark_ms, half.last_append_ms))
    again = [pack for batch in sliced(log[150:], 5) for _, pack in second.feed(batch).packs]
    assert encoded(cluster(SETTINGS, [*packs, *again])) == once


def test_feed_repeat_counts_once_within_an_epoch() -> None:
    """The same platform and id, at another offset."""
    posts = copies(6)
    (*_, last) = snapshots(SETTINGS, [*posts, *(replace(p, at_ms=T0_MS + 9000) for p in posts)])
    assert last.n_posts == 6


def test_epoch_begins_empty() -> None:
    """A text of the epoch before opens a new cluster with another id."""
    later = [replace(p, at_ms=p.at_ms + HOUR_MS, id=f"later {p.id}") for p in copies(4)]
    told = snapshots(SETTINGS, [*copies(4), *later])
    assert len({s.cluster for s in told}) == 2
    assert {s.n_posts for s in told} == {2, 3, 4}


def test_snapshots_come_at_each_post_to_32_then_by_quarters() -> None:
    """Then once more when the slot closes, if it was changed since."""
    told = [s.n_posts for s in snapshots(SETTINGS, copies(45, step_ms=100))]
    assert told == [*range(2, 33), 40, 45]


def test_slots_are_half_open() -> None:
    """A post at a slot's end is of the next slot, and closes this one."""
    posts = [
        replace(p, at_ms=T0_MS + ms) for p, ms in zip(copies(4), (0, 59_999, 60_000, 119_999), strict=True)
    ]
    (*_, last) = snapshots(SETTINGS, posts)
    assert last.slots == [(T0_MS // MINUTE_MS, 2), (T0_MS // MINUTE_MS + 1, 2)]
    messages = cluster(SETTINGS, packs_of(SETTINGS, posts, 1))
    clocks = [m.watermark_ms for m in messages if isinstance(m, Clock)]
    assert clocks == [T0_MS, T0_MS + MINUTE_MS]


def test_clock_counts_the_feed_since_the_last() -> None:
    """Posts that count, and of the clusters they opened the known and the new accounts."""
    posts = [*copies(3, age_days=1), *copies(2, words("other"), age_days=None, at_ms=T0_MS + 5000)]
    posts += copies(1, words("repost"), at_ms=T0_MS + 6000, more={"repost_of": "x"})
    posts += copies(1, words("next slot"), at_ms=T0_MS + MINUTE_MS)
    clocks = [m for m in cluster(SETTINGS, packs_of(SETTINGS, posts, 99)) if isinstance(m, Clock)]
    assert [(c.n_posts, c.n_age_known, c.n_new) for c in clocks] == [(0, 0, 0), (5, 1, 1)]


def test_reposts_are_counted_apart_also_before_the_second_post() -> None:
    """They are no posts, bring no accounts and open nothing."""
    original, *rest = copies(3)
    reposts = [replace(p, id=f"r{i}", more={"repost_of": "x"}) for i, p in enumerate(copies(4))]
    (*_, last) = snapshots(SETTINGS, [original, *reposts, *rest])
    assert (last.n_posts, last.n_reposts, len(last.accounts) // 19) == (3, 4, 3)
    assert not snapshots(SETTINGS, reposts)


def test_deletion_empties_the_text_at_the_slots_end() -> None:
    """Of samples and variants; a deletion that overtakes its post works as well."""
    posts = copies(4)
    gone = [replace(posts[i], at_ms=T0_MS + 500, more={"op": "delete"}) for i in (3, 0)]
    (*_, last) = snapshots(SETTINGS, [*posts[:2], *gone, *posts[2:]])
    assert [read_sample(packed).deleted for packed in read_details(last.details).samples] == [
        True,
        False,
        False,
        True,
    ]
    assert last.n_posts == 4


def test_late_and_old_posts_are_counted() -> None:
    """Nothing is thrown away; slots reach back a day at most, so that a snapshot stays small."""
    posts = copies(3)
    old = [
        replace(p, id=f"old{i}", at_ms=T0_MS - (i + 1) * 10 * 24 * HOUR_MS) for i, p in enumerate(copies(50))
    ]
    (*_, last) = snapshots(SETTINGS, [*posts, *old])
    assert last.n_posts == 53
    assert sum(n for _, n in last.slots) == 53
    assert len(last.slots) == 2


def test_source_far_ahead_makes_nobody_late() -> None:
    """Two sources, one 19,000 posts ahead: time is the slower one's."""
    fast, slow = copies(1900, words("fast"), step_ms=10_000), copies(5, words("slow"))
    clusterer = Clusterer(SETTINGS, 0, 1)
    packs = [*packs_of(SETTINGS, fast, 500, source=0, n_sources=2)]
    packs += packs_of(SETTINGS, slow, 500, source=1, n_sources=2)
    cluster(SETTINGS, packs, clusterer)
    assert clusterer.watermark_ms == T0_MS + 4000
    assert clusterer.counts["late"] == 0


def test_pack_that_contradicts_itself_is_refused() -> None:
    """Broken state stops the worker; it is never counted."""
    (pack,) = packs_of(SETTINGS, copies(2), 9)
    for broken in (
        {"flags": b""},
        {"norms": memoryview(bytes(pack.norms) + b"x")},
        {"samples": pack.samples[:1]},
    ):
        fields = {name: getattr(pack, name) for name in pack.__struct_fields__}
        with pytest.raises(ValueError, match="of a pack"):
            Clusterer(SETTINGS, 0, 1).feed(0, Pack(**{**fields, **broken}))
