"""The set of posts that were met, against a dictionary of their ages."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.identities import MIX, START_SLOTS, Identities, first_seen

BATCHES = st.lists(
    st.tuples(st.lists(st.integers(1, 60), max_size=12), st.one_of(st.none(), st.integers(0, 9))), max_size=20
)


@given(BATCHES)
def test_an_identity_is_known_while_an_exemplar_of_its_age_is_held(
    batches: list[tuple[list[int], int | None]],
) -> None:
    """Each batch brings an exemplar, and some evict: what is older than all that are left is forgotten."""
    identities, known, base = Identities(), dict[int, int](), 0
    begun = [0]
    for end, (posts, evicted) in enumerate(batches, 1):
        identities.reserve(len(posts))
        for post in posts:
            assert first_seen(identities.seen, np.uint64(post)) == (post not in known)
            known.setdefault(post, len(begun) - 1)
        if evicted is not None:
            base = min(base + evicted, end)
            begun.append(end)
            identities.forget(base, end, 0)
            oldest = max((age for age in range(len(begun) - 1) if begun[age] <= base), default=0)
            known = {post: age for post, age in known.items() if age >= oldest}


def test_identities_that_fall_on_one_slot_are_all_kept() -> None:
    """Open addressing walks on at a taken place, past the end too."""
    inverse = pow(int(MIX), -1, 2**64)
    last = [np.uint64(((2**64 - 1 - i) * inverse) % 2**64) for i in range(50)]
    identities = Identities()
    assert [first_seen(identities.seen, identity) for identity in last * 2] == [True] * 50 + [False] * 50
    assert identities.seen.keys[0] != 0


def test_memory_follows_what_is_held() -> None:
    """At most 15 bytes each, and less again once they are forgotten."""
    identities, n = Identities(), 10 * START_SLOTS
    for first in range(0, n, 1000):
        identities.reserve(1000)
        for identity in range(first + 1, first + 1001):
            first_seen(identities.seen, np.uint64(identity))
    assert identities.n_bytes < 15.1 * (n + 1000)
    identities.forget(5, 5, 0)
    assert not first_seen(identities.seen, np.uint64(1))
    identities.forget(10, 10, 0)
    assert identities.n_bytes < 10 * START_SLOTS
    assert first_seen(identities.seen, np.uint64(2))
