"""The compiled twin of `detectors.normalise.normalise`, a batch at a time.

Two passes a post: `_map` replaces code points by table entries (`normalise_tables.Tables`),
`_emit` walks them, leaves out links and mentions, and writes UTF-8. Held equal to the
reference by property tests. Cost is linear in the input, whatever it holds.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.jit import array_kernel, kernel
from detectors.normalise_tables import CODE_POINT, KIND_SHIFT, MAX_MAPPED, MULTIPLE, TRIGGER, Kind

MAX_MARKS: Final = 4
"""Consecutive marks kept on one base."""

_OTHER: Final = int(Kind.OTHER)
_WHITE: Final = int(Kind.WHITE)
_BASE: Final = int(Kind.BASE)
_MARK: Final = int(Kind.MARK)

_Points = npt.NDArray[np.uint32]
_Bytes = npt.NDArray[np.uint8]


@array_kernel
def normalise_spans(
    texts: _Bytes, spans: npt.NDArray[np.int64], entries: _Points, pool: _Points
) -> tuple[_Bytes, npt.NDArray[np.int64]]:
    """Normalise texts.

    Args:
        texts: uint8, UTF-8.
        spans: int64 (n, 2), where each text begins and ends in `texts`.
        entries: `Tables.entries`.
        pool: `Tables.pool`.

    Returns:
        UTF-8 bytes, uint8, and offsets, int64 (n + 1,): text i is `blob[offsets[i]:offsets[i + 1]]`.
    """
    n = len(spans)
    offsets = np.zeros(n + 1, np.int64)
    longest = total = 0
    for i in range(n):
        n_bytes = spans[i, 1] - spans[i, 0]
        longest = max(longest, n_bytes)
        total += n_bytes
    items = np.empty(longest * MAX_MAPPED, np.uint32)
    blob = np.empty(2 * total + 4 * len(items), np.uint8)
    size = 0
    for i in range(n):
        n_items = _map(texts, spans[i, 0], spans[i, 1], entries, pool, items)
        if size + 4 * n_items > len(blob):
            larger = np.empty(2 * len(blob) + 4 * n_items, np.uint8)
            larger[:size] = blob[:size]
            blob = larger
        size = _emit(items, n_items, blob, size)
        offsets[i + 1] = size
    return blob[:size].copy(), offsets


@kernel
def _map(texts: _Bytes, start: int, end: int, entries: _Points, pool: _Points, items: _Points) -> int:
    """Fill `items` with the table entries of a text's code points; how many."""
    n = 0
    i = start
    while i < end:
        point, i = _point_at(texts, i)
        entry = entries[point]
        if entry >> KIND_SHIFT != MULTIPLE:
            items[n] = entry
            n += 1
        else:
            offset = entry & 0xFFFF
            for k in range((entry >> 16) & 0xF):
                items[n] = pool[offset + k]
                n += 1
    return n


@kernel
def _point_at(texts: _Bytes, i: int) -> tuple[np.uint32, int]:
    """The code point whose UTF-8 begins at `i`, and where the next one's begins."""
    lead = np.uint32(texts[i])
    if lead < 0x80:
        return lead, i + 1
    second = np.uint32(texts[i + 1] & 0x3F)
    if lead < 0xE0:
        return np.uint32((lead & 0x1F) << np.uint32(6)) | second, i + 2
    third = np.uint32(second << np.uint32(6)) | np.uint32(texts[i + 2] & 0x3F)
    if lead < 0xF0:
        return np.uint32((lead & 0x0F) << np.uint32(12)) | third, i + 3
    fourth = np.uint32(third << np.uint32(6)) | np.uint32(texts[i + 3] & 0x3F)
    return np.uint32((lead & 0x07) << np.uint32(18)) | fourth, i + 4


@kernel
def _watched(items: _Points, n: int) -> np.uint32:
    """`TRIGGER` if a link or mention may stand in a text, else no bit: most have none, and pass sooner."""
    found = False
    before = np.uint32(0)
    for i in range(n):  # without a branch: the compiler takes many at once
        point = np.uint32(items[i] & CODE_POINT)
        found |= (point == ord("/")) | (point == ord("@")) | ((point == ord("w")) & (before == point))
        before = point
    return np.uint32(TRIGGER if found else 0)


@kernel
def _emit(items: _Points, n: int, blob: _Bytes, size: int) -> int:
    """Write the text of `items` at `blob[size:]`; where it ends."""
    start = size
    room = 0  # marks that the last letter may still take
    watched = _watched(items, n)
    space = np.int64(32)
    last, before_last = space, np.int64(0)  # a gap is written as it comes, and not after another
    i = 0
    while i < n:
        item = items[i]
        end = i
        if item & watched:
            end = _span_end(items, i, n)
        kind = item >> KIND_SHIFT
        i = max(i + 1, end)
        if kind == _MARK:
            if room == 0:
                continue
            room -= 1
        else:
            room = MAX_MARKS if kind == _BASE else 0
        is_gap = kind <= _WHITE or end == i
        point = space if is_gap else np.int64(item & CODE_POINT)
        if point == last and (is_gap or point == before_last):
            continue
        before_last = last
        last = point
        size = _put(point, blob, size)
    return size - int(size > start and last == space)


@kernel
def _put(point: np.int64, blob: _Bytes, size: int) -> int:
    """Write one code point as UTF-8; where it ends."""
    if point < 0x80:
        blob[size] = point
        return size + 1
    if point < 0x800:
        blob[size] = 0xC0 | point >> 6
        blob[size + 1] = 0x80 | point & 0x3F
        return size + 2
    if point < 0x10000:
        blob[size] = 0xE0 | point >> 12
        blob[size + 1] = 0x80 | point >> 6 & 0x3F
        blob[size + 2] = 0x80 | point & 0x3F
        return size + 3
    blob[size] = 0xF0 | point >> 18
    blob[size + 1] = 0x80 | point >> 12 & 0x3F
    blob[size + 2] = 0x80 | point >> 6 & 0x3F
    blob[size + 3] = 0x80 | point & 0x3F
    return size + 4


@kernel
def _span_end(items: _Points, i: int, n: int) -> int:
    """Where the link or mention that starts at `i` ends; `i` if none starts there."""
    point = _at(items, i, n)
    if point == ord("h"):
        return _link_end(items, i, n)
    if i > 0 and _is_alnum(_at(items, i - 1, n)):
        return i
    if point == ord("w"):
        return _link_end(items, i, n)
    handle = i
    if point == ord("r"):
        if _at(items, i + 1, n) != ord("t"):
            return i
        handle = i + 2
        while handle < n and items[handle] >> KIND_SHIFT == _WHITE:
            handle += 1
    end = _handle_end(items, handle, n)
    if end == handle:
        return i
    return _handle_end(items, end, n)


@kernel
def _link_end(items: _Points, i: int, n: int) -> int:
    if _at(items, i, n) == ord("w"):
        for k in range(1, 4):
            if _at(items, i + k, n) != (ord("w") if k < 3 else ord(".")):
                return i
        end = i + 4
    else:
        if not (
            _at(items, i + 1, n) == ord("t")
            and _at(items, i + 2, n) == ord("t")
            and _at(items, i + 3, n) == ord("p")
        ):
            return i
        end = i + 4 + (_at(items, i + 4, n) == ord("s"))
        if not (
            _at(items, end, n) == ord(":")
            and _at(items, end + 1, n) == ord("/")
            and _at(items, end + 2, n) == ord("/")
        ):
            return i
        end += 3
    while end < n:
        kind = items[end] >> KIND_SHIFT
        if kind == _WHITE or (kind > _WHITE and kind != _MARK and items[end] & CODE_POINT > 0x7F):
            break
        end += 1
    return end


@kernel
def _handle_end(items: _Points, i: int, n: int) -> int:
    """Where `@` and at least one character of a handle, from `i` on, end; `i` if not there."""
    if _at(items, i, n) != ord("@"):
        return i
    end = i + 1
    while end < n:
        point = _at(items, end, n)
        if not (_is_alnum(point) or point == ord("_") or point == ord(".") or point == ord("-")):
            break
        end += 1
    return end if end > i + 1 else i


@kernel
def _at(items: _Points, i: int, n: int) -> np.int64:
    """The code point at `i`, 0 past the end."""
    return np.int64(items[i] & CODE_POINT) if i < n else np.int64(0)


@kernel
def _is_alnum(point: np.int64) -> bool:
    return bool(ord("a") <= point <= ord("z") or ord("0") <= point <= ord("9"))
