"""What the index made of a pack's rows, sorted and counted, compiled: `detectors.pack_rows`."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.activity import SAMPLE_ONE_IN
from detectors.copying import copy_bytes
from detectors.index_arrays import Outcome
from detectors.index_kernel import NEW_EXEMPLAR, OPENED, REPEATED
from detectors.jit import kernel
from detectors.rows import AGE_KNOWN, CLOCK_LIED, NEW_ACCOUNT, REPOST
from detectors.tally_kernel import Posts


class Singled(NamedTuple):
    """Posts that opened clusters, from the left, in columns for `singles.Singles`."""

    numbers: NDArray[np.int64]
    identities: NDArray[np.uint64]
    flags: NDArray[np.uint8]
    ends: NDArray[np.int64]
    samples: NDArray[np.uint8]


@kernel
def sort_rows(outcome: Outcome, posts: Posts, end: int, singled: Singled) -> tuple[int, int]:
    """Which rows join clusters, and which open them.

    Args:
        outcome: Of the index.
        posts: All rows; `clusters` and `exemplars` are filled.
        end: Number of the next exemplar.
        singled: Filled, with room for all.

    Returns:
        How many opened a cluster, and the bytes of their samples.
    """
    n_rows, n_opened, n_bytes, n_new = len(outcome.bits), 0, 0, 0
    for row in range(n_rows):
        n_new += int(outcome.bits[row] & NEW_EXEMPLAR != 0)
    number = end - n_new
    for row in range(n_rows):
        bits = outcome.bits[row]
        posts.clusters[row], posts.exemplars[row] = outcome.clusters[row], -1
        if bits & NEW_EXEMPLAR:
            posts.exemplars[row] = number
            number += 1
        if bits & OPENED:
            posts.clusters[row] = -1
            singled.numbers[n_opened] = outcome.clusters[row]
            singled.identities[n_opened] = posts.identities[row]
            singled.flags[n_opened] = posts.flags[row]
            size = posts.sample_ends[row] - posts.sample_starts[row]
            copy_bytes(posts.samples, posts.sample_starts[row], size, singled.samples, n_bytes)
            n_bytes += size
            singled.ends[n_opened] = n_bytes
            n_opened += 1
    return n_opened, n_bytes


@kernel
def count_outcomes(
    outcome: Outcome,
    posts: Posts,
    watermark_ms: NDArray[np.int64],
    low_ms: int,
    others_ms: int,
    lateness_ms: int,
) -> tuple[int, int, int, int, int]:
    """Rows by what became of them.

    Args:
        outcome: Of the index.
        posts: All rows.
        watermark_ms: int64: of their source at each.
        low_ms: Event time reached before them, UTC milliseconds.
        others_ms: That the other sources allow.
        lateness_ms: Rows further behind what is reached are late.

    Returns:
        Those that were clustered, repeated, reposts that matched nothing, of a clock that lied, and late.
    """
    n_clustered = n_repeated = n_unmatched = n_lied = n_late = 0
    for row in range(len(outcome.bits)):
        flags = posts.flags[row]
        is_repeated, is_repost = outcome.bits[row] & REPEATED != 0, flags & REPOST != 0
        n_repeated += int(is_repeated)
        n_clustered += int(not is_repeated and not is_repost)
        n_unmatched += int(is_repost and not is_repeated and outcome.clusters[row] < 0)
        n_lied += int(flags & CLOCK_LIED != 0)
        reached_ms = max(low_ms, min(watermark_ms[row], others_ms))
        n_late += int(posts.event_ms[row] < reached_ms - lateness_ms)
    return n_clustered, n_repeated, n_unmatched, n_lied, n_late


class Summed(NamedTuple):
    """What posts that count are, from the left."""

    slots: NDArray[np.int64]
    """Of each run of posts of one slot that slot."""
    n_posts: NDArray[np.int64]
    """Posts of each run."""
    accounts: NDArray[np.uint64]
    """See `activity.Clock.account_sample`."""


@kernel
def sum_up(
    bits: NDArray[np.uint8], posts: Posts, first: int, last: int, summed: Summed
) -> tuple[int, int, int, int, int]:
    """What rows [first, last) say of the feed.

    Args:
        bits: What became of each.
        posts: All rows.
        first: The first one.
        last: One past the last.
        summed: Filled, with room for an entry a row.

    Returns:
        Entries of `slots`, and of `accounts`; of posts that opened clusters how many are of accounts of known
        age, and of new ones; the newest append time, 0 if none counts.
    """
    n_slots = n_accounts = n_age_known = n_new = 0
    ingest_ms = np.int64(0)
    for row in range(first, last):
        flags = posts.flags[row]
        if bits[row] & OPENED:
            n_age_known += int(flags & AGE_KNOWN != 0)
            n_new += int(flags & NEW_ACCOUNT != 0)
        if bits[row] & REPEATED or flags & REPOST:
            continue
        ingest_ms = max(ingest_ms, posts.ingest_ms[row])
        if not n_slots or summed.slots[n_slots - 1] != posts.slots[row]:
            summed.slots[n_slots], summed.n_posts[n_slots] = posts.slots[row], 0
            n_slots += 1
        summed.n_posts[n_slots - 1] += 1
        if posts.accounts[row] % np.uint64(SAMPLE_ONE_IN) == np.uint64(0):
            summed.accounts[n_accounts] = posts.accounts[row]
            n_accounts += 1
    return n_slots, n_accounts, n_age_known, n_new, int(ingest_ms)
