"""Bounds chosen on one half judge the other: by the likeness that the detectors use."""

from itertools import combinations

import numpy as np
import pytest
from support.posts import varied, words

from detectors.likeness import alike, words_jaccard
from detectors.sketch import exact_jaccard
from detectors.words_kernel import LEAST_LETTERS, LETTERS_ALONE, LETTERS_AND_WORDS, WORD_WEIGHTS
from tests.eval.heldout_likeness import _alike, _jaccard, _pairs, _worst

WHOLE = words("whole", 24)
TEXTS = [WHOLE, *(varied(WHOLE, n, n) for n in (4, 9, 14, 19)), words("other", 12), words("a third", 3)]
LABELS = np.array(["a"] * 5 + ["b", "c"])


def test_matrices_hold_the_likeness_of_the_definition() -> None:
    """Of letters and of words, each text with each."""
    letters = _jaccard([{text[i : i + 3] for i in range(len(text) - 2)} for text in ("abcd", "bcde")], len)
    assert letters[0, 1] == pytest.approx(1 / 3)
    shared = _jaccard([{word[:6] for word in text.split()} for text in TEXTS], lambda w: WORD_WEIGHTS[len(w)])
    for i, j in combinations(range(len(TEXTS)), 2):
        assert shared[i, j] == pytest.approx(words_jaccard(TEXTS[i], TEXTS[j]))


def test_by_the_bounds_of_the_code_the_same_pairs_are_alike() -> None:
    """Whatever the length of the shorter text."""
    found = _alike(_pairs(TEXTS, LABELS), np.arange(len(TEXTS)), (LETTERS_ALONE[0], LETTERS_AND_WORDS[0]))
    expected = [alike(TEXTS[i], TEXTS[j]) for i, j in combinations(range(len(TEXTS)), 2)]
    assert found[np.triu_indices(len(TEXTS), 1)].tolist() == expected
    assert 0 < sum(expected) < len(expected)


def test_the_worst_pair_is_of_different_clusters() -> None:
    """Copies count for nothing in choosing a bound, however alike."""
    letters, both = _worst(_pairs(TEXTS, LABELS), np.arange(len(TEXTS)))
    assert letters < LEAST_LETTERS < exact_jaccard(TEXTS[0], TEXTS[1])
    assert both < LETTERS_AND_WORDS[0]
