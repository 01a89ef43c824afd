"""`rows.Sample` in MessagePack, as kernels read and keep it; and what they write of MessagePack.

A kept sample is shared by whatever points at it. Its author may delete it: then it is written again where it
stands, without its text.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.copying import copy_bytes
from detectors.heap_kernel import Heap, give, take
from detectors.jit import kernel
from detectors.shown_kernel import put_number, span_of

PLATFORM: Final = 0
LANG: Final = 1
HASHTAGS: Final = 2
URLS: Final = 3
ID: Final = 4
ACCOUNT: Final = 5
AT_MS: Final = 6
TEXT: Final = 7
CLIPPED: Final = 8
N_READ: Final = 9
"""Fields whose places are read: all up to `CLIPPED`."""

_SIZE, _IDENTITY, _HEAD = 0, 1, 2
"""Words before a kept sample: how many point at it, above its length; the post; how many these are."""
_REDACTED: Final = 1 << 62
_POINTER: Final = 1 << 32
_LENGTH: Final = _POINTER - 1
_NO_STRING, _NO_ITEMS, _FALSE, _TRUE = 0xA0, 0x90, 0xC2, 0xC3
_ACCOUNT: Final = 0xA0 + 16
_Octets = NDArray[np.uint8]


@kernel
def _end_of(octets: _Octets, at: int) -> int:
    """Where the item at `at` ends: a string, nil, a truth value, an unsigned integer."""
    head = np.int64(octets[at])
    if 0xCC <= head <= 0xCF:
        return at + 1 + int(1 << (head - 0xCC))
    return int(span_of(octets, at)[1])


@kernel
def n_items(octets: _Octets, at: int) -> int:
    """Items of the array at `at`, of at most 15; the first one follows. -1: it is none."""
    head = np.int64(octets[at])
    return int(head & 0x0F) if head & 0xF0 == 0x90 else -1


@kernel
def read_fields(octets: _Octets, first: int, last: int, fields: NDArray[np.int64]) -> bool:
    """Where the fields of the sample in [first, last) begin, into `fields`; whether it is one."""
    at = first + 1
    for field in range(N_READ):
        fields[field] = at
        if at >= last:
            return False
        n = 1
        if field in (HASHTAGS, URLS):
            n = n_items(octets, at)
            if n < 0:
                return False
            at += 1
        for _ in range(n):
            if at >= last:
                return False
            at = _end_of(octets, at)
    return bool(at < last)


@kernel
def keep(heap: Heap, octets: _Octets, first: int, last: int, identity: np.uint64) -> int:
    """Keep the sample in [first, last) of a post; nothing points at it yet."""
    n = last - first
    at = take(heap, _HEAD + (n + 7 >> 3))
    heap.words[at + _SIZE] = n
    heap.words[at + _IDENTITY] = np.int64(identity)
    copy_bytes(octets, first, n, heap.octets, (at + _HEAD) * 8)
    return at


@kernel
def point_at(heap: Heap, at: int) -> int:
    """One more points at a sample."""
    heap.words[at + _SIZE] += _POINTER
    return at


@kernel
def let_go(heap: Heap, at: int) -> None:
    """One fewer: the last one frees it."""
    heap.words[at + _SIZE] -= _POINTER
    if (heap.words[at + _SIZE] & ~_REDACTED) >> 32 == 0:
        give(heap, at)


@kernel
def carried(old: Heap, new: Heap, at: int) -> int:
    """A sample taken from one heap to another: once, however many point at it."""
    size = old.words[at + _SIZE]
    if size < 0:
        return int(-size)
    n = _HEAD + ((size & _LENGTH) + 7 >> 3)
    there = take(new, n)
    copy_bytes(old.octets, at * 8, n * 8, new.octets, there * 8)
    old.words[at + _SIZE] = -there
    return there


@kernel
def sample_span(heap: Heap, at: int) -> tuple[int, int]:
    """Where a kept sample stands in `heap.octets`."""
    first = (at + _HEAD) * 8
    return first, first + int(heap.words[at + _SIZE] & _LENGTH)


@kernel
def identity_of(heap: Heap, at: int) -> np.uint64:
    """Of the post of a kept sample."""
    return np.uint64(heap.words[at + _IDENTITY])


@kernel
def is_redacted(heap: Heap, at: int) -> bool:
    """Whether its text is gone."""
    return bool(heap.words[at + _SIZE] & _REDACTED)


@kernel
def redact(heap: Heap, at: int, fields: NDArray[np.int64]) -> None:
    """Write a kept sample again without text, hashtags and links, as deleted; `fields` is work space."""
    octets = heap.octets
    first, last = sample_span(heap, at)
    read_fields(octets, first, last, fields)
    to = fields[HASHTAGS]
    octets[to] = octets[to + 1] = _NO_ITEMS
    to = _moved_down(octets, fields[ID], fields[TEXT], to + 2)
    octets[to] = _NO_STRING
    to = _moved_down(octets, fields[CLIPPED], last - 1, to + 1)
    octets[to] = _TRUE
    size = heap.words[at + _SIZE]
    heap.words[at + _SIZE] = size & ~_LENGTH | _REDACTED | to + 1 - first


@kernel
def _moved_down(octets: _Octets, first: int, last: int, to: int) -> int:
    """Move bytes to an earlier place; where they end."""
    for i in range(last - first):
        octets[to + i] = octets[first + i]
    return to + last - first


@kernel
def is_foldable(octets: _Octets, first: int, last: int, fields: NDArray[np.int64]) -> bool:
    """Whether the sample in [first, last) has hashtags of more than ASCII; `fields` is work space."""
    if read_fields(octets, first, last, fields):
        for at in range(fields[HASHTAGS] + 1, fields[URLS]):
            if octets[at] >= 0xC0:  # the heads of short strings are below, as what follows in UTF-8 is
                return True
    return False


@kernel
def read_origin(octets: _Octets, fields: NDArray[np.int64]) -> tuple[np.uint64, int]:
    """Account and event time, UTC milliseconds, of the sample whose fields were read; -1: it has none."""
    account, at = np.uint64(0), fields[ACCOUNT] + 1
    if octets[at - 1] != _ACCOUNT:
        return account, -1
    for i in range(16):
        digit = octets[at + i]
        account = account << np.uint64(4) | np.uint64(digit - (48 if digit < 97 else 87))
    head, at_ms = np.int64(octets[fields[AT_MS]]), np.int64(0)
    if head < 0x80:
        return account, int(head)
    for at in range(fields[AT_MS] + 1, fields[TEXT]):
        at_ms = at_ms << 8 | np.int64(octets[at])
    return account, int(at_ms)


MAP: Final = 0x80
ARRAY: Final = 0x90
STRING: Final = 0xA0
BYTES: Final = 0xC4
NIL: Final = 0xC0
"""Heads of MessagePack, of the shortest form."""

# ── writing ─────────────────────────────────────────────────────────────────────────────────────


@kernel
def put_octets(source: _Octets, first: int, last: int, out: _Octets, at: int) -> int:
    """Write bytes as they stand; where they end."""
    copy_bytes(source, first, last - first, out, at)
    return at + last - first


@kernel
def put_integer(number: int, out: _Octets, at: int) -> int:
    """Write an integer; where it ends."""
    if 0 <= number < 0x80:
        out[at] = number
        return at + 1
    n = 8 if number < 0 or number >= 1 << 32 else 4 if number >= 1 << 16 else 2
    out[at] = 0xD3 if number < 0 else 0xCF if n == 8 else 0xCE if n == 4 else 0xCD
    return int(put_number(np.uint64(number), n, out, at + 1))


@kernel
def put_bool(value: bool, out: _Octets, at: int) -> int:  # noqa: FBT001 - kernels take no keywords
    """Write a truth value; where it ends."""
    out[at] = _TRUE if value else _FALSE
    return at + 1


@kernel
def put_size(kind: int, n: int, out: _Octets, at: int) -> int:
    """Write the head of `n` bytes or items; where it ends."""
    if n < (32 if kind == STRING else 0 if kind == BYTES else 16):
        out[at] = kind | n
        return at + 1
    longest = 0xDB if kind == STRING else 0xC6 if kind == BYTES else 0xDD if kind == ARRAY else 0xDF
    n_bytes = 4 if n >= 1 << 16 else 2 if n >= 1 << 8 or kind <= ARRAY else 1
    out[at] = longest - (2 if n_bytes == 1 else 1 if n_bytes == 2 else 0)
    return int(put_number(np.uint64(n), n_bytes, out, at + 1))


@kernel
def put_long_size(n: int, out: _Octets, at: int) -> int:
    """The same for bytes, in the form that all sizes have: 5 bytes long."""
    out[at] = 0xC6
    return int(put_number(np.uint64(n), 4, out, at + 1))
