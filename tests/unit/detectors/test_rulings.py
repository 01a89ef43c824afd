"""Which rulings hold and what they cover: by text, by event time, by what the log says."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.posts import T0_MS, varied, words

from detectors import rulings
from detectors.alert import Severity
from detectors.normalise import normalise
from detectors.ruling import Ruled, Ruling, RulingKind, Undo
from detectors.rulings import MIN_SURGE, SURGE, Rulings

TEXT = words("muted", 28)
MUTE, KNOWN = RulingKind.MUTE, RulingKind.KNOWN


def ruling(name: str = "r1", kind: RulingKind = MUTE, text: str = TEXT, **changes: Any) -> Ruling:
    """Maria's, for two hours if it is a mute."""
    values: dict[str, Any] = {
        "id": name,
        "kind": kind,
        "burst": f"burst of {name}",
        "text": text,
        "severity": Severity.WARNING,
        "peak": 10,
        "updated_ms": T0_MS,
        "by": "maria",
        "why": "an app",
        "for_s": 7200,
        "at_ms": T0_MS,
    }
    return Ruling(**(values | changes))


def held(*rulings_: Ruling) -> Rulings:
    """After these, at one moment."""
    made = Rulings()
    for one in rulings_:
        made.take(one, [], 0, T0_MS)
    return made


def covers(of: Rulings, text: str, busiest: int = 1) -> str | None:
    """Id of the ruling that covers a text of some burst."""
    found = of.covering("another burst", [normalise(text)], busiest)
    return None if found is None else found.id


@pytest.mark.parametrize(
    ("text", "is_covered"),
    [
        pytest.param(TEXT, True, id="the-same"),
        pytest.param(TEXT.upper() + " !!!", True, id="the-same-normalised"),
        pytest.param(varied(TEXT, 6, 1), True, id="a-near-copy"),
        pytest.param(varied(TEXT, 26, 1), False, id="two-words-in-common"),
        pytest.param(words("another", 28), False, id="another"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_a_mute_covers_its_content_and_near_copies_and_nothing_else(text: str, *, is_covered: bool) -> None:
    """As the index joins texts: by exact Jaccard, over a crowd of other rulings."""
    crowd = held(*(ruling(f"c{i}", text=words(("crowd", i))) for i in range(200)), ruling())
    assert covers(crowd, text) == ("r1" if is_covered else None)


def test_a_short_text_covers_only_itself() -> None:
    """Under 13 letters shingles say nothing; spaces don't count."""
    short = held(ruling(text="good day"))
    assert covers(short, "Good day!") == "r1"
    assert covers(short, "g o o d d a y") == "r1"
    assert covers(short, "good days") is None


def test_its_own_burst_is_covered_whatever_its_text() -> None:
    """Also when all its posts were deleted: nothing is left to compare."""
    gone = held(ruling(text=""))
    assert gone.covering("burst of r1", ["another text altogether, and long enough"], 1) is not None
    assert covers(gone, "") is None


def test_the_texts_of_the_burst_itself_are_covered_too() -> None:
    """A clipped quotation may be far from the whole."""
    made, whole = Rulings(), normalise(words("whole", 90))
    made.take(ruling(text=whole[:100]), [whole], 0, T0_MS)
    assert covers(made, whole) == covers(made, whole[:100]) == "r1"


def test_a_mute_ends_by_event_time_and_a_known_template_does_not() -> None:
    """Two hours of the feed's own time, from where the log stood: half-open, [now, until)."""
    made = held(ruling("m", burst="a"), ruling("k", KNOWN, text=words("known"), burst="b"))
    until_ms = T0_MS + 7_200_000
    assert made.expire(until_ms - 1) == []
    (over,) = made.expire(until_ms)
    assert (over.id, over.ended and over.ended.why) == ("m", "its time was over")
    assert made.expire(until_ms + 10**12) == []
    assert covers(made, TEXT) is None
    assert covers(made, words("known")) == "k"


def test_a_mute_before_time_began_lasts_from_the_alert_it_answers() -> None:
    """`activity` was lost and made anew, the alert is of before."""
    made = Rulings()
    (ruled,) = made.take(ruling(), [], 0, 0)
    assert ruled.until_ms == T0_MS + 7_200_000


def test_a_known_template_that_surges_is_not_covered() -> None:
    """From a multiple of its busiest slot on, and never for a handful of posts."""
    busy = held(ruling(kind=KNOWN, peak=50))
    assert [covers(busy, TEXT, n) for n in (50, 50 * SURGE - 1, 50 * SURGE)] == ["r1", "r1", None]
    quiet = held(ruling(kind=KNOWN, peak=1))
    assert [covers(quiet, TEXT, n) for n in (MIN_SURGE - 1, MIN_SURGE)] == ["r1", None]
    assert covers(held(ruling(peak=1)), TEXT, 10_000) == "r1"  # a mute is meant whatever comes


def test_the_newer_ruling_on_a_burst_replaces_the_older() -> None:
    """Of its sort: a verdict leaves the mute alone."""
    made = held(ruling("a", burst="b"), ruling("v", RulingKind.FALSE, burst="b"))
    ended, began = made.take(ruling("c", KNOWN, burst="b"), [], 0, T0_MS)
    assert (ended.id, ended.ended and ended.ended.why, began.id) == ("a", "replaced by c", "c")
    assert made.verdicts() == {(Severity.WARNING, RulingKind.FALSE): 1}
    made.take(ruling("w", RulingKind.TRUE, burst="b"), [], 0, T0_MS)
    assert made.verdicts() == {(Severity.WARNING, RulingKind.TRUE): 1}


def test_what_comes_again_changes_nothing_and_an_undo_needs_something_to_undo() -> None:
    """Delivery is at least once."""
    made = held(ruling())
    assert made.take(ruling(for_s=1), [], 0, T0_MS) == []
    assert made.undo(Undo(ruling="unheard of", by="ada", why="")) == []
    (ended,) = made.undo(Undo(ruling="r1", by="ada", why="it was one", at_ms=7, offset=9))
    assert msgspec.structs.asdict(ended.ended) == {"by": "ada", "why": "it was one", "at_ms": 7, "offset": 9}
    assert made.undo(Undo(ruling="r1", by="ada", why="")) == []
    assert covers(made, TEXT) is None


def test_more_than_can_be_held_end_from_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded, and what was let go is told."""
    monkeypatch.setattr(rulings, "MAX_HELD", 3)
    made = held(*(ruling(name, text=words(name)) for name in "abc"))
    ended, began = made.take(ruling("d", text=words("d")), [], 0, T0_MS)
    assert (ended.id, began.id, len(made)) == ("a", "d", 3)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=25))
def test_what_the_topic_holds_gives_the_state_at_every_offset(events: list[tuple[str, bool]]) -> None:
    """A restart may begin anywhere in the log: each ruling says by its offsets whether it held there."""
    made, topic = Rulings(), dict[str, Ruled]()
    states = [set[str]()]
    for offset, (burst, is_undo) in enumerate(events):
        last = max((one.id for one in topic.values() if one.burst == burst), default="none")
        if is_undo:
            changed = made.undo(Undo(ruling=last, by="ada", why="", offset=offset))
        else:
            changed = made.take(ruling(f"{offset:02}", burst=burst, offset=offset), [], 0, T0_MS)
        topic |= {one.id: one for one in changed}
        states.append({one.id for one in topic.values() if one.ended is None})
    assert all(a is not b for a, b in pairwise(states))
    for before, state in enumerate(states):
        restarted = Rulings()
        restarted.load(topic.values(), before)
        assert set(restarted._held) == state
        assert [one.ended for one in topic.values() if one.id not in states[-1]].count(None) == 0
