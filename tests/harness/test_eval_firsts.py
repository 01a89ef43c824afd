"""Planted campaigns: the first alert is counted in copies, and ages decide what they can decide."""

from tests.eval.firsts import _MADE, _listen


def test_a_planted_campaign_is_heard_within_a_few_copies_with_ages_and_without() -> None:
    """New accounts make it critical; without ages it is heard as early."""
    posts = list(_MADE["another script"]())
    [aged], [ageless] = ([*_listen("made", posts, ages=ages)] for ages in (True, False))
    assert aged.n_copies == ageless.n_copies == 200
    assert aged.first is not None
    assert ageless.first is not None
    assert max(aged.first, ageless.first) <= 25
    assert aged.critical is not None
    assert aged.first <= aged.critical <= 100


def test_what_nobody_copies_is_not_heard() -> None:
    """Without the copies' alert there is neither a first nor a severity."""
    posts = [p for p in _MADE["another script"]() if p["scenario"]["actor"] != "campaign" or p["id"] == "c0"]
    [found] = _listen("made", posts, ages=True)
    assert (found.first, found.critical, found.gravest) == (None, None, None)
