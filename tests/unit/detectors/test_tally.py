"""What is counted of one cluster."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.members import member

from detectors.activity import Snapshot, read_details
from detectors.rows import Sample, read_sample
from detectors.tally import MAX_KEYS, Member, Tally, cluster_id, next_snapshot_at


def shown(snapshot: Snapshot) -> list[Sample]:
    """Its samples, read."""
    return [read_sample(packed) for packed in read_details(snapshot.details).samples]


def opened(first: Member) -> Tally:
    """Of the first cluster."""
    return Tally.opened(0, first, "name", exact=False, n_reposts=0)


def tally(n: int, deleted: frozenset[int] = frozenset()) -> Tally:
    """With posts 1…n, a wording for every third."""
    first = member(1, "wording 1")
    out = opened(first)
    for i in range(1, n + 1):
        out.add(member(i, f"wording {i % 3}"), i, deleted)
    return out


def test_snapshots_are_due_at_fixed_counts() -> None:
    """Each of 2…32, then every ×1.25: a function of the count alone."""
    due, counts = 2, []
    while due < 120:
        counts.append(due)
        due = next_snapshot_at(due)
    assert counts == [*range(2, 33), 40, 50, 63, 79, 99]


def test_samples_are_the_first_and_the_latest() -> None:
    """Five and five, in log order; the first post stays."""
    snapshot = tally(30).snapshot(0, 0, 0)
    assert [int(s.id) for s in shown(snapshot)] == [1, 2, 3, 4, 5, 26, 27, 28, 29, 30]
    assert [s.id for s in shown(tally(3).snapshot(0, 0, 0))] == ["1", "2", "3"]


def test_the_commonest_wordings_first_post_is_what_people_are_shown() -> None:
    """None stands for the very first post; a deleted one is passed over."""
    counted = tally(31)
    assert read_details(counted.snapshot(0, 0, 0).details).exemplar is None
    counted.redact({1})
    exemplar = read_details(counted.snapshot(0, 0, 0).details).exemplar
    assert exemplar is not None
    assert read_sample(exemplar).id == "2"


def test_variants_are_counted_by_their_normalised_text() -> None:
    """The commonest first."""
    snapshot = tally(31).snapshot(0, 0, 0)
    assert [(v.text, v.n_posts) for v in read_details(snapshot.details).variants] == [
        ("wording 1", 11),
        ("wording 2", 10),
        ("wording 0", 10),
    ]


def test_deleted_text_goes_and_the_counts_stay() -> None:
    """From samples, the first post and the variants; a second redaction changes nothing."""
    counted = tally(30)
    before = counted.snapshot(0, 0, 0)
    counted.redact({1, 30, 999})
    assert counted.is_dirty
    after = counted.snapshot(0, 0, 0)
    assert {s.id for s in shown(after) if s.deleted} == {"1", "30"}
    assert all(s.text == "" and not s.hashtags for s in shown(after) if s.deleted)
    assert shown(after)[0].deleted
    assert after.n_deleted == 2
    assert read_details(after.details).variants[0].text == ""
    assert after.n_posts == before.n_posts
    assert after.version > before.version
    counted.redact({1, 30, 999})
    assert not counted.is_dirty


def test_post_deleted_before_it_was_counted_shows_no_text() -> None:
    """A deletion may overtake its post."""
    snapshot = tally(3, frozenset({2})).snapshot(0, 0, 0)
    assert [s.deleted for s in shown(snapshot)] == [False, True, False]


def test_a_hashtag_counts_once_a_post_in_any_case() -> None:
    """#One and #one in one post are one use."""
    assert read_details(tally(4).snapshot(0, 0, 0).details).hashtags == {"one": 4, "two": 4}


def test_keys_are_bounded() -> None:
    """A flood of hashtags or wordings cannot grow a cluster without limit."""
    out = opened(member(1))
    for i in range(1, 500):
        out.add(member(i, f"text {i}", hashtags=[f"t{i}"], lang=f"l{i}"), i, set())
    assert len(out.variants) <= MAX_KEYS
    details = read_details(out.snapshot(0, 0, 0).details)
    assert max(map(len, (details.hashtags, details.langs, details.variants))) <= 20


@pytest.mark.parametrize("changed", [(2, 1, 1), (1, 2, 1), (1, 1, 2)])
def test_cluster_id_differs_by_post_partition_and_epoch(changed: tuple[int, int, int]) -> None:
    """The same three always give the same name."""
    assert cluster_id(1, 1, 1) == cluster_id(1, 1, 1)
    assert cluster_id(*changed) != cluster_id(1, 1, 1)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60))
def test_slots_sum_to_the_posts(slots: list[int]) -> None:
    """Every post stands in exactly one slot."""
    out = opened(member(1))
    for slot in slots:
        out.add(member(1), slot, set())
    assert out.snapshot(0, 0, 0).slots == sorted((s, slots.count(s)) for s in set(slots))
