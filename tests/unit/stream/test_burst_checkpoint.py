"""Which checkpoint of BURST a restart takes, and that nothing is told twice after it."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from zlib import crc32

import msgspec
import pytest
from support.scenario_feed import quiet_feed, small_campaign

from detectors.activity import read_told
from detectors.alert import Alert, decode_alert
from detectors.burster import BursterState, settings_digest
from detectors.chain import Chain
from detectors.settings import DetectorSettings
from detectors.sketcher import RawPost
from stream.agents import burst
from stream.agents.burst import MANIFEST, BurstStage, chunk_key, load_checkpoint
from stream.agents.standing import Standing
from stream.codec import encode_told
from stream.kafka import ALERTS, BURST_STATE
from stream.settings import Settings
from stream.stage import Out

DETECTOR = DetectorSettings()
DIGEST = settings_digest(DETECTOR)


class Entry(NamedTuple):
    """A record of ``activity``."""

    offset: int
    value: bytes
    timestamp: int = 1_800_000_000_000
    key: bytes | None = None


ONE_A_RECORD = pytest.mark.parametrize("activity", [1], indirect=True)


@pytest.fixture(scope="module", params=[1, 5], ids=["one-a-record", "five-a-record"])
def activity(request: pytest.FixtureRequest) -> list[Entry]:
    """What CLUSTER tells of a campaign after three quiet hours, and of the two hours after it."""
    values = quiet_feed(150, start="2024-05-15T07:00:00Z", gap_s=72)
    values += small_campaign(60, text="the same words from every one of them", start="2024-05-15T10:00:00Z")
    values += quiet_feed(60, start="2024-05-15T10:02:00Z", gap_s=72)
    chain = Chain(DETECTOR, "")
    messages = []
    for offset, value in enumerate(values):
        for _, pack in chain.sketcher.feed([RawPost(offset, 1_800_000_000_000, value)]).packs:
            messages += read_told(chain.clusterer.feed(offset, pack))
    told = [messages[at : at + request.param] for at in range(0, len(messages), request.param)]
    return [Entry(offset, value) for offset, part in enumerate(told) for value in encode_told(part)]


def stage(
    live_from: int = 0,
    there: Standing | None = None,
    manifests: list[burst.Manifest] | None = None,
    state: BursterState | None = None,
    detector: DetectorSettings = DETECTOR,
) -> BurstStage:
    """As the builder opens it, with checkpoints every minute of event time."""
    settings = Settings()
    limits = settings.checkpoint_s, settings.max_in_flight
    return BurstStage(detector, state, live_from, there or Standing(), manifests or [], *limits)


def alerts(outs: Sequence[Out]) -> list[Alert]:
    """What of `outs` are alerts, without what says when they were written."""
    read = [decode_alert(out.value or b"") for out in outs if out.topic == ALERTS]
    return [msgspec.structs.replace(alert, late=0.0) for alert in read]


def standing(outs: Sequence[Out], end: int) -> Standing:
    """What the next stage finds on topic ``alerts``, the log ending there."""
    return Standing({a.id: a for a in alerts(outs)}.values(), end, DETECTOR.quiet_s * 1000)


def saved(outs: Sequence[Out], until: int | None = None) -> dict[bytes, bytes]:
    """``burst-state`` after the first `until` of `outs`."""
    states = [out for out in outs if out.topic == BURST_STATE][:until]
    return {out.key or b"": out.value or b"" for out in states}


@pytest.fixture(autouse=True)
def _small_logs_are_worth_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(burst, "MIN_LOG_BYTES", 1)
    monkeypatch.setattr(burst, "MAX_BATCH", 1)
    monkeypatch.setattr(burst, "CHUNK_BYTES", 2000)


def test_no_checkpoint_no_state() -> None:
    """A first start replays the log."""
    assert load_checkpoint({}, 100, DIGEST) == ([], None)


def test_a_restart_at_any_offset_goes_on_as_if_nothing_had_happened(activity: list[Entry]) -> None:
    """From the checkpoint at or before the offset, through silence, to the same alerts."""
    whole = stage().feed(activity)
    reference = alerts(whole)
    assert (reference[0].reason, reference[-1].reason) == ("FIRST", "RESOLVED")
    n_loaded = 0
    for stop in range(0, len(activity) + 1, max(1, len(activity) // 12)):
        first = stage().feed(activity[:stop]) if stop else []
        manifests, state = load_checkpoint(saved(first), stop, DIGEST)
        start = manifests[-1].offset if manifests else 0
        n_loaded += bool(manifests)
        assert start <= stop
        second = stage(stop, standing(first, stop), manifests, state)
        outs = [out for entry in activity[start:] for out in second.feed([entry])]
        assert alerts(first) + alerts(outs) == reference
    assert n_loaded > 3


def test_alerts_that_are_on_the_topic_already_are_not_told_again(activity: list[Entry]) -> None:
    """They had been sent when the worker died, their input not committed."""
    reference = alerts(stage().feed(activity))
    there = Standing([reference[1]], len(activity), DETECTOR.quiet_s * 1000)
    assert alerts(stage(there=there).feed(activity)) == reference[2:]
    for stop in range(0, len(activity), 7):
        assert alerts(stage(stop, standing(stage().feed(activity), len(activity))).feed(activity)) == []


def test_what_rang_and_rings_no_more_by_other_settings_ends_when_it_is_quiet(activity: list[Entry]) -> None:
    """Once, ``quiet_s`` after its last word; the next start finds nothing more to end."""
    deaf = DetectorSettings(min_accounts=1000)
    reference = alerts(stage().feed(activity))
    n_rang = 0
    for stop in range(1, len(activity), 1 + len(activity) // 80):
        first = stage().feed(activity[:stop])
        last = alerts(first)[-1:]
        second = stage(stop, standing(first, stop), detector=deaf)
        ends = alerts([out for entry in activity for out in second.feed([entry])])
        assert alerts(stage(stop, standing([*first], stop), detector=deaf).feed(activity)) == ends
        if not last or last[0].status == "resolved":
            assert ends == []
            continue
        n_rang += 1
        (end,) = ends
        assert (end.reason, end.status, end.seq) == ("RESOLVED", "resolved", last[0].seq + 1)
        assert end.posts == last[0].posts
        assert end.updated_at >= last[0].updated_at + timedelta(seconds=DETECTOR.quiet_s)
        ended = Standing(ends, stop, DETECTOR.quiet_s * 1000)
        assert alerts(stage(stop, ended, detector=deaf).feed(activity)) == []
    assert n_rang > 3
    assert reference[-1].status == "resolved"


def test_what_goes_on_by_other_settings_is_told_though_it_counts_its_messages_anew(
    activity: list[Entry],
) -> None:
    """It was graver before, so more had been told: its end is news all the same, under the next `seq`."""
    milder = DetectorSettings(warning_accounts=1000, warning_novelty_accounts=1000, critical_accounts=1000)
    n_fewer = len(alerts(stage().feed(activity))) - len(alerts(stage(detector=milder).feed(activity)))
    assert n_fewer > 0
    for stop in range(1, len(activity), 1 + len(activity) // 80):
        first = stage().feed(activity[:stop])
        second = stage(stop, standing(first, stop), detector=milder)
        outs = [out for entry in activity for out in second.feed([entry])]
        told = [*alerts(first), *alerts(outs)]
        assert [alert.seq for alert in told] == list(range(1, len(told) + 1))
        assert [alert.status for alert in told].index("resolved") == len(told) - 1


def test_a_checkpoint_ahead_of_the_offset_is_not_taken_but_the_one_before_it_is(
    activity: list[Entry],
) -> None:
    """A worker died after writing it and before committing past it."""
    states = saved(stage().feed(activity))
    newer = msgspec.json.decode(states[MANIFEST], type=list[burst.Manifest])
    assert len(newer) == 2
    assert load_checkpoint(states, newer[1].offset, DIGEST)[0] == newer
    assert load_checkpoint(states, newer[1].offset - 1, DIGEST)[0] == newer[:1]
    assert load_checkpoint(states, newer[0].offset - 1, DIGEST) == ([], None)


@ONE_A_RECORD
def test_checkpoints_stand_further_apart_than_what_can_be_uncommitted(
    activity: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a worker that dies while catching up leaves only checkpoints ahead of its commit."""
    monkeypatch.setattr(burst, "MAX_BATCH", 10)
    outs = [out for out in stage().feed(activity) if out.key == MANIFEST]
    offsets = [msgspec.json.decode(out.value or b"", type=list[burst.Manifest])[-1].offset for out in outs]
    assert len(offsets) > 2
    assert min(b - a for a, b in pairwise(offsets)) > 10 * Settings().max_in_flight


def test_a_checkpoint_that_was_being_written_does_not_count(activity: list[Entry]) -> None:
    """At every point of writing the last one, one of the two before it holds."""
    outs = [out for out in stage().feed(activity) if out.topic == BURST_STATE]
    ends = [i + 1 for i, out in enumerate(outs) if out.key == MANIFEST]
    before, last = ends[-2:]
    assert last - before > 2  # it has several chunks
    for n_written in range(before, last):
        manifests, state = load_checkpoint(saved(outs, n_written), len(activity), DIGEST)
        assert state is not None
        assert manifests[-1].offset < len(activity)
    assert load_checkpoint(saved(outs, last), len(activity), DIGEST)[1] is not None


def test_damage_and_other_settings_make_it_worthless(activity: list[Entry]) -> None:
    """A chunk lost, a chunk of other bytes, thresholds changed: the replay decides."""
    states = saved(stage().feed(activity))
    kept = {MANIFEST: states[MANIFEST]}
    assert load_checkpoint(kept, len(activity), DIGEST) == ([], None)
    for slot in burst.SLOTS:
        states[chunk_key(slot, 0)] = b"\0" * len(states[chunk_key(slot, 0)])
    assert load_checkpoint(states, len(activity), DIGEST) == ([], None)
    other = settings_digest(DetectorSettings(min_accounts=6))
    assert load_checkpoint(saved(stage().feed(activity)), len(activity), other) == ([], None)


def _narrow(state: Any) -> None:
    """The index keeps half as many bits an exemplar."""
    index = state["groups"]["wordings"]["index"]
    index["masks"] = index["masks"][::2]


@pytest.mark.parametrize("change", [lambda state: state.update(feed="in another shape"), _narrow])
def test_a_checkpoint_of_another_shape_is_passed_over_not_crashed_on(
    activity: list[Entry], change: Callable[[Any], None]
) -> None:
    """A version to which one goes back may meet a newer one's: whole, but no state that it knows."""
    states = saved(stage().feed(activity))
    newest = msgspec.json.decode(states[MANIFEST], type=list[burst.Manifest])[-1]
    whole = b"".join(states[chunk_key(newest.slot, number)] for number in range(newest.n_chunks))
    decoded = msgspec.msgpack.decode(whole)
    assert decoded["groups"]["wordings"]["index"]["n"] > 0
    change(decoded)
    state = msgspec.msgpack.encode(decoded)
    manifest = burst.Manifest(slot="a", n_chunks=1, n_bytes=len(state), offset=1, crc=crc32(state))
    states = {MANIFEST: msgspec.json.encode([manifest]), chunk_key("a", 0): state}
    assert load_checkpoint(states, len(activity), DIGEST) == ([], None)


@ONE_A_RECORD
def test_growth_is_counted_while_it_rings_and_once_whatever_is_replayed(activity: list[Entry]) -> None:
    """From the posts of FIRST to those of the end; a restart in the middle counts nothing anew."""
    reference = alerts(stage().feed(activity))
    rang = next(n for n in range(len(activity)) if alerts(stage().feed(activity[: n + 1])))
    for stop in (0, rang + 2):
        running, grown, outs = stage(), 0, []
        for entry in activity[:stop]:
            outs += running.feed([entry])
            grown += sum(running.told().grown.values())
        manifests, state = load_checkpoint(saved(outs), stop, DIGEST)
        restarted = stage(stop, None, manifests, state)
        for entry in activity[manifests[-1].offset if manifests else 0 :]:
            restarted.feed([entry])
            grown += sum(restarted.told().grown.values())
        assert grown == reference[-1].posts - reference[0].posts > 0
