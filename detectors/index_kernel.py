"""The kernel of `detectors.index`: one pass over a batch, no Python objects.

The band table is set-associative: a band's 32-bit hash picks a bucket of `WAYS` entries (one
cache line), each ``hash << 32 | exemplar``; a full bucket loses its oldest. So a look-up costs
42 cache lines however large a cluster or how common a phrase, and memory is bounded.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compare_kernel import (
    count_shared,
    first_seen,
    fold_bits,
    hash_span,
    least_jaccard,
    load_query,
    query_mask,
    same_bytes,
)
from detectors.jit import kernel
from detectors.sketch import N_BANDS, decode_shingles

WAYS: Final = 8
"""Entries of a bucket: 8 of 8 bytes are a cache line."""
MAX_CHECKED: Final = 8
"""Candidates whose text is compared, best agreement of bits first."""
MIN_AGREEMENT: Final = 74
"""Of 128 one-bit min-hashes. At J = .33 a pair agrees in 85 ± 5, at .05 in 67 ± 6, so the
filter drops 89 % of chance meetings and 2 % of pairs at the threshold (binomial)."""
GOOD_ENOUGH: Final = 0.8
"""A candidate this near is taken without looking at the rest."""
DRIFT: Final = 0.7
"""A copy less like its exemplar than this becomes an exemplar too."""
MAX_EXEMPLARS: Final = 4
"""Exemplars of a cluster (design: D3lta was measured with four)."""

OPENED: Final = 1
REPEATED: Final = 2
NEW_EXEMPLAR: Final = 4
"""Outcome bits: the row opened a cluster; was seen before in this epoch; became an exemplar."""
DONE: Final = 0
FULL: Final = 1
"""Status: all rows taken; room is needed before the row at the returned position."""


class Exemplars(NamedTuple):
    """What an index knows of each exemplar and cluster; arrays of the capacity."""

    table: NDArray[np.uint64]
    """(buckets, WAYS): band table."""
    heads: NDArray[np.uint8]
    """(buckets,): the way to fill next."""
    bits: NDArray[np.uint64]
    """(n, 2): one-bit min-hashes."""
    starts: NDArray[np.int64]
    """(n + 1,): spans of the texts in `arena`."""
    arena: NDArray[np.uint8]
    n_distinct: NDArray[np.int32]
    """(n,): distinct shingles; 0 for a text that matches only exactly."""
    clusters: NDArray[np.int64]
    """(n,): number of the first exemplar of the cluster, counted over the index's life."""
    n_posts: NDArray[np.int32]
    """(n,): at a first exemplar, posts of the cluster."""
    n_exemplars: NDArray[np.uint8]
    """(n,): at a first exemplar, exemplars of the cluster."""


class Rows(NamedTuple):
    """The batch to assign."""

    norms: NDArray[np.uint8]
    norm_offsets: NDArray[np.int64]
    bands: NDArray[np.uint32]
    bits: NDArray[np.uint64]
    identities: NDArray[np.uint64]
    """A row whose identity was seen before is dropped; 0 is never the same."""
    exact: NDArray[np.bool_]
    """Matches only the same bytes."""
    passive: NDArray[np.bool_]
    """A repost: it may join, but it opens nothing and counts apart."""


class Outcome(NamedTuple):
    """One entry a row."""

    clusters: NDArray[np.int64]
    """Number of the cluster's first exemplar; -1 for none."""
    jaccard: NDArray[np.float32]
    """Similarity to the exemplar it joined; 1 where it opened."""
    bits: NDArray[np.uint8]
    """`OPENED`, `REPEATED`, `NEW_EXEMPLAR`."""


class Scratch(NamedTuple):
    """Work space, reused; its content means nothing between calls."""

    shingles: NDArray[np.uint32]
    keys: NDArray[np.uint32]
    owners: NDArray[np.int64]
    visits: NDArray[np.int64]
    found: NDArray[np.int64]
    agreements: NDArray[np.int64]
    """(MAX_CHECKED,): candidates and their agreeing bits, best first."""
    counters: NDArray[np.int64]
    """[generation, visit], ever growing, so that nothing has to be cleared."""


@kernel
def insert(scratch: Scratch, n_found: int, exemplar: int, agreement: int) -> int:
    """Put a candidate at its place, the worst out if there are `MAX_CHECKED`; how many there are."""
    found, agreements = scratch.found, scratch.agreements
    if n_found == MAX_CHECKED:
        if agreement <= agreements[n_found - 1]:
            return n_found
        n_found -= 1
    place = n_found
    while place > 0 and agreements[place - 1] < agreement:
        found[place] = found[place - 1]
        agreements[place] = agreements[place - 1]
        place -= 1
    found[place] = exemplar
    agreements[place] = agreement
    return n_found + 1


@kernel
def gather(ex: Exemplars, rows: Rows, row: int, base: int, n: int, scratch: Scratch) -> int:
    """Exemplars of living clusters that share a band and enough bits, best first.

    Returns:
        How many (≤ `MAX_CHECKED`); they stand in `scratch.found`.
    """
    mask = np.uint32(len(ex.heads) - 1)
    n_found = 0
    for band in range(N_BANDS):
        key = rows.bands[row, band]
        bucket = key & mask
        for way in range(WAYS):
            entry = ex.table[bucket, way]
            if np.uint32(entry >> np.uint64(32)) != key or entry == np.uint64(0):
                continue
            exemplar = int(entry & np.uint64(0xFFFFFFFF)) - 1 - base
            if exemplar < 0 or exemplar >= n or ex.clusters[exemplar] < base:
                continue
            known = False
            for i in range(n_found):
                known = known or scratch.found[i] == exemplar
            if known:
                continue
            agreement = 128 - fold_bits(rows.bits[row, 0] ^ ex.bits[exemplar, 0])
            agreement -= fold_bits(rows.bits[row, 1] ^ ex.bits[exemplar, 1])
            if agreement < MIN_AGREEMENT:
                continue
            n_found = insert(scratch, n_found, exemplar, agreement)
    return n_found


@kernel
def best_of(
    ex: Exemplars, rows: Rows, row: int, scratch: Scratch, n_found: int, n_distinct: int
) -> tuple[int, float]:
    """The candidate nearest by exact Jaccard that passes its threshold, or -1."""
    best, best_jaccard = -1, 0.0
    mask = query_mask(rows.norm_offsets[row + 1] - rows.norm_offsets[row])
    for i in range(n_found):
        exemplar = scratch.found[i]
        other = ex.n_distinct[exemplar]
        if other == 0:
            continue
        shorter, longer = min(n_distinct, other), max(n_distinct, other)
        least = max(least_jaccard(shorter), best_jaccard)
        if shorter < least * longer:
            continue
        n = decode_shingles(ex.arena, ex.starts[exemplar], ex.starts[exemplar + 1], scratch.shingles)
        scratch.counters[1] += 1
        n_shared = count_shared(
            scratch.shingles, n, scratch.keys, scratch.owners, scratch.visits,
            scratch.counters[0], scratch.counters[1], mask,
        )  # fmt: skip
        jaccard = n_shared / (n_distinct + other - n_shared)
        if jaccard >= least and (jaccard > best_jaccard or exemplar < best):
            best, best_jaccard = exemplar, jaccard
            if jaccard >= GOOD_ENOUGH:
                break
    return best, best_jaccard


@kernel
def find_exact(ex: Exemplars, rows: Rows, row: int, key: np.uint32, base: int, n: int) -> int:
    """The exemplar with the same bytes, or -1."""
    bucket = key & np.uint32(len(ex.heads) - 1)
    start, end = rows.norm_offsets[row], rows.norm_offsets[row + 1]
    for way in range(WAYS):
        entry = ex.table[bucket, way]
        exemplar = int(entry & np.uint64(0xFFFFFFFF)) - 1 - base
        if np.uint32(entry >> np.uint64(32)) != key or exemplar < 0 or exemplar >= n:
            continue
        if ex.n_distinct[exemplar] == 0 and same_bytes(
            rows.norms, start, end, ex.arena, ex.starts[exemplar], ex.starts[exemplar + 1]
        ):
            return exemplar
    return -1


@kernel
def nearest(
    ex: Exemplars, rows: Rows, row: int, base: int, n: int, scratch: Scratch
) -> tuple[int, float, int]:
    """(exemplar or -1, its similarity, distinct shingles of the row or 0 if it matches only exactly)."""
    start, end = rows.norm_offsets[row], rows.norm_offsets[row + 1]
    if rows.exact[row]:
        return find_exact(ex, rows, row, hash_span(rows.norms, start, end), base, n), 1.0, 0
    n_shingles = decode_shingles(rows.norms, start, end, scratch.shingles)
    scratch.counters[0] += 1
    mask = query_mask(end - start)
    n_distinct = load_query(
        scratch.shingles, n_shingles, scratch.keys, scratch.owners, scratch.counters[0], mask
    )
    n_found = gather(ex, rows, row, base, n, scratch)
    best, jaccard = best_of(ex, rows, row, scratch, n_found, n_distinct)
    return best, jaccard, n_distinct


@kernel
def put_band(ex: Exemplars, key: np.uint32, exemplar: int, base: int) -> None:
    """Enter an exemplar under one band hash, the oldest of a full bucket out."""
    bucket = key & np.uint32(len(ex.heads) - 1)
    way = ex.heads[bucket]
    ex.table[bucket, way] = (np.uint64(key) << np.uint64(32)) | np.uint64(base + exemplar + 1)
    ex.heads[bucket] = (way + np.uint8(1)) & np.uint8(WAYS - 1)


@kernel
def put_bands(ex: Exemplars, bands: NDArray[np.uint32], exemplar: int, base: int) -> None:
    """Enter an exemplar under its bands; one that matches only exactly under the hash of its bytes."""
    if ex.n_distinct[exemplar] == 0:
        key = hash_span(ex.arena, ex.starts[exemplar], ex.starts[exemplar + 1])
        put_band(ex, key, exemplar, base)
        return
    for band in range(N_BANDS):
        put_band(ex, bands[band], exemplar, base)


@kernel
def append_exemplar(ex: Exemplars, rows: Rows, row: int, n: int, n_distinct: int) -> None:
    """Store a row's text as exemplar number `n` of the arrays."""
    start, end = rows.norm_offsets[row], rows.norm_offsets[row + 1]
    to = ex.starts[n]
    for i in range(end - start):
        ex.arena[to + i] = rows.norms[start + i]
    ex.starts[n + 1] = to + end - start
    ex.bits[n, 0] = rows.bits[row, 0]
    ex.bits[n, 1] = rows.bits[row, 1]
    ex.n_distinct[n] = n_distinct


@kernel
def assign_rows(
    ex: Exemplars, rows: Rows, out: Outcome, scratch: Scratch, seen: NDArray[np.uint64],
    state: NDArray[np.int64], first: int,
) -> tuple[int, int]:  # fmt: skip
    """Assign rows from `first` on, each to the cluster of its nearest exemplar.

    Args:
        ex: The index, changed in place.
        rows: The batch.
        out: Filled per row.
        scratch: Work space for the longest text.
        seen: Identities of this epoch, with room for the batch.
        state: int64 [base, n exemplars, capacity, room]: number of the oldest exemplar, how
            many there are, how many there may be before the next growth or eviction.
        first: Row to begin at.

    Returns:
        (the row that was not taken, `FULL`) or (number of rows, `DONE`).
    """
    for row in range(first, len(rows.identities)):
        base, n = state[0], state[1]
        n_bytes = rows.norm_offsets[row + 1] - rows.norm_offsets[row]
        if n + 1 > state[2] or ex.starts[n] + n_bytes > len(ex.arena):
            return row, FULL
        out.clusters[row], out.jaccard[row], out.bits[row] = -1, 1.0, 0
        if rows.identities[row] != np.uint64(0) and not first_seen(seen, rows.identities[row]):
            out.bits[row] = REPEATED
            continue
        best, jaccard, n_distinct = nearest(ex, rows, row, base, n, scratch)
        if best >= 0:
            cluster = ex.clusters[best]
            out.clusters[row], out.jaccard[row] = cluster, jaccard
            if rows.passive[row]:
                continue
            ex.n_posts[cluster - base] += 1
            if out.jaccard[row] >= DRIFT or ex.n_exemplars[cluster - base] >= MAX_EXEMPLARS:
                continue
            ex.n_exemplars[cluster - base] += 1
            out.bits[row] = NEW_EXEMPLAR
        else:
            if rows.passive[row]:
                continue
            cluster = base + n
            out.clusters[row] = cluster
            out.bits[row] = OPENED | NEW_EXEMPLAR
            ex.n_posts[n] = 1
            ex.n_exemplars[n] = 1
        ex.clusters[n] = cluster
        append_exemplar(ex, rows, row, n, n_distinct)
        put_bands(ex, rows.bands[row], n, base)
        state[1] = n + 1
    return len(rows.identities), DONE


@kernel
def enter_bands(ex: Exemplars, bands: NDArray[np.uint32], first: int, last: int, base: int) -> None:
    """Enter exemplars [first, last) into the band table, given their bands."""
    for i in range(first, last):
        put_bands(ex, bands[i - first], i, base)


@kernel
def enter_seen(seen: NDArray[np.uint64], identities: NDArray[np.uint64]) -> None:
    """Move identities into a larger set."""
    for identity in identities:
        first_seen(seen, identity)
