"""Posts that an index has met, by the hash of who and which they are: a feed's repeat counts once.

An identity is kept for as long as an exemplar that is as old: a post that came before all exemplars
which are left joined a cluster that is gone, so no cluster counts a post twice, and memory is bounded
by the index's cap, not by what an epoch brings. 12 to 13.5 bytes each.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.jit import kernel
from detectors.pages import zeros

START_SLOTS = 32_768
MIX = np.uint64(0x9E3779B97F4A7C15)
"""2⁶⁴ ÷ the golden ratio: multiplied by it the high bits depend on all (Knuth, TAOCP 3, 6.4)."""
N_AGES = 256
"""An eviction begins an age, and takes a quarter: an exemplar outlives a handful."""


class Seen(NamedTuple):
    """An open-addressed set, at most three quarters full."""

    keys: NDArray[np.uint64]
    """(slots,): identities; 0 is an empty slot."""
    ages: NDArray[np.uint8]
    """(slots,): when each was entered."""
    age: NDArray[np.uint8]
    """(1,): the present one."""


@kernel
def enter(seen: Seen, identity: np.uint64, age: np.uint8) -> bool:
    """Add a non-zero identity; whether it was absent."""
    keys, n_slots = seen.keys, np.uint64(len(seen.keys))
    slot = np.int64(((identity * MIX) >> np.uint64(32)) * n_slots >> np.uint64(32))
    while keys[slot] != np.uint64(0):
        if keys[slot] == identity:
            return False
        slot += 1
        if slot == len(keys):
            slot = np.int64(0)
    keys[slot] = identity
    seen.ages[slot] = age
    return True


@kernel
def first_seen(seen: Seen, identity: np.uint64) -> bool:
    """The same at the present age."""
    return enter(seen, identity, seen.age[0])


@kernel
def move(old: Seen, new: Seen, is_kept: NDArray[np.bool_]) -> int:
    """Enter what is in one set and of an age that is kept into another; how many."""
    n = 0
    for slot in range(len(old.keys)):
        if old.keys[slot] != np.uint64(0) and is_kept[old.ages[slot]]:
            enter(new, old.keys[slot], old.ages[slot])
            n += 1
    return n


class Identities:
    """The set and its ages."""

    def __init__(self) -> None:
        self.seen = _allocate(START_SLOTS, 0)
        self._n = 0
        """At most so many are held."""
        self._ages = [(0, 0)]
        """(age, number of the first exemplar that may be as old), the oldest first."""

    @property
    def n_bytes(self) -> int:
        """Memory of the arrays."""
        return sum(array.nbytes for array in self.seen)

    def reserve(self, n: int) -> None:
        """Make room for `n` more."""
        if 4 * (self._n + n) > 3 * len(self.seen.keys):
            self._move(n)
        self._n += n

    def forget(self, base: int, end: int, n: int) -> None:
        """Exemplars below `base` are gone; `end` is the next one's number, `n` more identities may follow."""
        ages = self._ages
        while len(ages) > 1 and ages[1][1] <= base:
            del ages[0]
        ages.append(((ages[-1][0] + 1) % N_AGES, end))
        self.seen.age[0] = ages[-1][0]
        self._move(n)
        self._n += n

    def _move(self, n: int) -> None:
        """To a set with room for what is kept and `n` more."""
        old, is_kept = self.seen, np.zeros(N_AGES, np.bool_)
        is_kept[[age for age, _ in self._ages]] = True
        n_kept = int(np.count_nonzero(is_kept[old.ages] & (old.keys != 0)))
        self.seen = _allocate(max(START_SLOTS, (n_kept + n) * 3 // 2), self._ages[-1][0])
        self._n = move(old, self.seen, is_kept)


def _allocate(n_slots: int, age: int) -> Seen:
    return Seen(zeros((n_slots,), np.uint64), zeros((n_slots,), np.uint8), np.full(1, age, np.uint8))


def warm_up() -> None:
    """Compile what growth needs, or load it."""
    Identities().forget(0, 0, 0)
