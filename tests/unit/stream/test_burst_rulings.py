"""BURST's stage and people's rulings: what stands in `rulings`, and that every restart comes to the same."""

from collections.abc import Sequence

import msgspec
import pytest
from support.alerts import alert as any_alert
from support.scenario_feed import quiet_feed, small_campaign

from detectors.activity import Activity, read_told
from detectors.alert import Alert, decode_alert
from detectors.burster import Burster, settings_digest
from detectors.chain import Chain
from detectors.ruling import Ruled, Ruling, RulingKind, Undo, decode_ruled
from detectors.settings import DetectorSettings
from detectors.sketcher import RawPost
from stream.agents import burst
from stream.agents.burst import BurstStage, load_checkpoint, of_former_log, past_use
from stream.agents.standing import Standing
from stream.codec import decode_activity, encode_activity
from stream.kafka import ALERTS, BURST_STATE, RULINGS
from stream.rulings import ruling_on, undo_of
from stream.settings import Settings
from stream.stage import Out

DETECTOR = DetectorSettings()
TEXT = "the same words from every one of them, and no others"
APPENDED_MS = 1_800_000_000_000


class Entry(msgspec.Struct):
    """A record of ``activity``."""

    offset: int
    value: bytes
    timestamp: int = APPENDED_MS
    key: bytes | None = None


@pytest.fixture(scope="module")
def log() -> list[Entry]:
    """A campaign after quiet hours that people mute, call known, judge, and two of it they take back."""
    values = quiet_feed(150, start="2024-05-15T07:00:00Z", gap_s=72)
    values += small_campaign(60, text=TEXT, start="2024-05-15T10:00:00Z")
    values += quiet_feed(60, start="2024-05-15T10:02:00Z", gap_s=72)
    chain = Chain(DETECTOR, "")
    messages: list[Activity] = []
    for offset, value in enumerate(values):
        for _, pack in chain.sketcher.feed([RawPost(offset, APPENDED_MS, value)]).packs:
            messages += read_told(chain.clusterer.feed(offset, pack))
    burster, placed = Burster(DETECTOR, ""), list[Activity]()
    n_after = 0
    for message in messages:
        placed.append(message)
        rang = bool(burster.feed(message)) or n_after
        if not rang:
            continue
        n_after += 1
        placed += decisions(n_after)
    return [Entry(offset, encode_activity(message)) for offset, message in enumerate(placed)]


def decisions(n_after: int) -> list[Activity]:
    """What is decided so many messages after the first alert."""
    about = any_alert(TEXT, id="unknown to burst")
    made: dict[int, list[Activity]] = {
        1: [named("mute", ruling_on(about, RulingKind.MUTE, by="maria", why="an app", for_s=1800))],
        4: [named("yes", ruling_on(about, RulingKind.TRUE, by="ada", why="it was one"))],
        6: [Undo(ruling="mute", by="ada", why="it was not")],
        8: [named("short", ruling_on(about, RulingKind.MUTE, by="maria", why="so it was", for_s=600))],
        45: [named("known", ruling_on(about, RulingKind.KNOWN, by="maria", why=""))],
    }
    return made.get(n_after, [])


def named(name: str, ruling: Ruling) -> Ruling:
    """With an id of ours; made at the time of the posts, not of the alert that the tests share."""
    ruling.id, ruling.updated_ms = name, 0
    return ruling


def stage(
    live_from: int = 0, saved: Sequence[Out] = (), detector: DetectorSettings = DETECTOR
) -> tuple[BurstStage, int]:
    """As the builder opens it over what stands on the topics; and where the replay begins."""
    settings = Settings()
    states = {out.key or b"": out.value or b"" for out in saved if out.topic == BURST_STATE}
    manifests, state = load_checkpoint(states, live_from, settings_digest(detector))
    limits = settings.checkpoint_s, settings.max_in_flight
    ruled = list(topic(saved).values())
    made = BurstStage(detector, state, live_from, Standing(), manifests, *limits, ruled)
    return made, manifests[-1].offset if manifests else 0


def alerts(outs: Sequence[Out]) -> list[Alert]:
    """What of `outs` are alerts, without what says when they were written."""
    read = [decode_alert(out.value or b"") for out in outs if out.topic == ALERTS]
    return [msgspec.structs.replace(one, late=0.0) for one in read]


def topic(outs: Sequence[Out]) -> dict[str, Ruled]:
    """``rulings`` after compaction."""
    read = [decode_ruled(out.value or b"") for out in outs if out.topic == RULINGS]
    return {one.id: one for one in read}


@pytest.fixture(autouse=True)
def _small_logs_are_worth_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(burst, "MIN_LOG_BYTES", 1)
    monkeypatch.setattr(burst, "MAX_BATCH", 1)


def test_the_topic_says_who_when_why_and_what_became_of_it(log: list[Entry]) -> None:
    """The append time is when it was decided, the offset where; an end has both, too."""
    made, _ = stage()
    told = topic(made.feed(log))
    assert {
        name: (one.by, one.at_ms, one.ended and (one.ended.by, one.ended.why)) for name, one in told.items()
    } == {
        "mute": ("maria", APPENDED_MS, ("ada", "it was not")),
        "yes": ("ada", APPENDED_MS, None),
        "short": ("maria", APPENDED_MS, ("", "its time was over")),
        "known": ("maria", APPENDED_MS, None),
    }
    for one in told.values():
        assert log[one.offset].value != b""
        assert one.ended is None or one.offset < one.ended.offset < len(log)
    assert made.told().verdicts == {(told["yes"].severity, RulingKind.TRUE): 1}
    assert {a.reason.value for a in alerts(stage()[0].feed(log))} >= {"MUTED", "UNMUTED"}


def test_a_restart_at_any_offset_goes_on_as_if_nothing_had_happened(log: list[Entry]) -> None:
    """From checkpoint and topic, through silence, to the same alerts and the same rulings."""
    whole = stage()[0].feed(log)
    n_silent = 0
    for stop in range(0, len(log) + 1, 3):
        first = stage()[0].feed(log[:stop]) if stop else []
        second, start = stage(stop, first)
        n_silent += start < stop
        outs = [out for entry in log[start:] for out in second.feed([entry])]
        assert alerts(first) + alerts(outs) == alerts(whole)
        assert topic([*first, *outs]) == topic(whole)
    assert n_silent > 3


def test_a_worker_that_died_before_committing_tells_the_same_again(log: list[Entry]) -> None:
    """All it had sent is on the topics; the next takes its records once more."""
    whole = stage()[0].feed(log)
    for stop in range(0, len(log), 7):
        again, start = stage(stop, [*stage()[0].feed(log)])
        outs = [out for entry in log[start:] for out in again.feed([entry])]
        assert alerts(outs) == alerts(whole)[len(alerts(whole)) - len(alerts(outs)) :]
        assert topic([*whole, *outs]) == topic(whole)


def test_what_retention_took_from_the_log_holds_by_the_topic(log: list[Entry]) -> None:
    """Settings changed, so no checkpoint holds, and the log begins in the middle: at each place."""
    whole = stage()[0].feed(log)
    other = DetectorSettings(min_accounts=5)
    for first in range(1, len(log)):
        made, start = stage(len(log), whole, other)
        assert start == 0
        made.feed(log[first:])
        holds = {name for name, one in topic(whole).items() if one.ended is None}
        assert set(made._burster.rulings._held) == holds


def test_rulings_outlive_a_log_that_is_made_anew(log: list[Entry]) -> None:
    """``activity`` was deleted: what held holds from the new one's beginning, and again after a restart."""
    ruled = topic(stage()[0].feed(log))
    holds = {name for name, one in ruled.items() if one.ended is None}
    moved = of_former_log(list(ruled.values()), 0)
    assert len(moved) == len(ruled)
    anew = [Entry(number, entry.value) for number, entry in enumerate(log) if is_not_decided(entry)]
    made = BurstStage(DETECTOR, None, 0, Standing(), [], 60, 4, list(ruled.values()), moved)
    first = made.feed(anew[:10])
    assert set(topic(first)) == set(ruled)
    assert {one.offset for one in topic(first).values()} == {-1}
    outs = [*first, *made.feed(anew[10:])]
    assert {a.muted_by.ruling for a in alerts(outs) if a.muted_by is not None} <= holds
    again = BurstStage(DETECTOR, None, len(anew), Standing(), [], 60, 4, list(topic(outs).values()))
    again.feed(anew)
    assert set(again._burster.rulings._held) == holds


def test_what_ended_is_forgotten_once_no_replay_can_need_it(log: list[Entry]) -> None:
    """Old enough, and over before the log begins: at every beginning the rest comes to the same state."""
    whole = stage()[0].feed(log)
    ruled = topic(whole)
    decided_s = APPENDED_MS / 1000
    ends = {name: one.ended.offset for name, one in ruled.items() if one.ended is not None}
    assert ends.keys() == {"mute", "short"}
    assert past_use(list(ruled.values()), len(log), decided_s) == set()
    for begin in range(1, len(log)):
        forgotten = past_use(list(ruled.values()), begin, decided_s + 1)
        assert forgotten == {name for name, end in ends.items() if end < begin}
        kept = [one for name, one in ruled.items() if name not in forgotten]
        states = []
        for known, gone in ((list(ruled.values()), []), (kept, [*forgotten])):
            made = BurstStage(DETECTOR, None, begin, Standing(), [], 60, 4, known, (), gone)
            outs = [out for entry in log[begin:] for out in made.feed([entry])]
            tombstones = {(out.key or b"").decode() for out in outs if out.value is None}
            assert tombstones == set(gone)
            states.append((alerts(outs), set(made._burster.rulings._held)))
        assert states[0] == states[1]


def is_not_decided(entry: Entry) -> bool:
    """Whether a record is CLUSTER's."""
    return not isinstance(decode_activity(entry.value)[0], Ruling | Undo)


def test_an_idle_worker_knows_what_holds(log: list[Entry]) -> None:
    """Nothing to replay, nothing new: a tick tells the metrics."""
    whole = stage()[0].feed(log)
    last = topic(whole)["yes"]
    made, _ = stage(len(log), [out for out in whole if out.topic == RULINGS])
    made.tick(0, caught_up=True)
    assert made.told().verdicts == {}  # at offset 0 nothing had been decided
    made.feed(log[-1:])
    assert made.told().verdicts == {(last.severity, RulingKind.TRUE): 1}


def test_what_people_typed_is_cleaned_and_bounded() -> None:
    """Names and reasons are shown to others."""
    made = ruling_on(any_alert(), RulingKind.MUTE, by="\x1b[2Jmaria\n", why="a\u202e" + "b" * 900, for_s=60)
    assert (made.by, len(made.why), made.why[:3]) == ("maria", 500, "abb")
    assert undo_of(Ruled(**known_fields()), by=" ada ", why="x\ny").why == "x y"


def known_fields() -> dict[str, object]:
    """Of some ruling."""
    about = any_alert()
    return {
        "id": "r",
        "kind": RulingKind.KNOWN,
        "burst": about.id,
        "text": "",
        "severity": about.severity,
        "by": "maria",
        "why": "",
        "at_ms": 0,
    }
