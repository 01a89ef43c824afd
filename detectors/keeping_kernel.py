"""What happens to many tallies at once, compiled: deletions, and what eviction moves; `detectors.tallies`."""

import numpy as np
from numpy.typing import NDArray

from detectors import account_tally_kernel as a
from detectors.heap_kernel import Heap, give, moved
from detectors.index_arrays import Texts
from detectors.jit import kernel
from detectors.sample_kernel import carried, identity_of, is_redacted, redact
from detectors.tally_kernel import (
    ACCOUNTS,
    KEYS,
    MARGIN_WORDS,
    N_REDACTIONS,
    SHOWN,
    SLOTS,
    TEXTS,
    WORDING_WORDS,
    WORDINGS,
    Book,
    add_text,
    text_words,
)


@kernel
def redact_posts(book: Book, tallies: NDArray[np.int64], deleted: NDArray[np.uint64]) -> None:
    """Posts were deleted: their texts go from what tallies hold.

    Args:
        book: The tallies.
        tallies: int64: rows of those that may hold them.
        deleted: uint64, ascending: identities.
    """
    words = book.heap.words
    for place in tallies:
        tally, n_gone = book.tallies[place], 0
        for i in range(tally[SHOWN + 1]):
            n_gone += _redact(book, words[tally[SHOWN] + i], deleted)
        for i in range(tally[WORDINGS + 1]):
            n_gone += _redact(book, words[tally[WORDINGS] + i * WORDING_WORDS + 1], deleted)
        tally[N_REDACTIONS] += int(n_gone > 0)


@kernel
def _redact(book: Book, sample: int, deleted: NDArray[np.uint64]) -> int:
    """Redact a sample if its post was deleted; 1 if it was not before."""
    if is_redacted(book.heap, sample):
        return 0
    identity, first, last = identity_of(book.heap, sample), 0, len(deleted)
    while first < last:
        middle = (first + last) // 2
        if deleted[middle] < identity:
            first = middle + 1
        else:
            last = middle
    if first == len(deleted) or deleted[first] != identity:
        return 0
    redact(book.heap, sample, book.fields)
    return 1


@kernel
def carry_over(old: Heap, new: Heap, tallies: NDArray[np.int64]) -> None:
    """Bring what these tallies, int64 (n, N_WORDS), have in one heap to another."""
    words = new.words
    for row in range(len(tallies)):
        tally = tallies[row]
        for part, size in ((SHOWN, 1), (WORDINGS, WORDING_WORDS), (SLOTS, 1), (KEYS, 1), (TEXTS, 1)):
            tally[part] = moved(old, new, tally[part], tally[part + 1] * size)
        for i in range(tally[SHOWN + 1]):
            words[tally[SHOWN] + i] = carried(old, new, words[tally[SHOWN] + i])
        for i in range(tally[WORDINGS + 1]):
            place = tally[WORDINGS] + i * WORDING_WORDS + 1
            words[place] = carried(old, new, words[place])
        of = tally[ACCOUNTS:]
        of[a.ROWS] = moved(old, new, of[a.ROWS], of[a.N_ROWS] * a.ROW_BYTES + 7 >> 3)
        for part in (a.TABLE, a.ESTIMATE):
            of[part] = moved(old, new, of[part], old.words[of[part] - 1])


@kernel
def keep_texts(book: Book, n: int, gone: Texts, end: int) -> bool:
    """Have the first `n` tallies hold what they need of texts numbered below `end`, which leave the index.

    Args:
        book: The tallies.
        n: How many.
        gone: The texts as the index held them.
        end: Number of the first that stays.

    Returns:
        Whether the heap has room for all; call again when it is larger.
    """
    heap = book.heap
    for row in range(n):
        tally = book.tallies[row]
        old, size, n_more = tally[TEXTS], tally[TEXTS + 1], 0
        place = old
        while place < old + size:
            number = heap.words[place]
            if gone.base <= number < end:
                n_more += gone.starts[number - gone.base + 1] - gone.starts[number - gone.base]
            place += text_words(number)
        if not n_more:
            continue
        if heap.end[0] + 2 * (size + n_more) + MARGIN_WORDS >= len(heap.words):
            return False
        tally[TEXTS] = tally[TEXTS + 1] = 0
        place = old
        while place < old + size:
            number = heap.words[place]
            if number < 0:
                first = (place + 1) * 8
                add_text(heap, tally, 0, -1, heap.octets, first, first - number)
            else:
                i = max(number - gone.base, 0)
                add_text(heap, tally, end, number, gone.arena, gone.starts[i], gone.starts[i + 1])
            place += text_words(number)
        give(heap, old)
    return True
