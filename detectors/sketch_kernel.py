"""Compiled parts of `detectors.sketch`: UTF-8 to shingle hashes to MinHash, bands and bits.

Shingles are hashed from code points, so nothing is encoded or sliced, and all inner loops
run over contiguous uint32, which the compiler turns into vector instructions.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.jit import array_kernel, kernel

N_PERM: Final = 128
ROWS: Final = 3
N_BANDS: Final = N_PERM // ROWS
SHINGLE_CHARS: Final = 3
ROUTE_CHARS: Final = 2 * SHINGLE_CHARS

FACTORS: Final = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)
"""Odd multipliers of a shingle's three code points; frozen, like all of `shingle_hash`."""

EMPTY: Final = 0xFFFFFFFF
"""Every value of the sketch of an empty text."""

_SPACE: Final = 32
_UNROLL: Final = 8  # shingles per pass over the permutations: each pass loads and stores them once

_F0, _F1, _F2 = (np.uint32(f) for f in FACTORS)
_EMPTY: Final = np.uint32(EMPTY)

_Words = npt.NDArray[np.uint32]
_Bytes = npt.NDArray[np.uint8]
_Offsets = npt.NDArray[np.int64]


@kernel
def fmix32(x: np.uint32) -> np.uint32:
    """MurmurHash3's finaliser, a bijection of 32 bits."""
    x = np.uint32(x ^ (x >> np.uint32(16)))
    x = np.uint32(x * np.uint32(0x85EBCA6B))
    x = np.uint32(x ^ (x >> np.uint32(13)))
    x = np.uint32(x * np.uint32(0xC2B2AE35))
    return np.uint32(x ^ (x >> np.uint32(16)))


@kernel
def mix3(x: np.uint32, y: np.uint32, z: np.uint32) -> np.uint32:
    """A well-mixed hash of three 32-bit values, sensitive to their order."""
    return fmix32(np.uint32(np.uint32(np.uint32(x * _F0) + np.uint32(y * _F1)) + np.uint32(z * _F2)))


@kernel
def decode_points(blob: _Bytes, start: int, end: int, out: _Words) -> int:
    """Decode UTF-8 into code points, spaces left out.

    Bytes that aren't UTF-8 give meaningless points, but nothing outside `start..end` is read.

    Args:
        blob: uint8.
        start: first byte.
        end: one past the last byte.
        out: uint32, at least `end - start` long.

    Returns:
        How many code points were written.
    """
    n = 0
    i = start
    while i < end:
        lead = np.uint32(blob[i])
        if lead < 0x80:
            out[n] = lead  # a space, which no processor foresees, is written over
            n += int(lead != _SPACE)
            i += 1
            continue
        if lead < 0xE0 and i + 1 < end:  # apart from the rest, for a loop costs more
            lead = np.uint32((lead & 0x1F) << np.uint32(6)) | np.uint32(blob[i + 1] & 0x3F)
            i += 2
        elif lead < 0xF0 and i + 2 < end:
            lead = np.uint32((lead & 0x0F) << np.uint32(12)) | np.uint32(
                np.uint32(blob[i + 1] & 0x3F) << np.uint32(6)
            )
            lead |= np.uint32(blob[i + 2] & 0x3F)
            i += 3
        else:
            n_more = 1 + int(lead >= 0xE0) + int(lead >= 0xF0)
            lead &= np.uint32(0x3F >> n_more)
            i += 1
            for _ in range(min(n_more, end - i)):
                lead = np.uint32(lead << np.uint32(6)) | np.uint32(blob[i] & 0x3F)
                i += 1
        out[n] = lead
        n += 1
    return n


@kernel
def hash_shingles(points: _Words, n: int) -> int:
    """Replace the first `n` code points by the hashes of their shingles, in place; how many.

    A text of one or two code points is one shingle, with 0 in the missing places.
    """
    if n == 0:
        return 0
    n_shingles = max(n - (SHINGLE_CHARS - 1), 1)
    if n >= SHINGLE_CHARS:
        for i in range(n_shingles):
            points[i] = mix3(points[i], points[i + 1], points[i + 2])
    else:
        points[0] = mix3(points[0], points[1] if n == 2 else np.uint32(0), np.uint32(0))
    return n_shingles


@kernel
def decode_shingles(blob: _Bytes, start: int, end: int, out: _Words) -> int:
    """Hash the shingles of one normalised text, in order, repeats included.

    Args:
        blob: uint8, UTF-8.
        start: first byte of the text.
        end: one past its last byte.
        out: uint32, at least `end - start` long; its first places receive the hashes.

    Returns:
        How many hashes were written; what lies beyond them in `out` is overwritten too.
    """
    return hash_shingles(out, decode_points(blob, start, end, out))


@kernel
def _route(hashes: _Words, n: int) -> np.uint32:
    """One min-hash over `ROUTE_CHARS`-grams, each seen as the two shingles at its ends."""
    least = _EMPTY
    step = max(min(SHINGLE_CHARS, n - 1), 0)
    for i in range(n - step):
        least = min(least, mix3(hashes[i], hashes[i + step], np.uint32(ROUTE_CHARS)))
    return least


@kernel
def _min_hash(hashes: _Words, n: int, permutations: _Words, values: _Words) -> None:
    """The affine32 MinHash of `n` hashes as datasketch has it. `hashes` is used up, and padded."""
    factors = permutations[0]
    addends = permutations[1]
    for p in range(N_PERM):
        values[p] = _EMPTY
    for i in range(n):
        hashes[i] = fmix32(hashes[i])
    while n % _UNROLL:
        hashes[n] = hashes[0]
        n += 1
    for i in range(0, n, _UNROLL):
        h0, h1, h2, h3 = hashes[i], hashes[i + 1], hashes[i + 2], hashes[i + 3]
        h4, h5, h6, h7 = hashes[i + 4], hashes[i + 5], hashes[i + 6], hashes[i + 7]
        for p in range(N_PERM):
            a = factors[p]
            b = addends[p]
            low = min(np.uint32(a * h0 + b), np.uint32(a * h1 + b))
            low = min(low, np.uint32(a * h2 + b), np.uint32(a * h3 + b))
            low = min(low, np.uint32(a * h4 + b), np.uint32(a * h5 + b))
            low = min(low, np.uint32(a * h6 + b), np.uint32(a * h7 + b))
            values[p] = min(values[p], low)


@kernel
def _lowest_bits(values: _Words) -> np.uint64:
    """The lowest bits of 64 values, the first value's lowest."""
    word = np.uint64(0)
    for p in range(64):
        word |= np.uint64(values[p] & np.uint32(1)) << np.uint64(p)
    return word


@array_kernel
def _scratch(offsets: _Offsets) -> _Words:
    """Room for the code points of the longest text, and for padding."""
    longest = 0
    for i in range(len(offsets) - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    return np.empty(longest + _UNROLL, np.uint32)


@array_kernel
def min_hash_batch(blob: _Bytes, offsets: _Offsets, permutations: _Words) -> _Words:
    """See `detectors.sketch.signatures`."""
    n = len(offsets) - 1
    hashes = _scratch(offsets)
    values = np.empty((n, N_PERM), np.uint32)
    for i in range(n):
        n_hashes = decode_shingles(blob, offsets[i], offsets[i + 1], hashes)
        _min_hash(hashes, n_hashes, permutations, values[i])
    return values


@array_kernel
def sketch_texts(
    blob: _Bytes, offsets: _Offsets, permutations: _Words
) -> tuple[_Words, npt.NDArray[np.uint64], _Words, npt.NDArray[np.int32]]:
    """See `detectors.sketch.sketch_batch`; the arrays in `SketchBatch`'s order."""
    n = len(offsets) - 1
    hashes = _scratch(offsets)
    values = np.empty(N_PERM, np.uint32)
    bands = np.empty((n, N_BANDS), np.uint32)
    bits = np.empty((n, N_PERM // 64), np.uint64)
    route = np.empty(n, np.uint32)
    n_chars = np.empty(n, np.int32)
    for i in range(n):
        n_chars[i] = decode_points(blob, offsets[i], offsets[i + 1], hashes)
        n_hashes = hash_shingles(hashes, n_chars[i])
        route[i] = _route(hashes, n_hashes)
        _min_hash(hashes, n_hashes, permutations, values)
        for b in range(N_BANDS):
            band = mix3(values[ROWS * b], values[ROWS * b + 1], values[ROWS * b + 2])
            bands[i, b] = fmix32(np.uint32(band + np.uint32(b)))
        for word in range(N_PERM // 64):
            bits[i, word] = _lowest_bits(values[64 * word : 64 * word + 64])
    return bands, bits, route, n_chars
