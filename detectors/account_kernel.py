"""Counting and merging the accounts of bursts, compiled: `accounts.merge`, `evidence.count_parts`."""

import numpy as np
from numpy.typing import NDArray

from detectors.jit import array_kernel, kernel
from detectors.rows import AGE_KNOWN, NEW_ACCOUNT

NEVER = -(1 << 62)
"""Before all times."""


@array_kernel
def merge_rows(rows: NDArray[np.void]) -> int:
    """Merge rows of the same account: of each its last two posts, all its posts, all its flags.

    Args:
        rows: `accounts.ACCOUNT`, of several tallies; the merged ones are left at the front.

    Returns:
        Accounts, each of which has one row, in order of its first.
    """
    size = 4
    while size < 2 * len(rows):
        size *= 2
    # 1 + where an account's row is, by its hash; the next free one if taken.
    places = np.zeros(size, np.int32)
    n = 0
    for i in range(len(rows)):
        row = rows[i]
        account = row["account"]
        place = np.int64(account & np.uint64(size - 1))
        while places[place] and rows[places[place] - 1]["account"] != account:
            place = (place + 1) & (size - 1)
        if not places[place]:
            if i > n:
                rows[n] = row
            n += 1
            places[place] = n
            continue
        merged = rows[places[place] - 1]
        for at_s in (row["last_s"], row["previous_s"]):
            if at_s > merged["last_s"]:
                merged["previous_s"] = merged["last_s"]
                merged["last_s"] = at_s
            elif at_s > merged["previous_s"]:
                merged["previous_s"] = at_s
        merged["n_posts"] = min(np.int64(merged["n_posts"]) + np.int64(row["n_posts"]), 65_535)
        merged["flags"] |= row["flags"]
    return n


@kernel
def count_active(rows: NDArray[np.void], second: int) -> int:
    """Accounts of `accounts.ACCOUNT` rows that posted after an event second."""
    n = 0
    for row in rows:
        n += int(row["last_s"] > second)
    return n


@array_kernel
def find_nth_latest(rows: NDArray[np.void], n: int) -> int:
    """The n-th latest `last_s` of `accounts.ACCOUNT` rows, n from 1 up; `NEVER` where they are fewer."""
    latest = np.full(n, NEVER, np.int64)  # ascending
    for row in rows:
        last = np.int64(row["last_s"])
        if last > latest[0]:
            i = 0
            while i + 1 < n and latest[i + 1] < last:
                latest[i] = latest[i + 1]
                i += 1
            latest[i] = last
    return int(latest[0])


@kernel
def count_rows(
    rows: NDArray[np.void],
    now_s: int,
    recent_s: int,
    repeat_s: int,
    synchrony_s: int,
) -> tuple[int, int, int, int, int, int]:
    """Count accounts as they stood at `now_s`.

    Args:
        rows: `accounts.ACCOUNT`, each account once.
        now_s: Event second; what is later does not count as active.
        recent_s: Event second after which an account counts as recent.
        repeat_s: The same for active, and for both posts of a repeating one.
        synchrony_s: The same for synchronous.

    Returns:
        Accounts of a known age, new, active, repeating, synchronous, recent.
    """
    n_known = n_new = n_active = n_repeating = n_synchronous = n_recent = 0
    for row in rows:
        last, previous = np.int64(row["last_s"]), np.int64(row["previous_s"])
        # Of an account whose newest post lies ahead (sources are apart), the one before counts.
        if last <= now_s:
            newest, before = last, previous
        else:
            newest, before = (previous if previous <= now_s else np.int64(0)), np.int64(0)
        n_known += int((row["flags"] & AGE_KNOWN) != 0)
        n_new += int((row["flags"] & NEW_ACCOUNT) != 0)
        n_active += int(newest > repeat_s)
        n_repeating += int(newest > repeat_s and before > repeat_s)
        n_synchronous += int(newest > synchrony_s)
        n_recent += int(newest > recent_s)
    return n_known, n_new, n_active, n_repeating, n_synchronous, n_recent
