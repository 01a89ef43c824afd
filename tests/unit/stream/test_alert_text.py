"""How alerts read, held by golden files in ``tests/golden/alerts``.

After a change of wording, write them anew and read the difference as the woken person would:

    UPDATE_GOLDEN=1 .venv/bin/pytest tests/unit/stream/test_alert_text.py; git diff tests/golden
"""

import io
import os
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from support.alerts import KANAKY, START, alert, coordination, muted, post

from detectors.alert import (
    Alert,
    AlertReason,
    Campaign,
    Detector,
    Series,
    Severity,
    Share,
    Shown,
    WordedAs,
)
from stream.alert_text import describe, headline, styled, styled_headline
from stream.safe_text import clean, n_cells, shorten

GOLDEN = Path(__file__).parents[2] / "golden" / "alerts"
ISOLATES = {"\u2068", "\u2069"}


CROWD = coordination(
    score=0.04,
    new_accounts=Share(4, 118),
    repeating_accounts=Share(3, 96),
    recurring_accounts=Share(0, 151),
    linked_bursts=0,
    accounts_5min=58,
    identical_posts=Share(139, 157),
    platforms=1,
)
HEADLINE = "BREAKING: Earthquake of magnitude 6.8 shakes the coast, tsunami warning lifted after one hour"
HOSTILE = (
    "\x1b[2J\x1b[31mAll clear\x1b[0m\r\nCRITICAL rings: “forged” 9,999 posts\u2028next\x07 "
    "\u202eesrever\u202c z\u200be\u200dr\u2060o \x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\ "
    "[bold red]markup[/] [link=https://evil.example]here[/link] "
    "Z\u0351\u0352\u0353\u0354\u0355\u0356algo \x9b5mC1"
)
ARABIC = "فرنسا تغرق كاليدونيا الجديدة في الفوضى قبل أولمبياد باريس 2024، قاطعوا الألعاب الآن!"


def a_resolved_campaign() -> Alert:
    """The same campaign at its end: two hours, thousands of posts."""
    return alert(
        seq=11,
        status="resolved",
        reason=AlertReason.RESOLVED,
        updated_at=START + timedelta(hours=2, minutes=33),
        ends_at=START + timedelta(hours=2, minutes=18),
        posts=5187,
        reposts=179,
        accounts=1686,
        rate_per_min=0.0,
        baseline_per_min=3.1,
        novelty=0.0,
        series=Series(START.replace(second=0), 60, [min(i, 138 - i) for i in range(139)]),
        coordination=coordination(
            score=0.83,
            new_accounts=Share(1011, 1102),
            repeating_accounts=Share(0, 1),
            recurring_accounts=Share(40, 1686),
            accounts_5min=0,
            identical_posts=Share(1904, 5187),
        ),
        samples=[post(KANAKY), post(KANAKY, after_s=8277, name="9001")],
        variants=[WordedAs(KANAKY, 1904), WordedAs("RT si tu es d'accord. " + KANAKY, 1200)],
        platforms={"x": 5042, "facebook": 145},
        langs={"fr": 2600, "en": 2587},
    )


def a_headline() -> Alert:
    """A headline that a crowd shares: fast, and no sign of coordination."""
    return alert(
        exemplar=post(HEADLINE, lang="en"),
        severity=Severity.WARNING,
        seq=3,
        reason=AlertReason.GREW,
        updated_at=START + timedelta(minutes=26),
        posts=157,
        reposts=812,
        accounts=151,
        rate_per_min=12.2,
        baseline_per_min=0.0714,
        novelty=88.0,
        series=Series(START.replace(second=0), 60, [1, 0, 2, 4, 3, 5, 9, 8, 6, *[7] * 17]),
        coordination=CROWD,
        variants=[WordedAs(HEADLINE, 139), WordedAs("So glad. " + HEADLINE, 18)],
        hashtags=[],
        urls=[f"https://news{i}.example/quake" for i in range(7)],
        platforms={"bluesky": 157},
        langs={"en": 150, "und": 7},
    )


def of_an_app(text: str, n: int, **changes: Any) -> Alert:
    """`n` posts of an app's template, on a feed that tells no ages."""
    values: dict[str, Any] = {
        "exemplar": post(text, url=None, platform="mastodon.social"),
        "severity": Severity.INFO,
        "posts": n,
        "reposts": 0,
        "samples": [],
        "variants": [WordedAs(text, n)],
        "hashtags": [],
        "urls": [],
        "platforms": {"mastodon.social": n},
        "langs": {"en": n},
    }
    return alert(**(values | changes))


def an_info() -> Alert:
    """Five accounts with an app's template, on a feed that tells no ages."""
    return of_an_app(
        "I just reached level 40 in Farmburg! Come and visit my farm",
        5,
        seq=1,
        accounts=5,
        rate_per_min=0.4,
        baseline_per_min=0.0004,
        novelty=2.3,
        window_s=3600,
        series=Series(START.replace(second=0), 60, [1, 0, 0, 2, 2]),
        coordination=coordination(
            score=0.0,
            new_accounts=Share(0, 0),
            repeating_accounts=Share(0, 5),
            recurring_accounts=Share(0, 5),
            linked_bursts=0,
            accounts_5min=4,
            identical_posts=Share(5, 5),
            platforms=1,
        ),
    )


def a_spammer() -> Alert:
    """One account that repeats itself, on a service that was asked to ring for that."""
    return of_an_app(
        "Sunny, 24 degrees, light wind from the west: the weather in Farmburg",
        20,
        seq=2,
        accounts=1,
        coordination=coordination(
            score=0.7,
            new_accounts=Share(0, 1),
            repeating_accounts=Share(1, 1),
            recurring_accounts=Share(0, 1),
            linked_bursts=0,
            accounts_5min=1,
            identical_posts=Share(20, 20),
            platforms=1,
        ),
    )


def a_merged_burst() -> Alert:
    """The English wave proves to be part of the French one."""
    return alert(
        "Paris burns money for its Games while Noumea burns. Recognize New Caledonia!",
        seq=4,
        status="resolved",
        reason=AlertReason.MERGED,
        severity=Severity.WARNING,
        ends_at=START + timedelta(minutes=4),
        posts=12,
        reposts=0,
        accounts=4,
        merged_into="1f00aa9b3c2d4e5f6071",
        coordination=coordination(
            repeating_accounts=Share(1, 1),
            recurring_accounts=Share(1, 4),
            linked_bursts=1,
            new_accounts=Share(1, 1),
            identical_posts=Share(12, 12),
            accounts_5min=1,
        ),
        langs={"en": 12},
        platforms={"x": 12},
        variants=[],
    )


def an_approximate_count() -> Alert:
    """More accounts than are kept one by one."""
    return alert(
        reason=AlertReason.GREW,
        seq=9,
        updated_at=START + timedelta(hours=51),
        posts=20480,
        accounts=5143,
        accounts_exact=False,
        novelty=300.0,
        rate_per_min=1204.6,
        baseline_per_min=31.0,
        coordination=coordination(
            score=0.41,
            new_accounts=Share(900, 3977),
            repeating_accounts=Share(400, 2201),
            recurring_accounts=Share(77, 4096),
            accounts_5min=2001,
            identical_posts=Share(7000, 20480),
        ),
        campaign=Campaign("1f00aa9b3c2d4e5f6071", ["1f00aa9b3c2d4e5f6071", "5b0c9f2e61d84a7730aa"], 77),
    )


def a_hostile_text() -> Alert:
    """Everything a post may try on a terminal."""
    return alert(
        exemplar=post(HOSTILE, url="https://x.example/\x1b[1mstatus\u202e/1", name="\x1b[2J"),
        variants=[WordedAs(HOSTILE, 60), WordedAs("\u200b\u3164\x00", 4)],
        hashtags=["a\u202eb", "[red]tag", "x" * 300],
        urls=["javascript:alert(1)\nWhat next", "https://evil.example/" + "a" * 2000],
        platforms={"x\x1b[31m": 64},
        muted_by=muted("ops\nCRITICAL rings", why="\x1b[2Jgone\nWhat next"),
    )


def an_arabic_burst() -> Alert:
    """Right-to-left words between left-to-right numbers, on accounts of unknown age."""
    return alert(
        exemplar=post(ARABIC, lang="ar", clipped=True),
        severity=Severity.WARNING,
        coordination=coordination(
            score=0.62, new_accounts=Share(0, 0), recurring_accounts=Share(31, 60), linked_bursts=1
        ),
        variants=[WordedAs(ARABIC, 40), WordedAs("🔥 " + ARABIC, 24)],
        hashtags=["قاطعوا_باريس", "paris2024"],
        langs={"ar": 60, "fr": 4},
        novelty=4.2,
    )


def a_redacted_post() -> Alert:
    """The first post, which was the example, is gone; what is left is said to be so."""
    gone = post("", deleted=True)
    return alert(
        exemplar=gone,
        reason=AlertReason.REPEAT,
        seq=5,
        samples=[gone, post(KANAKY, after_s=200, name="1850")],
        variants=[WordedAs(KANAKY, 20)],
        coordination=coordination(score=0.31, new_accounts=Share(2, 3)),
    )


def a_deleted_burst() -> Alert:
    """Every post that was kept has been deleted: nothing is quoted."""
    gone = post("", deleted=True)
    return alert(exemplar=gone, reason=AlertReason.REPEAT, samples=[gone], variants=[], hashtags=[], urls=[])


def a_late_alert() -> Alert:
    """Written while the worker catches up after an outage."""
    return alert(late=22 * 60 + 41.0, severity=Severity.CRITICAL)


CASES: dict[str, Callable[[], Alert]] = {
    "critical": alert,
    "resolved": a_resolved_campaign,
    "headline": a_headline,
    "info": an_info,
    "merged": a_merged_burst,
    "spam": a_spammer,
    "approximate": an_approximate_count,
    "hostile": a_hostile_text,
    "arabic": an_arabic_burst,
    "redacted": a_redacted_post,
    "deleted": a_deleted_burst,
    "late": a_late_alert,
}


@pytest.mark.parametrize("name", CASES)
def test_an_alert_reads_as_agreed(name: str) -> None:
    """The whole text of each kind of alert is the one that was read and approved."""
    path = GOLDEN / f"{name}.txt"
    text = describe(CASES[name]()) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_every_golden_file_has_its_case() -> None:
    """No golden file outlives the alert it belongs to."""
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_the_first_line_alone_tells_the_news(name: str) -> None:
    """The headline names severity, count of posts and time, is the first line, and stays short."""
    told = CASES[name]()
    first = describe(told).split("\n")[0]
    assert first == headline(told)
    assert first.startswith(told.severity.upper())
    assert f"{told.posts:,} posts by" in first
    assert "2024-05-15 10:21 UTC" in first
    assert n_cells(first) <= 200


@pytest.mark.parametrize("name", CASES)
def test_the_styled_text_says_the_same(name: str) -> None:
    """Colour changes no character, and square brackets in posts are not parsed as markup."""
    told = CASES[name]()
    assert styled(told).plain == describe(told)
    assert styled_headline(told).plain == headline(told)
    screen = Console(file=io.StringIO(), width=5000, color_system=None)
    screen.print(styled(told), soft_wrap=True)
    out = screen.file
    assert isinstance(out, io.StringIO)
    assert out.getvalue() == describe(told) + "\n"


def test_no_escape_sequence_of_a_post_reaches_a_colour_terminal() -> None:
    """On a colour terminal the only escapes are our own, and none is a hyperlink."""
    console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system="standard")
    console.print(styled(a_hostile_text()))
    out = console.file
    assert isinstance(out, io.StringIO)
    drawn = out.getvalue()
    assert "\x1b]" not in drawn
    assert "\x1b[2J" not in drawn
    assert "[bold red]markup[/]" in drawn


def every_text_is(text: str) -> Alert:
    """An alert with `text` wherever strangers, or a broken writer, could put one."""
    shown = Shown(platform=text, id=text, account=text, created_at=START, text=text, lang=text, url=text)
    return alert(
        exemplar=shown,
        id=text,
        samples=[shown, msgspec.structs.replace(shown, id=text + "2")],
        variants=[WordedAs(text, 1), WordedAs(text, 2)],
        hashtags=[text] * 20,
        urls=[text] * 20,
        platforms={text: 1},
        langs={text: 1},
        merged_into=text,
        muted_by=muted(text, ruling=text, why=text),
        campaign=Campaign(text, [text], 3),
        detector=Detector(text, text),
    )


@given(st.text(st.characters(codec=None), max_size=60))
def test_whatever_a_post_holds_the_text_keeps_its_lines(text: str) -> None:
    """No character of a post adds a line, hides text, turns its direction or stays invisible."""
    plain = describe(every_text_is("harmless")).split("\n")
    hostile = describe(every_text_is(text)).split("\n")
    assert len(hostile) == len(plain)
    for line in hostile:
        bad = [c for c in line if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}]
        assert set(bad) <= ISOLATES
        assert line.count("\u2068") == line.count("\u2069")
    "\n".join(hostile).encode()


def test_a_megabyte_of_text_stays_a_screenful() -> None:
    """Lengths are bounded whatever comes in."""
    assert len(describe(every_text_is("ab c" * 250_000))) < 10_000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a\tb\r\n  c\u2029d\u00a0e", "a b c d e", id="white-space-is-one-space"),
        pytest.param("\x1b[1;31mred\x1b[0m \x1b(B\x9b2Jend", "red end", id="ansi-goes"),
        pytest.param("\x1b]0;title\x07text", "text", id="terminal-title-goes"),
        pytest.param("\x1b]0;title without an end", "0;title without an end", id="a-lone-osc-hides-nothing"),
        pytest.param("p\u200ba\u00ads\u2066s\u202e", "pass", id="zero-width-and-bidi-go"),
        pytest.param("e\u0301\u0302\u0303\u0304\u0305", "e\u0301\u0302\u0303", id="stacked-marks-are-cut"),
        pytest.param("\ud800 \ue000", "\ufffd", id="surrogates-show-private-use-goes"),
        pytest.param("\u3164\u2800\u115f", "", id="blank-letters-are-blank"),
        pytest.param("नमस्ते עברית 日本語 👍🏽", "नमस्ते עברית 日本語 👍🏽", id="languages-stay"),
    ],
)
def test_cleaning_keeps_words_and_drops_tricks(text: str, shown: str) -> None:
    """What people can read stays as it is; what acts on a terminal or hides goes."""
    assert clean(text) == shown


@given(st.text(max_size=200), st.integers(2, 60))
def test_shortened_text_fits_its_columns(text: str, width: int) -> None:
    """A shortened text never takes more columns than asked."""
    assert n_cells(shorten(text, width)) <= width
