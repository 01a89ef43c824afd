"""Which tally a post counts in, by the number of its cluster, compiled: `detectors.tallies`.

Rows of tallies in an open-addressed table, at most half full: a place takes four bytes, for the number stands
in the tally.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.identities import MIX
from detectors.jit import kernel
from detectors.rows import REPOST
from detectors.sample_kernel import read_fields, read_origin
from detectors.tally_kernel import NUMBER, Posts

NO_ROW: Final = -1
Seats = NDArray[np.uint32]
"""(a power of two,): a row + 1 each; 0 is an empty place."""


@kernel
def _place_of(seats: Seats, tallies: NDArray[np.int64], number: int) -> int:
    """Where the row of a cluster stands, or would."""
    mask = len(seats) - 1
    place = np.int64((np.uint64(number) * MIX) >> np.uint64(32)) & mask
    while seats[place] and tallies[np.int64(seats[place]) - 1, NUMBER] != number:
        place = (place + 1) & mask
    return int(place)


@kernel
def enter_rows(seats: Seats, tallies: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
    """Have tallies found by the numbers of their clusters."""
    for row in rows:
        seats[_place_of(seats, tallies, tallies[row, NUMBER])] = row + 1


@kernel
def seat_posts(
    seats: Seats, tallies: NDArray[np.int64], n: int, posts: Posts, first: int, last: int,
    reposted: NDArray[np.int64],
) -> tuple[int, int]:  # fmt: skip
    """Have each of posts [first, last) count in the tally of its cluster, a new one if there is none.

    A repost begins no tally. Of a new tally the number is set, and nothing else.

    Args:
        seats: With room for so many more.
        tallies: With room for so many more.
        n: Tallies that there are.
        posts: Their `tallies` are filled.
        first: Row to begin at.
        last: Row to end before.
        reposted: Filled with the numbers of clusters without a tally, once for each repost.

    Returns:
        How many tallies there are then, and how many entries `reposted` has.
    """
    n_reposted = 0
    for row in range(first, last):
        number, posts.tallies[row] = posts.clusters[row], NO_ROW
        if number < 0:
            continue
        place = _place_of(seats, tallies, number)
        if not seats[place]:
            if posts.flags[row] & REPOST:
                reposted[n_reposted] = number
                n_reposted += 1
                continue
            tallies[n, NUMBER] = number
            n += 1
            seats[place] = n
        posts.tallies[row] = np.int64(seats[place]) - 1
    return n, n_reposted


@kernel
def read_origins(
    samples: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64],
    fields: NDArray[np.int64], accounts: NDArray[np.uint64], event_ms: NDArray[np.int64],
) -> bool:  # fmt: skip
    """Accounts and event times that samples tell, `fields` being work space; whether all are samples."""
    for row in range(len(starts)):
        if not read_fields(samples, starts[row], ends[row], fields):
            return False
        accounts[row], event_ms[row] = read_origin(samples, fields)
        if event_ms[row] < 0:
            return False
    return True
