"""Accounts: exact to 4,096, estimated beyond, and merged as if counted together."""

import random
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import account_kernel
from detectors import account_tally_kernel as k
from detectors.accounts import MAX_EXACT, count, merge, n_active, nth_latest, read, union
from detectors.chain import warm_up
from detectors.evidence import count_parts
from detectors.heap_kernel import new_heap

POSTS = st.lists(
    st.tuples(st.integers(1, 12), st.integers(1, 10_000), st.sampled_from([0, 4, 12])),
    min_size=1,
    max_size=60,
)


class AccountTally:
    """The accounts of one cluster."""

    def __init__(self) -> None:
        self.heap = new_heap(1 << 20)
        self.of = np.zeros(k.N_WORDS, np.int64)

    def add(self, account: int, at_s: int, flags: int) -> None:
        """Count one post of `account` at an event second."""
        k.count_account(self.heap, self.of, np.uint64(account), at_s, flags)

    def to_bytes(self) -> bytes:
        """The rows."""
        start = int(self.of[k.ROWS]) * 8
        return self.heap.octets[start : start + int(self.of[k.N_ROWS]) * k.ROW_BYTES].tobytes()

    def registers(self) -> bytes | None:
        """The registers, if there are any."""
        start = int(self.of[k.ESTIMATE]) * 8
        return self.heap.octets[start : start + 8 * k.REGISTER_WORDS].tobytes() if start else None


def tallied(posts: list[tuple[int, int, int]]) -> AccountTally:
    """A tally of (account, second, flags)."""
    tally = AccountTally()
    for account, at_s, flags in posts:
        tally.add(account, at_s, flags)
    return tally


def recount(posts: list[tuple[int, int, int]]) -> dict[int, tuple[int, int, int, int]]:
    """(last, previous, posts, flags) per account, counted plainly."""
    times: dict[int, list[int]] = defaultdict(list)
    flags: dict[int, int] = defaultdict(int)
    for account, at_s, flag in posts:
        times[account].append(at_s)
        flags[account] |= flag
    return {a: (*([0, *sorted(t)][:-3:-1]), len(t), flags[a]) for a, t in times.items()}


def as_dict(rows: np.ndarray) -> dict[int, tuple[int, int, int, int]]:
    """Rows as `recount` gives them."""
    return {row[0]: tuple(row)[1:] for row in rows.tolist()}


@given(POSTS)
def test_tally_is_a_recount(posts: list[tuple[int, int, int]]) -> None:
    """Last two times, posts and flags of each account, in whatever order the posts came."""
    assert as_dict(read(tallied(posts).to_bytes())) == recount(posts)


@given(st.lists(POSTS, min_size=1, max_size=5))
def test_merged_tables_are_a_recount_of_all_posts(parts: list[list[tuple[int, int, int]]]) -> None:
    """Merging fragments is the same as never having been apart."""
    merged = merge([tallied(part).to_bytes() for part in parts])
    assert as_dict(merged) == recount([post for part in parts for post in part])


def test_rows_read_and_merged_meet_the_machine_code_already_there() -> None:
    """No burst waits for a compiler, whether it is of one fragment, of several, or of merged ones."""
    warm_up()
    kernels: tuple[Any, ...] = (
        account_kernel.merge_rows,
        account_kernel.count_active,
        account_kernel.find_nth_latest,
        account_kernel.count_rows,
    )
    compiled = [list(k.signatures) for k in kernels]
    rows = tallied([(1, 1, 0), (2, 5, 4)]).to_bytes()
    for accounts in (read(rows), merge([rows, rows]), merge([merge([rows, rows]).tobytes(), rows])):
        assert n_active(accounts, 1) == 1
        assert (nth_latest(accounts, 1), nth_latest(accounts, 2)) == (5, 1)
        count_parts(accounts, now_ms=9000, since_ms=0, recent_s=7200, base_new=0.03, n_recurring=0, n_links=0)
    assert [list(k.signatures) for k in kernels] == compiled


def test_exact_up_to_the_cap_and_not_beyond() -> None:
    """4,096 accounts are counted exactly; with one more the count says that it is an estimate."""
    rng = random.Random(1)
    tally = tallied([(rng.getrandbits(64), 1, 0) for _ in range(MAX_EXACT)])
    assert count(read(tally.to_bytes()), tally.registers()) == (MAX_EXACT, True)
    tally.add(rng.getrandbits(64), 1, 0)
    estimate, exact = count(read(tally.to_bytes()), tally.registers())
    assert not exact
    assert estimate == pytest.approx(MAX_EXACT + 1, rel=0.03)


@pytest.mark.parametrize("n", [5_000, 20_000, 60_000])
def test_estimate_is_within_three_per_cent(n: int) -> None:
    """Of one table, and of two that overlap by half."""
    rng = random.Random(n)
    accounts = [rng.getrandbits(64) for _ in range(n)]
    half = [(a, 1, 0) for a in accounts[: 3 * n // 4]], [(a, 1, 0) for a in accounts[n // 4 :]]
    left, right = map(tallied, half)
    whole = tallied([(a, 1, 0) for a in accounts])
    assert count(read(whole.to_bytes()), whole.registers())[0] == pytest.approx(n, rel=0.03)
    registers = [r for r in (left.registers(), right.registers()) if r is not None]
    merged = merge([left.to_bytes(), right.to_bytes()])
    assert count(merged, union(registers))[0] == pytest.approx(n, rel=0.03)


def test_past_the_cap_the_latest_accounts_are_kept() -> None:
    """A campaign of more accounts does not look quiet because its first 4,096 have stopped."""
    tally = tallied([(account, account, 0) for account in range(1, 2 * MAX_EXACT + 1)])
    rows = read(tally.to_bytes())
    assert len(rows) == MAX_EXACT
    assert rows["last_s"].min() == MAX_EXACT + 1


def test_a_returning_account_is_kept_past_the_cap() -> None:
    """Its second post puts it among the latest, with both its times."""
    tally = tallied([(account, account, 0) for account in range(1, MAX_EXACT + 2)])
    tally.add(2, 9_000, 0)
    for account in range(10_000, 10_000 + MAX_EXACT - 1):
        tally.add(account, 9_000, 0)
    assert as_dict(read(tally.to_bytes()))[2] == (9_000, 2, 2, 0)


def test_posts_of_an_account_are_capped_and_do_not_wrap() -> None:
    """70,000 posts of one account are shown as 65,535, merged too."""
    rows = tallied([(1, 1, 0)] * 70_000).to_bytes()
    assert read(rows)["n_posts"].tolist() == [65_535]
    assert merge([rows, rows])["n_posts"].tolist() == [65_535]


def test_nothing_to_unite_is_none() -> None:
    """No registers at all mean that every part is exact."""
    assert union([]) is None
