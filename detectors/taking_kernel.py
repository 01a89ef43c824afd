"""Posts into tallies, and snapshots out of them, compiled: `detectors.tallies`."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.heap_kernel import Heap
from detectors.index_arrays import Texts
from detectors.jit import kernel
from detectors.rows import REPOST
from detectors.tally_kernel import (
    DUE_AT,
    N_POSTS,
    N_REPOSTS,
    Book,
    Posts,
    add_post,
    has_room,
    post_bytes,
)
from detectors.telling_kernel import Teller, bound_size, put_snapshot

DONE: Final = 0
HEAP_FULL: Final = 1
OUT_FULL: Final = 2
BROKEN: Final = 3
"""All are told; the heap must be larger, what was told must go, or a sample is none."""


class Out(NamedTuple):
    """Snapshots that were told, one after another."""

    octets: NDArray[np.uint8]
    ends: NDArray[np.int64]
    """Where each ends."""
    size: NDArray[np.int64]
    """(2,): bytes, and snapshots."""


@kernel
def take_posts(  # noqa: PLR0913, PLR0917 - kernels take arrays, not objects
    book: Book, texts: Texts, posts: Posts, teller: Teller, now_ms: int, oldest_slot: int, out: Out,
    first: int, last: int,
) -> tuple[int, int]:  # fmt: skip
    """Count posts [first, last), in order, and tell the clusters that become due.

    Args:
        book: The tallies.
        texts: That stand for them.
        posts: Posts.
        teller: See there.
        now_ms: Event time that was reached, UTC milliseconds.
        oldest_slot: Older posts count as of this one.
        out: Where snapshots go.
        first: Row to begin at.
        last: Row to end before.

    Returns:
        The row that was not taken, and why: `DONE` past the last one.
    """
    for row in range(first, last):
        if posts.tallies[row] < 0:
            continue
        tally = book.tallies[posts.tallies[row]]
        if posts.flags[row] & REPOST:
            tally[N_REPOSTS] += 1
            continue
        if not has_room(book, tally, posts, row):
            return row, HEAP_FULL
        is_due = tally[N_POSTS] + 1 >= tally[DUE_AT]
        if is_due and not _fits(book.heap, texts, tally, 8 * post_bytes(posts, row), out):
            return row, OUT_FULL
        if not add_post(book, texts, tally, posts, row, oldest_slot):
            return row, BROKEN
        if is_due:
            _tell(book.heap, texts, tally, teller, now_ms, posts.ingest_ms[row], out)
    return last, DONE


@kernel
def tell_all(  # noqa: PLR0913, PLR0917 - kernels take arrays, not objects
    book: Book, texts: Texts, tallies: NDArray[np.int64], teller: Teller, now_ms: int, ingest_ms: int,
    out: Out, first: int,
) -> tuple[int, int]:  # fmt: skip
    """Tell some tallies, by their rows, from the `first` on; as `take_posts`."""
    for i in range(first, len(tallies)):
        tally = book.tallies[tallies[i]]
        if not _fits(book.heap, texts, tally, 0, out):
            return i, OUT_FULL
        _tell(book.heap, texts, tally, teller, now_ms, ingest_ms, out)
    return len(tallies), DONE


@kernel
def _fits(heap: Heap, texts: Texts, tally: NDArray[np.int64], n_more: int, out: Out) -> bool:
    """Whether a snapshot fits even if the tally's texts are so much longer by then."""
    if out.size[1] == len(out.ends):
        return False
    return bool(out.size[0] + bound_size(heap, texts, tally) + n_more <= len(out.octets))


@kernel
def _tell(
    heap: Heap, texts: Texts, tally: NDArray[np.int64], teller: Teller, now_ms: int, ingest_ms: int, out: Out
) -> None:
    out.size[0] = out.ends[out.size[1]] = put_snapshot(
        heap, texts, tally, teller, now_ms, ingest_ms, out.octets, out.size[0]
    )
    out.size[1] += 1
