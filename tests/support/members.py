"""Posts on their way into a tally."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.jit import frozen
from detectors.rows import Sample, pack_sample
from detectors.tally_kernel import Posts


class Member(msgspec.Struct):
    """One post on its way into a tally."""

    identity: int
    account: int
    event_ms: int
    ingest_ms: int
    flags: int
    norm: bytes
    sample: bytes
    """MessagePack of `rows.Sample`."""


def posts_of(
    members: Sequence[Member], slots: Sequence[int], clusters: Sequence[int], exemplars: Sequence[int]
) -> Posts:
    """Posts by themselves: their slots, the numbers of their clusters, and their own as exemplars."""
    norms, norm_bounds = _joined(member.norm for member in members)
    samples, sample_bounds = _joined(member.sample for member in members)
    n = len(members)
    return Posts(
        clusters=np.array(clusters, np.int64),
        tallies=np.empty(n, np.int64),
        identities=frozen([member.identity for member in members], np.uint64),
        accounts=frozen([member.account for member in members], np.uint64),
        event_ms=frozen([member.event_ms for member in members], np.int64),
        ingest_ms=frozen(np.zeros(n, np.int64), np.int64),
        slots=np.array(slots, np.int64),
        flags=frozen([member.flags for member in members], np.uint8),
        exemplars=np.array(exemplars, np.int64),
        is_deleted=np.zeros(n, np.bool_),
        norms=norms,
        norm_starts=norm_bounds[:-1],
        norm_ends=norm_bounds[1:],
        samples=samples,
        sample_starts=sample_bounds[:-1],
        sample_ends=sample_bounds[1:],
        folded=norms[:0],
        folded_at=np.full(n, -1, np.int64),
    )


def _joined(pieces: Iterable[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    pieces = list(pieces)
    blob = frozen(np.frombuffer(b"".join(pieces), np.uint8), np.uint8)
    return blob, np.array([*accumulate(map(len, pieces), initial=0)], np.int64)


def member(i: int, text: str = "some text", **changes: object) -> Member:
    """The i-th post, by its own account."""
    sample = Sample(
        platform="test",
        id=str(i),
        account=f"{i:016x}",
        at_ms=60_000 * i,
        text=text,
        clipped=False,
        lang=None,
        url=None,
        hashtags=["One", "one", "two"],
        urls=[],
    )
    sample = msgspec.structs.replace(sample, **changes)
    packed = pack_sample(sample)
    return Member(
        identity=i, account=i, event_ms=60_000 * i, ingest_ms=0, flags=0, norm=text.encode(), sample=packed
    )
