"""Accounts that groups share: whatever comes and goes, the counts are those of a recount."""

import random

from detectors.shared import MIN_SHARED, SharedAccounts


def counts(shared: SharedAccounts, number: int) -> dict[int, int]:
    """Accounts that a group shares, per other group."""
    ties = shared.ties(number)
    assert len(ties) == len(ties.several) + len(ties.once)
    assert all(n > 1 for n in ties.several.values())
    assert ties.many == {number for number, n in ties.several.items() if n >= MIN_SHARED}
    return {**ties.several, **dict.fromkeys(ties.once, 1)}


def recount(held: dict[int, set[int]], number: int) -> dict[int, int]:
    """The same from the accounts themselves."""
    shared = {n: len(held[number] & other) for n, other in held.items() if n != number}
    return {n: n_shared for n, n_shared in shared.items() if n_shared}


def test_shared_accounts_are_counted_while_groups_grow_shrink_and_go() -> None:
    """Of a group asked for early, and of one asked for late."""
    rng, shared = random.Random(5), SharedAccounts()
    held: dict[int, set[int]] = {}
    n_compared = 0
    for _ in range(2_000):
        number = rng.randrange(20)
        accounts = {rng.randrange(60) for _ in range(rng.randrange(8))}
        match rng.randrange(8):
            case 0:
                shared.drop(number)
                held.pop(number, None)
            case 1 if number in held:
                shared.keep(number, accounts)
                held[number] &= accounts
            case _:
                shared.enter(number, accounts)
                held[number] = held.get(number, set()) | accounts
        some = rng.choice(list(held) or [number])
        mine = held.get(some, set())
        others = {n for n in held if n != some and rng.random() < 0.2}
        of_others = set[int]().union(*(held[n] for n in others))
        assert (some in shared) == (some in held)
        assert shared.n_accounts(some) == len(mine)
        assert shared.n_shared_with(some, others) == len(mine & of_others)
        if some in held:
            assert counts(shared, some) == recount(held, some)
            assert shared.n_shared(some) == len(mine & set().union(*(held[n] for n in held if n != some)))
            n_compared += 1
    assert n_compared > 1_000
