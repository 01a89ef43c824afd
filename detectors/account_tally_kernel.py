"""Counting a cluster's accounts, compiled: rows as `accounts.ACCOUNT`, exact to `MAX_EXACT`; see there.

Beyond, each row keeps when it last changed, and a new account takes the place of the one that is longest ago;
all of them enter the registers of HyperLogLog++.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.heap_kernel import Heap, give, take, with_room
from detectors.jit import kernel

MAX_EXACT: Final = 4096
HLL_P: Final = 14
ROW_BYTES: Final = 19
MAX_SEARCHED: Final = 16
"""Rows up to which an account is searched for; of more there is a table."""
MAX_POSTS: Final = 65_535
REGISTER_WORDS: Final = (1 << HLL_P) // 8
_LAST, _PREVIOUS, _POSTS, _FLAGS = 8, 12, 16, 18
"""Where the fields of a row begin, and an account's own first."""
_CLOCK_BITS: Final = 13
"""More than the binary digits of a row's number: rows of one second are as old as they stand."""

ROWS: Final = 0
N_ROWS: Final = 1
TABLE: Final = 2
"""Slot of the table, or 0: how many entries were made, then 16 bits each, a row's number + 1."""
ESTIMATE: Final = 3
"""Slot, or 0: registers, a clock, and of each row when it last changed."""
N_WORDS: Final = 4
"""Words that describe the accounts of a cluster."""


@kernel
def read_little(octets: NDArray[np.uint8], at: int, n: int) -> np.uint64:
    """The `n` bytes at a place, little-endian."""
    number = np.uint64(0)
    for i in range(n):
        number |= np.uint64(octets[at + i]) << np.uint64(8 * i)
    return number


@kernel
def put_little(number: np.uint64, octets: NDArray[np.uint8], at: int, n: int) -> None:
    """Write `n` bytes at a place, little-endian."""
    for i in range(n):
        octets[at + i] = (number >> np.uint64(8 * i)) & np.uint64(0xFF)


@kernel
def count_account(heap: Heap, of: NDArray[np.int64], account: np.uint64, at_s: int, flags: int) -> None:
    """Count one post of an account at an event second.

    Args:
        heap: With room for what grows.
        of: int64 (N_WORDS,): the cluster's accounts, changed.
        account: Keyed hash.
        at_s: Event time, UTC seconds.
        flags: `rows.AGE_KNOWN` and `rows.NEW_ACCOUNT`, kept with others.
    """
    octets, row = heap.octets, _find(heap, of, account)
    if row >= 0:
        at = of[ROWS] * 8 + row * ROW_BYTES
        last_s, previous_s = read_little(octets, at + _LAST, 4), read_little(octets, at + _PREVIOUS, 4)
        if np.uint64(at_s) >= last_s:
            put_little(last_s, octets, at + _PREVIOUS, 4)
            put_little(np.uint64(at_s), octets, at + _LAST, 4)
        elif np.uint64(at_s) > previous_s:
            put_little(np.uint64(at_s), octets, at + _PREVIOUS, 4)
        n_posts = read_little(octets, at + _POSTS, 2)
        put_little(min(n_posts + np.uint64(1), np.uint64(MAX_POSTS)), octets, at + _POSTS, 2)
        octets[at + _FLAGS] |= np.uint8(flags)
    else:
        row = of[N_ROWS]
        if row == MAX_EXACT:
            if not of[ESTIMATE]:
                _begin_estimate(heap, of)
            _enter_register(heap, of, account)
            row = _longest_ago(heap, of)
        else:
            of[N_ROWS] += 1
            of[ROWS] = with_room(heap, of[ROWS], _n_words(row), _n_words(row + 1) - _n_words(row))
        _write_row(heap, of, row, account, at_s, flags)
        _enter_table(heap, of, row)
    if of[ESTIMATE]:
        clock = of[ESTIMATE] + REGISTER_WORDS
        heap.words[clock] += 1
        heap.words[clock + 1 + row] = heap.words[clock]


@kernel
def _n_words(n_rows: int) -> int:
    return n_rows * ROW_BYTES + 7 >> 3


@kernel
def _write_row(
    heap: Heap, of: NDArray[np.int64], row: int, account: np.uint64, at_s: int, flags: int
) -> None:
    octets, at = heap.octets, of[ROWS] * 8 + row * ROW_BYTES
    put_little(account, octets, at, 8)
    put_little(np.uint64(at_s), octets, at + _LAST, 4)
    put_little(np.uint64(0), octets, at + _PREVIOUS, 4)
    put_little(np.uint64(1), octets, at + _POSTS, 2)
    octets[at + _FLAGS] = flags


@kernel
def _find(heap: Heap, of: NDArray[np.int64], account: np.uint64) -> int:
    """The account's row, or -1."""
    octets, rows, table = heap.octets, of[ROWS] * 8, of[TABLE]
    if not table:
        for row in range(of[N_ROWS]):
            if read_little(octets, rows + row * ROW_BYTES, 8) == account:
                return row
        return -1
    mask = _table_mask(heap, table)
    place = np.int64(account & np.uint64(mask))
    while True:
        row = int(read_little(octets, table * 8 + 8 + 2 * place, 2)) - 1
        if row < 0 or read_little(octets, rows + row * ROW_BYTES, 8) == account:
            return row
        place = (place + 1) & mask


@kernel
def _table_mask(heap: Heap, table: int) -> int:
    """Entries of a table, less one."""
    size = 1
    while 2 * size <= (heap.words[table - 1] - 1) * 4:
        size *= 2
    return size - 1


@kernel
def _enter_table(heap: Heap, of: NDArray[np.int64], row: int) -> None:
    """Have a row found by its account. Of a row that held another account the old entry finds nothing."""
    table, n_rows = of[TABLE], of[N_ROWS]
    if not table and n_rows <= MAX_SEARCHED:
        return
    if table and 2 * (heap.words[table] + 1) <= _table_mask(heap, table) + 1:
        _enter(heap, of, row)
        return
    if table:
        give(heap, table)
    size = 64
    while size < 3 * n_rows:
        size *= 2
    table = of[TABLE] = take(heap, 1 + size // 4)
    for word in range(heap.words[table - 1]):
        heap.words[table + word] = 0
    for number in range(n_rows):
        _enter(heap, of, number)


@kernel
def _enter(heap: Heap, of: NDArray[np.int64], row: int) -> None:
    octets, table = heap.octets, of[TABLE]
    mask = _table_mask(heap, table)
    account = read_little(octets, of[ROWS] * 8 + row * ROW_BYTES, 8)
    place = np.int64(account & np.uint64(mask))
    while read_little(octets, table * 8 + 8 + 2 * place, 2):
        place = (place + 1) & mask
    put_little(np.uint64(row + 1), octets, table * 8 + 8 + 2 * place, 2)
    heap.words[table] += 1


@kernel
def _begin_estimate(heap: Heap, of: NDArray[np.int64]) -> None:
    """From here on all accounts are estimated, and the rows are those of the latest active."""
    estimate = of[ESTIMATE] = take(heap, REGISTER_WORDS + 1 + MAX_EXACT)
    clock, latest = estimate + REGISTER_WORDS, 0
    for word in range(REGISTER_WORDS):
        heap.words[estimate + word] = 0
    for row in range(MAX_EXACT):
        at = of[ROWS] * 8 + row * ROW_BYTES
        _enter_register(heap, of, read_little(heap.octets, at, 8))
        last_s = np.int64(read_little(heap.octets, at + _LAST, 4))
        heap.words[clock + 1 + row] = last_s << _CLOCK_BITS | row
        latest = max(latest, int(last_s))
    heap.words[clock] = latest + 1 << _CLOCK_BITS


@kernel
def _enter_register(heap: Heap, of: NDArray[np.int64], account: np.uint64) -> None:
    """As datasketch's ``HyperLogLogPlusPlus(p=HLL_P)`` does with a hash."""
    at = of[ESTIMATE] * 8 + np.int64(account & np.uint64((1 << HLL_P) - 1))
    bits, rank = account >> np.uint64(HLL_P), 64 - HLL_P + 1
    while bits:
        bits >>= np.uint64(1)
        rank -= 1
    heap.octets[at] = max(heap.octets[at], np.uint8(rank))


@kernel
def _longest_ago(heap: Heap, of: NDArray[np.int64]) -> int:
    """The row that changed longest ago."""
    first, row = of[ESTIMATE] + REGISTER_WORDS + 1, 0
    for other in range(MAX_EXACT):
        if heap.words[first + other] < heap.words[first + row]:
            row = other
    return row
