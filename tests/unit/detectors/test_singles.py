"""Posts that nothing resembles, in columns, against a dictionary of objects."""

import random
from itertools import accumulate

import msgspec
import numpy as np
import pytest
from support.members import Member

from detectors.clusterer import Clusterer
from detectors.index_arrays import Norms
from detectors.pack_kernel import Singled
from detectors.rows import EXACT, Sample, pack_sample
from detectors.settings import DetectorSettings
from detectors.singles import Singles


def member(number: int, rng: random.Random) -> Member:
    """A post that opened the cluster of this number."""
    account, at_ms = rng.getrandbits(64), rng.getrandbits(rng.choice([3, 7, 8, 16, 32, 41]))
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
    sizes = [len(post.sample) for post in members]
    singled = Singled(
        numbers=np.array(list(posts), np.int64),
        identities=np.array([post.identity for post in members], np.uint64),
        flags=np.array([post.flags for post in members], np.uint8),
        ends=np.cumsum(sizes, dtype=np.int64),
        samples=np.frombuffer(b"".join(post.sample for post in members), np.uint8),
    )
    singles.extend(singled, len(members), sum(sizes))


def posts(singles: Singles, norms: dict[int, bytes]) -> dict[int, Member]:
    """Those of some numbers, given their normalised texts."""
    blob, ends = b"".join(norms.values()), [*accumulate(map(len, norms.values()), initial=0)]
    bounds = np.array(ends, np.int64)
    found = singles.posts(
        np.array(list(norms), np.int64), Norms(np.frombuffer(blob, np.uint8), bounds[:-1], bounds[1:]), 60_000
    )
    assert found.clusters.tolist() == found.exemplars.tolist() == list(norms)
    assert found.slots.tolist() == [at_ms // 60_000 for at_ms in found.event_ms.tolist()]
    return {
        number: Member(
            identity=int(found.identities[i]),
            account=int(found.accounts[i]),
            event_ms=int(found.event_ms[i]),
            ingest_ms=int(found.ingest_ms[i]),
            flags=int(found.flags[i]),
            norm=found.norms[found.norm_starts[i] : found.norm_ends[i]].tobytes(),
            sample=found.samples[found.sample_starts[i] : found.sample_ends[i]].tobytes(),
        )
        for i, number in enumerate(norms)
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_posts_come_back_as_they_were(seed: int) -> None:
    """After any sequence of additions, numbers with gaps, and forgetting of the oldest."""
    rng, singles, number = random.Random(seed), Singles(), 0
    held: dict[int, Member] = {}
    for _ in range(60):
        more = {}
        for _ in range(rng.randint(0, 8)):
            number += rng.randint(1, 3)
            more[number] = member(number, rng)
        extend(singles, more)
        held |= more
        if rng.random() < 0.3:
            base = rng.randint(0, number + 2)
            singles.drop(base)
            held = {key: post for key, post in held.items() if key >= base}
        assert len(singles) == len(held)
        assert dict(singles.identities()) == {key: post.identity for key, post in held.items()}
        some = rng.sample(sorted(held), rng.randint(0, len(held)))
        assert posts(singles, {key: held[key].norm for key in some}) == {key: held[key] for key in some}
        for key in set(range(number + 3)) - set(held):
            with pytest.raises(KeyError):
                posts(singles, {key: b""})


def test_a_sample_that_is_none_is_refused() -> None:
    """Cut anywhere, or of another account: a damaged pack is told as such; no memory beside it is read."""
    whole = member(0, random.Random(6))
    account = whole.sample.index(b"\xb0")
    for sample in (
        *[whole.sample[:n] for n in range(1, len(whole.sample) - 2)],
        whole.sample[:account] + b"\xb1" + whole.sample[account + 1 :],
        b"\xc0" * 20,
    ):
        singles = Singles()
        extend(singles, {0: msgspec.structs.replace(whole, sample=sample)})
        with pytest.raises(ValueError, match="sample"):
            posts(singles, {0: b""})


def test_numbers_may_grow_without_end_while_those_held_are_near() -> None:
    """They stand in 32 bits; one too far from the oldest is refused, not taken for another."""
    rng, singles, far = random.Random(8), Singles(), 1 << 32
    extend(singles, {far - 1: member(1, rng)})
    with pytest.raises(OverflowError):
        extend(singles, {far: member(2, rng)})
    singles.drop(far - 1)
    held = {far: member(2, rng), 2 * far - 2: member(3, rng)}
    extend(singles, held)
    assert dict(singles.identities()).keys() == {far - 1, *held}
    singles.drop(far)
    assert posts(singles, dict.fromkeys(held, b"")) == {
        number: msgspec.structs.replace(one, norm=b"") for number, one in held.items()
    }


def test_memory_is_told_and_given_back() -> None:
    """21 bytes and the sample each; none after all were forgotten."""
    rng, singles = random.Random(4), Singles()
    held = {number: member(number, rng) for number in range(100)}
    extend(singles, held)
    assert singles.n_bytes == sum(21 + len(post.sample) for post in held.values())
    singles.drop(100)
    assert singles.n_bytes == 0


def test_index_bytes_count_the_posts_that_stand_alone() -> None:
    """What the metric says of CLUSTER's memory holds the samples, too."""
    clusterer = Clusterer(DetectorSettings(), 0, 1)
    before = clusterer.index_bytes
    rng = random.Random(5)
    extend(clusterer._singles, {0: member(0, rng)})
    assert clusterer.index_bytes > before
