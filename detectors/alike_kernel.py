"""Which clusters of an index is a row alike, not the nearest alone?"""

import numpy as np
from numpy.typing import NDArray

from detectors.band_table import fetch_buckets
from detectors.compare_kernel import hash_span
from detectors.index_arrays import Exemplars, Outcome, Rows, Scratch
from detectors.index_kernel import (
    DONE,
    FULL,
    GOOD_ENOUGH,
    best_of,
    find_exact,
    gather,
    has_room,
    load_row,
    settle_row,
)
from detectors.jit import kernel


@kernel
def judge_all(
    ex: Exemplars, rows: Rows, row: int, scratch: Scratch, n_distinct: int, base: int,
    alike: NDArray[np.int64],
) -> tuple[int, float]:  # fmt: skip
    """Judge each candidate by itself, once; the nearest as `index_kernel.best_of` has it.

    Args:
        ex: The index.
        rows: The batch.
        row: The one that was loaded.
        scratch: What it was loaded into.
        n_distinct: Its distinct shingles.
        base: Number of the index's first exemplar.
        alike: (`MAX_CHECKED`,) of -1; clusters with an exemplar that is alike it, filled from the left.
    """
    found, best, best_jaccard, n = scratch.found, -1, 0.0, 0
    for i in range(gather(ex, rows, row, scratch)):
        exemplar = found[i]
        cluster, is_known = base + exemplar - np.int64(ex.behind[exemplar]), False
        for j in range(n):
            is_known = is_known or alike[j] == cluster
        if is_known and best_jaccard >= GOOD_ENOUGH:
            continue
        found[0] = exemplar  # the first has been judged
        one, jaccard = best_of(ex, rows, row, scratch, 1, n_distinct)
        if one < 0:
            continue
        if not is_known:
            alike[n] = cluster
            n += 1
        is_nearer = jaccard > best_jaccard or (jaccard == best_jaccard and exemplar < best)
        if best_jaccard < GOOD_ENOUGH and is_nearer:
            best, best_jaccard = exemplar, jaccard
    return best, best_jaccard


@kernel
def match_rows(
    ex: Exemplars, rows: Rows, out: Outcome, scratch: Scratch, state: NDArray[np.int64],
    alike: NDArray[np.int64], first: int,
) -> tuple[int, int]:  # fmt: skip
    """`index_kernel.assign_rows` that tells of each row all clusters it might join, before it is entered.

    Args:
        ex: The index, changed in place by rows that are not passive.
        rows: The batch; identities do not count.
        out: Filled per row.
        scratch: Work space for the longest text.
        state: As for `assign_rows`.
        alike: (rows, `MAX_CHECKED`) of -1, filled from the left; rows that match only exactly find none.
        first: Row to begin at.

    Returns:
        (the row that was not taken, `FULL`) or (number of rows, `DONE`).
    """
    for row in range(first, len(rows.identities)):
        if not rows.passive[row] and not has_room(ex, rows, row, state):
            return row, FULL
        if row + 1 < len(rows.bands):
            fetch_buckets(ex.table, rows.bands[row + 1])
        out.clusters[row], out.jaccard[row], out.bits[row] = -1, 1.0, 0
        if rows.exact[row]:
            start, end = rows.norm_offsets[row], rows.norm_offsets[row + 1]
            best, jaccard, n_distinct = find_exact(ex, rows, row, hash_span(rows.norms, start, end)), 1.0, 0
        else:
            n_distinct = load_row(rows, row, scratch)
            best, jaccard = judge_all(ex, rows, row, scratch, n_distinct, state[0], alike[row])
        settle_row(ex, rows, out, scratch, state, row, best, jaccard, n_distinct)
    return len(rows.identities), DONE
