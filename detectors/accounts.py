"""The accounts of a cluster: exact to 4,096; beyond, the latest 4,096 and an estimate of all.

Per account: when it last posted, when before that, how often, and how old it was. From the
last two times follow, at any moment and after any merge, which accounts posted within a
window and which of them repeated themselves there.

Source of the estimate: HyperLogLog++ (Heule, Nunkesser, Hall 2013) by datasketch, p = 14,
standard error 0.81 %.
"""

from collections.abc import Sequence
from struct import Struct

import numpy as np
from datasketch import HyperLogLogPlusPlus
from numpy.typing import NDArray

from detectors.account_kernel import count_active, find_nth_latest, merge_rows
from detectors.account_tally_kernel import HLL_P, MAX_EXACT

ACCOUNT = np.dtype(
    [("account", "<u8"), ("last_s", "<u4"), ("previous_s", "<u4"), ("n_posts", "<u2"), ("flags", "u1")]
)
"""One account: keyed hash, its last two posts (event time, UTC seconds; 0 for none), posts
(capped at 65,535), `rows.AGE_KNOWN` and `rows.NEW_ACCOUNT`."""

_NAME = Struct("<Q11x")
"""Of a row the account alone."""

AccountArray = NDArray[np.void]


def _as_is(value: int) -> int:
    return value


def read(packed: bytes) -> AccountArray:
    """Rows packed by ``account_tally_kernel`` (a read-only view)."""
    return np.frombuffer(packed, ACCOUNT)


def names_from(packed: bytes, first: int) -> list[int]:
    """Their accounts from one of them on, which are few: an array would take longer."""
    return [account for (account,) in _NAME.iter_unpack(packed[first * _NAME.size :])]


def n_rows(packed: bytes) -> int:
    """How many they are."""
    return len(packed) // _NAME.size


def n_active(rows: AccountArray, second: int) -> int:
    """Accounts that posted after an event second."""
    return count_active(rows, second)


def nth_latest(rows: AccountArray, n: int) -> int:
    """Event second of the last post of the account that is the n-th latest, n ≥ 1; `NEVER` of fewer."""
    return find_nth_latest(rows, n)


def merge(parts: Sequence[bytes]) -> AccountArray:
    """The union of packed rows: of each account its last two posts, all its posts, all its flags."""
    if len(parts) == 1:
        return read(parts[0])
    rows = np.frombuffer(bytearray().join(parts), ACCOUNT)
    n = merge_rows(rows)
    rows.flags.writeable = False  # as `read` gives them: another type would compile kernels again
    return rows[:n]


def union(registers: Sequence[bytes]) -> bytes | None:
    """HyperLogLog++ registers of the union; None of none."""
    if not registers:
        return None
    united: NDArray[np.int8] = np.maximum.reduce([np.frombuffer(part, np.int8) for part in registers])
    return united.tobytes()


def count(rows: AccountArray, registers: bytes | None) -> tuple[int, bool]:
    """Distinct accounts, and whether that is exact.

    Args:
        rows: The merged exact rows.
        registers: HyperLogLog++ registers of the parts that had more, united.
    """
    if registers is None and len(rows) <= MAX_EXACT:
        return len(rows), True
    hll = HyperLogLogPlusPlus(p=HLL_P, hashfunc=_as_is)
    if registers is not None:
        hll.reg = np.frombuffer(registers, np.int8).copy()
    for account in rows["account"].tolist():
        hll.update(account)
    return max(len(rows), round(hll.count())), False
