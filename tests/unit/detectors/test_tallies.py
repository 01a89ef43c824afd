"""Tallies of which most are packed, against tallies that never are."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.members import member

from detectors import tallies as module
from detectors.accounts import MAX_EXACT
from detectors.activity import Snapshot
from detectors.tallies import Tallies
from detectors.tally import Member, Tally, points_at


def norm(number: int) -> bytes:
    """Text of an exemplar."""
    return b"text %d" % number


def opened(number: int, first: Member) -> Tally:
    """The tally of a cluster that gets its second post."""
    first.norm = norm(number)
    return Tally.opened(number, first, str(number), exact=False, n_reposts=number % 2)


def told(tallies: Iterator[Tally]) -> list[Snapshot]:
    """What they say."""
    return [tally.snapshot(0, 0, 0) for tally in tallies]


CHANGES = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 12), st.integers(0, 3)),
    st.tuples(st.just("exemplar"), st.integers(0, 12), st.integers(100, 999)),
    st.tuples(st.just("repost"), st.integers(0, 12), st.just(0)),
    st.tuples(st.just("close"), st.just(0), st.just(0)),
    st.tuples(st.just("redact"), st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.just("evict"), st.integers(0, 2), st.integers(1, 40)),
)


class Both:
    """Packed tallies, and beside them those of a dictionary."""

    def __init__(self) -> None:
        self.openers: dict[int, bytes] = {}
        self.packed = Tallies(norm, self.openers.__getitem__)
        self.plain: dict[int, Tally] = {}
        self.base = 0
        self.n_posts = 0

    def of(self, number: int) -> list[Tally]:
        """Both tallies of a cluster, or none."""
        tally = self.packed.get(self.base + number)
        assert (tally is None) == (self.base + number not in self.plain)
        return [] if tally is None else [tally, self.plain[self.base + number]]

    def add(self, number: int, wording: int) -> None:
        """One more post."""
        self.n_posts += 1
        cluster, post = (
            self.base + number,
            member(self.n_posts, f"wording {wording}", platform="ab"[wording % 2]),
        )
        if not self.of(number):
            self.openers[cluster] = post.sample
            self.plain[cluster] = opened(cluster, post)
            self.packed.enter(cluster, opened(cluster, post))
        for one in self.of(number):
            one.add(post, self.n_posts, set())

    def exemplar(self, number: int, text: int) -> None:
        """One more text."""
        for one in self.of(number):
            if text not in one.exemplars:
                one.add_exemplar(text, norm(text))

    def repost(self, number: int, _: int) -> None:
        """One more repost."""
        for one in self.of(number):
            one.add_repost()

    def close(self, *_: int) -> None:
        """What changed is told."""
        assert told(self.packed.dirty()) == told(t for t in self.plain.values() if t.is_dirty)

    def redact(self, *deleted: int) -> None:
        """Two posts are deleted."""
        self.packed.redact(set(deleted))
        for one in self.plain.values():
            one.redact(set(deleted))

    def evict(self, n: int, deleted: int) -> None:
        """The oldest go, when a post was deleted."""
        self.base += n
        gone = [self.plain.pop(number) for number in list(self.plain) if number < self.base]
        for one in gone:
            one.redact({deleted})
        leaving = self.packed.evict(self.base, {deleted})
        assert told(iter(leaving)) == told(t for t in gone if t.is_dirty)


@given(st.lists(CHANGES, max_size=80))
def test_nothing_shows_what_is_packed(changes: list[tuple[str, int, int]]) -> None:
    """Any posts, exemplars, reposts, deletions, evictions: the same is told, in the order of opening."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "N_AWAKE", 2)
        patch.setattr(module, "N_WOKEN", 2)
        both = Both()
        for what, number, more in changes:
            getattr(both, what)(number, more)
            both.packed.pack()
            assert len(both.packed) == len(both.plain)
        both.close()


def test_few_are_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the latest, whoever was asked for meanwhile."""
    monkeypatch.setattr(module, "N_AWAKE", 3)
    tallies = Tallies(norm, lambda number: member(100 + number).sample)
    for number in (*range(10), 2, 2, 5):
        tally = tallies.get(number)
        if tally is None:
            tally = opened(number, member(number))
            tallies.enter(number, tally)
        tally.add(member(100 + number), 0, set())
        tallies.pack()
    assert [number for number, held in tallies._held.items() if isinstance(held, Tally)] == [2, 5, 9]


def test_a_pack_of_unlike_posts_makes_few_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are packed while it is counted, not after: what it takes at once Python keeps."""
    monkeypatch.setattr(module, "N_AWAKE", 3)
    monkeypatch.setattr(module, "N_WOKEN", 4)
    tallies = Tallies(norm, lambda number: member(100 + number).sample)
    for number in range(40):
        tally = opened(number, member(number))
        tallies.enter(number, tally)
        tally.add(member(100 + number), 0, set())
        assert sum(isinstance(held, Tally) for held in tallies._held.values()) <= 3 + 4
    for number in range(40):
        assert tallies.get(number) is not None
        assert sum(isinstance(held, Tally) for held in tallies._held.values()) <= 3 + 4


def test_what_posts_keep_joining_stays_an_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many others wake meanwhile: a campaign's tally is not packed and unpacked in turn."""
    monkeypatch.setattr(module, "N_AWAKE", 3)
    tallies = Tallies(norm, lambda number: member(100 + number).sample)
    campaign = opened(0, member(0))
    tallies.enter(0, campaign)
    for number in range(1, 40):
        campaign.add(member(number), 0, set())
        other = opened(number, member(number))
        tallies.enter(number, other)
        other.add(member(100 + number), 0, set())
        tallies.pack()
        assert tallies.get(0) is campaign


def test_a_tally_whose_accounts_are_estimated_stays_an_object() -> None:
    """Registers are not packed: such clusters are few, and posts join them all the time."""
    tally = opened(0, member(0))
    for i in range(MAX_EXACT):
        tally.add(member(i), 0, set())
    assert tally.pack() is not None
    tally = opened(0, member(0))
    for i in range(MAX_EXACT + 1):
        tally.add(member(i), 0, set())
    before = tally.snapshot(0, 0, 0)
    assert tally.pack() is None
    assert tally.snapshot(0, 0, 0) == before


def test_a_packed_tally_tells_whom_it_shows() -> None:
    """The first posts and the latest, and the first of each wording that was not among them."""
    tally = opened(0, member(0))
    for i in range(20):
        tally.add(member(i, "rare" if i == 7 else "common"), 0, set())
    packed = tally.pack()
    assert packed is not None
    pointed = [i for i in range(20) if points_at(packed, {i})]
    assert pointed == [0, 1, 2, 3, 4, 7, 15, 16, 17, 18, 19]
    assert not points_at(packed, set())


def test_a_long_text_is_told_up_to_its_bound_by_a_packed_tally_too() -> None:
    """Its text comes back from the index, whole."""
    text = "ж" * 10_000
    tally, opener = Tally.opened(0, member(0, text), "0", exact=False, n_reposts=0), member(0)
    tally.add(opener, 0, set())
    before = tally.snapshot(0, 0, 0)
    packed = tally.pack()
    assert packed is not None
    assert len(packed) < 500
    after = Tally.unpack(packed, lambda _: text.encode(), lambda _: opener.sample).snapshot(0, 0, 0)
    assert after == before
    assert [len(told) for told in after.exemplars] == [4_000]
