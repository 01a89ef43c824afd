"""What the demo says of the alerts: whose they are, when it rang, and whether that is enough."""

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from support.alerts import START, alert, post

from detectors.alert import AlertReason, Severity
from stream.alerts import Told
from stream.demo.report import Run, failures, figures, remarks
from stream.demo.screen import Screen
from stream.demo.summary import rows
from stream.demo.tally import Tally
from stream.demo.truth import Label, Truth
from stream.demo.worker import Scrape


def fed(
    name: str, after_s: int, actor: str, version: str | None = None, item: str | None = None
) -> dict[str, Any]:
    """A post as the scenario makes it."""
    created_at = (START + timedelta(seconds=after_s)).isoformat()
    labels = {"actor": actor, "version": version, "item": item}
    return {"platform": "x", "id": name, "created_at": created_at, "text": "…", "scenario": labels}


def truth() -> Truth:
    """Thirty copies in English (100…), thirty in French (200…), ten of a headline (300…)."""
    english = [fed(f"1{i:02}", i, "campaign", "en") for i in range(30)]
    french = [fed(f"2{i:02}", i, "campaign", "fr") for i in range(30)]
    headline = [fed(f"3{i:02}", i, "headline", item="dam") for i in range(10)]
    repost = fed("199", 40, "campaign", "en") | {"repost_of": "100"}
    return Truth([*english, *french, *headline, repost])


def told(ident: str, shown: str, severity: Severity, **more: Any) -> Told:
    """An alert `ident` that shows the posts `shown`0…`shown`4, half a second after its cause."""
    shows = [post("words", name=f"{shown}0{i}") for i in range(5)]
    written = alert(
        id=ident, severity=severity, exemplar=shows[0], first_post=shows[0], samples=shows, **more
    )
    return Told(written, round(written.ingest_ts.timestamp() * 1000) + 500)


def finished(**more: Any) -> Run:
    """A run in which the worker read everything."""
    run = Run(scenario="new-caledonia", seed=7, speed=300, n_posts=71, drained=True)
    run.scrape = Scrape({("tocsin_posts_total", ""): 71.0, ("tocsin_rejected_total", "not_json"): 2.0})
    for name, value in more.items():
        setattr(run, name, value)
    return run


def rung(tally: Tally) -> None:
    """Both versions reach critical and end."""
    for ident, posts in (("en", 6), ("fr", 9)):
        shown = {"en": "1", "fr": "2"}[ident]
        tally.add(told(ident, shown, Severity.INFO, posts=posts, updated_at=START + timedelta(seconds=10)))
        tally.add(told(ident, shown, Severity.CRITICAL, posts=posts * 4, reason=AlertReason.GREW))
        tally.add(told(ident, shown, Severity.CRITICAL, posts=30, reason=AlertReason.RESOLVED))


def test_an_alert_is_what_most_of_its_posts_are() -> None:
    """Whose an alert is follows from the ids it shows, never from its words."""
    shows = [post("words of the campaign", name="300"), *(post("dam", name=f"10{i}") for i in range(3))]
    found = truth().find(alert(exemplar=shows[0], first_post=shows[0], samples=shows))
    assert (found.label, found.n, found.of, found.is_campaign) == (Label("campaign", "en"), 3, 4, True)
    stranger = post("words", name="nobody's")
    assert truth().find(alert(exemplar=stranger, first_post=stranger, samples=[])).label.actor == "unknown"


def test_reposts_are_no_copies() -> None:
    """Thirty-one posts of the English version, one of them a plain repost: thirty copies."""
    assert truth().n_copies("en") == 30
    assert truth().n_copies("en", START + timedelta(seconds=4)) == 5
    assert truth().n_campaign == 61


def test_milestones_are_the_first_alert_and_the_first_critical_one() -> None:
    """Later alerts of a version move neither; the worst version stands for all."""
    tally = Tally(truth())
    rung(tally)
    assert {name: found.copies for name, found in tally.first.items()} == {"en": 6, "fr": 9}
    assert {name: found.copies for name, found in tally.critical.items()} == {"en": 24, "fr": 36}
    assert (tally.first["en"].after_s, tally.first["en"].true_copies) == (10, 11)
    told_all = figures(finished(), tally)
    assert (told_all["ok"], told_all["copies_at_first_alert"], told_all["copies_at_critical"]) == (
        True,
        9,
        36,
    )
    assert told_all["posts"]["dead_letters_by_reason"] == {"not_json": 2}
    assert told_all["alerts"]["bursts_of_the_campaign"]["critical"] == {
        "fired": 2,
        "resolved": 2,
        "merged": 0,
        "ringing": 0,
    }


def test_a_version_that_never_rang_is_no_zero() -> None:
    """With one version silent there is no worst copy to tell, and a remark says which."""
    tally = Tally(truth())
    tally.add(told("en", "1", Severity.CRITICAL, posts=6))
    told_all = figures(finished(), tally)
    assert told_all["copies_at_first_alert"] is None
    assert told_all["versions"]["fr"]["first_alert"] is None
    assert "version fr never reached its first alert" in told_all["remarks"]
    assert dict(rows(told_all))["French version, first alert"] == "never"


def test_critical_background_fails_the_demo_with_its_words() -> None:
    """The exit code follows the rule: the campaign critical, nothing of the background."""
    tally = Tally(truth())
    rung(tally)
    assert failures(finished(), tally) == []
    tally.add(told("dam", "3", Severity.CRITICAL))
    assert failures(finished(), tally) == ["the background reached critical: words"]


@pytest.mark.parametrize("severity", [Severity.INFO, Severity.WARNING])
def test_a_campaign_below_critical_fails_the_demo(severity: Severity) -> None:
    """It rang, but it would have woken nobody."""
    tally = Tally(truth())
    tally.add(told("en", "1", severity))
    assert failures(finished(), tally) == ["the campaign never reached critical"]


def test_posts_left_unread_fail_the_demo() -> None:
    """Figures of half a feed are none."""
    tally = Tally(truth())
    rung(tally)
    unread = finished(drained=False, n_posts=80)
    assert failures(unread, tally) == ["the worker read 71 of 80 posts and did not finish"]


def test_a_slow_machine_is_told() -> None:
    """A median delay past a second is explained, as are late milestones."""
    tally = Tally(truth())
    late = told("en", "1", Severity.CRITICAL, posts=101)
    tally.add(late._replace(append_ms=late.append_ms + 4000))
    said = remarks(finished(), tally)
    assert any(line.startswith("half of the alerts came 4.5 s late") for line in said)
    assert "version en reached critical at copy 101, not by 100" in said
    assert "a burst of the campaign still rang at the end" in said


def test_delay_is_the_nearest_rank() -> None:
    """The p99 of a hundred is the 99th, of few the last; without alerts there is none."""
    tally = Tally(truth())
    assert tally.delay_s(0.5) is None
    tally.delays_s = [i / 100 for i in range(100, 0, -1)]
    assert (tally.delay_s(0.5), tally.delay_s(0.99), tally.delay_s(1.0)) == (0.5, 0.99, 1.0)


def test_news_is_what_a_person_would_be_told() -> None:
    """A burst's begin, a graver severity, the end of a warning, all of a critical; no doublings of less."""
    tally = Tally(truth())
    story = [
        (Severity.INFO, AlertReason.FIRST, True),
        (Severity.INFO, AlertReason.GREW, False),
        (Severity.WARNING, AlertReason.GREW, True),
        (Severity.WARNING, AlertReason.GREW, False),
        (Severity.WARNING, AlertReason.RESOLVED, True),
    ]
    for severity, reason, is_news in story:
        assert tally.add(told("dam", "3", severity, reason=reason))[1] is is_news
    assert tally.add(told("other", "3", Severity.INFO, reason=AlertReason.RESOLVED))[1] is False


def test_outside_a_terminal_there_are_no_control_codes() -> None:
    """A log file gets plain lines, a hostile text included."""
    out = io.StringIO()
    screen = Screen(out)
    hostile = told("x", "3", Severity.CRITICAL).alert
    hostile.exemplar.text = "\x1b[31mred [bold]not markup[/bold] \x07\r\nnext line"
    tally = Tally(truth())
    finding, _ = tally.add(Told(hostile, 0))
    screen.intro(300)
    screen.legend()
    with screen.step("waiting"), screen.progress(10):
        screen.alert(hostile, finding)
        screen.in_full(hostile)
        for minute in range(61):
            screen.progressed(START.timestamp() + 60 * minute, minute, minute, 1.0)
    said = out.getvalue()
    assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", said) == []
    assert "“red [bold]not markup[/bold] next line”" in said
    assert len([line for line in said.splitlines() if "… sent" in line]) == 2
