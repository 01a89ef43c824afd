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

MAX_EXACT = 4096
HLL_P = 14

ACCOUNT = np.dtype(
    [("account", "<u8"), ("last_s", "<u4"), ("previous_s", "<u4"), ("n_posts", "<u2"), ("flags", "u1")]
)
"""One account: keyed hash, its last two posts (event time, UTC seconds; 0 for none), posts
(capped at 65,535), `rows.AGE_KNOWN` and `rows.NEW_ACCOUNT`."""

MAX_SEARCHED = 16
"""Accounts up to which a row is searched for: as fast as a dictionary, and a twelfth of its memory."""
MAX_POSTS = 65_535
_ROW = Struct("<QIIHB")
"""The same row for one account at a time."""
_SIZE, _pack, _unpack = _ROW.size, _ROW.pack, _ROW.unpack_from
_NAME = Struct("<Q11x")
"""And of it the account alone."""

AccountArray = NDArray[np.void]


def _as_is(value: int) -> int:
    return value


class AccountTally:
    """Grows with the posts of one cluster; its rows are kept packed, as they are sent.

    Args:
        packed: Rows to go on from, as `to_bytes` gives them while nothing is estimated.
    """

    __slots__ = ("_hll", "_places", "_rows")

    def __init__(self, packed: bytes = b"") -> None:
        self._rows = bytearray(packed)
        self._places: dict[int, int] | None = None
        """Offset of each account's row, once there are more than `MAX_SEARCHED`."""
        self._hll: HyperLogLogPlusPlus | None = None
        self._find_places()

    def __len__(self) -> int:
        """Accounts held exactly."""
        return len(self._rows) // _ROW.size

    @property
    def is_estimated(self) -> bool:
        """Whether there have been more than `MAX_EXACT`."""
        return self._hll is not None

    def add(self, account: int, at_s: int, flags: int) -> None:
        """Count one post of `account` at an event second."""
        rows, places = self._rows, self._places
        place = self._searched(account) if places is None else places.get(account, -1)
        if place >= 0:
            _, last_s, previous_s, n_posts, known = _unpack(rows, place)
            if at_s >= last_s:
                last_s, previous_s = at_s, last_s
            elif at_s > previous_s:
                previous_s = at_s
            n_posts = min(n_posts + 1, MAX_POSTS)
            _ROW.pack_into(rows, place, account, last_s, previous_s, n_posts, known | flags)
            if places is not None and self._hll is not None:  # the latest stand last
                places[account] = places.pop(account)
            return
        if places is not None:
            if self._hll is None and len(places) == MAX_EXACT:
                places = self._begin_estimate(places)
            if self._hll is not None:
                self._hll.update(account)
                place = places[account] = places.pop(next(iter(places)))
                _ROW.pack_into(rows, place, account, at_s, 0, 1, flags)
                return
            places[account] = len(rows)
        rows += _pack(account, at_s, 0, 1, flags)
        if places is None:
            self._find_places()

    def _find_places(self) -> None:
        """Have a dictionary, once there are too many to be searched for."""
        if len(self._rows) > MAX_SEARCHED * _SIZE:
            accounts = read(bytes(self._rows))["account"].tolist()
            self._places = {account: _SIZE * number for number, account in enumerate(accounts)}

    def _searched(self, account: int) -> int:
        """Offset of an account's row, or -1."""
        key, rows = account.to_bytes(8, "little"), self._rows
        place = rows.find(key)
        while place > 0 and place % _SIZE:
            place = rows.find(key, place + 1)
        return place

    def _begin_estimate(self, places: dict[int, int]) -> dict[int, int]:
        """From here on all accounts are estimated, and the rows are those of the latest active."""
        self._hll = HyperLogLogPlusPlus(p=HLL_P, hashfunc=_as_is)
        for account in places:
            self._hll.update(account)
        by_time = sorted(places.items(), key=lambda item: _ROW.unpack_from(self._rows, item[1])[1])
        self._places = dict(by_time)
        return self._places

    def to_bytes(self) -> bytes:
        """The rows, packed as `ACCOUNT`, in order of arrival; past the cap those of the latest active."""
        return bytes(self._rows)

    def registers(self) -> bytes | None:
        """The HyperLogLog++ registers, once accounts passed `MAX_EXACT`."""
        return None if self._hll is None else self._hll.reg.astype(np.int8).tobytes()


def read(packed: bytes) -> AccountArray:
    """Rows packed by `AccountTally.to_bytes` (a read-only view)."""
    return np.frombuffer(packed, ACCOUNT)


def names_from(packed: bytes, first: int) -> list[int]:
    """Their accounts from one of them on, which are few: an array would take longer."""
    return [account for (account,) in _NAME.iter_unpack(packed[first * _NAME.size :])]


def n_rows(packed: bytes) -> int:
    """How many they are."""
    return len(packed) // _ROW.size


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
