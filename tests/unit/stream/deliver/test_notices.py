"""What is owed to people: one notice per burst and severity, digests for what is late or too much."""

from typing import Any

import pytest
from support.alerts import alert, muted, post

from detectors.alert import AlertReason, Campaign, Severity
from stream.alerts import Told
from stream.deliver.book import FORGET_S, Book
from stream.deliver.notices import HOUR_MS, Notice, notices
from stream.settings import Settings
from stream.settings_telling import WatchRule

NOW_MS = 1_800_000_000_000
FIRST, GREW, RESOLVED, MERGED = (
    AlertReason.FIRST,
    AlertReason.GREW,
    AlertReason.RESOLVED,
    AlertReason.MERGED,
)


def book(*records: dict[str, Any]) -> Book:
    """The book after these alerts, a second apart."""
    made = Book(late_s=900)
    for offset, changes in enumerate(records):
        fields = {"status": "resolved" if changes["reason"] in {RESOLVED, MERGED} else "firing"} | changes
        made.take(Told(alert(**fields), NOW_MS + offset * 1000, offset))
    return made


def owed(of: Book, after_ms: int = 60_000, **changes: Any) -> list[Notice]:
    """What is owed a minute after the first record."""
    settings = Settings(page_url="https://tocsin.example", **changes)
    return notices(of, settings, NOW_MS + after_ms)


def heads(found: list[Notice]) -> list[tuple[str, str, bool]]:
    """(name, severity, whether it fires)."""
    return sorted((n.labels["alertname"], n.labels["severity"], n.ended_ms is None) for n in found)


def dues(of: Book, **changes: Any) -> dict[str, int | None]:
    """Seconds after the first record from which people hear of each severity; None: never."""
    found = owed(of, **changes)
    return {
        n.labels["severity"]: None if n.due_ms is None else (n.due_ms - NOW_MS) // 1000
        for n in found
        if n.labels["alertname"] == "TocsinBurst"
    }


def test_a_rise_is_one_more_notice_and_the_lesser_one_goes_on() -> None:
    """Each ends with the burst; `info` wakes nobody."""
    rising = [
        {"reason": FIRST, "severity": Severity.INFO},
        {"reason": GREW, "severity": Severity.WARNING},
        {"reason": GREW, "severity": Severity.CRITICAL},
    ]
    assert heads(owed(book(*rising[:1]))) == []
    assert heads(owed(book(*rising[:2]))) == [("TocsinBurst", "warning", True)]
    assert heads(owed(book(*rising))) == [
        ("TocsinBurst", "critical", True),
        ("TocsinBurst", "warning", True),
    ]
    assert heads(owed(book(*rising, {"reason": RESOLVED}))) == [
        ("TocsinBurst", "critical", False),
        ("TocsinBurst", "warning", False),
    ]
    assert heads(owed(book(*rising), deliver_from="critical")) == [("TocsinBurst", "critical", True)]


def test_what_may_rise_waits_and_what_rose_meanwhile_is_told_by_the_graver_one_alone() -> None:
    """By the log alone: whoever leads, whenever it reads, comes to the same; critical never waits."""
    warned = {"reason": FIRST, "severity": Severity.WARNING}
    quick, slow = (
        book(warned, {"reason": GREW}),
        book(warned, *[{"reason": GREW, "severity": Severity.WARNING}] * 9, {"reason": GREW}),
    )
    assert dues(book({"reason": FIRST})) == {"critical": 0, "warning": None}
    assert dues(book(warned)) == {"warning": 10}
    assert dues(quick) == {"warning": None, "critical": 1}
    assert dues(slow) == {"warning": 10, "critical": 10}
    assert dues(slow, rise_wait_s=11) == {"warning": None, "critical": 10}
    assert dues(quick, rise_wait_s=0) == {"warning": 0, "critical": 1}
    listed = book(
        {"reason": FIRST, "severity": Severity.INFO}, {"reason": GREW, "severity": Severity.WARNING}
    )
    assert dues(listed, deliver_from="info") == {"info": None, "warning": 11}


def test_a_warning_that_merged_before_it_was_due_is_told_by_the_older_burst_alone() -> None:
    """Unless that one is no warning; and one that was due goes on until the older one ends."""
    older = {"id": "a", "reason": FIRST, "severity": Severity.WARNING}
    younger = {"id": "b", "reason": FIRST, "severity": Severity.WARNING}
    merged = {"id": "b", "reason": MERGED, "severity": Severity.WARNING, "merged_into": "a"}
    grows = [{"id": "b", "reason": GREW, "severity": Severity.WARNING}] * 9

    def due(*records: dict[str, Any]) -> int | None:
        (found,) = (n for n in owed(book(*records)) if n.labels["burst"] == "b")
        return found.due_ms

    assert due(older, younger, merged) is None
    assert due(older, younger, *grows, merged) == NOW_MS + 11_000
    assert due(older | {"severity": Severity.INFO}, younger, merged) == NOW_MS + 11_000


def test_labels_are_identity_and_never_change_and_a_compacted_log_owes_the_same() -> None:
    """All that changes is an annotation; the last record alone tells as much."""
    grown = {"reason": GREW, "posts": 900, "exemplar": post("another wording by now")}
    whole = book({"reason": FIRST, "severity": Severity.CRITICAL}, grown)
    before = owed(book({"reason": FIRST, "severity": Severity.CRITICAL}))
    compacted = Book(late_s=900)
    for story in whole:
        compacted.take(story.told)
    assert {n.key for n in owed(whole)} == {n.key for n in before} == {n.key for n in owed(compacted)}
    assert owed(whole)[0].annotations["summary"] != before[0].annotations["summary"]
    assert "900 posts" in owed(whole)[0].annotations["description"]
    assert owed(whole)[0].url == "https://tocsin.example/bursts/5b0c9f2e61d84a7730aa"


def test_a_campaign_is_an_annotation_for_it_is_known_later_than_the_burst() -> None:
    """A label that came later would be another alert, and page again."""
    linked = {"reason": GREW, "campaign": Campaign("a", ["a", "b"], 9)}
    before, after = owed(book({"reason": FIRST})), owed(book({"reason": FIRST}, linked))
    assert [n.key for n in after] == [n.key for n in before]
    assert {n.annotations["campaign"] for n in after} == {"a, b"}
    assert all("campaign" not in n.annotations for n in before)


def test_what_was_merged_ends_with_the_burst_that_carries_it_on() -> None:
    """A merge by itself is no news."""
    merged = [
        {"id": "a", "reason": FIRST},
        {"id": "b", "reason": FIRST},
        {"id": "b", "reason": MERGED, "merged_into": "a"},
    ]
    assert all(n.ended_ms is None for n in owed(book(*merged)))
    assert all(n.ended_ms is not None for n in owed(book(*merged, {"id": "a", "reason": RESOLVED})))
    circle = [*merged, {"id": "a", "reason": MERGED, "merged_into": "b"}]
    assert all(n.ended_ms is not None for n in owed(book(*circle)))


def test_what_is_late_joins_one_digest_that_stands_for_an_hour() -> None:
    """But a burst that rang in time stays a page, also when a later record is late."""
    late = [{"id": name, "reason": FIRST, "late": 901.0} for name in "abc"]
    found = owed(book(*late))
    assert heads(found) == [("TocsinLate", "warning", True)]
    assert found[0].annotations["summary"].startswith("3 bursts, 3 of them critical, were found over 15")
    assert found[0].annotations["description"].count("CRITICAL") == 3
    assert heads(owed(book(*late), after_ms=HOUR_MS + 3000)) == [("TocsinLate", "warning", False)]
    in_time = [
        {"reason": FIRST, "severity": Severity.WARNING},
        {"reason": GREW, "severity": Severity.WARNING, "late": 5000.0},
    ]
    assert heads(owed(book(*in_time))) == [("TocsinBurst", "warning", True)]


def test_a_storm_is_paged_up_to_the_cap_and_the_rest_is_one_summary() -> None:
    """Which are paged is a function of the log; the others are told as warnings."""
    storm = [{"id": f"{i:02}", "reason": FIRST} for i in range(15)]
    found = owed(book(*storm), pages_an_hour=4)
    paged = [n.labels["burst"] for n in found if n.labels["severity"] == "critical"]
    assert paged == ["00", "01", "02", "03", "storm"]
    assert [n.due_ms is None for n in found if n.labels["severity"] == "warning"] == [True] * 4 + [False] * 11
    (summary,) = (n for n in found if n.labels["alertname"] == "TocsinStorm")
    assert summary.annotations["summary"].startswith("11 more bursts are critical; 4 in an hour")
    over = [*storm, *({"id": f"{i:02}", "reason": RESOLVED} for i in range(15))]
    assert not any(n.ended_ms is None for n in owed(book(*over), pages_an_hour=4))


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ({"terms": ["nouvelle-calédonie"]}, "team"),
        ({"terms": ["olympics"]}, "other"),
        ({"langs": ["fr"]}, "other"),
        ({"platforms": ["x", "bluesky"]}, "team"),
        ({"terms": ["NOUMÉA"], "platforms": ["telegram"]}, "other"),
        ({}, "team"),
    ],
)
def test_the_first_rule_that_fits_the_first_post_is_the_label(rule: dict[str, Any], name: str) -> None:
    """Terms in any case; every list that is not empty must agree."""
    (found,) = owed(
        book({"reason": FIRST, "severity": Severity.WARNING}), watch=(WatchRule(name="team", **rule),)
    )
    assert found.labels["watch"] == name


MUTED, UNMUTED = AlertReason.MUTED, AlertReason.UNMUTED


def test_what_is_muted_ends_once_however_it_goes_on() -> None:
    """From the mute on nobody is told of it; its end stays when it was."""
    mute = [{"reason": FIRST}, {"reason": MUTED, "muted_by": muted()}]
    told = [("TocsinBurst", "critical", False), ("TocsinBurst", "warning", False)]
    for more in ([], [{"reason": GREW, "muted_by": muted()}], [{"reason": RESOLVED, "muted_by": muted()}]):
        found = owed(book(*mute, *more))
        assert heads(found) == told
        assert {(n.ended_ms, n.muted) for n in found} == {(NOW_MS + 1000, True)}


def test_what_rings_muted_is_told_to_nobody_until_it_is_unmuted() -> None:
    """Then all that it reached is news, from that record on; a later ring begins anew."""
    quiet = [
        {"reason": FIRST, "severity": Severity.WARNING, "muted_by": muted()},
        {"reason": GREW, "muted_by": muted(kind="known")},
    ]
    assert owed(book(*quiet)) == []
    assert owed(book(*quiet, {"reason": RESOLVED, "muted_by": muted()})) == []
    loud = owed(book(*quiet, {"reason": UNMUTED}))
    assert heads(loud) == [("TocsinBurst", "critical", True), ("TocsinBurst", "warning", True)]
    assert {(n.starts_ms, n.since, n.muted) for n in loud} == {(NOW_MS + 2000, 2, False)}
    again = owed(book({"reason": FIRST}, *quiet, {"reason": UNMUTED}))
    assert {n.since for n in again} == {3}
    assert heads(owed(book(*quiet, {"reason": FIRST}))) == heads(loud)


def test_a_burst_that_went_on_in_a_muted_one_is_over() -> None:
    """One content, one mute."""
    merged = [
        {"id": "a", "reason": FIRST},
        {"id": "b", "reason": FIRST},
        {"id": "b", "reason": MERGED, "merged_into": "a"},
        {"id": "a", "reason": MUTED, "muted_by": muted()},
    ]
    assert all(n.ended_ms is not None for n in owed(book(*merged)))


def test_muted_bursts_are_no_part_of_a_storm() -> None:
    """A summary of what nobody wants to hear would page all the same."""
    storm = [{"id": f"{i:02}", "reason": FIRST} for i in range(6)]
    mutes = [{"id": f"{i:02}", "reason": MUTED, "muted_by": muted()} for i in range(6)]
    found = [n for n in owed(book(*storm, *mutes), pages_an_hour=4) if n.labels["alertname"] == "TocsinStorm"]
    assert [n.ended_ms is None for n in found] == [False]


def test_a_day_after_its_end_a_burst_is_forgotten() -> None:
    """One that rings never is."""
    kept = book({"id": "a", "reason": FIRST}, {"id": "b", "reason": FIRST}, {"id": "b", "reason": RESOLVED})
    kept.forget(NOW_MS + (FORGET_S + 10) * 1000)
    assert [story.alert.id for story in kept] == ["a"]
