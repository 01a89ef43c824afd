"""The kernel of `detectors.index`: one pass over a batch, no Python objects.

See `detectors.band_table` for the look-up. What is read of many exemplars is asked for before any is
judged, so that their cache lines come side by side: waiting for each was most of the time.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.band_table import (
    WAYS,
    bucket_of,
    fetch_buckets,
    find_hits,
    find_ways,
    first_bit,
    place_mask,
    put_band,
)
from detectors.compare_kernel import (
    MASK_WORDS,
    count_bits,
    count_shared,
    fold_bits,
    hash_span,
    load_shingles,
    query_mask,
    same_bytes,
    set_bits,
    shared_bits,
)
from detectors.identities import Seen, first_seen
from detectors.index_arrays import Exemplars, Outcome, Rows, Scratch
from detectors.jit import kernel
from detectors.prefetch import prefetch
from detectors.sketch import N_BANDS, decode_shingles
from detectors.words_kernel import (
    LEAST_LETTERS,
    compare_words,
    letters_alone,
    letters_and_words,
    load_words,
)

MAX_CHECKED: Final = 8
"""Candidates whose text is compared, best agreement of bits first."""
ALL_BITS: Final = 128
MIN_AGREEMENT: Final = 74
"""Of 128 one-bit min-hashes. At J = .34 a pair agrees in 86 ± 5, at .20 in 77 ± 5, by chance (.03) in
66 ± 6: it drops 91 % of chance meetings, 1 and at most 28 % of what is alike (binomial)."""
GOOD_ENOUGH: Final = 0.8
"""A candidate this near is taken without looking at the rest."""
DRIFT: Final = 0.7
"""A copy less like its exemplar than this becomes an exemplar too."""
MAX_EXEMPLARS: Final = 4
"""Exemplars of a cluster. With six, D3lta's rewordings are 87 % (85), but messages chain: of the troll farm's
bursts, within its days, 42 % come into a warning (52)."""

NEAR_LINES: Final = 3
"""Cache lines of a candidate's text that are asked for before any is compared: most texts whole."""

OPENED: Final = 1
REPEATED: Final = 2
NEW_EXEMPLAR: Final = 4
"""Outcome bits: the row opened a cluster; was seen before in this epoch; became an exemplar."""
DONE: Final = 0
FULL: Final = 1
"""Status: all rows taken; room is needed before the row at the returned position."""


@kernel
def insert(scratch: Scratch, n_found: int, exemplar: int, agreement: int) -> int:
    """Put a candidate at its place, the worst out if there are `MAX_CHECKED`; how many there are then."""
    found, agreements = scratch.found, scratch.agreements
    if n_found == MAX_CHECKED:
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
def gather(ex: Exemplars, rows: Rows, row: int, scratch: Scratch) -> int:
    """Exemplars that share a band and enough bits, best first.

    Returns:
        How many (≤ `MAX_CHECKED`); they stand in `scratch.found`.
    """
    hits, agreeing, bits = scratch.hits, scratch.agreeing, ex.bits
    places = place_mask(len(ex.n_distinct))
    n_hits = find_hits(ex.table, rows.bands[row], places, hits, scratch.met)
    low, high = rows.bits[row, 0], rows.bits[row, 1]
    for i in range(n_hits):  # apart from what follows: their cache lines come side by side
        agreeing[i] = ALL_BITS - fold_bits(low ^ bits[hits[i], 0]) - fold_bits(high ^ bits[hits[i], 1])
    n_found = 0
    for i in range(n_hits):
        least = int(scratch.agreements[MAX_CHECKED - 1]) + 1 if n_found == MAX_CHECKED else MIN_AGREEMENT
        if agreeing[i] < least:
            continue
        is_known = False
        for j in range(n_found):
            is_known = is_known or scratch.found[j] == hits[i]
        if not is_known:
            n_found = insert(scratch, n_found, hits[i], agreeing[i])
            prefetch(ex.masks, hits[i] * MASK_WORDS)
            prefetch(ex.n_distinct, hits[i])
            prefetch(ex.starts, hits[i])
    return n_found


@kernel
def shared_words(ex: Exemplars, rows: Rows, row: int, exemplar: int, scratch: Scratch) -> float:
    """Similarity of a row's words to an exemplar's, -1 if either has none to tell by."""
    start, end = rows.norm_offsets[row], rows.norm_offsets[row + 1]
    first, last = ex.starts[exemplar], ex.starts[exemplar + 1]
    text, mask = scratch.row_set.facts[0], query_mask(end - start)
    if scratch.counters[0] != text:
        scratch.counters[0] = text
        scratch.counters[1] = load_words(rows.norms, start, end, scratch.words, text, mask)
    return float(
        compare_words(
            ex.arena, first, last, scratch.words, text, mask,
            query_mask(last - first), scratch.row_set.facts[2], scratch.counters[1],
        )
    )  # fmt: skip


@kernel
def bound_shared(ex: Exemplars, scratch: Scratch, n_found: int, n_distinct: int) -> None:
    """Of each candidate its distinct shingles, in `hits`, and most it may share with a row, in `agreeing`."""
    excess = n_distinct - count_bits(scratch.mask)
    for i in range(n_found):
        exemplar = scratch.found[i]
        scratch.hits[i] = ex.n_distinct[exemplar]
        scratch.agreeing[i] = shared_bits(scratch.mask, ex.masks[exemplar]) + excess
        for line in range(NEAR_LINES):
            prefetch(ex.arena, ex.starts[exemplar] + line * 64)


@kernel
def best_of(
    ex: Exemplars, rows: Rows, row: int, scratch: Scratch, n_found: int, n_distinct: int
) -> tuple[int, float]:
    """The candidate nearest by exact Jaccard of those that are alike (`detectors.likeness`), or -1."""
    best, best_jaccard = -1, 0.0
    others, bounds = scratch.hits, scratch.agreeing
    bound_shared(ex, scratch, n_found, n_distinct)
    for i in range(n_found):
        exemplar, other = scratch.found[i], others[i]
        if other == 0:
            continue
        shorter, longer = min(n_distinct, other), max(n_distinct, other)
        least = max(LEAST_LETTERS, best_jaccard)
        if shorter < least * longer:
            continue
        # Each shared shingle has its bit in both masks; only shingles that share a bit count above it.
        least_shared = least * (n_distinct + other) / (1 + least) - 0.001
        if bounds[i] < least_shared:
            continue
        n = decode_shingles(ex.arena, ex.starts[exemplar], ex.starts[exemplar + 1], scratch.shingles)
        n_shared = count_shared(scratch.shingles, n, scratch.row_set, least_shared)
        jaccard = n_shared / (n_distinct + other - n_shared)
        if jaccard < least or (jaccard == best_jaccard and exemplar > best):
            continue
        if jaccard < letters_alone(shorter):
            words = shared_words(ex, rows, row, exemplar, scratch)
            if jaccard + (jaccard if words < 0 else words) < letters_and_words(shorter):
                continue
        best, best_jaccard = exemplar, jaccard
        if jaccard >= GOOD_ENOUGH:
            break
    return best, best_jaccard


@kernel
def find_exact(ex: Exemplars, rows: Rows, row: int, key: np.uint32) -> int:
    """The exemplar with the same bytes, or -1."""
    bucket = bucket_of(key, len(ex.table))
    places = place_mask(len(ex.n_distinct))
    start, end = rows.norm_offsets[row], rows.norm_offsets[row + 1]
    for way in range(WAYS):
        entry = ex.table[bucket, way]
        exemplar = int(entry & places) - 1
        if entry & ~places != key & ~places or exemplar < 0:
            continue
        if ex.n_distinct[exemplar] == 0 and same_bytes(
            rows.norms, start, end, ex.arena, ex.starts[exemplar], ex.starts[exemplar + 1]
        ):
            return exemplar
    return -1


@kernel
def find_copy(ex: Exemplars, rows: Rows, row: int) -> int:
    """The exemplar that a row is to the letter, or -1: what `gather` would find first, by one band of all.

    Texts that differ mostly differ in their bits, so one is compared. Another copy may be found by `gather`.
    """
    low, high, band = rows.bits[row, 0], rows.bits[row, 1], rows.bands[row, 0]
    places = place_mask(len(ex.n_distinct))
    bucket = ex.table[bucket_of(band, len(ex.table))]
    left = find_ways(bucket, band, places)
    while left:
        copied = int(bucket[first_bit(left)] & places) - 1
        left &= left - np.uint32(1)
        if ex.bits[copied, 0] == low and ex.bits[copied, 1] == high:
            start, end = rows.norm_offsets[row], rows.norm_offsets[row + 1]
            is_copy = same_bytes(rows.norms, start, end, ex.arena, ex.starts[copied], ex.starts[copied + 1])
            return copied if is_copy else -1
    return -1


@kernel
def load_row(rows: Rows, row: int, scratch: Scratch) -> int:
    """Make a row the one that `best_of` compares; its distinct shingles."""
    start, end = rows.norm_offsets[row], rows.norm_offsets[row + 1]
    n_shingles = decode_shingles(rows.norms, start, end, scratch.shingles)
    n_distinct = load_shingles(scratch.shingles, n_shingles, scratch.row_set)
    set_bits(scratch.shingles, n_shingles, scratch.mask)
    return int(n_distinct)


@kernel
def nearest(ex: Exemplars, rows: Rows, row: int, scratch: Scratch) -> tuple[int, float, int]:
    """(exemplar or -1, its similarity, distinct shingles of the row or 0 if it matches only exactly)."""
    if rows.exact[row]:
        start, end = rows.norm_offsets[row], rows.norm_offsets[row + 1]
        return find_exact(ex, rows, row, hash_span(rows.norms, start, end)), 1.0, 0
    copied = find_copy(ex, rows, row)
    if copied >= 0:
        return copied, 1.0, int(ex.n_distinct[copied])
    n_found = gather(ex, rows, row, scratch)
    n_distinct = load_row(rows, row, scratch)
    best, jaccard = best_of(ex, rows, row, scratch, n_found, n_distinct)
    return best, jaccard, n_distinct


@kernel
def put_bands(ex: Exemplars, bands: NDArray[np.uint32], exemplar: int) -> None:
    """Enter an exemplar under its bands; one that matches only exactly under the hash of its bytes."""
    places = place_mask(len(ex.n_distinct))
    if ex.n_distinct[exemplar] == 0:
        key = hash_span(ex.arena, ex.starts[exemplar], ex.starts[exemplar + 1])
        put_band(ex.table, key, exemplar, places)
        return
    for band in range(N_BANDS):
        put_band(ex.table, bands[band], exemplar, places)


@kernel
def append_exemplar(
    ex: Exemplars, rows: Rows, row: int, n: int, n_distinct: int, mask: NDArray[np.uint64]
) -> None:
    """Store a row's text as exemplar number `n` of the arrays."""
    start, end = rows.norm_offsets[row], rows.norm_offsets[row + 1]
    to = ex.starts[n]
    for i in range(end - start):
        ex.arena[to + i] = rows.norms[start + i]
    ex.starts[n + 1] = to + end - start
    ex.bits[n, 0] = rows.bits[row, 0]
    ex.bits[n, 1] = rows.bits[row, 1]
    ex.n_distinct[n] = n_distinct
    for word in range(MASK_WORDS):
        ex.masks[n, word] = mask[word]


@kernel
def has_room(ex: Exemplars, rows: Rows, row: int, state: NDArray[np.int64]) -> bool:
    """Whether a row can be entered as one more exemplar; `state` as for `assign_rows`."""
    n, n_bytes = state[1], rows.norm_offsets[row + 1] - rows.norm_offsets[row]
    return bool(n + 1 <= state[2] and ex.starts[n] + n_bytes <= len(ex.arena))


@kernel
def settle_row(  # noqa: PLR0913, PLR0917 - kernels take arrays, not objects
    ex: Exemplars, rows: Rows, out: Outcome, scratch: Scratch, state: NDArray[np.int64],
    row: int, best: int, jaccard: float, n_distinct: int,
) -> None:  # fmt: skip
    """Have a row that was loaded join the cluster of exemplar `best`, or open one; there is room for it."""
    base, n = state[0], state[1]
    if best >= 0:
        cluster = base + best - np.int64(ex.behind[best])
        out.clusters[row], out.jaccard[row] = cluster, jaccard
        if rows.passive[row]:
            return
        if out.jaccard[row] >= DRIFT or ex.n_exemplars[cluster - base] >= MAX_EXEMPLARS:
            return
        ex.n_exemplars[cluster - base] += 1
        out.bits[row] = NEW_EXEMPLAR
    else:
        if rows.passive[row]:
            return
        cluster = base + n
        out.clusters[row] = cluster
        out.bits[row] = OPENED | NEW_EXEMPLAR
        ex.n_exemplars[n] = 1
    ex.behind[n] = base + n - cluster
    append_exemplar(ex, rows, row, n, n_distinct, scratch.mask)
    put_bands(ex, rows.bands[row], n)
    state[1] = n + 1


@kernel
def assign_rows(
    ex: Exemplars, rows: Rows, out: Outcome, scratch: Scratch, seen: Seen,
    state: NDArray[np.int64], first: int,
) -> tuple[int, int]:  # fmt: skip
    """Assign rows from `first` on, each to the cluster of its nearest exemplar.

    Args:
        ex: The index, changed in place.
        rows: The batch.
        out: Filled per row.
        scratch: Work space for the longest text.
        seen: Identities met before, with room for the batch.
        state: int64 [base, n exemplars, capacity, room]: number of the oldest exemplar, how
            many there are, how many there may be before the next growth or eviction.
        first: Row to begin at.

    Returns:
        (the row that was not taken, `FULL`) or (number of rows, `DONE`).
    """
    for row in range(first, len(rows.identities)):
        if not has_room(ex, rows, row, state):
            return row, FULL
        if row + 1 < len(rows.bands):
            fetch_buckets(ex.table, rows.bands[row + 1])
        out.clusters[row], out.jaccard[row], out.bits[row] = -1, 1.0, 0
        if rows.identities[row] != np.uint64(0) and not first_seen(seen, rows.identities[row]):
            out.bits[row] = REPEATED
            continue
        best, jaccard, n_distinct = nearest(ex, rows, row, scratch)
        settle_row(ex, rows, out, scratch, state, row, best, jaccard, n_distinct)
    return len(rows.identities), DONE


@kernel
def enter_bands(ex: Exemplars, bands: NDArray[np.uint32], first: int, last: int) -> None:
    """Enter exemplars [first, last) of living clusters into the band table, given their bands."""
    for i in range(first, last):
        if i < ex.behind[i]:
            continue
        fetch_buckets(ex.table, bands[i - first])
        put_bands(ex, bands[i - first], i)
