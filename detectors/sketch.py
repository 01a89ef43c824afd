"""MinHash sketches of normalised texts: what is compared, banded and exchanged.

A text is the set of its character 3-grams (shingles), spaces left out: strangers share those with
spaces most, and without them a word spelt out letter by letter ("v o t e", "v🔥ote") has the
shingles of the word. Its signature holds, for each of 128 permutations of 32-bit hashes, the least
hash of any shingle: two texts agree in one value with probability J, their Jaccard similarity, so
the share of agreeing values estimates J with a standard error of at most 0.044. Deterministic: seed
1, no state, batches may be cut anywhere.

**Exchange.** `signatures` is bit-identical to

    datasketch.MinHash(num_perm=128, seed=1, scheme="affine32", hashfunc=shingle_hash)

updated with the UTF-8 bytes of each of `shingle_set`, and `lean_bytes` writes datasketch's LeanMinHash with
`byteorder="<"`. Another program must normalise alike *and* pass `shingle_hash`: datasketch alone
hashes shingles with SHA-1, such a sketch compares with ours as 0.0, and nothing warns.

When it fails: below about 13 letters a text has too few shingles for J to mean much. Scripts
of many signs (Chinese) have fewer common shingles than alphabets, so there J falls faster
with each changed sign.

Source: Broder 1997 (MinHash); Li and König 2010 (one-bit values).
"""

import functools
import hashlib
import struct
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from datasketch import LeanMinHash, MinHash

from detectors.jit import frozen
from detectors.normalise import normalise_batch, normaliser_digest
from detectors.sketch_kernel import (
    FACTORS,
    N_BANDS,
    N_PERM,
    ROUTE_CHARS,
    ROWS,
    SHINGLE_CHARS,
    decode_shingles,
    min_hash_batch,
    sketch_texts,
)

__all__ = [
    "N_BANDS",
    "N_PERM",
    "ROUTE_CHARS",
    "ROWS",
    "SEED",
    "SHINGLE_CHARS",
    "SKETCH_VERSION",
    "SketchBatch",
    "decode_shingles",
    "exact_jaccard",
    "lean_bytes",
    "shingle_hash",
    "shingle_set",
    "signatures",
    "sketch_batch",
    "sketch_digest",
    "warm_up",
]

SEED: Final = 1

SKETCH_VERSION: Final = 2
"""Raised by every change of bands, bits or route that the other constants don't show."""

_SCHEME: Final = "affine32"


class SketchBatch(NamedTuple):
    """Sketches of n texts, made for the index; signatures aren't kept.

    Attributes:
        bands: uint32 (n, 42). Column b is a hash of (b, three consecutive signature values from
            3·b on): equal where all three are.
        bits: uint64 (n, 2). Bit p % 64 of word p // 64 is the lowest bit of signature value p.
            Two texts agree in (1 + J) / 2 of the 128 bits on average.
        route: uint32 (n,). One min-hash over character 6-grams without spaces, or over the whole of a
            shorter text: equal with the probability of their Jaccard similarity. A partition key.
        n_chars: int32 (n,). Length in code points, spaces left out.
    """

    bands: npt.NDArray[np.uint32]
    bits: npt.NDArray[np.uint64]
    route: npt.NDArray[np.uint32]
    n_chars: npt.NDArray[np.int32]


def sketch_batch(blob: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> SketchBatch:
    """Sketch many normalised texts at once, about 2 µs each.

    Args:
        blob: uint8, UTF-8 texts one after another, as `normalise_batch` gives them.
        offsets: int64 (n + 1,), ascending: text i is `blob[offsets[i]:offsets[i + 1]]`.
    """
    return SketchBatch(
        *sketch_texts(frozen(blob, np.uint8), frozen(offsets, np.int64), _permutations()),
    )


def signatures(blob: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    """MinHash signatures, uint32 (n, 128); arguments as for `sketch_batch`.

    An empty text has the empty signature, 0xFFFFFFFF throughout.
    """
    return min_hash_batch(frozen(blob, np.uint8), frozen(offsets, np.int64), _permutations())


def lean_bytes(signature: npt.NDArray[np.uint32]) -> bytes:
    """One signature, uint32 (128,), as a serialised LeanMinHash, `byteorder="<"`."""
    return _lean_head() + signature.astype("<u4", copy=False).tobytes()


def shingle_hash(shingle: bytes) -> int:
    """The 32-bit hash of one shingle, for datasketch's `hashfunc`. Frozen: it never changes.

    It is MurmurHash3's finaliser over the sum of the code points, each times its own odd
    constant; a shingle of fewer than three counts as filled up with zeros.

    Args:
        shingle: UTF-8 of one to three code points.

    Raises:
        ValueError: it has none, or more than three, or isn't UTF-8.
    """
    points = shingle.decode()
    if not 1 <= len(points) <= SHINGLE_CHARS:
        raise ValueError(f"a shingle has 1 to {SHINGLE_CHARS} code points, this one {len(points)}")
    x = sum(ord(point) * factor for point, factor in zip(points, FACTORS, strict=False)) & 0xFFFFFFFF
    x = (x ^ x >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    x = (x ^ x >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return x ^ x >> 16


def shingle_set(text: str) -> set[str]:
    """The distinct shingles of a normalised text without its spaces; a shorter text is its own only one."""
    text = text.replace(" ", "")
    if len(text) <= SHINGLE_CHARS:
        return {text} if text else set()
    return {text[i : i + SHINGLE_CHARS] for i in range(len(text) - SHINGLE_CHARS + 1)}


def exact_jaccard(a: str, b: str) -> float:
    """Jaccard similarity of two normalised texts' shingles, 0 to 1; 1 for two empty texts."""
    left, right = shingle_set(a), shingle_set(b)
    union = left | right
    return len(left & right) / len(union) if union else 1.0


def sketch_digest() -> bytes:
    """8 bytes that differ when sketches can't be compared: every choice that shapes one."""
    choices = struct.pack("<7I", SKETCH_VERSION, SHINGLE_CHARS, SEED, N_PERM, N_BANDS, ROWS, ROUTE_CHARS)
    return hashlib.blake2b(choices + normaliser_digest(), digest_size=8).digest()


def warm_up() -> None:
    """Compile normalisation and sketching, or load them from the cache, before posts arrive."""
    blob, offsets = normalise_batch(["warm up"])
    sketch_batch(blob, offsets)
    signatures(blob, offsets)


@functools.cache
def _lean_head() -> bytes:
    """What a LeanMinHash begins with, whatever its values: datasketch writes these one by one (10 µs)."""
    lean = LeanMinHash(seed=SEED, hashvalues=np.zeros(N_PERM, np.uint32), scheme=_SCHEME)
    buffer = bytearray(lean.bytesize("<"))
    lean.serialize(buffer, "<")
    return bytes(buffer[: -4 * N_PERM])


@functools.cache
def _permutations() -> npt.NDArray[np.uint32]:
    """The factors and addends of datasketch itself, uint32 (2, 128)."""
    return frozen(MinHash(num_perm=N_PERM, seed=SEED, scheme=_SCHEME).permutations, np.uint32)
