"""What is counted of clusters, against tallies that are counted plainly."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.members import Member, member, posts_of
from support.plain_tally import PlainTally

from detectors import tallies as module
from detectors.activity import Details, Snapshot, read_details, read_snapshot
from detectors.index_arrays import Texts
from detectors.jit import frozen
from detectors.pages import zeros
from detectors.rows import REPOST, Sample, pack_sample, read_sample
from detectors.tallies import Tallies
from detectors.tally import cluster_id
from detectors.tally_kernel import MAX_KEYS, NUMBER, next_snapshot_at

NONE = Texts(zeros((1,), np.uint8), zeros((2,), np.int64), 1_000)
"""Of an index that has none of the exemplars: tallies hold them."""
NAME = cluster_id(1, 0, 0)
TAGS = st.lists(st.sampled_from(["One", "one", "ÉTÉ", "été", "Straße", "x" * 40]), max_size=3)


def norm(number: int) -> bytes:
    """Text of an exemplar."""
    return f"téxt {number}".encode() * (1 + number % 3)


def content(snapshot: Snapshot) -> tuple[Snapshot, Details]:
    """A snapshot in a form in which it does not matter how its keys are ordered and its numbers written."""
    details = read_details(snapshot.details)
    details.samples = [pack_sample(read_sample(packed)) for packed in details.samples]
    details.exemplar = details.exemplar and pack_sample(read_sample(details.exemplar))
    snapshot.details = b""
    return snapshot, details


OLDEST = -100
"""No slot of these tests is older."""


def add(
    tallies: Tallies,
    number: int,
    posts: Sequence[tuple[Member, int]],
    deleted: frozenset[int] = frozenset(),
    texts: Texts = NONE,
) -> list[Snapshot]:
    """Posts, each with its slot, join a cluster that has a tally; the snapshots that became due."""
    n = len(posts)
    batch = posts_of([post for post, _ in posts], [slot for _, slot in posts], [number] * n, [-1] * n)
    assert not len(tallies.seat(batch, 0, n).numbers)
    return [read_snapshot(told) for told in tallies.add(batch, 0, n, texts, 0, OLDEST, set(deleted))]


def begin(
    tallies: Tallies, number: int, first: Member, name: str, slot: int, n_reposts: int, texts: Texts = NONE
) -> None:
    """The tally of a cluster that a post opened."""
    firsts = posts_of([first], [slot], [number], [number])
    assert tallies.seat(firsts, 0, 1).numbers.tolist() == [number]
    tallies.begin(firsts, bytes.fromhex(name), [n_reposts], texts, OLDEST, set())


def opened(first: Member, number: int = 0) -> Tallies:
    """With the tally of one cluster."""
    tallies = Tallies(0)
    begin(tallies, number, first, NAME, first.event_ms // 60_000, 0)
    return tallies


def last_of(posts: Sequence[Member], deleted: frozenset[int] = frozenset()) -> Snapshot:
    """What is told of a cluster of these posts at the end of a slot."""
    tallies = opened(posts[0])
    told = add(tallies, 0, [(post, post.event_ms // 60_000) for post in posts[1:]], deleted)
    repost = member(0)
    repost.flags = REPOST
    add(tallies, 0, [(repost, 0)])
    (snapshot,) = [read_snapshot(one) for one in tallies.tell(NONE, 0, 0)]
    assert snapshot.n_reposts == 1
    assert len(told) >= 1
    return snapshot


def shown(snapshot: Snapshot) -> list[Sample]:
    """Its samples, read."""
    return [read_sample(packed) for packed in read_details(snapshot.details).samples]


CHANGES = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 8), st.tuples(st.integers(0, 12), TAGS)),
    st.tuples(st.just("add"), st.just(0), st.tuples(st.integers(0, 12), TAGS)),
    st.tuples(st.just("repost"), st.integers(0, 8), st.just(0)),
    st.tuples(st.just("close"), st.just(0), st.just(0)),
    st.tuples(st.just("redact"), st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.just("evict"), st.integers(0, 2), st.integers(1, 40)),
)


class Both:
    """Tallies, and beside them plain ones."""

    def __init__(self) -> None:
        self.tallies = Tallies(3)
        self.plain: dict[int, PlainTally] = {}
        self.leaving: list[PlainTally] = []
        self.base = 0
        self.n_posts = 0

    def texts(self) -> Texts:
        """Those that the index holds."""
        norms = [norm(number) for number in range(self.base, self.base + 20)]
        starts, arena = zeros((21,), np.int64), zeros((2_000,), np.uint8)
        starts[1:] = np.cumsum([*map(len, norms)])
        arena[: starts[20]] = np.frombuffer(b"".join(norms), np.uint8)
        return Texts(arena, starts, self.base)

    def post(self, kind: int, tags: list[str]) -> Member:
        """The next one."""
        self.n_posts += 1
        changes = {"hashtags": tags, "urls": [f"u{kind % 2}"], "platform": "ab"[kind % 2], "lang": None}
        post = member(self.n_posts, f"wörding {kind}", **(changes if kind % 3 else {}))
        post.account, post.flags = kind * 7, kind % 4 * 4
        return post

    def add(self, number: int, kind: tuple[int, list[str]]) -> None:
        """One more post; every fourth is deleted already."""
        cluster = self.base + number
        if cluster not in self.plain:
            first = self.post(*kind)
            first.norm = norm(cluster)
            plain = self.plain[cluster] = PlainTally(cluster_id(cluster, 3, 0), cluster % 2)
            begin(self.tallies, cluster, first, plain.name, 7, cluster % 2, self.texts())
            plain.add(first, 7, (), is_exemplar=True)
        plain, post = self.plain[cluster], self.post(*kind)
        deleted = frozenset({self.n_posts} if self.n_posts % 4 == 0 else ())
        slot = self.n_posts % 5 - 2
        plain.add(post, slot, deleted)
        told = add(self.tallies, cluster, [(post, slot)], deleted, self.texts())
        expected = [plain.snapshot(3, 0, 0)] if len(plain.posts) >= plain.due_at else []
        assert [*map(content, told)] == [*map(content, expected)]

    def repost(self, number: int, _: int) -> None:
        """One more repost."""
        if self.base + number in self.plain:
            self.plain[self.base + number].n_reposts += 1
            post = member(0)
            post.flags = REPOST
            assert not add(self.tallies, self.base + number, [(post, 0)], texts=self.texts())

    def close(self, *_: int) -> None:
        """What changed is told, in the order of opening; what left goes first."""
        changed = [*self.leaving, *[plain for plain in self.plain.values() if plain.is_dirty]]
        self.leaving = []
        told = [read_snapshot(one) for one in self.tallies.tell(self.texts(), 60_000, 5)]
        assert [*map(content, told)] == [content(plain.snapshot(3, 60_000, 5)) for plain in changed]

    def redact(self, *deleted: int) -> None:
        """Two posts are deleted."""
        self.tallies.redact(set(deleted))
        for plain in [*self.leaving, *self.plain.values()]:
            plain.redact(deleted)

    def evict(self, n: int, deleted: int) -> None:
        """The oldest go, when a post was deleted."""
        gone = self.texts()
        self.base += n
        self.tallies.keep(gone, self.base)
        left = [self.plain.pop(number) for number in [*self.plain] if number < self.base]
        for plain in left:
            plain.redact({deleted})
        self.leaving += [plain for plain in left if plain.is_dirty]
        self.tallies.evict(self.base, {deleted})


@given(st.lists(CHANGES, max_size=80))
def test_tallies_are_as_counted_plainly(changes: list[tuple[str, int, int]]) -> None:
    """Any posts, reposts, deletions, evictions: the same is told, in the order of opening."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "START_TALLIES", 2)
        patch.setattr(module, "START_WORDS", 64)
        patch.setattr(module, "OUT_BYTES", 64)
        both = Both()
        for what, number, more in changes:
            getattr(both, what)(number, more)
            assert len(both.tallies) == len(both.plain)
        both.close()


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(-1, 30), st.booleans()), max_size=30),
            st.integers(0, 3),
            st.integers(0, 30),
        ),
        max_size=12,
    )
)
def test_posts_are_seated_by_the_numbers_of_their_clusters(
    batches: list[tuple[list[tuple[int, bool]], int, int]],
) -> None:
    """New tallies in the order of the posts, none for a repost; after evictions, too."""
    base, opened = 0, set[int]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "START_TALLIES", 2)
        tallies = Tallies(0)
        for batch, n_gone, n_skipped in batches:
            numbers = [base + number if number >= 0 else -1 for number, _ in batch]
            posts = posts_of([member(i) for i in range(len(batch))], [0] * len(batch), numbers, numbers)
            is_repost = [repost for _, repost in batch]
            posts = posts._replace(flags=frozen([REPOST * repost for repost in is_repost], np.uint8))
            first = min(n_skipped, len(batch))
            found = tallies.seat(posts, first, len(batch))
            new, reposted, seated = list[int](), list[int](), list[bool]()
            for number, repost in zip(numbers[first:], is_repost[first:], strict=True):
                if number >= 0 and number not in opened and not repost:
                    new.append(number)
                    opened.add(number)
                elif number >= 0 and number not in opened:
                    reposted.append(number)
                seated.append(number in opened)
            assert (found.numbers.tolist(), found.reposted) == (new, reposted)
            rows = posts.tallies[first:].tolist()
            assert [row >= 0 for row in rows] == seated
            held = tallies._book.tallies[:, NUMBER]
            assert [held[row] for row in rows if row >= 0] == [
                number for number, is_seated in zip(numbers[first:], seated, strict=True) if is_seated
            ]
            base += n_gone
            opened = {number for number in opened if number >= base}
            tallies.evict(base, set())
            assert len(tallies) == len(opened)


def test_snapshots_are_due_at_fixed_counts() -> None:
    """Each of 2…32, then every ×1.25: a function of the count alone."""
    due, counts = 2, []
    while due < 120:
        counts.append(due)
        due = next_snapshot_at(due)
    assert counts == [*range(2, 33), 40, 50, 63, 79, 99]
    told = add(opened(member(1)), 0, [(member(i), i) for i in range(2, 101)])
    assert [snapshot.n_posts for snapshot in told] == counts


def test_many_wordings_and_exemplars_of_any_length_are_told_as_counted_plainly() -> None:
    """The first 64 wordings count, ten are told; long texts of any letters are cut after 4,000."""
    tallies, plain = opened(member(0, "ж" * 9_000)), PlainTally(NAME, 0)
    plain.add(member(0, "ж" * 9_000), 0, (), is_exemplar=True)
    posts = [member(i, "ab😀" * 2_000 if i == 3 else f"text {i % 97}", lang=f"l{i}") for i in range(1, 301)]
    batch = posts_of(posts, [0] * 300, [0] * 300, [-1, -1, 3, *[-1] * 297])
    tallies.seat(batch, 0, 300)
    told = tallies.add(batch, 0, 300, NONE, 0, OLDEST, set())
    for i, post in enumerate(posts):
        plain.add(post, 0, (), is_exemplar=i == 2)
    last = read_snapshot(tallies.tell(NONE, 0, 0)[0])
    assert len(told) > 32
    assert [len(text) for text in last.exemplars] == [4_000, 4_000]
    assert content(last) == content(plain.snapshot(0, 0, 0))


def test_samples_are_the_first_and_the_latest() -> None:
    """Five and five, in log order; the first post stays."""
    posts = [member(i) for i in range(1, 31)]
    assert [int(s.id) for s in shown(last_of(posts))] == [1, 2, 3, 4, 5, 26, 27, 28, 29, 30]
    assert [s.id for s in shown(last_of(posts[:3]))] == ["1", "2", "3"]


def test_post_deleted_before_it_was_counted_shows_no_text() -> None:
    """A deletion may overtake its post."""
    snapshot = last_of([member(1), member(2), member(3)], frozenset({2}))
    assert [s.deleted for s in shown(snapshot)] == [False, True, False]
    assert [s.text for s in shown(snapshot)] == ["some text", "", "some text"]


def test_a_hashtag_counts_once_a_post_in_any_case() -> None:
    """#Straße, #STRASSE and #strasse in one post are one use."""
    posts = [member(i, hashtags=["One", "one", "Straße", "STRASSE"]) for i in range(4)]
    assert read_details(last_of(posts).details).hashtags == {"one": 4, "strasse": 4}


def test_keys_are_bounded() -> None:
    """A flood of hashtags or wordings cannot grow a cluster without limit; the commonest are told."""
    posts = [member(i, f"text {i}", hashtags=[f"t{i}", "all"], lang=f"l{i}") for i in range(500)]
    details = read_details(last_of(posts).details)
    assert max(map(len, (details.hashtags, details.langs, details.variants))) <= 20
    assert details.hashtags["all"] == 500
    assert sum(details.langs.values()) <= MAX_KEYS


def test_memory_of_what_is_no_longer_shown_is_used_again() -> None:
    """A thousand posts of one wording take no more than some."""
    tallies = opened(member(0))
    add(tallies, 0, [(member(i), 0) for i in range(1, 200)])
    taken = int(tallies._book.heap.end[0])
    for first in range(200, 2000, 100):
        batch = posts_of([member(first) for _ in range(100)], [0] * 100, [0] * 100, [-1] * 100)
        tallies.seat(batch, 0, 100)
        tallies.add(batch, 0, 100, NONE, 0, OLDEST, set())
    assert tallies._book.heap.end[0] < taken + 500


def test_a_sample_that_is_none_is_refused() -> None:
    """Cut anywhere, or of other types: a damaged pack is told as such, and no memory beside it is read."""
    whole = member(1).sample
    for sample in (
        *[whole[:n] for n in range(len(whole) - 2)],
        b"\xc0" * 20,
        whole.replace(b"\x93", b"\xdc"),
    ):
        post = member(2)
        post.sample = sample
        with pytest.raises(ValueError, match="sample"):
            add(opened(member(1)), 0, [(post, 0)])


@pytest.mark.parametrize("changed", [(2, 1, 1), (1, 2, 1), (1, 1, 2)])
def test_cluster_id_differs_by_post_partition_and_epoch(changed: tuple[int, int, int]) -> None:
    """The same three always give the same name."""
    assert cluster_id(1, 1, 1) == cluster_id(1, 1, 1)
    assert cluster_id(*changed) != cluster_id(1, 1, 1)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60))
def test_slots_sum_to_the_posts(slots: list[int]) -> None:
    """Every post stands in exactly one slot."""
    tallies = Tallies(0)
    begin(tallies, 0, member(1), NAME, slots[0], 0)
    add(tallies, 0, [(member(1), slot) for slot in [*slots[1:], *slots]])
    repost = member(0)
    repost.flags = REPOST
    add(tallies, 0, [(repost, 0)])
    (snapshot,) = map(read_snapshot, tallies.tell(NONE, 0, 0))
    assert snapshot.slots == sorted((s, 2 * slots.count(s)) for s in set(slots))
    assert np.diff([slot for slot, _ in snapshot.slots]).min(initial=1) > 0
