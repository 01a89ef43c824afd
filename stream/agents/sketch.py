"""SKETCH: topic ``posts`` → packs on ``sketches``; what is no post → ``posts.dead``."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import orjson

from detectors.post import CANARY, Rejected, TimedPost, parse_post
from detectors.rows import Pack
from detectors.settings import DetectorSettings
from detectors.sketcher import PostRecord, Sketcher
from stream.codec import encode_pack
from stream.host import Host
from stream.kafka import DEAD, POSTS, SKETCHES, client_kwargs, topic_name
from stream.layout import Layout
from stream.metrics import OTHER_PLATFORM, Metrics
from stream.recovery import read_range
from stream.settings import Settings
from stream.stage import Out, Record, Stage

IDLE_AFTER_MS = 2_000
"""Silence after which a caught-up source lets its clock go on."""
PACK_ROWS = 500
"""Posts that wait are sketched together, as many as make packs of so many rows, for a pack has its price in
CLUSTER whatever it holds: over 16 partitions, packs of 118, 236 and 393 rows cost 8.8, 7.8 and 7.1 µs a post.
Four workers on 2 cores drain these at 35.5 µs of CPU a post, and with batches of 3,000 posts at 39.5."""
LOOK_BACK = 500
"""Posts before the first new one that tell an idle source's clock after a restart; the canary's, which
come all the time, do not."""


def max_posts_together(settings: Settings) -> int:
    """Most posts to sketch at once."""
    return max(settings.batch_posts, PACK_ROWS * settings.sketches_partitions)


class Told(NamedTuple):
    """What the stage has to tell since the last time."""

    n_records: int
    outcomes: Counter[str]
    platforms: Counter[str]
    rejected: Counter[str]
    appended_ms: int
    watermark_ms: int


class SketchStage:
    """One partition of ``posts``. See `stream.stage.Stage`, `stream.host.Teller`.

    Args:
        detector: What decides.
        partition: Of ``posts``.
        n_sources: Partitions that ``posts`` has.
        n_partitions: Partitions that ``sketches`` has.
        last: See `detectors.sketcher.Sketcher`.
        platforms: Those that are counted apart.
    """

    def __init__(
        self,
        detector: DetectorSettings,
        partition: int,
        n_sources: int,
        n_partitions: int,
        last: tuple[int, int] | None,
        platforms: frozenset[str] = frozenset(),
    ) -> None:
        self._sketcher = Sketcher(detector, partition, n_sources, n_partitions, last)
        self._partition = partition
        self._known = platforms
        self._appended_ms = self._sketcher.last_append_ms
        self._begin()

    def _begin(self) -> None:
        self._n_records = 0
        self._outcomes: Counter[str] = Counter()
        self._platforms: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()

    def feed(self, records: Sequence[Record]) -> list[Out]:
        """Sketch the posts; dead-letter the rest."""
        sketched = self._sketcher.feed(records)
        self._n_records += len(records) - sketched.platforms[CANARY]
        self._appended_ms = records[-1].timestamp
        self._outcomes.update(sketched.counts)
        for name, n in sketched.platforms.items():
            self._platforms[name if name in self._known or name == CANARY else OTHER_PLATFORM] += n
        self._rejected.update(rejected.reason.value for _, rejected in sketched.rejected)
        dead = [dead_letter(self._partition, record, rejected) for record, rejected in sketched.rejected]
        return [*dead, *_outs(sketched.packs)]

    def tick(self, now_ms: int, *, caught_up: bool) -> list[Out]:
        """A silent source's clock goes on by wall time."""
        if not caught_up or now_ms - self._sketcher.last_append_ms < IDLE_AFTER_MS:
            return []
        return _outs(self._sketcher.idle_tick(now_ms))

    def told(self) -> Told:
        """See the type."""
        watermark_ms = self._sketcher.watermark_ms
        told = Told(
            self._n_records,
            self._outcomes,
            self._platforms,
            self._rejected,
            self._appended_ms,
            watermark_ms,
        )
        self._begin()
        return told


def _outs(packs: Sequence[tuple[int, Pack]]) -> list[Out]:
    return [Out(SKETCHES, encode_pack(pack), partition=partition) for partition, pack in packs]


class SketchBuilder:
    """Opens `SketchStage`s. See `stream.stage.StageBuilder`."""

    def __init__(
        self,
        settings: Settings,
        detector: DetectorSettings,
        layout: Layout,
        metrics: Metrics,
        host: Host,
    ) -> None:
        self._host = host
        self._settings = settings
        self._detector = detector
        self._layout = layout
        self._metrics = metrics

    async def open(self, partition: int, offset: int) -> tuple[Stage, int]:
        """A stage needs no replay, only the clock of the last posts before it."""
        n_partitions = await self._layout.n_partitions()
        last = await self._last_times(partition, offset)
        platforms = frozenset(self._settings.platforms_apart)
        args = (self._detector, partition, n_partitions[POSTS], n_partitions[SKETCHES], last, platforms)
        stage = await self._host.open(SketchStage, args, partial(self._tell, partition))
        return stage, offset

    def _tell(self, partition: int, told: Told) -> None:
        metrics = self._metrics
        metrics.posts.inc(told.n_records)
        for outcome, n in told.outcomes.items():
            metrics.outcomes.labels(outcome).inc(n)
        for platform, n in told.platforms.items():
            metrics.platforms.labels(platform).inc(n)
        for reason, n in told.rejected.items():
            metrics.rejected.labels(reason).inc(n)
        if told.appended_ms:
            metrics.state.appended_ms[POSTS, partition] = told.appended_ms
        metrics.state.watermark_ms[POSTS, partition] = told.watermark_ms

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
        return None if isinstance(parsed, Rejected) or parsed.post.platform == CANARY else parsed


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
