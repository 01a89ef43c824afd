"""Posts that nothing resembles, in columns, against a dictionary of objects."""

import random

import numpy as np
import pytest

from detectors.clusterer import Clusterer
from detectors.rows import EXACT, Sample, pack_sample
from detectors.settings import DetectorSettings
from detectors.singles import Singles
from detectors.tally import Member


def member(number: int, rng: random.Random) -> Member:
    """A post that opened the cluster of this number."""
    account, at_ms = rng.getrandbits(64), rng.getrandbits(41)
    sample = Sample(
        platform="test",
        id=str(number),
        account=f"{account:016x}",
        at_ms=at_ms,
        text="х" * rng.randint(0, 300),
        clipped=False,
        lang=None,
        url=None,
        hashtags=[],
        urls=[],
    )
    return Member(
        identity=rng.getrandbits(64),
        account=account,
        event_ms=at_ms,
        ingest_ms=0,
        flags=rng.choice([0, EXACT]),
        norm=f"text {number}".encode(),
        sample=pack_sample(sample),
    )


def extend(singles: Singles, posts: dict[int, Member]) -> None:
    """As CLUSTER does with the rows of a pack."""
    members = list(posts.values())
    singles.extend(
        np.array(list(posts), np.int64),
        np.array([post.identity for post in members], np.uint64),
        np.array([post.flags for post in members], np.uint8),
        [post.sample for post in members],
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_posts_come_back_as_they_were(seed: int) -> None:
    """After any sequence of additions, numbers with gaps, and forgetting of the oldest."""
    rng, singles, number = random.Random(seed), Singles(), 0
    held: dict[int, Member] = {}
    for _ in range(60):
        posts = {}
        for _ in range(rng.randint(0, 8)):
            number += rng.randint(1, 3)
            posts[number] = member(number, rng)
        extend(singles, posts)
        held |= posts
        if rng.random() < 0.3:
            base = rng.randint(0, number + 2)
            singles.drop(base)
            held = {key: post for key, post in held.items() if key >= base}
        assert len(singles) == len(held)
        assert dict(singles.identities()) == {key: post.identity for key, post in held.items()}
        for key in range(number + 3):
            if key in held:
                assert singles.post(key, held[key].norm) == held[key]
            else:
                with pytest.raises(KeyError):
                    singles.post(key, b"")


def test_memory_is_told_and_given_back() -> None:
    """25 bytes and the sample each; none after all were forgotten."""
    rng, singles = random.Random(4), Singles()
    posts = {number: member(number, rng) for number in range(100)}
    extend(singles, posts)
    assert singles.n_bytes == sum(25 + len(post.sample) for post in posts.values())
    singles.drop(100)
    assert singles.n_bytes == 0


def test_index_bytes_count_the_posts_that_stand_alone() -> None:
    """What the metric says of CLUSTER's memory holds the samples, too."""
    clusterer = Clusterer(DetectorSettings(), 0, 1)
    before = clusterer.index_bytes
    rng = random.Random(5)
    extend(clusterer._singles, {0: member(0, rng)})
    assert clusterer.index_bytes > before
