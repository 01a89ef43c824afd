"""Which clusters of an index is a row alike, not the nearest alone?"""

import numpy as np
from numpy.typing import NDArray

from detectors.index_kernel import Exemplars, Rows, Scratch, best_of, gather, load_row
from detectors.jit import kernel


@kernel
def find_alike(ex: Exemplars, rows: Rows, scratch: Scratch, clusters: NDArray[np.int64]) -> None:
    """Clusters with an exemplar that is alike a row, the nearest first.

    Args:
        ex: The index, unchanged.
        rows: The batch; those that match only exactly are passed over.
        scratch: Work space for the longest text.
        clusters: (rows, `MAX_CHECKED`), filled from the left.
    """
    found = scratch.found
    for row in range(len(rows.identities)):
        if rows.exact[row]:
            continue
        n_distinct = load_row(rows, row, scratch)
        n_found, n = gather(ex, rows, row, scratch), 0
        while n_found > 0:
            best, _ = best_of(ex, rows, row, scratch, n_found, n_distinct)
            if best < 0:
                break
            clusters[row, n] = ex.clusters[best]
            n_left = 0
            for i in range(n_found):
                if ex.clusters[found[i]] != clusters[row, n]:
                    found[n_left] = found[i]
                    n_left += 1
            n_found = n_left
            n += 1
