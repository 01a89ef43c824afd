"""Normalised text → 128 min-hash values: CPU time, one core, shingling included."""

import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
import rensa
import xxhash
from datasketch import MinHash
from numpy.typing import NDArray

from detectors.normalise import normalise_batch
from detectors.sketch import N_PERM, SEED, shingle_hash, shingle_set, signatures
from tests.bench.corpus import unique_posts
from tests.bench.rows import Row, Setup

N_OURS = 200_000
N_PEERS = 2_000
N_EQUAL = 300
SEGMENTS = 8
"""All take turns, so that a busy machine slows all alike."""

Run = Callable[[list[str]], Any]


def measure(setup: Setup) -> list[Row]:
    """Texts a CPU second of each, medians over `SEGMENTS` turns."""
    n_ours, n_peers = setup.size(N_OURS, 20_000), setup.size(N_PEERS, 200)
    blob, offsets = normalise_batch(unique_posts(n_ours))
    texts = _texts(blob, offsets)
    n_equal = _count_equal(texts[:N_EQUAL])
    rates: dict[str, list[float]] = {name: [] for name in ("Tocsin", *PEERS)}
    step = n_ours // SEGMENTS
    for turn in range(SEGMENTS):
        setup.say(f"signature: turn {turn + 1} of {SEGMENTS}")
        began = time.process_time()
        signatures(blob, offsets[turn * step : (turn + 1) * step + 1])
        rates["Tocsin"].append(step / (time.process_time() - began))
        part = texts[turn * step : turn * step + n_peers]
        for name, run in PEERS.items():
            began = time.process_time()
            run(part)
            rates[name].append(len(part) / (time.process_time() - began))
    medians = {name: median(values) for name, values in rates.items()}
    what = f"normalised text → 128 values; {n_equal} of {N_EQUAL} bit-identical to datasketch's"
    slow = medians["Tocsin"] / medians["datasketch, SHA-1"]
    fast = medians["Tocsin"] / max(rate for name, rate in medians.items() if name.startswith("rensa"))
    return [
        Row.judged(
            id="signature", measure=what, value=slow, unit="× datasketch", peers=medians, ratio=slow,
            reach="≥100",
        ),
        Row.judged(
            id="signature_rensa", measure="the same", value=fast, unit="× rensa", peers=medians, ratio=fast,
            reach="≥5",
        ),
    ]  # fmt: skip


def _count_equal(texts: list[str]) -> int:
    """How many of our signatures datasketch gives too, told our shingle hash."""
    blob, offsets = normalise_batch(texts)
    ours = signatures(blob, offsets)
    sets = [[s.encode() for s in shingle_set(text)] for text in _texts(blob, offsets)]
    theirs = MinHash.generator(sets, num_perm=N_PERM, seed=SEED, scheme="affine32", hashfunc=shingle_hash)
    return sum(bool(np.array_equal(a, b.hashvalues)) for a, b in zip(ours, theirs, strict=True))


def _texts(blob: NDArray[np.uint8], offsets: NDArray[np.int64]) -> list[str]:
    whole = blob.tobytes()
    return [whole[start:end].decode() for start, end in pairwise(offsets.tolist())]


def _sets(texts: list[str]) -> list[list[str]]:
    return [list({text[i : i + 3] for i in range(len(text) - 2)}) for text in texts]


def _datasketch(texts: list[str], **options: Any) -> None:
    sets = ([shingle.encode() for shingle in shingles] for shingles in _sets(texts))
    MinHash.bulk(sets, num_perm=N_PERM, seed=SEED, **options)


def _rensa(texts: list[str]) -> None:
    rensa.RMinHash.digest_matrix_from_token_sets(_sets(texts), num_perm=N_PERM, seed=SEED)


def _rensa_rho(texts: list[str]) -> None:
    rensa.RMinHash.digest_matrix_from_token_sets_rho(_sets(texts), num_perm=N_PERM, seed=SEED)


PEERS: dict[str, Run] = {
    "datasketch, SHA-1": _datasketch,
    "datasketch, xxHash": lambda texts: _datasketch(texts, hashfunc=xxhash.xxh32_intdigest),
    "rensa": _rensa,
    "rensa, rho (another sketch)": _rensa_rho,
}
