"""What the page knows: the last word on each burst, in order, bounded."""

from datetime import timedelta
from typing import Any

import pytest
from support.alerts import START, alert, muted, post

from detectors.alert import Alert, AlertReason, Campaign, Severity
from stream.alerts import Told
from stream.web.board import Board, Wanted, words_of


def board(*alerts: Alert, **more: Any) -> Board:
    """A board that was told `alerts`."""
    found = Board(**more)
    for number, one in enumerate(alerts):
        found.add(Told(one, 1_715_768_469_000 + number))
    return found


def over(name: str, **more: Any) -> Alert:
    """A burst that has ended."""
    values = {"status": "resolved", "reason": AlertReason.RESOLVED, "ends_at": START + timedelta(minutes=9)}
    return alert(id=name, **(values | more))


def ids(entries: list[Any]) -> list[str]:
    """Their bursts."""
    return [entry.alert.id for entry in entries]


def test_gravest_first_then_what_began_last() -> None:
    """Severity decides, then the beginning; growing moves nothing."""
    later = START + timedelta(minutes=1)
    found = board(
        alert(id="info", severity=Severity.INFO, starts_at=later),
        alert(id="old", severity=Severity.WARNING),
        alert(id="new", severity=Severity.WARNING, starts_at=later),
        alert(id="grave"),
        alert(id="old", severity=Severity.WARNING, seq=3, posts=128),
    )
    assert ids(found.ringing()) == ["grave", "new", "old", "info"]
    assert found.get("old").alert.posts == 128  # type: ignore[union-attr]


def test_what_changed_since_a_version_is_told_once_as_it_is_now() -> None:
    """A burst that changed twice appears once, in the order of the last changes."""
    found = board(alert(id="a"), alert(id="b"), alert(id="a", seq=3), alert(id="c"))
    assert ids(found.since(1)) == ["b", "a", "c"]
    assert ids(found.since(3)) == ["c"]
    assert found.since(found.version) == []


def test_ended_bursts_leave_what_rings_and_stay_a_day() -> None:
    """Resolved is over; a day of event time later it is no longer shown."""
    day = timedelta(days=1, minutes=1)
    found = board(alert(id="a"), over("a", seq=3), over("b", updated_at=START + timedelta(minutes=20)))
    assert (ids(found.ringing()), ids(found.over())) == ([], ["b", "a"])
    found.add(Told(alert(id="c", updated_at=START + timedelta(minutes=10) + day), 0))
    assert ids(found.over()) == ["b"]
    assert ids(found.day()) == ["b", "c"]
    assert found.get("a") is not None


def test_beyond_its_bound_it_forgets_what_matters_least() -> None:
    """Over goes before ringing, slight before grave, old before new."""
    found = board(over("over"), alert(id="info", severity=Severity.INFO), alert(id="grave"), max_bursts=2)
    assert ids(found.find(Wanted())) == ["grave", "info"]
    found.add(Told(alert(id="second"), 0))
    assert ids(found.find(Wanted())) == ["second", "grave"]


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        pytest.param("PIÉTINE", True, id="case"),
        pytest.param("pietine nouméa", True, id="marks-and-all-words"),
        pytest.param("pietine berlin", False, id="one-word-is-missing"),
        pytest.param("#boycottparis2024", True, id="hashtag"),
        pytest.param("noumea.mp4", True, id="link"),
        pytest.param("facebook", True, id="platform"),
        pytest.param("5b0c9f", True, id="beginning-of-the-id"),
        pytest.param("pié\u200btine", True, id="invisible-characters"),
    ],
)
def test_search_finds_words_wherever_they_are_shown(query: str, fits: bool) -> None:  # noqa: FBT001
    """Texts, hashtags, links, platforms and ids, without case and marks."""
    assert bool(board(alert()).find(Wanted(words_of(query)))) is fits


def test_search_narrows_by_severity_and_status() -> None:
    """At least so grave, firing or over."""
    found = board(alert(id="info", severity=Severity.INFO), over("over"), alert(id="grave"))
    assert ids(found.find(Wanted(min_severity=Severity.WARNING))) == ["grave", "over"]
    assert ids(found.find(Wanted(status="firing"))) == ["grave", "info"]


def test_what_is_muted_stands_behind_all_else_that_rings() -> None:
    """Greyed at the top it would hide what is news; a mute hides nothing, it is there."""
    found = board(
        alert(id="muted", muted_by=muted()), alert(id="slight", severity=Severity.INFO), alert(id="grave")
    )
    assert ids(found.ringing()) == ["grave", "slight", "muted"]
    assert [entry.rank for entry in found.ringing()] == [3, 1, 0]


def test_a_ruling_that_comes_after_its_alert_is_told_too() -> None:
    """Of the burst it answers, and of those it covers; of others not."""
    found = board(alert(id="a"), alert(id="b", muted_by=muted(ruling="r")), alert(id="c"))
    before = found.version
    found.touch("a", "r")
    assert [entry.alert.id for entry in found.since(before)] == ["a", "b"]
    assert ids(found.ringing()) == ["c", "a", "b"]


def test_related_are_the_campaign_and_what_merged() -> None:
    """Those it shares accounts with, the burst it went on in, and those that went on in it."""
    merged = over("merged", reason=AlertReason.MERGED, merged_into="main")
    found = board(
        alert(id="main", campaign=Campaign("c", ["main", "french", "gone"], 9)),
        alert(id="french"),
        merged,
        alert(id="stranger"),
    )
    assert ids(found.related(found.get("main").alert)) == ["merged", "french"]  # type: ignore[union-attr]
    assert ids(found.related(merged)) == ["main"]
    french = found.get("french")
    assert french is not None
    assert ids(found.related(french.alert)) == ["main"]  # it has not been told of itself that it belongs


def test_hostile_texts_are_searched_within_bounds() -> None:
    """A huge text costs a bounded haystack."""
    huge = post("x" * 900_000)
    entry = board(alert(exemplar=huge, samples=[huge], first_post=huge)).get("5b0c9f2e61d84a7730aa")
    assert len(entry.haystack) <= 20_000  # type: ignore[union-attr]
