"""Fragments made whole: counts add, accounts unite, order decides nothing."""

import itertools

from support.posts import T0_MS, Written, cluster, packs_of, words

from detectors import accounts as acc
from detectors.activity import Snapshot, read_details
from detectors.group import Group
from detectors.merge import merge
from detectors.rows import read_sample
from detectors.settings import DetectorSettings

SETTINGS = DetectorSettings()
TEXT = words("merged")


def fragment(name: str, accounts: range, start_ms: int = 0) -> Snapshot:
    """The last snapshot of one post by each account."""
    posts = [
        Written(
            at_ms=T0_MS + start_ms + i * 1000,
            text=TEXT if i % 2 else f"{TEXT} more",
            author=str(a),
            id=f"{name}{a}",
            more={"hashtags": [name, "all"], "lang": "en"},
        )
        for i, a in enumerate(accounts)
    ]
    (*_, last) = [m for m in cluster(SETTINGS, packs_of(SETTINGS, posts, 99)) if isinstance(m, Snapshot)]
    return last


def samples_of(snapshot: Snapshot) -> list[bytes]:
    """What it shows."""
    return read_details(snapshot.details).samples


PARTS = (fragment("a", range(10)), fragment("b", range(5, 20), 30_000), fragment("c", range(18, 25), 90_000))


def test_counts_add_and_accounts_unite() -> None:
    """An account in two fragments is one, its posts are two."""
    whole = merge(PARTS)
    rows = acc.read(whole.accounts)
    assert whole.n_posts == 32
    assert len(rows) == 25
    assert int(rows["n_posts"].sum()) == 32
    assert sum(n for _, n in whole.slots) == 32
    details = read_details(whole.details)
    assert (details.hashtags["all"], details.langs["en"], details.platforms["test"]) == (32, 32, 32)


def test_order_decides_nothing() -> None:
    """All six orders give one result."""
    assert all(merge(order) == merge(PARTS) for order in itertools.permutations(PARTS))


def test_merging_in_steps_gives_the_same_counts() -> None:
    """A folded fragment merges on like any other."""
    steps, whole = merge([merge(PARTS[:2]), PARTS[2]]), merge(PARTS)
    for name in (
        "n_posts",
        "n_reposts",
        "slots",
        "accounts",
        "cluster",
        "first_ms",
    ):
        assert getattr(steps, name) == getattr(whole, name), name
    for name in ("hashtags", "variants"):
        assert getattr(read_details(steps.details), name) == getattr(read_details(whole.details), name), name


def test_name_and_first_post_are_the_earliest_fragments() -> None:
    """So a burst keeps its id whatever joins it later."""
    assert merge(PARTS).cluster == PARTS[0].cluster
    assert merge(PARTS).first_ms == PARTS[0].first_ms
    assert samples_of(merge(PARTS))[0] == samples_of(PARTS[0])[0]


def test_samples_are_the_earliest_and_the_latest() -> None:
    """Five and five by event time, each post once."""
    samples = samples_of(merge(PARTS))
    times = [read_sample(packed).at_ms for packed in samples]
    assert len(samples) == 10
    assert times == sorted(times)
    assert times[0] == PARTS[0].first_ms
    assert times[-1] == PARTS[2].last_ms


def test_one_fragment_is_itself() -> None:
    """Nothing to do."""
    assert merge(PARTS[:1]) is PARTS[0]


def test_parts_are_not_changed() -> None:
    """Merging reads."""
    before = [part.slots.copy() for part in PARTS], [part.details for part in PARTS]
    merge(PARTS)
    assert before == ([part.slots for part in PARTS], [part.details for part in PARTS])


def test_an_alert_tells_what_a_merge_does() -> None:
    """The same posts, accounts, slots and details, though it packs nothing."""
    group = Group(number=1, fragments={})
    for part in reversed(PARTS):
        group.put(part)
    whole, merged = group.whole(), merge(PARTS)
    names = ("n_posts", "n_reposts", "first_ms", "last_ms", "slots")
    assert [getattr(whole, name) for name in names] == [getattr(merged, name) for name in names]
    assert (whole.n_accounts, whole.accounts_exact) == (25, True)
    assert whole.details == read_details(merged.details)
    assert whole.wording == merged.exemplars[0]
