"""Verdicts of people, replayed over the posts they were about."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from support.alerts import alert as any_alert
from support.scenario_feed import quiet_feed, small_campaign

from detectors.alert import Alert
from detectors.ruling import RulingKind, encode_ruled
from detectors.rulings import Rulings
from stream.rulings import ruling_on
from tests.eval import verdicts
from tests.eval.data import Data, NoData
from tests.eval.engine import alerts_of
from tests.eval.rows import Setup

TEXT = "the same words from every one of them, and no others that anybody wrote"


def posts() -> list[bytes]:
    """Quiet hours, a campaign, quiet hours."""
    values = quiet_feed(150, start="2024-05-15T07:00:00Z", gap_s=72)
    values += small_campaign(60, text=TEXT, start="2024-05-15T10:00:00Z")
    return values + quiet_feed(60, start="2024-05-15T10:02:00Z", gap_s=72)


def exported(alert: Alert, kind: RulingKind) -> bytes:
    """A line of ``tocsin verdicts --json``."""
    (ruled,) = Rulings().take(ruling_on(alert, kind, by="maria", why="seen it"), [], 0, 1)
    return encode_ruled(ruled)


def measured(folder: Path, *lines: bytes) -> dict[str, Any]:
    """Rows by name over a folder with the posts and these verdicts."""
    (folder / verdicts.FOLDER).mkdir()
    (folder / verdicts.FOLDER / "posts.ndjson").write_bytes(b"\n".join(posts()))
    (folder / verdicts.FOLDER / "said.ndjson").write_bytes(b"\n".join(lines))
    setup = Setup(data=Data(folder), say=lambda _: None, track=lambda things, _: iter(things))
    return {row.id: row for row in verdicts.measure(setup)}


def test_what_people_said_is_held_against_what_rings_today(tmp_path: Path) -> None:
    """A campaign called true that still rings, one called false that does not, each counted once."""
    rang = max(alerts_of(posts()), key=lambda alert: alert.severity.rank)
    gone = any_alert("nothing of this was ever posted in that feed, so it rings no more")
    rows = measured(tmp_path, exported(rang, RulingKind.TRUE), exported(gone, RulingKind.FALSE))
    assert {name: row.value for name, row in rows.items()} == {
        f"verdict_precision_{rang.severity}": 1.0,
        "verdict_true_kept": 1.0,
        "verdict_false_gone": 1.0,
    }
    assert orjson.loads(orjson.dumps([row.as_dict() for row in rows.values()]))


def test_misses_are_shown_with_their_text_and_reason(tmp_path: Path) -> None:
    """Called false and rings all the same; called true and silent."""
    rang = max(alerts_of(posts()), key=lambda alert: alert.severity.rank)
    gone = any_alert("nothing of this was ever posted in that feed, so it rings no more")
    rows = measured(tmp_path, exported(rang, RulingKind.FALSE), exported(gone, RulingKind.TRUE))
    assert {row.value for row in rows.values()} == {0.0}
    case = {"text": gone.exemplar.text, "said": "true", "why": "seen it", "was": "critical", "is": "silent"}
    assert rows["verdict_true_kept"].cases == [case]
    assert rows["verdict_false_gone"].cases[0]["is"] == rang.severity


def test_without_verdicts_or_posts_there_is_nothing_to_measure(tmp_path: Path) -> None:
    """The other rows of the evaluation go on."""
    with pytest.raises(NoData, match="verdicts"):
        measured(tmp_path)
