"""Which clusters of an index is a row alike, not the nearest alone?"""

import numpy as np
from numpy.typing import NDArray

from detectors.index_kernel import Exemplars, Rows, Scratch, best_of, gather, load_row
from detectors.jit import kernel


@kernel
def find_alike(ex: Exemplars, rows: Rows, scratch: Scratch, clusters: NDArray[np.int64]) -> None:
    """Clusters with an exemplar that is alike a row; each candidate is judged by itself, once.

    Args:
        ex: The index, unchanged.
        rows: The batch; those that match only exactly are passed over.
        scratch: Work space for the longest text.
        clusters: (rows, `MAX_CHECKED`), filled from the left, best agreement of bits first.
    """
    found = scratch.found
    for row in range(len(rows.identities)):
        if rows.exact[row]:
            continue
        n_distinct = load_row(rows, row, scratch)
        n = 0
        for i in range(gather(ex, rows, row, scratch)):
            cluster = ex.clusters[found[i]]
            is_known = False
            for j in range(n):
                is_known = is_known or clusters[row, j] == cluster
            found[0] = found[i]  # the first has been judged
            if not is_known and best_of(ex, rows, row, scratch, 1, n_distinct)[0] >= 0:
                clusters[row, n] = cluster
                n += 1
