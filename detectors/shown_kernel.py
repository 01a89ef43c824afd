"""Samples of posts from their packed fields, compiled: `detectors.shown`.

Only what `msgspec` packs of them has to be read: arrays of up to 15 strings, strings, nil, integers, moments.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.copying import copy_bytes
from detectors.jit import array_kernel, kernel
from detectors.siphash_kernel import siphash

SHOWN_CHARS: Final = 1_000
"""Code points of a text that people are shown."""

N_FIELDS: Final = 9
"""Platform, language, hashtags, links, id, text, address, author, and since when there is one. Up to the
address, and with what is added after the id, they are a `rows.Sample`."""
PLATFORM: Final = 0
ID: Final = 4
TEXT: Final = 5
URL: Final = 6
AUTHOR: Final = 7
CREATED: Final = 8
ROOM: Final = 32
"""Bytes that a sample has more than its fields, at most."""

_HEX: Final = 16
_SAMPLE: Final = 0x90 + AUTHOR + 4
_NIL, _FALSE, _TRUE = 0xC0, 0xC2, 0xC3
_STR8, _STR16, _STR32 = 0xD9, 0xDA, 0xDB
_UINT8, _UINT64, _INT8, _INT64 = 0xCC, 0xCF, 0xD0, 0xD3
_TIMESTAMP_32, _TIMESTAMP_64, _TIMESTAMP_96 = 0xD6, 0xD7, 0xC7

_Bytes = NDArray[np.uint8]


@kernel
def span_of(packed: _Bytes, at: int) -> tuple[int, int]:
    """The bytes of the string at `at`, [first, last); none of nil."""
    head = np.int64(packed[at])
    if head & 0xE0 == 0xA0:
        return at + 1, at + 1 + int(head & 0x1F)
    if head == _STR8:
        return at + 2, at + 2 + _number(packed, at + 1, 1)
    if head == _STR16:
        return at + 3, at + 3 + _number(packed, at + 1, 2)
    if head == _STR32:
        return at + 5, at + 5 + _number(packed, at + 1, 4)
    return at + 1, at + 1


@kernel
def _number(packed: _Bytes, at: int, n_bytes: int) -> int:
    """Big-endian."""
    number = np.int64(0)
    for i in range(n_bytes):
        number = number << 8 | np.int64(packed[at + i])
    return int(number)


@kernel
def _moment_of(  # noqa: PLR0911 (one for each form that MessagePack has)
    packed: _Bytes, at: int, absent: int
) -> tuple[int, int]:
    """Milliseconds since the epoch that the integer or timestamp at `at` tells, and where it ends.

    An integer that takes all 64 bits, which no moment does, may come out as another that none is.
    """
    head = np.int64(packed[at])
    if head == _NIL:
        return absent, at + 1
    if _UINT8 <= head <= _UINT64:
        n_bytes = int(1 << (head - _UINT8))
        return _number(packed, at + 1, n_bytes), at + 1 + n_bytes
    if _INT8 <= head <= _INT64:
        n_bytes = int(1 << (head - _INT8))
        shift = 64 - 8 * n_bytes
        return _number(packed, at + 1, n_bytes) << shift >> shift, at + 1 + n_bytes
    if head == _TIMESTAMP_32:
        return _number(packed, at + 2, 4) * 1000, at + 6
    if head == _TIMESTAMP_64:
        both = _number(packed, at + 2, 8)
        return _ms(both & (1 << 34) - 1, both >> 34 & (1 << 30) - 1), at + 10
    if head == _TIMESTAMP_96:
        return _ms(_number(packed, at + 7, 8), _number(packed, at + 3, 4)), at + 15
    return int(head if head < 0x80 else head - 0x100), at + 1


@kernel
def _ms(seconds: int, nanoseconds: int) -> int:
    return seconds * 1000 + (nanoseconds + 500_000) // 1_000_000


@kernel
def find_moments(packed: _Bytes, starts: NDArray[np.int64], absent: int, moments: NDArray[np.int64]) -> None:
    """The moments at `starts`, UTC milliseconds, `absent` for nil, into `moments`; all int64 (n,)."""
    for row in range(len(starts)):
        moments[row] = _moment_of(packed, starts[row], absent)[0]


@kernel
def find_fields(packed: _Bytes, fields: NDArray[np.int64]) -> None:
    """Where the fields of posts begin.

    Args:
        packed: An array of arrays of `N_FIELDS`.
        fields: (n, N_FIELDS + 1), filled: of each post where its fields begin, and the last one ends.
    """
    n = len(fields)
    at = 1 if n < 1 << 4 else 3 if n < 1 << 16 else 5
    for row in range(n):
        at += 1
        for field in range(N_FIELDS):
            fields[row, field] = at
            n_strings = 1
            if packed[at] & 0xF0 == 0x90:
                n_strings = packed[at] & 0xF
                at += 1
            for _ in range(n_strings):
                at = span_of(packed, at)[1] if field != CREATED else _moment_of(packed, at, 0)[1]
        fields[row, N_FIELDS] = at


@kernel
def find_strings(packed: _Bytes, starts: NDArray[np.int64], spans: NDArray[np.int64]) -> None:
    """The bytes of the strings at `starts`, int64 (n,), into `spans`, int64 (n, 2)."""
    for row in range(len(starts)):
        spans[row, 0], spans[row, 1] = span_of(packed, starts[row])


@array_kernel
def hash_names(
    packed: _Bytes, fields: NDArray[np.int64], field: int, key: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """Keyed hashes of each post's platform, a NUL and another of its fields; uint64 (n,)."""
    longest = 0
    for row in range(len(fields)):
        platform, name = span_of(packed, fields[row, PLATFORM]), span_of(packed, fields[row, field])
        longest = max(longest, platform[1] - platform[0] + name[1] - name[0])
    named = np.zeros(longest + 1, np.uint8)
    hashes = np.empty(len(fields), np.uint64)
    for row in range(len(fields)):
        first, last = span_of(packed, fields[row, PLATFORM])
        size = _copy(packed, first, last, named, 0)
        named[size] = 0
        first, last = span_of(packed, fields[row, field])
        hashes[row] = siphash(named, _copy(packed, first, last, named, size + 1), key)
    return hashes


@kernel
def write_samples(
    packed: _Bytes,
    fields: NDArray[np.int64],
    posts: NDArray[np.int64],
    accounts: NDArray[np.uint64],
    event_ms: NDArray[np.int64],
    out: _Bytes,
    ends: NDArray[np.int64],
) -> None:
    """See `detectors.shown.Shown.samples`; `out` has `ROOM` for each beside its fields."""
    size = 0
    for row in range(len(posts)):
        post = posts[row]
        text, url, end = fields[post, TEXT], fields[post, URL], fields[post, AUTHOR]
        out[size] = _SAMPLE
        size = _copy(packed, fields[post, PLATFORM], text, out, size + 1)
        size = _put_account(accounts[row], out, size)
        out[size] = _UINT64
        size = put_number(np.uint64(event_ms[row]), 8, out, size + 1)
        first, last = span_of(packed, text)
        shown = _shown_end(packed, first, last)
        if shown < last:  # it is a kilobyte or more
            out[size] = _STR16
            size = put_number(np.uint64(shown - first), 2, out, size + 1)
            size = _copy(packed, first, shown, out, size)
        else:
            size = _copy(packed, text, last, out, size)
        out[size] = _TRUE if shown < last else _FALSE
        size = _copy(packed, url, end, out, size + 1)
        out[size] = _FALSE
        size += 1
        ends[row] = size


@kernel
def _shown_end(packed: _Bytes, first: int, last: int) -> int:
    """Where the first `SHOWN_CHARS` code points of the UTF-8 in [first, last) end."""
    if last - first <= SHOWN_CHARS:
        return last
    n = 0
    for i in range(first, last):
        n += int(packed[i] & 0xC0 != 0x80)
        if n > SHOWN_CHARS:
            return i
    return last


@kernel
def _put_account(account: np.uint64, out: _Bytes, size: int) -> int:
    """Write a string of 16 hex digits; where it ends."""
    out[size] = 0xA0 + _HEX
    for i in range(_HEX):
        digit = np.int64(account >> np.uint64(60 - 4 * i)) & 0xF
        out[size + 1 + i] = digit + (ord("0") if digit < 10 else ord("a") - 10)
    return size + 1 + _HEX


@kernel
def put_number(number: np.uint64, n_bytes: int, out: _Bytes, size: int) -> int:
    """Write it big-endian; where it ends."""
    for i in range(n_bytes):
        out[size + i] = (number >> np.uint64(8 * (n_bytes - 1 - i))) & np.uint64(0xFF)
    return size + n_bytes


@kernel
def _copy(packed: _Bytes, first: int, last: int, out: _Bytes, size: int) -> int:
    """Write `packed[first:last]`; where it ends."""
    copy_bytes(packed, first, last - first, out, size)
    return size + last - first
