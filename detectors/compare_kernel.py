"""Kernels that compare two texts: their exact Jaccard similarity, their bytes, their bits."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.jit import kernel

MASK_WORDS: Final = 4
"""256 bits, half a cache line: they rule out most pairs that chance brought together. Twice as many take 32 B
more of an exemplar, and of CLUSTER's CPU no less (medians of four alternating drains: 7.7 µs a post)."""
SLOTS_PER_SHINGLE: Final = 8
LEAST_SLOTS: Final = 1024
HINT_BITS: Final = 12
"""High bits of a shingle that rule most of a text's out at once: 4 kB, which stay in the first cache."""
HINT_SHIFT: Final = np.uint32(32 - HINT_BITS)


@kernel
def fold_bits(word: np.uint64) -> int:
    """Number of set bits of a 64-bit word (Hacker's Delight, figure 5-2)."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


class ShingleSet(NamedTuple):
    """The shingles of one text, for others to be compared with. Reused: a new text clears nothing.

    So sparse that a look-up mostly ends at the first slot, whatever it finds: a processor guesses
    branches that depend on texts wrong, and each wrong guess costs more than the look-up.
    """

    keys: NDArray[np.uint64]
    """The text's number, its low 32 bits, above the shingle."""
    visits: NDArray[np.int64]
    """(slots,): the visit that last met the shingle."""
    hints: NDArray[np.uint8]
    """(2**HINT_BITS,): 1 where a shingle of the text has these high bits."""
    facts: NDArray[np.int64]
    """(3,): number of the text, 1 and up; mask of the slots in use; number of the last visit."""


@kernel
def slot_mask(n_shingles: int) -> int:
    """Mask of the slots for so many shingles."""
    size = LEAST_SLOTS
    while size < SLOTS_PER_SHINGLE * n_shingles:
        size *= 2
    return size - 1


@kernel
def is_taken(held: np.uint64, key: np.uint64) -> bool:
    """Whether a slot holds another shingle of the same text: one comparison, for one branch."""
    return bool(np.uint64((held ^ key) - np.uint64(1)) < np.uint64(0xFFFFFFFF))


@kernel
def load_shingles(shingles: NDArray[np.uint32], n_shingles: int, into: ShingleSet) -> int:
    """Make `into` the set of these shingles; how many are distinct."""
    keys, mask = into.keys, slot_mask(n_shingles)
    text = into.facts[0] + 1
    if text & 0xFFFFFFFF == 0:  # from here on, what earlier texts left would look new
        keys[:] = 0
        text += 1
    into.facts[0], into.facts[1] = text, mask
    tag = np.uint64(text & 0xFFFFFFFF) << np.uint64(32)
    hints = into.hints
    hints[:] = 0
    n_distinct = 0
    for i in range(n_shingles):
        hints[shingles[i] >> HINT_SHIFT] = 1
        slot, key = np.int64(shingles[i]) & mask, tag | np.uint64(shingles[i])
        while is_taken(keys[slot], key):
            slot = (slot + 1) & mask
        n_distinct += int(keys[slot] != key)
        keys[slot] = key
    return n_distinct


@kernel
def count_shared(shingles: NDArray[np.uint32], n_shingles: int, others: ShingleSet, least: float) -> int:
    """How many distinct shingles are in the set too; if fewer than `least`, some number below it."""
    keys, visits, facts = others.keys, others.visits, others.facts
    tag, mask = np.uint64(facts[0] & 0xFFFFFFFF) << np.uint64(32), facts[1]
    hints, n_hints = others.hints, 0
    for i in range(n_shingles):
        n_hints += hints[shingles[i] >> HINT_SHIFT]
    if n_hints < least:
        return n_hints
    facts[2] += 1
    visit = facts[2]
    n_shared = 0
    for i in range(n_shingles):
        slot, key = np.int64(shingles[i]) & mask, tag | np.uint64(shingles[i])
        while is_taken(keys[slot], key):
            slot = (slot + 1) & mask
        is_shared = int(keys[slot] == key)
        before = visits[slot]
        n_shared += is_shared & int(before != visit)
        visits[slot] = before + is_shared * (visit - before)
    return n_shared


@kernel
def set_bits(shingles: NDArray[np.uint32], n_shingles: int, mask: NDArray[np.uint64]) -> None:
    """Make `mask` the one of these shingles: bit h mod 256 for each hash h."""
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
