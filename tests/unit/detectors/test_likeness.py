"""What counts as one content, and the compiled twin held equal to its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.posts import varied, words

from detectors.compare_kernel import query_mask
from detectors.index import ClusterIndex, rows_of
from detectors.likeness import alike, words_jaccard
from detectors.normalise import normalise
from detectors.sketch import exact_jaccard
from detectors.words_kernel import WordSets, compare_words, letters_alone, letters_and_words, load_words

WORDS = st.lists(
    st.sampled_from(
        ["vote", "voters", "voters'", "on", "sunday", "straße", "воскресенье", "日曜日", "วันนี้", "선거", "한"]
    ),
    max_size=14,
)


def compiled(a: str, b: str) -> float:
    """The kernel's similarity, as the index uses it: several texts through one work space."""
    left, right = (np.frombuffer(text.encode(), np.uint8) for text in (a, b))
    size = 4 * max(len(left), len(right), 64)
    sets = WordSets(
        np.zeros(size, np.uint32),
        np.zeros(size, np.int64),
        np.zeros(size, np.uint32),
        np.zeros(size, np.int64),
    )
    mask = query_mask(len(left))
    for generation, visit in ((1, 1), (2, 2)):
        weight = load_words(left, 0, len(left), sets, generation, mask)
        compare_words(left, 0, len(left), sets, generation, mask, mask, visit + 10, weight)
        found = compare_words(
            right, 0, len(right), sets, generation, mask, query_mask(len(right)), visit + 20, weight
        )
    return float(found)


@given(WORDS, WORDS)
def test_kernel_equals_the_definition_on_words(a: list[str], b: list[str]) -> None:
    """Words of many scripts, repeated and in any order."""
    left, right = normalise(" ".join(a)), normalise(" ".join(b))
    if left and right:
        assert compiled(left, right) == pytest.approx(words_jaccard(left, right))


@given(st.text(max_size=60), st.text(max_size=60))
def test_kernel_equals_the_definition_on_any_text(a: str, b: str) -> None:
    """Whatever normalisation leaves."""
    left, right = normalise(a), normalise(b)
    if left and right:
        assert compiled(left, right) == pytest.approx(words_jaccard(left, right))


def test_words_weigh_by_length_and_forgive_endings() -> None:
    """Cut to six characters; a long word shared counts more than a short one."""
    assert words_jaccard("reading aloud", "readings aloud") == 1
    assert words_jaccard("deception is", "deception of") > 0.4
    assert words_jaccard("deception is", "surprise is") < 0.3


def test_order_of_words_does_not_matter() -> None:
    """A text turned around shares all its words."""
    text = words("order", 20)
    turned = " ".join(reversed(text.split()))
    assert words_jaccard(text, turned) == 1
    assert alike(text, turned)


@pytest.mark.parametrize(
    "text", ["今日は天気がいいから散歩しましょう", "วันนี้อากาศดีมากไปเดินเล่นกันเถอะ", "今天天气真好我们去散步吧"]
)
def test_scripts_without_spaces_have_no_words_to_tell_by(text: str) -> None:
    """The letters count twice there."""
    assert words_jaccard(normalise(text), normalise(text)) == -1


def test_a_rewording_that_keeps_words_is_alike_where_letters_alone_are_not_enough() -> None:
    """Half of the words stay, in another order."""
    parts = words("rewording", 24).split()
    left, right = " ".join(parts[:16]), " ".join([*reversed(parts[9:16]), *parts[16:]])
    assert exact_jaccard(left, right) < letters_alone(80)
    assert alike(left, right)


def test_letters_in_disguise_are_alike_without_a_word_in_common() -> None:
    """A typo in every second word leaves few words and most 3-grams."""
    parts = words("typo", 30).split()
    typed = " ".join(part + "q" if i % 2 else "q" + part for i, part in enumerate(parts))
    assert words_jaccard(" ".join(parts), typed) < 0.5
    assert alike(" ".join(parts), typed)


@pytest.mark.parametrize("sign", [" ", ".", "🔥"])
def test_words_spelt_out_are_the_words(sign: str) -> None:
    """Letter by letter, whatever stands between: no word is left, and all letters are."""
    text = words("spelt", 20)
    spelt = normalise(sign.join(text))
    assert words_jaccard(text, spelt) < 0.1
    assert exact_jaccard(text, spelt) == 1
    assert alike(text, spelt)


def test_strangers_are_not_alike() -> None:
    """Invented words share syllables, no more."""
    texts = [words(i, 20) for i in range(40)]
    assert not any(alike(a, b) for i, a in enumerate(texts) for b in texts[:i])


def test_bounds_fall_with_length() -> None:
    """From thirteen shingles to eighty, and no further."""
    for bound, at_long, at_short in ((letters_alone, 0.34, 0.54), (letters_and_words, 0.50, 0.66)):
        values = [bound(n) for n in range(200)]
        assert values == sorted(values, reverse=True)
        assert (values[13], values[80], values[199]) == pytest.approx((at_short, at_long, at_long))


@pytest.mark.parametrize("n_changed", range(0, 15, 2))
def test_index_joins_exactly_what_is_alike_once_it_is_proposed(n_changed: int) -> None:
    """Of two texts with most bits in common, whichever comes first."""
    text = words("whole", 14)
    other = varied(text, n_changed, "v")
    index = ClusterIndex(100)
    joined = index.assign(rows_of([text, other], exact=False)).clusters[1] == 0
    assert joined <= alike(text, other)
    if exact_jaccard(text, other) > 0.5:
        assert joined
