"""BURST and what people decide: told at once, counted all the same, over when its time is."""

from collections.abc import Sequence
from typing import Any

from support.posts import MINUTE_MS, T0_MS, Written, cluster, packs_of, reloaded, varied, words

from detectors.activity import Activity, Clock
from detectors.alert import Alert, Severity
from detectors.burster import Burster
from detectors.ruling import Ruling, RulingKind, Undo, decode_ruled, encode_ruled
from detectors.settings import DetectorSettings

SETTINGS = DetectorSettings(max_tracked_posts=512)
TEXT = words("ruled", 30)
LATER_MIN = 180


def wave(
    n: int, start_min: float, text: str = TEXT, *, name: str = "w", step_ms: int = 4000
) -> list[Written]:
    """One post each of n old accounts."""
    start_ms = T0_MS + round(start_min * MINUTE_MS)
    return [
        Written(at_ms=start_ms + i * step_ms, text=text, author=f"{name}{i}", id=f"{name}{start_min}-{i}")
        for i in range(n)
    ]


def activity(*waves: list[Written], hours: float = 8) -> list[Activity]:
    """Of a feed of one-off posts, one a minute, with these among them."""
    lone = [
        Written(at_ms=T0_MS + i * MINUTE_MS, text=words(("lone", i)), author=f"l{i}", id=f"l{i}")
        for i in range(round(hours * 60))
    ]
    posts = sorted([*lone, *(post for one in waves for post in one)], key=lambda post: post.at_ms)
    return cluster(SETTINGS, packs_of(SETTINGS, posts, 50))


def ruling(alert: Alert, kind: RulingKind = RulingKind.MUTE, name: str = "r1", **changes: Any) -> Ruling:
    """About an alert, appended when BURST had just written it."""
    values: dict[str, Any] = {
        "id": name,
        "kind": kind,
        "burst": alert.id,
        "text": alert.exemplar.text,
        "severity": alert.severity,
        "peak": max(alert.series.counts),
        "updated_ms": round(alert.updated_at.timestamp() * 1000),
        "by": "maria",
        "why": "an app",
        "for_s": 7200,
        "at_ms": round(alert.updated_at.timestamp() * 1000) + 5000,
    }
    return Ruling(**(values | changes))


def first_alert(messages: Sequence[Activity]) -> tuple[Burster, list[Alert], int]:
    """Feed up to the first alert: the object, the alerts so far, how many messages it took."""
    burster = Burster(SETTINGS, "test")
    for n, message in enumerate(messages, 1):
        if alerts := burster.feed(message):
            return burster, alerts, n
    raise AssertionError("nothing rings")


def play(burster: Burster, messages: Sequence[Activity]) -> list[Alert]:
    """What it tells of them."""
    return [alert for message in messages for alert in burster.feed(message)]


def story(alerts: Sequence[Alert]) -> list[tuple[str, int, str | None]]:
    """(reason, posts, id of the ruling that covers it)."""
    return [(a.reason.value, a.posts, a.muted_by and a.muted_by.ruling) for a in alerts]


def test_a_mute_is_told_at_once_and_what_follows_is_counted_and_muted() -> None:
    """MUTED in the next record, growth and end carry the ruling, counts go on."""
    messages = activity(wave(45, LATER_MIN))
    burster, alerts, n = first_alert(messages)
    alerts += burster.feed(ruling(alerts[0]))
    assert burster.muted() == {Severity.INFO: 1}
    alerts += play(burster, messages[n:])
    assert story(alerts) == [
        ("FIRST", 4, None),
        ("MUTED", 4, "r1"),
        ("GREW", 8, "r1"),
        ("GREW", 16, "r1"),
        ("GREW", 18, "r1"),
        ("GREW", 40, "r1"),
        ("RESOLVED", 45, "r1"),
    ]
    assert [a.seq for a in alerts] == [1, 2, 3, 4, 5, 6, 7]
    muted = alerts[1].muted_by
    assert muted is not None
    assert (muted.kind, muted.by, muted.why) == ("mute", "maria", "an app")
    assert muted.until is not None
    assert 7140 <= (muted.until - alerts[0].updated_at).total_seconds() <= 7200
    assert alerts[1].ingest_ts.timestamp() * 1000 == ruling(alerts[0]).at_ms  # the delay of a mute is its own


def test_near_copies_elsewhere_are_muted_from_their_first_alert_and_others_are_not() -> None:
    """An hour later, when the burst that was muted is long over: one near-copy, one other text."""
    near, other = varied(TEXT, 8, 1), words("other", 30)
    messages = activity(
        wave(12, LATER_MIN),
        wave(12, LATER_MIN + 70, near, name="n"),
        wave(12, LATER_MIN + 80, other, name="o"),
    )
    burster, alerts, n = first_alert(messages)
    burster.feed(ruling(alerts[0]))
    rings = [a for a in play(burster, messages[n:]) if a.reason.value == "FIRST"]
    assert [(a.muted_by is not None, a.exemplar.text == other) for a in rings] == [
        (True, False),
        (False, True),
    ]


def test_a_mute_outlives_what_burst_remembers() -> None:
    """A day and a half later the group is forgotten; a near-copy is a new burst, and muted by its text."""
    near = varied(TEXT, 8, 1)
    messages = activity(wave(12, LATER_MIN), wave(12, LATER_MIN + 36 * 60, near, name="n"), hours=40)
    burster, alerts, n = first_alert(messages)
    burster.feed(ruling(alerts[0], for_s=3 * 86_400))
    (first, *_), _ = rings_of(play(burster, messages[n:]))
    assert first.id != alerts[0].id
    assert first.muted_by is not None


def rings_of(alerts: Sequence[Alert]) -> tuple[list[Alert], list[Alert]]:
    """FIRST alerts, and the others."""
    first = [a for a in alerts if a.reason.value == "FIRST"]
    return first, [a for a in alerts if a not in first]


def test_when_its_time_is_over_a_burst_that_still_rings_is_told_anew() -> None:
    """UNMUTED by the feed's own clock; a mute of ten minutes, a burst of forty."""
    messages = activity(wave(120, LATER_MIN, step_ms=20_000))
    burster, alerts, n = first_alert(messages)
    alerts += burster.feed(ruling(alerts[0], for_s=600))
    alerts += play(burster, messages[n:])
    (back,) = [a for a in alerts if a.reason.value == "UNMUTED"]
    assert back.muted_by is None
    assert 600 <= (back.updated_at - alerts[0].updated_at).total_seconds() <= 720
    assert all((a.muted_by is None) is (a.seq >= back.seq) for a in alerts[1:])


def test_an_undo_tells_what_still_rings_at_once() -> None:
    """And only what it covered: a verdict, or an undo of nothing, tells nothing."""
    messages = activity(wave(45, LATER_MIN))
    burster, (first,), _ = first_alert(messages)
    assert burster.feed(ruling(first, RulingKind.FALSE, "v")) == []
    assert burster.feed(Undo(ruling="nothing", by="ada", why="")) == []
    burster.feed(ruling(first))
    (back,) = burster.feed(Undo(ruling="r1", by="ada", why="it is one", at_ms=first_ms(first) + 60_000))
    assert story([back]) == [("UNMUTED", 4, None)]
    assert burster.muted() == {}
    assert burster.rulings.verdicts() == {(Severity.INFO, RulingKind.FALSE): 1}


def first_ms(alert: Alert) -> int:
    """Event time of an alert."""
    return round(alert.updated_at.timestamp() * 1000)


def test_a_known_template_stays_quiet_day_after_day_and_rings_when_it_surges() -> None:
    """Waves like the first are muted without end; one ten times as dense is told, then muted again."""
    waves = [wave(12, LATER_MIN + 90 * i, name=f"w{i}") for i in range(4)]
    surge = wave(240, LATER_MIN + 90 * 4, name="surge", step_ms=250)
    messages = activity(*waves, surge, hours=13)
    burster, alerts, n = first_alert(messages)
    burster.feed(ruling(alerts[0], RulingKind.KNOWN))
    later = play(burster, messages[n:])
    surge_ms = T0_MS + (LATER_MIN + 360) * MINUTE_MS
    quiet = [a for a in later if first_ms(a) < surge_ms]
    assert sum(a.reason.value == "FIRST" for a in quiet) == 3
    assert all(a.muted_by is not None for a in quiet)
    loud = [a for a in later if surge_ms <= first_ms(a) < surge_ms + 10 * MINUTE_MS]
    assert any(a.muted_by is None for a in loud)
    assert later[-1].posts == 12 * 4 + 240


def test_a_checkpoint_goes_on_as_if_nothing_had_happened() -> None:
    """State of before and after the ruling, the rulings given back as their topic has them."""
    messages = activity(wave(45, LATER_MIN))
    burster, (first,), n = first_alert(messages)
    told = burster.feed(ruling(first, offset=n))
    ruled = [decode_ruled(encode_ruled(one)) for one in burster.ruled]
    rest = [play(burster, messages[n:])]
    for before in (n, n + 1):
        again, *_ = first_alert(messages)
        if before > n:
            assert again.feed(ruling(first, offset=n)) == told
        restarted = reloaded(again, SETTINGS)
        restarted.rulings.load(ruled, before)
        if before == n:
            assert restarted.feed(ruling(first, offset=n)) == told
        rest.append(play(restarted, messages[n:]))
    assert rest[0] == rest[1] == rest[2]
    assert any(isinstance(message, Clock) for message in messages[n:])
