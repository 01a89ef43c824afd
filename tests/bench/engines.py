"""Text in, cluster out: ours and each peer as its documentation has it used, on one core.

All compare character 3-grams by 42 bands of 3 min-hashes, so that all are asked to find the
same copies, and a candidate of datasketch or rensa must agree by its signature, as gaoya sees to
itself: without that they take most of an organic feed for copies. What favours the peers: they
take the first candidate that agrees, where ours compares the texts themselves; they only put
texts in lower case, where ours undoes disguises; datasketch hashes with xxHash, not SHA-1.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import gaoya
import numpy as np
import rensa
import xxhash
from datasketch import MinHash, MinHashLSH

from detectors import index_kernel
from detectors.index import ClusterIndex
from detectors.normalise import normalise_batch
from detectors.sketch import N_BANDS, ROWS, sketch_batch
from detectors.words_kernel import SHORT_CHARS

N_PERM = N_BANDS * ROWS
SEED = 1
THRESHOLD = 0.36
BATCH = 1000


class Engine(Protocol):
    """Clusters of near-copies, one text after another."""

    def add(self, texts: Sequence[str]) -> list[int]:
        """The cluster of each text: the number of the text that opened it, counted from 0."""


class Tocsin:
    """`detectors`: normalise, sketch, index, `BATCH` posts at a time as a worker does."""

    def __init__(self) -> None:
        self.index = ClusterIndex(100_000_000)
        self._texts: list[int] = []
        """Text of each exemplar."""
        self._n = 0

    def add(self, texts: Sequence[str]) -> list[int]:
        """See `Engine`."""
        clusters: list[int] = []
        for first in range(0, len(texts), BATCH):
            clusters += self._add(texts[first : first + BATCH])
        return clusters

    def _add(self, texts: Sequence[str]) -> list[int]:
        blob, offsets = normalise_batch(texts)
        sketches = sketch_batch(blob, offsets)
        identities = np.arange(self._n + 1, self._n + len(texts) + 1, dtype=np.uint64)
        nobody = np.zeros(len(texts), np.bool_)
        for column in (blob, sketches.bands, sketches.bits, identities):
            column.flags.writeable = False  # as the columns of a pack are
        outcome = self.index.assign(
            index_kernel.Rows(
                blob,
                offsets,
                sketches.bands,
                sketches.bits,
                identities,
                sketches.n_chars < SHORT_CHARS,
                nobody,
            )
        )
        new = np.flatnonzero(outcome.bits & index_kernel.NEW_EXEMPLAR)
        self._texts += (new + self._n).tolist()
        self._n += len(texts)
        return [self._texts[exemplar] for exemplar in outcome.clusters.tolist()]


class Datasketch:
    """`MinHash.generator` and `MinHashLSH`."""

    def __init__(self) -> None:
        self._lsh = MinHashLSH(num_perm=N_PERM, params=(N_BANDS, ROWS))
        self._clusters: list[int] = []
        self._minhashes: list[MinHash] = []

    def add(self, texts: Sequence[str]) -> list[int]:
        """See `Engine`."""
        before = len(self._clusters)
        sets = ([shingle.encode() for shingle in shingles(text)] for text in texts)
        for minhash in MinHash.generator(sets, num_perm=N_PERM, seed=SEED, hashfunc=xxhash.xxh32_intdigest):
            number = len(self._clusters)
            similar = (
                i for i in self._lsh.query(minhash) if self._minhashes[i].jaccard(minhash) >= THRESHOLD
            )
            found = next(similar, None)
            self._clusters.append(number if found is None else self._clusters[found])
            self._lsh.insert(number, minhash, check_duplication=False)
            self._minhashes.append(minhash)
        return self._clusters[before:]


class Rensa:
    """`RMinHash`, made many at a time, and `RMinHashLSH`."""

    def __init__(self) -> None:
        self._lsh = rensa.RMinHashLSH(threshold=THRESHOLD, num_perm=N_PERM, num_bands=N_BANDS)
        self._clusters: list[int] = []
        self._minhashes: list[rensa.RMinHash] = []

    def add(self, texts: Sequence[str]) -> list[int]:
        """See `Engine`."""
        before = len(self._clusters)
        for first in range(0, len(texts), BATCH):
            sets = [shingles(text) for text in texts[first : first + BATCH]]
            for minhash in rensa.RMinHash.from_token_sets(sets, num_perm=N_PERM, seed=SEED):
                number = len(self._clusters)
                candidates = self._lsh.query(minhash)
                similar = (i for i in candidates if self._minhashes[i].jaccard(minhash) >= THRESHOLD)
                found = next(similar, None)
                self._clusters.append(number if found is None else self._clusters[found])
                self._lsh.insert(number, minhash)
                self._minhashes.append(minhash)
        return self._clusters[before:]


class Gaoya:
    """`MinHashStringIndex`, which cuts the shingles itself."""

    def __init__(self) -> None:
        self._index = gaoya.minhash.MinHashStringIndex(
            hash_size=32,
            jaccard_threshold=THRESHOLD,
            num_bands=N_BANDS,
            band_size=ROWS,
            num_hashes=None,
            analyzer="char",
            lowercase=True,
            ngram_range=(3, 3),
            id_container="vec",
        )
        self._clusters: list[int] = []

    def add(self, texts: Sequence[str]) -> list[int]:
        """See `Engine`."""
        before = len(self._clusters)
        for text in texts:
            number = len(self._clusters)
            found = self._index.query(text)
            self._clusters.append(self._clusters[found[0]] if found else number)
            self._index.insert_document(number, text)
        return self._clusters[before:]


def shingles(text: str) -> list[str]:
    """Character 3-grams of the text in lower case, repeats included: the sketch takes the least of each."""
    text = text.lower()
    return [text[i : i + 3] for i in range(len(text) - 2)] or [text]


PEERS: dict[str, Callable[[], Engine]] = {"datasketch": Datasketch, "rensa": Rensa, "gaoya": Gaoya}
OURS = "Tocsin"
ENGINES: dict[str, Callable[[], Engine]] = {OURS: Tocsin, **PEERS}
