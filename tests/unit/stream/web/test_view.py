"""An alert in the words and shapes of the page."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.alerts import KANAKY, START, alert, post

from detectors.alert import Series, Severity
from stream.alerts import Told
from stream.web import view
from stream.web.board import Board


@pytest.mark.parametrize(
    ("url", "href"),
    [
        ("https://x.example/a?b=c#d", "https://x.example/a?b=c#d"),
        ("http://x.example", "http://x.example"),
        ("javascript:alert(1)", None),
        ("JaVaScRiPt:alert(1)", None),
        ("java\nscript:alert(1)", None),
        ("data:text/html,<script>", None),
        ("//x.example/a", None),
        ("https:///nowhere", None),
        ("https://[bad", None),
        ("https://x.example/\u202egnp", None),
        ("https://x.example/" + "a" * 2000, None),
        (None, None),
    ],
)
def test_only_web_links_become_links(url: str | None, href: str | None) -> None:
    """A click can open a web page and do nothing else."""
    assert view.link(url) == href


def test_words_that_the_commonest_wording_lacks_are_marked() -> None:
    """The rest stays plain, and together it is the whole wording."""
    pieces = view.differing("Paris burns in the cold night", "Paris burns in the night")
    assert pieces == [("Paris burns in the ", False), ("cold ", True), ("night", False)]


def test_scripts_without_spaces_are_compared_by_character() -> None:
    """A Japanese sentence is not one long word."""
    pieces = view.differing("港で大きな火事が起きた", "港で小さな火事が起きた")
    assert [piece.text for piece in pieces if piece.differs] == ["大き"]


@given(st.text(max_size=300), st.text(max_size=300))
def test_marked_pieces_join_to_what_is_shown(text: str, other: str) -> None:
    """Marking loses and adds nothing, whatever strangers write."""
    joined = "".join(piece.text for piece in view.differing(text, other))
    assert joined == (view.shorten(text, view.POST_CELLS) or "(no visible text)")


@given(st.lists(st.integers(0, 10**6), max_size=1500))
def test_a_chart_has_few_bars_within_its_box(counts: list[int]) -> None:
    """Any series fits: bars between floor and ceiling, one for every non-empty part."""
    chart = view.chart(Series(START, 60, counts))
    assert len(chart.bars) <= view.MAX_BARS
    assert all(bar.y >= 0 and bar.y + bar.height == chart.height and bar.height for bar in chart.bars)
    assert all(bar.x + 2 <= chart.width for bar in chart.bars)
    assert bool(chart.bars) == any(counts)


def test_a_card_says_rate_against_normal_and_whose_text() -> None:
    """The figures of a list, in words."""
    board = Board()
    card = view.card(board.add(Told(alert(severity=Severity.WARNING, baseline_per_min=0.25), 0)))
    assert (card.severity, card.rate, card.normal) == ("warning", "13", "0.25")
    assert (card.posts, card.accounts, card.platforms) == ("64 posts", "60 accounts", "x, facebook")
    assert card.text == KANAKY
    assert card.first_href == "https://x.example/status/1790"


def test_keys_order_cards_as_the_board_does() -> None:
    """A browser that sorts by key shows what the server would."""
    board = Board()
    for number, severity in enumerate((*Severity, *Severity)):
        started = START + timedelta(minutes=number)
        board.add(Told(alert(id=f"b{number}", severity=severity, starts_at=started), 0))
    keys = [view.card(entry).key for entry in board.ringing()]
    assert keys == sorted(keys, reverse=True)


def test_deleted_and_invisible_texts_are_said_to_be() -> None:
    """An empty line would be a riddle."""
    gone = view.post(post("", deleted=True), alert())
    unseen = view.post(post("\u200b\u202e"), alert())
    assert (gone.text, unseen.text) == ("(text deleted by its author)", "(no visible text)")


@pytest.mark.parametrize(
    ("tag", "believed"),
    [("fr", "fr"), ("pt-BR", "pt-BR"), ("und", None), ('"><script>', None), ("", None), (None, None)],
)
def test_only_language_tags_reach_the_browser_as_such(tag: str | None, believed: str | None) -> None:
    """It picks fonts and voices by them."""
    assert view.language(tag) == believed
