"""BURST: ``activity`` → ``alerts``; its memory → ``burst-state``; what people decided → ``rulings``.

A restart loads the last checkpoint and replays ``activity`` from there in silence. Alerts that
had been sent before a crash but not committed are known from ``alerts`` itself
(`stream.agents.standing`).
Rulings of before the replay, also those that retention has taken from ``activity``, come from
``rulings``: each says by its offsets where in the log it held. Those that no replay can need any
more are taken out of it after `rulings_retention_h`.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from zlib import crc32

import msgspec

from detectors.activity import Activity, Clock
from detectors.alert import Alert, AlertReason, Severity, decode_alert, encode_alert
from detectors.burster import Burster, BursterState, settings_digest
from detectors.ruling import Ruled, Ruling, RulingKind, Undo, decode_ruled, encode_ruled
from detectors.settings import DetectorSettings
from stream.agents.standing import Standing
from stream.codec import decode_activity
from stream.detection import VERSION
from stream.errors import StateError
from stream.host import Host
from stream.kafka import ACTIVITY, ALERTS, BURST_STATE, RULINGS, client_kwargs, topic_name
from stream.metrics import Metrics
from stream.recovery import log_bounds, read_compacted
from stream.settings import Settings
from stream.stage import Out, Record, Stage

CHUNK_BYTES = 512_000
MIN_LOG_BYTES = 2_000_000
"""Activity after which a first checkpoint is worth its writing."""
MAX_BATCH = 32
"""Records of ``activity`` in one batch; each is what CLUSTER told of a pack."""
MANIFEST = b"burst/manifest"
CHUNK = "burst/{slot}/{number}"
SLOTS = ("a", "b")
"""Checkpoints alternate. Both are kept: a worker may die after writing one and before
committing past it, or in the middle of one."""

_PEOPLES = {Ruling, Undo}

_encode_state = msgspec.msgpack.Encoder().encode
_read_state = msgspec.msgpack.Decoder(BursterState).decode


class Manifest(msgspec.Struct, kw_only=True):
    """The checkpoint that holds."""

    slot: str
    n_chunks: int
    n_bytes: int
    offset: int
    """First offset of ``activity`` that it does not contain."""
    crc: int
    """CRC-32 of the state: the next but one checkpoint overwrites its chunks."""


class Told(NamedTuple):
    """What the stage has to tell since the last time."""

    alerts: Counter[tuple[AlertReason, Severity]]
    grown: Counter[Severity]
    """Posts by which bursts grew while they rang."""
    firing: dict[Severity, int] | None
    """Bursts that ring now; None while the log is replayed."""
    muted: dict[Severity, int]
    """Of these, bursts that a ruling silences."""
    verdicts: dict[tuple[Severity, RulingKind], int]
    n_groups: int
    n_spam: int
    """Contents that one account repeats."""
    appended_ms: int
    watermark_ms: int
    checkpoint_bytes: int
    """Of the newest checkpoint; 0: none was written."""


class BurstStage:
    """The one partition of ``activity``. See `stream.stage.Stage`, `stream.host.Teller`.

    Args:
        detector: What decides.
        state: Of the checkpoint, if one holds.
        live_from: Offset from which records count in metrics; those before are replayed.
        standing: What is on topic ``alerts`` already.
        manifests: The checkpoints that hold, older first.
        checkpoint_s: Least event time between checkpoints.
        max_in_flight: Batches that may be uncommitted.
        ruled: All that topic ``rulings`` holds.
        moved: Of these, those whose new place is to be written.
        forgotten: Ids of those that are to leave the topic.
    """

    def __init__(  # noqa: PLR0913, PLR0917 (sent by position)
        self,
        detector: DetectorSettings,
        state: BursterState | None,
        live_from: int,
        standing: Standing,
        manifests: list[Manifest],
        checkpoint_s: int,
        max_in_flight: int,
        ruled: Sequence[Ruled] = (),
        moved: Sequence[Ruled] = (),
        forgotten: Sequence[str] = (),
    ) -> None:
        self._burster = burster = Burster(detector, VERSION, state)
        self._live_from = live_from
        self._standing = standing
        self._manifests = manifests
        self._checkpoint_ms = checkpoint_s * 1000
        # More than can be uncommitted (two more batches for a commit interval): so wherever a worker
        # dies, of two checkpoints one isn't ahead of its commit. Both ahead: a replay of everything.
        self._least_records = (max_in_flight + 2) * MAX_BATCH
        self._saved_at_ms = burster.watermark_ms
        self._log_bytes = 0
        self._is_live = False
        self._appended_ms = 0
        self._past, self._moved, self._forgotten = [*ruled], [*moved], [*forgotten]
        burster.rulings.load(ruled, manifests[-1].offset if manifests else 0)
        self._begin()

    def _begin(self) -> None:
        self._burster.grown.clear()
        self._alerts: Counter[tuple[AlertReason, Severity]] = Counter()
        self._checkpoint_bytes = 0

    def feed(self, records: Sequence[Record]) -> list[Out]:
        """Judge what the records tell."""
        outs: list[Out] = []
        if self._past:  # the replay may begin later than it should: retention
            self._burster.rulings.load(self._past, records[0].offset)
            self._past = []
        n_past = sum(record.offset < self._live_from for record in records)
        for part in (records[:n_past], records[n_past:]):
            if part:
                outs += self._feed(part, is_live=part[0].offset >= self._live_from)
        if records[-1].offset + 1 >= self._live_from:
            self._is_live, self._appended_ms = True, records[-1].timestamp
        return outs

    def _feed(self, records: Sequence[Record], *, is_live: bool) -> list[Out]:
        """Records that are all live, or all replayed."""
        outs: list[Out] = []
        together: list[Activity] = []
        places: list[Record] = []
        """The record in which each of them stands."""
        for record in records:
            messages = _read(record)
            self._log_bytes += len(record.value or b"")
            together += messages
            places += [record] * len(messages)
            if Clock in map(type, messages):
                # A checkpoint is of all that stands before an offset, and of nothing behind it.
                outs += self._judge(together, places, is_live=is_live)
                together, places = [], []
                outs += self._checkpoint(record.offset + 1) if is_live else ()
        outs += self._judge(together, places, is_live=is_live)
        if not is_live:  # counted before the restart
            self._burster.grown.clear()
        return outs

    def _judge(self, messages: Sequence[Activity], places: Sequence[Record], *, is_live: bool) -> list[Out]:
        """What to write because of messages, and the record that each stands in."""
        outs: list[Out] = []
        if is_live and places and (self._moved or self._forgotten):
            outs += self._ruled(places[0].offset)
        for place, alerts in self._burster.feed_all(messages):
            record, message = places[place], messages[place]
            news = [alert for alert in alerts if self._standing.is_news(alert, record.offset)]
            if not is_live:
                continue
            if isinstance(message, Clock):
                at = record.offset, self._burster.watermark_ms, record.timestamp
                news += self._standing.ended(*at, self._burster.ringing_ids)
            outs += map(self._write, news)
            if self._burster.ruled:
                outs += self._ruled(record.offset)
        return outs

    def tick(self, now_ms: int, *, caught_up: bool) -> list[Out]:  # noqa: ARG002 (see stream.lane.Ticking)
        """Say what rings, also when nothing comes: from now on it is known."""
        self._is_live = True
        return []

    def _ruled(self, offset: int) -> Iterator[Out]:
        """What the record at `offset` has changed of the rulings, and what was to be written before."""
        for one in self._burster.ruled:
            if one.ended is not None:
                one.ended.offset = offset
        for one in (*self._moved, *self._burster.ruled):
            yield Out(RULINGS, encode_ruled(one), one.id.encode(), 0)
        for name in self._forgotten:
            yield Out(RULINGS, None, name.encode(), 0)
        self._moved, self._forgotten = [], []

    def told(self) -> Told:
        """See the type."""
        burster = self._burster
        told = Told(
            self._alerts,
            burster.grown.copy(),
            dict(burster.firing()) if self._is_live else None,
            dict(burster.muted()),
            dict(burster.rulings.verdicts()),
            burster.n_groups,
            burster.n_spam,
            self._appended_ms,
            burster.watermark_ms,
            self._checkpoint_bytes,
        )
        self._begin()
        return told

    def _write(self, alert: Alert) -> Out:
        self._alerts[alert.reason, alert.severity] += 1
        ingest_s = alert.ingest_ts.timestamp()
        alert.late = round(max(0.0, time.time() - ingest_s), 3)
        return Out(ALERTS, encode_alert(alert), alert.id.encode(), 0, tripped_ms=round(ingest_s * 1000))

    def _checkpoint(self, offset: int) -> list[Out]:
        """A checkpoint once the log since the last one outweighs it: writing at most doubles."""
        watermark_ms = self._burster.watermark_ms
        last = self._manifests[-1] if self._manifests else None
        least_bytes = max(MIN_LOG_BYTES, last.n_bytes if last else 0)
        if watermark_ms - self._saved_at_ms < self._checkpoint_ms or self._log_bytes < least_bytes:
            return []
        if last is not None and offset - last.offset < self._least_records:
            return []
        state = _encode_state(self._burster.dump())
        slot = SLOTS[1] if last is not None and last.slot == SLOTS[0] else SLOTS[0]
        chunks = [state[at : at + CHUNK_BYTES] for at in range(0, len(state), CHUNK_BYTES)]
        manifest = Manifest(
            slot=slot, n_chunks=len(chunks), n_bytes=len(state), offset=offset, crc=crc32(state)
        )
        self._manifests = [*self._manifests, manifest][-len(SLOTS) :]
        self._saved_at_ms, self._log_bytes = watermark_ms, 0
        self._checkpoint_bytes = len(state)
        outs = [Out(BURST_STATE, chunk, chunk_key(slot, number), 0) for number, chunk in enumerate(chunks)]
        return [*outs, Out(BURST_STATE, msgspec.json.encode(self._manifests), MANIFEST, 0)]


def _read(record: Record) -> list[Activity]:
    """What stands in a record of ``activity``; of a person's decision, where and when, too."""
    messages = decode_activity(record.value)
    if not _PEOPLES.isdisjoint(map(type, messages)):
        for message in messages:
            if isinstance(message, Ruling | Undo):
                message.at_ms, message.offset = record.timestamp, record.offset
    return messages


class BurstBuilder:
    """Opens the `BurstStage`. See `stream.stage.StageBuilder`."""

    def __init__(self, settings: Settings, detector: DetectorSettings, metrics: Metrics, host: Host) -> None:
        self._settings = settings
        self._detector = detector
        self._metrics = metrics
        self._host = host

    async def open(self, partition: int, offset: int) -> tuple[Stage, int]:
        """A stage with the last checkpoint that holds.

        Raises:
            StateError: The topic has another partition than 0.
        """
        if partition:
            raise StateError("topic activity must have one partition: BURST needs to see everything")
        client = client_kwargs(self._settings)
        saved = await read_compacted(client, topic_name(self._settings, BURST_STATE), key_prefix=b"burst/")
        manifests, state = load_checkpoint(saved, offset, settings_digest(self._detector))
        told = await read_compacted(client, topic_name(self._settings, ALERTS))
        rulings = await read_compacted(client, topic_name(self._settings, RULINGS))
        ruled = [decode_ruled(value) for value in rulings.values()]
        limits = self._settings.checkpoint_s, self._settings.max_in_flight
        begin, end = await log_bounds(client, topic_name(self._settings, ACTIVITY), partition)
        moved = of_former_log(ruled, end)
        forgotten = past_use(ruled, begin, time.time() - self._settings.rulings_retention_h * 3600)
        kept = [one for one in ruled if one.id not in forgotten]
        moved = [one for one in moved if one.id not in forgotten]
        standing = Standing(map(decode_alert, told.values()), end, self._detector.quiet_s * 1000)
        args = (self._detector, state, offset, standing, manifests, *limits, kept, moved, [*forgotten])
        stage = await self._host.open(BurstStage, args, self._tell)
        return stage, manifests[-1].offset if manifests else 0

    def _tell(self, told: Told) -> None:
        metrics, state = self._metrics, self._metrics.state
        for (reason, severity), n in told.alerts.items():
            metrics.alerts.labels(reason.value, severity.value).inc(n)
        for severity, n in told.grown.items():
            metrics.copies.labels(severity.value).inc(n)
        if told.checkpoint_bytes:
            state.checkpoint_bytes = told.checkpoint_bytes
        if told.firing is None:
            return
        state.firing, state.groups, state.spam = told.firing, told.n_groups, told.n_spam
        state.muted, state.verdicts = told.muted, told.verdicts
        if told.appended_ms:
            state.appended_ms[ACTIVITY, 0] = told.appended_ms
            state.watermark_ms[ACTIVITY, 0] = told.watermark_ms


def of_former_log(ruled: Sequence[Ruled], end: int) -> list[Ruled]:
    """Rulings that point past the end of ``activity``: it was made anew, and they hold from its beginning.

    Their offsets are set to -1, before all others.
    """
    moved = [one for one in ruled if one.offset >= end]
    for one in moved:
        one.offset = -1
        if one.ended is not None:
            one.ended.offset = -1
    return moved


def past_use(ruled: Sequence[Ruled], begin: int, before_s: float) -> set[str]:
    """Rulings that nobody needs: decided before `before_s`, and over before any replay could begin.

    Args:
        ruled: All of them.
        begin: First offset that ``activity`` still holds.
        before_s: Wall time, UTC seconds. It decides only how long people may read them.
    """
    return {
        one.id
        for one in ruled
        if one.ended is not None and one.ended.offset < begin and one.at_ms < before_s * 1000
    }


def load_checkpoint(
    saved: dict[bytes, bytes], offset: int, digest: str
) -> tuple[list[Manifest], BursterState | None]:
    """The newest checkpoint that is whole, of these settings, and not ahead of `offset`.

    Args:
        saved: Records of ``burst-state``.
        offset: Where reading goes on.
        digest: Of the settings that decide; state made by others is no function of the log.

    Returns:
        The manifests up to it, older first, and its state; nothing if none will do.
    """
    manifests = msgspec.json.decode(saved.get(MANIFEST, b"[]"), type=list[Manifest])
    for n_kept in range(len(manifests), 0, -1):
        manifest = manifests[n_kept - 1]
        chunks = (saved.get(chunk_key(manifest.slot, number), b"") for number in range(manifest.n_chunks))
        packed = b"".join(chunks)
        if manifest.offset > offset or len(packed) != manifest.n_bytes or crc32(packed) != manifest.crc:
            continue
        try:
            state = _read_state(packed)
        except msgspec.DecodeError:  # whole, so of a version that keeps it in another shape
            continue
        if state.settings_digest == digest:
            return manifests[:n_kept], state
    return [], None


def chunk_key(slot: str, number: int) -> bytes:
    """Key in ``burst-state``."""
    return CHUNK.format(slot=slot, number=number).encode()
