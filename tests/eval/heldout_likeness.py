"""Bounds of likeness chosen on half of the labelled clusters, judged on the other half, many times over.

The rule that set the bounds is repeated on one half: so far above the worst pair of different clusters
as the code's bounds are above that of all. On the other half: which pairs are alike by them,
each by itself, without look-up and without joining through a third text.
"""

import random
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from detectors.normalise import normalise
from detectors.sketch import shingle_set
from detectors.words_kernel import (
    LEAST_LETTERS,
    LETTERS_ALONE,
    LETTERS_AND_WORDS,
    WORD_CHARS,
    WORD_WEIGHTS,
    letters_alone,
    letters_and_words,
)
from tests.eval.copies import COPIES, REWORDING, label_of
from tests.eval.rows import SEED, Row, Setup, made_up

N_SPLITS: Final = 200
_Matrix = NDArray[np.float64]


class Pairs(NamedTuple):
    """All pairs of n documents, (n, n) each.

    Attributes:
        letters: Similarity of 3-grams, less what the bound of shorter texts is above that of long ones.
        both: The same of letters and words together.
        least: Whether the letters suffice for words to be looked at.
        same: Whether they are of one labelled cluster.
    """

    letters: _Matrix
    both: _Matrix
    least: NDArray[np.bool_]
    same: NDArray[np.bool_]


def measure(setup: Setup) -> list[Row]:
    """heldout_likeness_{copies,rewording,false}."""
    posts = setup.data.posts("d3lta")
    labels = np.array([label_of(post) for post in posts])
    kinds = np.array([str(post.labels.get("kind")) for post in posts])
    pairs = _pairs([normalise(post.text) for post in posts], labels)
    margins = _margins(pairs, np.arange(len(posts)))
    found: dict[str, list[float]] = {COPIES: [], REWORDING: []}
    n_false = []
    for split in setup.track(range(N_SPLITS), "halves of near-duplicates"):
        names = sorted({*labels.tolist()})
        random.Random(f"{SEED}/{split}").shuffle(names)
        is_mine = np.isin(labels, names[: len(names) // 2])
        chosen, judged = np.flatnonzero(is_mine), np.flatnonzero(~is_mine)
        worst = _worst(pairs, chosen)
        alike = _alike(pairs, judged, (worst[0] * margins[0], worst[1] * margins[1]))
        apart, same = ~pairs.same[np.ix_(judged, judged)], _once(pairs.same[np.ix_(judged, judged)])
        n_false.append(int(np.count_nonzero(alike & _once(apart))))
        for kind, shares in found.items():
            mine = same & (kinds[judged] == kind)[:, None]
            shares.append(np.count_nonzero(alike & mine) / max(np.count_nonzero(mine), 1))

    def row(name: str, kind: str) -> Row:
        low, middle, high = np.quantile(found[kind], (0.025, 0.5, 0.975)).tolist()
        return Row(
            id=f"heldout_likeness_{name}",
            measure=f"pairs of kind {kind} in one half of the clusters, alike by bounds chosen on the other, "
            f"median of {N_SPLITS} splits; 95 % of them {low:.3f}-{high:.3f}",
            value=middle,
            unit="share",
            made_up=made_up(posts),
        )

    false = Row(
        id="heldout_likeness_false",
        measure=f"pairs of different clusters alike by bounds chosen on the other half, mean of {N_SPLITS} "
        f"splits; {sum(n > 0 for n in n_false)} of them have any, {max(n_false)} at most",
        value=sum(n_false) / N_SPLITS,
        unit="pairs",
        made_up=made_up(posts),
    )
    return [row("copies", COPIES), row("rewording", REWORDING), false]


def _pairs(texts: Sequence[str], labels: NDArray[np.str_]) -> Pairs:
    shingles = [shingle_set(text) for text in texts]
    words = [{word[:WORD_CHARS] for word in text.split(" ")} for text in texts]
    sizes = np.array([len(one) for one in shingles])
    shorter = np.minimum(sizes[:, None], sizes)
    letters = _jaccard(shingles, lambda _: 1)
    alone = np.array([letters_alone(n) for n in range(sizes.max() + 1)]) - LETTERS_ALONE[0]
    both = np.array([letters_and_words(n) for n in range(sizes.max() + 1)]) - LETTERS_AND_WORDS[0]
    shared_words = _jaccard(words, lambda word: WORD_WEIGHTS[len(word)])
    return Pairs(
        letters - alone[shorter],
        letters + shared_words - both[shorter],
        letters >= LEAST_LETTERS,
        labels[:, None] == labels,
    )


def _jaccard(sets: Sequence[set[str]], weigh: Callable[[str], int]) -> _Matrix:
    """Weighted Jaccard similarity of each set to each."""
    names: dict[str, int] = {}
    rows = [row for row, one in enumerate(sets) for _ in one]
    columns = [names.setdefault(name, len(names)) for one in sets for name in one]
    weights = np.array([weigh(name) for one in sets for name in one], np.float64)
    has = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(sets), len(names)))
    weighed = csr_array((weights, (rows, columns)), shape=has.shape)
    shared, total = (weighed @ has.T).toarray(), weighed.sum(axis=1)
    return np.asarray(shared / np.maximum(total[:, None] + total - shared, 1e-9))


def _worst(pairs: Pairs, which: NDArray[np.int64]) -> tuple[float, float]:
    """Highest (letters, both) of documents of different clusters."""
    at = np.ix_(which, which)
    apart = ~pairs.same[at]
    return float(pairs.letters[at][apart].max()), float(pairs.both[at][apart].max())


def _margins(pairs: Pairs, which: NDArray[np.int64]) -> tuple[float, float]:
    letters, both = _worst(pairs, which)
    return LETTERS_ALONE[0] / letters, LETTERS_AND_WORDS[0] / both


def _alike(pairs: Pairs, which: NDArray[np.int64], bounds: tuple[float, float]) -> NDArray[np.bool_]:
    at = np.ix_(which, which)
    by_both = pairs.least[at] & (pairs.both[at] >= bounds[1])
    return _once((pairs.letters[at] >= bounds[0]) | by_both)


def _once(matrix: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Each pair once, and none with itself."""
    return np.triu(matrix, 1)
