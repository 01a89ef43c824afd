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
from stream.stage import Out, Record

IDLE_AFTER_MS = 2_000
"""Silence after which a caught-up source lets its clock go on."""
LOOK_BACK = 50
"""Posts before the first new one that tell an idle source's clock after a restart."""


class SketchStage:
    """One partition of ``posts``. See `stream.stage.Stage`."""

    def __init__(self, sketcher: Sketcher, partition: int, metrics: Metrics) -> None:
        self._sketcher = sketcher
        self._partition = partition
        self._metrics = metrics

    def feed(self, records: Sequence[Record]) -> list[Out]:
        """Sketch the posts; dead-letter the rest."""
        sketched = self._sketcher.feed(records)
        metrics = self._metrics
        metrics.posts.inc(len(records))
        for outcome, n in sketched.counts.items():
            metrics.outcomes.labels(outcome).inc(n)
        key = (POSTS, self._partition)
        metrics.state.appended_ms[key] = records[-1].timestamp
        metrics.state.watermark_ms[key] = self._sketcher.watermark_ms
        outs = []
        for record, rejected in sketched.rejected:
            metrics.rejected.labels(rejected.reason.value).inc()
            outs.append(dead_letter(self._partition, record, rejected))
        outs += [Out(SKETCHES, encode_pack(pack), partition=p) for p, pack in sketched.packs]
        return outs

    def tick(self, now_ms: int, *, caught_up: bool) -> list[Out]:
        """A silent source's clock goes on by wall time."""
        if not caught_up or now_ms - self._sketcher.last_append_ms < IDLE_AFTER_MS:
            return []
        packs = self._sketcher.idle_tick(now_ms)
        return [Out(SKETCHES, encode_pack(pack), partition=partition) for partition, pack in packs]


class SketchBuilder:
    """Opens `SketchStage`s. See `stream.stage.StageBuilder`."""

    def __init__(
        self, settings: Settings, detector: DetectorSettings, layout: Layout, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._detector = detector
        self._layout = layout
        self._metrics = metrics

    async def open(self, partition: int, offset: int) -> tuple[SketchStage, int]:
        """A stage needs no replay, only the clock of the last posts before it."""
        n_partitions = await self._layout.n_partitions()
        last = await self._last_times(partition, offset)
        sketcher = Sketcher(self._detector, partition, n_partitions[POSTS], n_partitions[SKETCHES], last)
        return SketchStage(sketcher, partition, self._metrics), offset

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
