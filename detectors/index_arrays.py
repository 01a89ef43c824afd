"""What `detectors.index` and its kernels hand each other, in arrays."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compare_kernel import ShingleSet
from detectors.words_kernel import WordSets


class Exemplars(NamedTuple):
    """What an index knows of each exemplar and cluster; arrays of the capacity.

    Their memory has room for all that there may ever be, so they grow in place.
    """

    table: NDArray[np.uint32]
    """(buckets, WAYS): band table."""
    bits: NDArray[np.uint64]
    """(n, 2): one-bit min-hashes."""
    masks: NDArray[np.uint64]
    """(n, MASK_WORDS): a bit for each shingle, by its hash."""
    starts: NDArray[np.int64]
    """(n + 1,): spans of the texts in `arena`."""
    arena: NDArray[np.uint8]
    n_distinct: NDArray[np.int32]
    """(n,): distinct shingles; 0 for a text that matches only exactly."""
    behind: NDArray[np.uint32]
    """(n,): how many exemplars ago the first one of its cluster came; 0 where it is that one."""
    n_exemplars: NDArray[np.uint8]
    """(n,): at a first exemplar, exemplars of the cluster."""


class Texts(NamedTuple):
    """Normalised texts of exemplars, as the index holds them."""

    arena: NDArray[np.uint8]
    starts: NDArray[np.int64]
    base: int
    """Number of the first; those below are not there."""


class Norms(NamedTuple):
    """Normalised texts of some posts."""

    blob: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    """(n,): where they begin and end in `blob`."""


class Rows(NamedTuple):
    """The batch to assign."""

    norms: NDArray[np.uint8]
    norm_offsets: NDArray[np.int64]
    bands: NDArray[np.uint32]
    bits: NDArray[np.uint64]
    identities: NDArray[np.uint64]
    """A row whose identity was seen before is dropped; 0 is never the same."""
    exact: NDArray[np.bool_]
    """Matches only the same bytes."""
    passive: NDArray[np.bool_]
    """A repost: it may join, but it opens nothing and counts apart."""


class Outcome(NamedTuple):
    """One entry a row."""

    clusters: NDArray[np.int64]
    """Number of the cluster's first exemplar; -1 for none."""
    jaccard: NDArray[np.float32]
    """Similarity to the exemplar it joined; 1 where it opened."""
    bits: NDArray[np.uint8]
    """`OPENED`, `REPEATED`, `NEW_EXEMPLAR`."""


class Scratch(NamedTuple):
    """Work space, reused; its content means nothing between calls."""

    shingles: NDArray[np.uint32]
    mask: NDArray[np.uint64]
    """(MASK_WORDS,): a bit for each shingle of the row."""
    row_set: ShingleSet
    """Of the row."""
    hits: NDArray[np.int64]
    agreeing: NDArray[np.int64]
    """(N_BANDS × WAYS + 1,): places found under a row's bands, and their agreeing bits."""
    met: NDArray[np.uint32]
    """See `band_table.find_hits`."""
    found: NDArray[np.int64]
    agreements: NDArray[np.int64]
    """(MAX_CHECKED,): candidates and their agreeing bits, best first."""
    counters: NDArray[np.int64]
    """(2,): the text of `row_set` whose words are loaded, and their weight."""
    words: WordSets
