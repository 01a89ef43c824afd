"""Copies in many scripts: messages are of one length, copies differ, the gap is against Latin."""

import random

import pytest

from detectors.normalise import normalise
from tests.eval.evasion import background_feed, heard
from tests.eval.script_texts import LATIN, TEXTS
from tests.eval.scripts import capitals, copies_of, latin_and_others


@pytest.mark.parametrize("language", TEXTS)
def test_each_language_says_as_much_and_its_habits_change_what_it_says(language: str) -> None:
    """Lengths are alike, or a script would win by its length; a habit that met nothing would test nothing."""
    written = TEXTS[language]
    assert 36 <= len(written.short) <= 44
    assert 180 <= len(written.long) <= 225
    for printed, _ in written.habits:
        assert printed in written.short + written.long


@pytest.mark.parametrize("language", TEXTS)
def test_copies_differ_and_a_seed_gives_them_again(language: str) -> None:
    """Most copies of a short message are unlike the others even when normalised."""
    written = TEXTS[language]
    copies = list(copies_of(language, written, written.short, seed=1, n=60))
    assert len({normalise(copy) for copy in copies}) > 30
    assert copies == list(copies_of(language, written, written.short, seed=1, n=60))
    assert copies != list(copies_of(language, written, written.short, seed=2, n=60))


def test_turkish_capitals_are_the_same_text() -> None:
    """Dotted and dotless i fold to one letter, whichever upper case a keyboard gives."""
    text = TEXTS["Turkish"].long
    assert "İ" in capitals(text)
    assert normalise(capitals(text)) == normalise(text) == normalise(text.upper())


@pytest.mark.parametrize("language", TEXTS)
def test_a_long_message_is_one_burst_in_each_script(language: str) -> None:
    """All copies but few, so that the row's figure is not that of a harness that hears nothing."""
    written = TEXTS[language]
    copies = list(copies_of(language, written, written.long, seed=3, n=60))
    assert heard(copies, list(background_feed()), random.Random(3))[0] >= 0.95


def test_the_gap_is_taken_from_latin_of_the_same_length() -> None:
    """Means by length over the Latin languages only."""
    shares = {"English": (1.0, 0.9), "French": (0.8, 0.7), "Thai": (0.5, 0.4)}
    cases = [
        {"language": language, "length": length, "share": share}
        for language, by_length in shares.items()
        for length, share in zip(("long", "short"), by_length, strict=True)
    ]
    latin, others = latin_and_others(cases)
    assert latin == {"long": pytest.approx(0.9), "short": pytest.approx(0.8)}
    assert [case["share"] for case in others] == [0.5, 0.4]
    assert {*LATIN} < {*TEXTS}
