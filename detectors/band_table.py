"""The band table of `detectors.index_kernel`: which exemplars share a band with a text?

Set-associative: the low bits of a band's 32-bit hash pick a bucket of `WAYS` entries (one cache
line), each the hash's high bits above the exemplar's place + 1; at least as many low bits pick
the bucket as the place takes, so no bit of the hash is lost. 0 is an empty entry; a full bucket
loses its oldest. There are as many buckets as exemplars need, not a power of two of them: what
belongs past the last one stands in the bucket that will be split into it. So a look-up costs 42
cache lines however large a cluster or how common a phrase, and memory is bounded. Loops over a
bucket ask its length, though it is `WAYS`: of a known number the compiler makes that many steps
one after another, else vectors.

Source of the split: W. Litwin, "Linear hashing: a new tool for file and table addressing", 1980.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compare_kernel import fold_bits
from detectors.jit import array_kernel, kernel
from detectors.prefetch import prefetch
from detectors.sketch import N_BANDS

WAYS: Final = 16
"""Entries of a bucket: 16 of 4 bytes are a cache line."""
N_MET: Final = 256
"""Places a look-up remembers to have met, by their low bits: of some it forgets that it met them."""


@kernel
def place_mask(capacity: int) -> np.uint32:
    """The bits of an entry that hold a place + 1, places being below `capacity`."""
    mask = 1
    while mask <= capacity:
        mask *= 2
    return np.uint32(mask - 1)


@kernel
def bucket_of(band: np.uint32, n_buckets: int) -> int:
    """The bucket of a band hash."""
    return bucket_at(band, n_buckets, bucket_half(n_buckets - 1))


@kernel
def bucket_at(band: np.uint32, n_buckets: int, half: int) -> int:
    """The same, given the `bucket_half` of the last bucket: known once for many bands."""
    bucket = int(band & np.uint32(2 * half - 1))
    return bucket - half * int(bucket >= n_buckets)


@kernel
def bucket_half(bucket: int) -> int:
    """The highest bit of a bucket's number: the bucket that it was split from stands so much lower."""
    half = 1
    while 2 * half <= bucket:
        half *= 2
    return half


@kernel
def fetch_buckets(table: NDArray[np.uint32], bands: NDArray[np.uint32]) -> None:
    """Ask memory for a row's cache lines; they come while something else is done."""
    n_buckets = len(table)
    half = bucket_half(n_buckets - 1)
    for band in range(N_BANDS):
        prefetch(table, bucket_at(bands[band], n_buckets, half) * WAYS)


@kernel
def find_ways(bucket: NDArray[np.uint32], band: np.uint32, places: np.uint32) -> np.uint32:
    """A bit for each entry of a bucket that was entered under a band."""
    key, ways = np.uint32(band & ~places), np.uint32(0)
    for way in range(len(bucket)):  # an empty entry is the place before the first
        is_hit = np.uint32(np.uint32(bucket[way] ^ key) - np.uint32(1)) < places
        ways |= np.uint32(is_hit) << np.uint32(way)
    return ways


@kernel
def first_bit(word: np.uint32) -> int:
    """Place of the lowest bit of a word that has one."""
    return fold_bits(np.uint64(word & (~word + np.uint32(1))) - np.uint64(1))


@kernel
def find_hits(
    table: NDArray[np.uint32],
    bands: NDArray[np.uint32],
    places: np.uint32,
    hits: NDArray[np.int64],
    met: NDArray[np.uint32],
) -> int:
    """Places that stand in `table` under one of the bands, in order, few of them repeatedly; how many.

    Most of what a row meets it meets under many bands. All buckets are compared before any hit is taken:
    so these are vectors one after another, without a branch that depends on a text.

    Args:
        table: See above.
        bands: uint32 (N_BANDS,).
        places: See `place_mask`.
        hits: int64 (N_BANDS × WAYS + 1,), filled from the left.
        met: uint32 (N_MET + N_BANDS,): work space.
    """
    n_buckets = len(table)
    half = bucket_half(n_buckets - 1)
    met[:N_MET] = 0
    ways = met[N_MET:]
    for band in range(N_BANDS):
        ways[band] = find_ways(table[bucket_at(bands[band], n_buckets, half)], bands[band], places)
    n_hits = 0
    for band in range(N_BANDS):
        left, key = ways[band], np.uint32(bands[band] & ~places)
        bucket = table[bucket_at(bands[band], n_buckets, half)]
        while left:
            entry = bucket[first_bit(left)] ^ key
            left &= left - np.uint32(1)
            hits[n_hits] = np.int64(entry) - 1
            n_hits += int(met[entry & np.uint32(N_MET - 1)] != entry)
            met[entry & np.uint32(N_MET - 1)] = entry
    return n_hits


@kernel
def put_band(table: NDArray[np.uint32], key: np.uint32, exemplar: int, places: np.uint32) -> None:
    """Enter an exemplar under one band hash, the oldest of a full bucket out."""
    bucket = table[bucket_of(key, len(table))]
    oldest = np.uint64(places) << np.uint64(8)
    for way in range(len(bucket)):  # later exemplars have higher places, and 0 is empty
        place = np.uint64(np.uint32(bucket[way] & places))
        oldest = min(oldest, place << np.uint64(8) | np.uint64(way))
    bucket[int(oldest & np.uint64(0xFF))] = np.uint32(key & ~places) | np.uint32(exemplar + 1)


@array_kernel
def split_table(table: NDArray[np.uint32], n_buckets: int, old_capacity: int, capacity: int) -> None:
    """Split the first `n_buckets` into all of `table`, the rest empty: what a full bucket lost stays lost."""
    places = place_mask(capacity)
    if places != place_mask(old_capacity):  # the place takes a bit of the hash that the bucket tells
        table[:n_buckets] &= ~(places ^ place_mask(old_capacity))
    for bucket in range(n_buckets, len(table)):
        half, filled = bucket_half(bucket), 0
        for way in range(WAYS):
            entry = table[bucket - half, way]
            if entry & np.uint32(half):
                table[bucket, filled] = entry
                table[bucket - half, way] = 0
                filled += 1
