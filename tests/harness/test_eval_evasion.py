"""Disguises disguise, and the row counts what one burst holds."""

import random

import pytest

from detectors.normalise import normalise
from tests.eval.disguises import ALONE, HARDER
from tests.eval.evasion import MESSAGES, _causes, _outside, background_feed, escapes, heard
from tests.eval.rows import Row

LONGEST = MESSAGES[-1]


@pytest.mark.parametrize("name", [*ALONE, *HARDER])
def test_each_trick_changes_the_text_and_each_copy_otherwise(name: str) -> None:
    """A trick that did nothing would prove nothing; a seed gives the same copies again."""
    trick = {**ALONE, **HARDER}[name]
    message = MESSAGES[1]
    copies = [trick(random.Random(i), message) for i in range(30)]
    assert copies != [message] * 30
    assert len({*copies}) > 2
    assert copies == [trick(random.Random(i), message) for i in range(30)]


def test_invisible_signs_and_leet_leave_no_trace() -> None:
    """What the normaliser undoes whole."""
    for name in ("zero_width", "bidi", "fullwidth", "mathematical", "combining_marks"):
        assert normalise(ALONE[name](random.Random(1), LONGEST)) == normalise(LONGEST)


def test_copies_are_counted_in_one_burst_and_strangers_are_not() -> None:
    """All of a plain campaign; of one whose copies share nothing, none."""
    background = list(background_feed())
    share, severity = heard([LONGEST] * 40, background, random.Random(1))
    assert (share, severity) != (0.0, "silent")
    assert share == 1
    strangers = [" ".join(random.Random(i).choices("abcdefghijklmnopqrstuvwxyz", k=60)) for i in range(40)]
    assert heard(strangers, background, random.Random(1))[0] < 0.5


def test_what_escapes_is_told_with_its_cause() -> None:
    """Copies outside the largest content, by cause, most frequent first; without any there is no table."""
    short, odd = "go vote", "ihe iridge vt Aldxrmoor clohes en Sunday fnd nobodu askex uv #Aldezmoor #brtdge"
    assert _outside([LONGEST] * 5 + [short, odd, short]) == [5, 6, 7]
    told = [(LONGEST, short, ["cut"]), (MESSAGES[0], odd, ["mistyped"]), (LONGEST, short, ["cut"])]
    cases = list(_causes(told))
    assert [(case["copies"], case["tricks"], case["example"]) for case in cases] == [
        (2, "cut", short),
        (1, "mistyped", odd),
    ]
    assert cases[0]["why"] != cases[1]["why"]
    table = escapes([Row(id="evasion_mistyped", measure="", value=0.0, unit="share", cases=cases)])
    assert table is not None
    assert table.row_count == 2
    assert escapes([Row(id="evasion_leet", measure="", value=1.0, unit="share")]) is None
