"""Groups: fragments of one content meet, accounts tell which groups are linked, old ones go."""

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
from support.posts import HOUR_MS, T0_MS, Written, cluster, packs_of, varied, words

from detectors import accounts as acc
from detectors.activity import Snapshot
from detectors.group import Group
from detectors.groups import MAX_FRAGMENTS, MAX_WORDINGS, Groups, GroupsState
from detectors.lifecycle import Ring
from detectors.likeness import alike
from detectors.merge import sum_counts
from detectors.settings import DetectorSettings
from detectors.sketch import exact_jaccard
from detectors.watch import SPAM_POSTS

SETTINGS = DetectorSettings(max_tracked_posts=256)
TEXT = words("grouped", 30)


def fragment(
    *texts: str, accounts: Sequence[int] = range(6), start_ms: int = 0, name: str = "f", **more: Any
) -> list[Snapshot]:
    """Snapshots of one content in its wordings, one post an account."""
    posts = [
        Written(
            at_ms=T0_MS + start_ms + i * 1000,
            text=texts[i % len(texts)] if texts else TEXT,
            author=str(a),
            id=f"{name}{i}-{a}",
            more=more,
        )
        for i, a in enumerate(accounts)
    ]
    return [m for m in cluster(SETTINGS, packs_of(SETTINGS, posts, 99)) if isinstance(m, Snapshot)]


def fed(groups: Groups, snapshots: list[Snapshot], low_ms: int = 0) -> Group:
    """Add all; the group of the last."""
    *_, (group, _, _) = groups.add(snapshots, low_ms)
    assert group is not None
    return group


def test_fragments_of_one_content_meet() -> None:
    """Another partition's and another epoch's clusters join, slightly varied too."""
    groups = Groups(SETTINGS)
    one = fed(groups, fragment(name="a"))
    two = fed(groups, fragment(name="b", accounts=range(4, 12), start_ms=HOUR_MS))
    three = fed(groups, fragment(varied(TEXT, 4, 1), name="c", start_ms=2 * HOUR_MS))
    assert one is two is three
    assert len(groups) == 1
    assert one.whole().n_posts == 6 + 8 + 6


def test_other_content_stays_apart() -> None:
    """And short texts meet only their own."""
    groups = Groups(SETTINGS)
    for i, text in enumerate((TEXT, words("other"), "good day", "good days")):
        fed(groups, fragment(text, name=str(i)))
    assert len(groups) == 4
    fed(groups, fragment("good day", name="again", start_ms=HOUR_MS))
    assert len(groups) == 4


def test_old_snapshot_changes_nothing() -> None:
    """Redelivered, or stepped back after CLUSTER's restart."""
    groups = Groups(SETTINGS)
    told = fragment()
    fed(groups, told)
    before = groups.dump()
    before = msgspec.msgpack.encode(before)
    assert all(outcome == (None, [], 0) for outcome in groups.add(told, 0))
    assert msgspec.msgpack.encode(groups.dump()) == before


def test_bridge_makes_two_groups_one() -> None:
    """A fragment with an exemplar near each proves them one; the earlier first post survives."""
    chain = words("chain", 36).split()
    text, near, far, other = (" ".join(chain[first : first + 20]) for first in (0, 4, 12, 16))
    groups = Groups(SETTINGS)
    late = fed(groups, fragment(text, name="a", start_ms=5000))
    early = fed(groups, fragment(other, name="b", accounts=range(10, 16)))
    assert len(groups) == 2
    told = fragment(near, far, name="c", accounts=range(20, 26), start_ms=9000)
    assert told[0].exemplars == [near, far]
    ((group, absorbed, _),) = groups.add(told[:1], 0)
    assert group is early
    assert absorbed == [late]
    assert len(groups) == 1
    assert fed(groups, told[1:]).whole().n_posts == 18
    assert fed(groups, fragment(text, name="d", start_ms=HOUR_MS)) is early


def test_hybrids_nearest_to_their_own_group_prove_another_one_with_it() -> None:
    """As copies of a short message do, with few hashtags and with many; one alone proves nothing."""
    chain = words("hybrid", 36).split()
    own, hybrid, other = (" ".join(chain[first : first + 20]) for first in (14, 8, 0))
    again = " ".join([*chain[4:10], *chain[14:20], *chain[26:34]])
    assert not alike(own, other)
    for text in (hybrid, again):
        assert alike(text, other)
        assert exact_jaccard(text, own) > exact_jaccard(text, other)
    groups = Groups(SETTINGS)
    first = fed(groups, fragment(other, name="a"))
    told = fragment(own, hybrid, name="b", accounts=range(10, 16), start_ms=9000)
    assert told[-1].exemplars == [own, hybrid]
    assert fed(groups, told) is not first
    told = fragment(own, hybrid, again, name="c", accounts=range(20, 26), start_ms=12_000)
    assert told[-1].exemplars == [own, hybrid, again]
    assert fed(groups, told) is first
    assert len(groups) == 1


def shared_by(groups: Groups, group: Group) -> dict[int, int]:
    """Accounts that a group shares, per other group."""
    ties = groups.shared.ties(group.number)
    return {**ties.several, **dict.fromkeys(ties.once, 1)}


def test_shared_accounts_are_told_per_group() -> None:
    """Until the other group goes."""
    groups = Groups(SETTINGS)
    one = fed(groups, fragment(name="a", accounts=range(10)))
    two = fed(groups, fragment(words("two"), name="b", accounts=range(7, 20), start_ms=60_000))
    assert shared_by(groups, one) == {two.number: 3}
    assert groups.shared.n_shared_with(one.number, {two.number}) == 3
    groups.forget(T0_MS + 30_000 + 24 * HOUR_MS)
    assert shared_by(groups, two) == {}
    assert groups.shared.n_shared(two.number) == 0


def test_small_groups_are_forgotten_after_two_hours_and_large_ones_after_a_day() -> None:
    """A ringing one is kept."""
    groups = Groups(SETTINGS)
    fed(groups, fragment(words("small"), name="s", accounts=range(2)))
    fed(groups, fragment(words("large"), name="l", accounts=range(9)))
    for hours, left in ((2, 2), (2.1, 1), (24, 1), (24.1, 0)):
        groups.forget(T0_MS + round(hours * HOUR_MS))
        assert len(groups) == left


def test_content_comes_back_after_it_was_forgotten() -> None:
    """As a new group; the index's memory of the old one does no harm."""
    groups = Groups(SETTINGS)
    old = fed(groups, fragment(name="a"))
    groups.forget(T0_MS + 25 * HOUR_MS)
    new = fed(groups, fragment(name="b", start_ms=26 * HOUR_MS))
    assert new is not old
    assert new is fed(groups, fragment(name="c", start_ms=27 * HOUR_MS))


def test_many_epochs_are_folded_and_nothing_is_lost() -> None:
    """Fragments of ended epochs become one; posts and accounts stay, later redeliveries are old."""
    groups = Groups(SETTINGS)
    told = [fragment(name=f"e{i}", start_ms=i * HOUR_MS, accounts=range(i, i + 6)) for i in range(14)]
    for i, part in enumerate(told):
        group = fed(groups, part, T0_MS + i * HOUR_MS)
    assert len(group.fragments) <= MAX_FRAGMENTS + 1
    whole = group.whole()
    assert (whole.n_posts, whole.n_accounts) == (14 * 6, 19)
    assert all(group is None for part in told for group, *_ in groups.add(part, 0))


def test_fragments_of_a_partition_that_lags_are_not_folded() -> None:
    """One partition may be hours ahead; the other's clusters still grow."""
    groups = Groups(SETTINGS)
    slow = fragment(name="slow", accounts=range(100, 120))
    fed(groups, slow[:5])
    for i in range(12):
        fed(groups, fragment(name=f"e{i}", start_ms=i * HOUR_MS, accounts=range(2)), T0_MS)
    assert fed(groups, slow[5:]).whole().n_posts == 12 * 2 + 20


def test_dumped_groups_go_on_the_same() -> None:
    """Through MessagePack, before every snapshot."""
    parts = [
        fragment(words(i % 5), name=f"e{i}", start_ms=i * 600_000, accounts=range(i, i + 7))
        for i in range(20)
    ]
    decoder = msgspec.msgpack.Decoder(GroupsState)
    groups = Groups(SETTINGS)
    for i, snapshot in enumerate(s for part in parts for s in part):
        low_ms = T0_MS + i * 100_000
        loaded = Groups(SETTINGS, decoder.decode(msgspec.msgpack.encode(groups.dump())))
        results = []
        for some in (groups, loaded):
            ((group, absorbed, _),) = some.add([snapshot], low_ms)
            assert group is not None
            shared = None
            if group.n_accounts >= SETTINGS.min_accounts:
                shared = (shared_by(some, group), some.shared.n_accounts(group.number))
            some.forget(low_ms)
            results.append((group, absorbed, shared, msgspec.msgpack.encode(some.dump())))
        assert results[0] == results[1]


def test_shared_accounts_are_those_that_a_recount_finds() -> None:
    """While groups of 12 contents grow, fold, are forgotten and come again: all are counted anew."""
    rng, groups = random.Random(3), Groups(SETTINGS)
    contents = [words(("shared", i), 30) for i in range(12)]
    n_compared = 0
    for step in range(60):
        content, start_ms = rng.randrange(12), step * HOUR_MS
        first = rng.randrange(30)
        accounts = range(first, first + rng.randint(3, 12))
        fed(groups, fragment(contents[content], name=f"{step}-", accounts=accounts, start_ms=start_ms))
        if step % 10 == 9:
            groups.forget(T0_MS + start_ms)
        held = {group.number: set(group.accounts["account"].tolist()) for group in groups}
        held = {number: accounts for number, accounts in held.items() if groups.shared.n_accounts(number)}
        for group in (group for group in groups if group.number in held):
            mine = held[group.number]
            expected = {n: len(mine & other) for n, other in held.items() if n != group.number}
            assert shared_by(groups, group) == {n: shared for n, shared in expected.items() if shared}
            n_compared += sum(shared > 0 for shared in expected.values())
        for group in groups:
            assert_counted(group)
    assert n_compared > 500


def test_a_clock_finds_those_that_a_look_at_all_would_find() -> None:
    """Groups of all sizes grow, fold and ring: who is large, who is repeated, who is to be forgotten."""
    rng, groups, n_gone, n_repeated = random.Random(5), Groups(SETTINGS), 0, 0
    contents = [words(("watched", i), 30) for i in range(12)]
    for step in range(200):
        now_ms = T0_MS + step * HOUR_MS // 2
        number, is_late = rng.choice((0, 0, 0, 0, *range(1, 12))), rng.random() < 0.3
        first, size = number, 1 if number < 6 else rng.choice((1, 2, 5, 12))
        accounts = [first] * 12 if size == 1 else range(first, first + size)
        start_ms = now_ms - T0_MS - HOUR_MS * is_late
        told = fragment(contents[number], name=f"{step}-", accounts=accounts, start_ms=start_ms)
        groups.note(fed(groups, told, now_ms), Ring(id="x", firing=rng.random() < 0.2))
        if step % 3:
            groups = Groups(SETTINGS, groups.dump()) if step % 7 == 0 else groups
            kept_s = [SETTINGS.recent_s, SETTINGS.history_h * 3600]
            left = {
                group.number
                for group in groups
                if group.last_ms >= now_ms - kept_s[group.n_accounts >= SETTINGS.min_accounts] * 1000
                or (group.ring is not None and group.ring.firing)
            }
            n_gone += len(groups) - len(left)
            groups.forget(now_ms)
            assert {group.number for group in groups} == left
        large = {group.number for group in groups if group.n_accounts >= SETTINGS.warning_accounts}
        repeated = {g.number for g in groups if g.n_accounts == 1 and g.n_posts >= SPAM_POSTS}
        assert (groups.watch.large, groups.watch.repeated) == (large, repeated)
        n_repeated += len(repeated)
    assert n_gone > 15
    assert n_repeated > 30


def assert_counted(group: Group) -> None:
    """What a group counts as its fragments come and change is what a recount of them finds."""
    parts = list(group.fragments.values())
    assert group.n_posts == sum(part.n_posts for part in parts)
    assert group.n_accounts == sum(len(acc.read(part.accounts)) for part in parts)
    assert (group.first_ms, group.name) == min((part.first_ms, part.cluster) for part in parts)
    assert dict(group.slots) == sum_counts([dict(part.slots) for part in parts])
    second = group.last_ms // 1000 - 4
    n_active = sum(acc.merge([part.accounts for part in parts])["last_s"] > second)
    for n in (n_active - 1, n_active, n_active + 1):
        assert group.has_active(n, second) == (n_active >= n)


def test_chained_wordings_grow_a_group_only_so_far() -> None:
    """Each is alike the one before: a template's posts would all be one content, and cost as much."""
    chain = words("endless", 3200).split()
    texts = [" ".join(chain[7 * i : 7 * i + 20]) for i in range(360)]
    groups = Groups(DetectorSettings(max_tracked_posts=1024))
    for i, (one, next_one) in enumerate(pairwise(texts)):
        fed(groups, fragment(one, next_one, name=f"c{i}", start_ms=i * 1000))
    assert max(group.n_wordings for group in groups) == MAX_WORDINGS
    assert 1 < len(groups) < 10
