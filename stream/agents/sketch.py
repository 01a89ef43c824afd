"""SKETCH: topic ``posts`` → packs on ``sketches``; what is no post → ``posts.dead``."""

from collections.abc import Sequence
from typing import Any

import orjson

from detectors.post import Rejected, TimedPost, parse_post
from detectors.settings import DetectorSettings
from detectors.sketcher import PostRecord, Sketcher
from stream.codec import encode_pack
from stream.kafka import DEAD, POSTS, SKETCHES, client_kwargs, topic_name
from stream.layout import Layout
from stream.metrics import Metrics
from stream.recovery import read_range
from stream.settings import Settings
from stream.sketching import Sketching, Source
from stream.stage import Out, Record

IDLE_AFTER_MS = 2_000
"""Silence after which a caught-up source lets its clock go on."""
LOOK_BACK = 50
"""Posts before the first new one that tell an idle source's clock after a restart."""


class SketchStage:
    """One partition of ``posts``. See `stream.stage.Stage`."""

    def __init__(
        self, sketching: Sketching, detector: DetectorSettings, source: Source, metrics: Metrics
    ) -> None:
        self._sketching = sketching
        self._detector = detector
        self._source = source
        self._metrics = metrics

    async def feed(self, records: Sequence[Record]) -> list[Out]:
        """Sketch the posts; dead-letter the rest."""
        done = await self._sketching(self._source, records)
        self._source = self._source._replace(last=done.last)
        metrics, partition = self._metrics, self._source.number
        metrics.posts.inc(len(records))
        for outcome, n in done.counts.items():
            metrics.outcomes.labels(outcome).inc(n)
        metrics.state.appended_ms[POSTS, partition] = records[-1].timestamp
        metrics.state.watermark_ms[POSTS, partition] = done.last[0] if done.last else 0
        outs = []
        for place, rejected in done.rejected:
            metrics.rejected.labels(rejected.reason.value).inc()
            outs.append(dead_letter(partition, records[place], rejected))
        return [*outs, *_outs(done.packs)]

    def tick(self, now_ms: int, *, caught_up: bool) -> list[Out]:
        """A silent source's clock goes on by wall time."""
        number, n_sources, n_partitions, last = self._source
        if not caught_up or now_ms - (last[1] if last else 0) < IDLE_AFTER_MS:
            return []
        sketcher = Sketcher(self._detector, number, n_sources, n_partitions, last)
        packs = sketcher.idle_tick(now_ms)
        self._source = self._source._replace(last=sketcher.last)
        return _outs([(partition, encode_pack(pack)) for partition, pack in packs])


def _outs(packs: Sequence[tuple[int, bytes]]) -> list[Out]:
    return [Out(SKETCHES, message, partition=partition) for partition, message in packs]


class SketchBuilder:
    """Opens `SketchStage`s. See `stream.stage.StageBuilder`."""

    def __init__(
        self,
        settings: Settings,
        detector: DetectorSettings,
        layout: Layout,
        metrics: Metrics,
        sketching: Sketching,
    ) -> None:
        self._sketching = sketching
        self._settings = settings
        self._detector = detector
        self._layout = layout
        self._metrics = metrics

    async def open(self, partition: int, offset: int) -> tuple[SketchStage, int]:
        """A stage needs no replay, only the clock of the last posts before it."""
        await self._sketching.start()
        n_partitions = await self._layout.n_partitions()
        last = await self._last_times(partition, offset)
        source = Source(partition, n_partitions[POSTS], n_partitions[SKETCHES], last)
        return SketchStage(self._sketching, self._detector, source, self._metrics), offset

    async def _last_times(self, partition: int, offset: int) -> tuple[int, int] | None:
        """(largest event time, largest append time) of the posts just before `offset`."""
        times: list[tuple[int, int]] = []
        topic = topic_name(self._settings, POSTS)
        start = max(0, offset - LOOK_BACK)
        async for records in read_range(client_kwargs(self._settings), topic, partition, start, offset):
            times += [(timed.event_ms, r.timestamp) for r in records if (timed := self._parse(r)) is not None]
        if not times:
            return None
        return max(event for event, _ in times), max(append for _, append in times)

    def _parse(self, record: Any) -> TimedPost | None:
        limits = self._detector
        parsed = parse_post(
            record.value,
            record.timestamp,
            max_bytes=limits.max_post_bytes,
            max_text_chars=limits.max_text_chars,
        )
        return None if isinstance(parsed, Rejected) else parsed


def dead_letter(partition: int, record: PostRecord, rejected: Rejected) -> Out:
    """The original bytes, and why, in headers."""
    headers = (
        ("reason", rejected.reason.value.encode()),
        ("detail", rejected.detail.encode()[:500]),
        ("topic", POSTS.encode()),
        ("partition", orjson.dumps(partition)),
        ("offset", orjson.dumps(record.offset)),
    )
    # A message needs a key or a value, and a tombstone has no value.
    return Out(DEAD, record.value, None if record.value is not None else b"", headers=headers)
