"""The compiled twin of `detectors.likeness`: sets of words, and the bounds of likeness."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.jit import kernel

WORD_CHARS: Final = 6
"""Characters of a word that count. Of D3lta's reworded pairs, words cut to 4, 5, 6 and 7 leave 83, 84, 83
and 86 % alike where the bound lies 16 % above the highest sum of any false pair."""
WORD_WEIGHTS: Final = (0, 10, 14, 17, 20, 22, 24)
"""Weight by length after the cut: ten times its square root."""
UNSPACED: Final = (
    *((0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800), (0x19E0, 0x1A00)),
    *((0x3040, 0x3100), (0x3400, 0xA000), (0x20000, 0x32000)),
)
"""Thai and Lao, Burmese, Khmer, kana, Han: first code point, one past the last."""

LONG_CHARS: Final = 80
SHORT_CHARS: Final = 13
"""Letters, spaces not counted, below which texts match only exactly, or by link or media (design)."""
LETTERS_ALONE: Final = (0.34, 0.54)
"""Letters that suffice, from `LONG_CHARS` shingles on and at `SHORT_CHARS`; linear between. From 0.30
to 0.36 as many of D3lta's rewordings are found; at 0.30 more messages with one block of hashtags join."""
LETTERS_AND_WORDS: Final = (0.50, 0.66)
"""The same of the sum of letters and words. Worst of ten orders on D3lta, rewordings found: (0.52, 0.68)
83.5 %; (0.50, 0.66) 85.2; (0.48, 0.64) 85.8; (0.46, 0.62) 86.3; 100 % of copies, none false."""
LEAST_LETTERS: Final = 0.20
"""Below, words aren't looked at. With 0.24 D3lta's rewordings are 83.9 % (85.2), and the index takes 8.0 µs
a post (9.0)."""

_WEIGHTS = np.array(WORD_WEIGHTS, np.int64)
_UNSPACED = np.array(UNSPACED, np.uint32)
_FIRST_UNSPACED: Final = UNSPACED[0][0]
_SPACE: Final = 32


class WordSets(NamedTuple):
    """Work space for the words of two texts, reused; its content means nothing between calls."""

    keys: NDArray[np.uint32]
    owners: NDArray[np.int64]
    other_keys: NDArray[np.uint32]
    other_owners: NDArray[np.int64]


@kernel
def bound(n_shingles: int, at_long: float, at_short: float) -> float:
    """A bound for a pair whose shorter text has `n_shingles`."""
    share = (LONG_CHARS - n_shingles) / (LONG_CHARS - SHORT_CHARS)
    return at_long + min(1.0, max(0.0, share)) * (at_short - at_long)


@kernel
def letters_alone(n_shingles: int) -> float:
    """Least Jaccard similarity of 3-grams that needs no words beside it."""
    return float(bound(n_shingles, LETTERS_ALONE[0], LETTERS_ALONE[1]))


@kernel
def letters_and_words(n_shingles: int) -> float:
    """Least sum of the similarities of 3-grams and words."""
    return float(bound(n_shingles, LETTERS_AND_WORDS[0], LETTERS_AND_WORDS[1]))


@kernel
def is_unspaced(point: np.uint32) -> bool:
    """Whether a code point is of a script without spaces between words."""
    if point < _FIRST_UNSPACED:
        return False
    for i in range(len(_UNSPACED)):  # noqa: SIM110 - kernels know no generators
        if _UNSPACED[i, 0] <= point < _UNSPACED[i, 1]:
            return True
    return False


@kernel
def enter_word(
    keys: NDArray[np.uint32], owners: NDArray[np.int64], generation: int, mask: int, key: np.uint32
) -> bool:
    """Add a word to the set of this generation; whether it was absent."""
    slot = int(key) & mask
    while owners[slot] == generation:
        if keys[slot] == key:
            return False
        slot = (slot + 1) & mask
    owners[slot] = generation
    keys[slot] = key
    return True


@kernel
def has_word(
    keys: NDArray[np.uint32], owners: NDArray[np.int64], generation: int, mask: int, key: np.uint32
) -> bool:
    """Whether a word is in the set of this generation."""
    slot = int(key) & mask
    while owners[slot] == generation:
        if keys[slot] == key:
            return True
        slot = (slot + 1) & mask
    return False


@kernel
def next_word(blob: NDArray[np.uint8], at: int, end: int) -> tuple[int, np.uint32, int, int, int]:
    """Read one word of a normalised text in UTF-8, and the space after it.

    Args:
        blob: uint8.
        at: Its first byte, below `end`.
        end: One past the last byte of the text.

    Returns:
        (byte after the space, hash of its first `WORD_CHARS` characters, how many these are,
        characters of the word, how many of them are of a script without spaces).
    """
    key = np.uint32(2166136261)
    n_kept = n_chars = n_unspaced = 0
    while at < end and blob[at] != _SPACE:
        point = np.uint32(blob[at])
        at += 1
        if point >= 0x80:
            n_more = 1 + int(point >= 0xE0) + int(point >= 0xF0)
            point &= np.uint32(0x3F >> n_more)
            for _ in range(min(n_more, end - at)):
                point = np.uint32(point << np.uint32(6)) | np.uint32(blob[at] & 0x3F)
                at += 1
        n_chars += 1
        n_unspaced += int(is_unspaced(point))
        if n_kept < WORD_CHARS:
            n_kept += 1
            key = np.uint32((key ^ point) * np.uint32(16777619))
    key = np.uint32((key ^ (key >> np.uint32(15))) * np.uint32(0x85EBCA6B))
    return at + 1, np.uint32(key ^ (key >> np.uint32(13))), n_kept, n_chars, n_unspaced


@kernel
def load_words(
    blob: NDArray[np.uint8], start: int, end: int, sets: WordSets, generation: int, mask: int
) -> int:
    """Put the words of a text into the set of this generation; their weight, -1 if none tell."""
    weight = n_letters = n_foreign = 0
    at = start
    while at < end:
        at, key, n_kept, n_chars, n_unspaced = next_word(blob, at, end)
        n_letters += n_chars
        n_foreign += n_unspaced
        if enter_word(sets.keys, sets.owners, generation, mask, key):
            weight += _WEIGHTS[n_kept]
    return weight if 2 * n_foreign < n_letters else -1


@kernel
def compare_words(  # noqa: PLR0913, PLR0917 - kernels take arrays, not objects
    blob: NDArray[np.uint8], start: int, end: int, sets: WordSets, generation: int, mask: int,
    other_mask: int, visit: int, weight: int,
) -> float:  # fmt: skip
    """Similarity of a text's words to those of `load_words`, given their weight; -1 if either has none."""
    if weight < 0:
        return -1.0
    shared = other = n_letters = n_foreign = 0
    at = start
    while at < end:
        at, key, n_kept, n_chars, n_unspaced = next_word(blob, at, end)
        n_letters += n_chars
        n_foreign += n_unspaced
        if enter_word(sets.other_keys, sets.other_owners, visit, other_mask, key):
            other += _WEIGHTS[n_kept]
            if has_word(sets.keys, sets.owners, generation, mask, key):
                shared += _WEIGHTS[n_kept]
    return shared / (weight + other - shared) if 2 * n_foreign < n_letters else -1.0
