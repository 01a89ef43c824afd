"""Kernels that compare two texts: their exact Jaccard similarity, their bytes, their bits."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.jit import kernel

MASK_WORDS: Final = 8
"""512 bits: a cache line. Of 80 shingles they rule out nearly every pair that chance brought together."""


@kernel
def fold_bits(word: np.uint64) -> int:
    """Number of set bits of a 64-bit word (Hacker's Delight, figure 5-2)."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@kernel
def first_seen(seen: NDArray[np.uint64], identity: np.uint64) -> bool:
    """Add a non-zero identity to an open-addressed set; whether it was absent."""
    mask = np.uint64(len(seen) - 1)
    slot = identity & mask
    while seen[slot] != np.uint64(0):
        if seen[slot] == identity:
            return False
        slot = (slot + np.uint64(1)) & mask
    seen[slot] = identity
    return True


@kernel
def load_query(
    shingles: NDArray[np.uint32],
    n_shingles: int,
    keys: NDArray[np.uint32],
    owners: NDArray[np.int64],
    generation: int,
    mask: int,
) -> int:
    """Put a text's shingles into the scratch set of this generation; how many are distinct."""
    n_distinct = 0
    for i in range(n_shingles):
        slot = int(shingles[i]) & mask
        while owners[slot] == generation and keys[slot] != shingles[i]:
            slot = (slot + 1) & mask
        if owners[slot] != generation:
            owners[slot] = generation
            keys[slot] = shingles[i]
            n_distinct += 1
    return n_distinct


@kernel
def count_shared(  # noqa: PLR0913, PLR0917 - kernels take arrays, not objects
    shingles: NDArray[np.uint32],
    n_shingles: int,
    keys: NDArray[np.uint32],
    owners: NDArray[np.int64],
    visits: NDArray[np.int64],
    generation: int,
    visit: int,
    mask: int,
) -> int:
    """How many distinct shingles are in the scratch set too."""
    n_shared = 0
    for i in range(n_shingles):
        slot = int(shingles[i]) & mask
        while owners[slot] == generation:
            if keys[slot] == shingles[i]:
                if visits[slot] != visit:
                    visits[slot] = visit
                    n_shared += 1
                break
            slot = (slot + 1) & mask
    return n_shared


@kernel
def set_bits(shingles: NDArray[np.uint32], n_shingles: int, mask: NDArray[np.uint64]) -> None:
    """Make `mask` the one of these shingles: bit h mod 512 for each hash h."""
    for word in range(MASK_WORDS):
        mask[word] = np.uint64(0)
    for i in range(n_shingles):
        bit = shingles[i] & np.uint32(64 * MASK_WORDS - 1)
        mask[bit >> np.uint32(6)] |= np.uint64(1) << np.uint64(bit & np.uint32(63))


@kernel
def count_bits(mask: NDArray[np.uint64]) -> int:
    """Set bits of a mask."""
    n = 0
    for word in range(MASK_WORDS):
        n += fold_bits(mask[word])
    return n


@kernel
def shared_bits(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> int:
    """Bits set in both masks."""
    n = 0
    for word in range(MASK_WORDS):
        n += fold_bits(a[word] & b[word])
    return n


@kernel
def query_mask(n_bytes: int) -> int:
    """Mask of a scratch set that stays at most half full for a text of `n_bytes`."""
    size = 256
    while size < 2 * n_bytes:
        size *= 2
    return size - 1


@kernel
def same_bytes(
    a: NDArray[np.uint8], a_start: int, a_end: int, b: NDArray[np.uint8], b_start: int, b_end: int
) -> bool:
    """Whether two spans hold the same bytes."""
    if a_end - a_start != b_end - b_start:
        return False
    for i in range(a_end - a_start):  # noqa: SIM110 - kernels know no generators
        if a[a_start + i] != b[b_start + i]:
            return False
    return True


@kernel
def hash_span(blob: NDArray[np.uint8], start: int, end: int) -> np.uint32:
    """FNV-1a, 32 bit, of a span: the only band of a text that matches exactly."""
    value = np.uint32(2166136261)
    for i in range(start, end):
        value = (value ^ np.uint32(blob[i])) * np.uint32(16777619)
    return np.uint32(value)  # numba multiplies in 64 bits
