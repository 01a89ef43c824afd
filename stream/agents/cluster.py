"""CLUSTER: packs of ``sketches`` → snapshots on ``activity``.

A rebuild replays the current epoch. Where that began stands in ``burst-state`` under
``epoch/<partition>``: the last few beginnings, since a worker may die after writing one and
before committing past it. (A search by time could find the place too, but neither each
source's watermark nor its highest offset there; without them a redelivery across the boundary
would count twice.)
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from detectors.clusterer import Clusterer, EpochStart
from detectors.settings import DetectorSettings
from stream.codec import decode_epochs, decode_pack, encode_epochs, encode_told
from stream.host import Host
from stream.kafka import ACTIVITY, BURST_STATE, SKETCHES, client_kwargs, topic_name
from stream.layout import Layout
from stream.metrics import Metrics
from stream.recovery import read_compacted
from stream.settings import Settings
from stream.stage import Out, Record, Stage

KEPT_EPOCHS = 32
"""One of them must not be ahead of the commit, wherever a worker dies. A few batches of an archive
that has little to the hour span many hours; all ahead would mean a replay of all of sketches."""


class Told(NamedTuple):
    """What the stage has to tell since the last time."""

    counts: Counter[str]
    appended_ms: int
    watermark_ms: int
    n_tracked: int
    index_bytes: int


class ClusterStage:
    """One partition of ``sketches``. See `stream.stage.Stage`, `stream.host.Teller`.

    Args:
        clusterer: Its state.
        partition: Of ``sketches``.
        live_from: Offset from which records count in metrics; those before are replayed.
        epochs: Known beginnings of epochs, oldest first.
    """

    def __init__(
        self, clusterer: Clusterer, partition: int, live_from: int, epochs: list[EpochStart]
    ) -> None:
        self._clusterer = clusterer
        self._partition = partition
        self._live_from = live_from
        self._epochs = epochs
        self._counts: Counter[str] = Counter()
        self._appended_ms = 0

    def feed(self, records: Sequence[Record]) -> list[Out]:
        """Cluster the packs' rows."""
        clusterer, outs = self._clusterer, []
        before = clusterer.counts.copy()
        for record in records:
            messages = clusterer.feed(record.offset, decode_pack(record.value))
            outs += [Out(ACTIVITY, told, partition=0) for told in encode_told(messages)]
            if clusterer.epoch_starts:
                self._epochs = [*self._epochs, *clusterer.epoch_starts][-KEPT_EPOCHS:]
                outs.append(Out(BURST_STATE, encode_epochs(self._epochs), epochs_key(self._partition), 0))
        if records[-1].offset >= self._live_from:
            self._counts += clusterer.counts - before
            self._appended_ms = records[-1].timestamp
        return outs

    def told(self) -> Told:
        """See the type."""
        clusterer = self._clusterer
        counts, self._counts = self._counts, Counter()
        return Told(
            counts, self._appended_ms, clusterer.watermark_ms, clusterer.n_tracked, clusterer.index_bytes
        )


class ClusterBuilder:
    """Opens `ClusterStage`s. See `stream.stage.StageBuilder`."""

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
        """A stage at the beginning of the epoch that `offset` lies in."""
        n_partitions = await self._layout.n_partitions()
        key = epochs_key(partition)
        state = await read_compacted(
            client_kwargs(self._settings), topic_name(self._settings, BURST_STATE), key_prefix=key
        )
        epochs = [start for start in decode_epochs(state.get(key)) if start.offset <= offset]
        start = epochs[-1] if epochs else None
        # Of the pack in which the epoch began, its last rows are replayed: `offset` may be that pack.
        args = (self._detector, partition, n_partitions[SKETCHES], start, offset, epochs)
        stage = await self._host.open(_stage, args, partial(self._tell, partition))
        return stage, 0 if start is None else start.offset

    def _tell(self, partition: int, told: Told) -> None:
        if not told.appended_ms:
            return  # still replaying
        metrics = self._metrics
        for name in ("clustered", "late", "repeated", "evicted"):
            getattr(metrics, name).inc(told.counts[name])
        metrics.state.appended_ms[SKETCHES, partition] = told.appended_ms
        metrics.state.watermark_ms[SKETCHES, partition] = told.watermark_ms
        metrics.state.tracked[partition] = told.n_tracked
        metrics.state.index_bytes[partition] = told.index_bytes


def _stage(
    detector: DetectorSettings,
    partition: int,
    n_partitions: int,
    start: EpochStart | None,
    live_from: int,
    epochs: list[EpochStart],
) -> ClusterStage:
    return ClusterStage(Clusterer(detector, partition, n_partitions, start), partition, live_from, epochs)


def epochs_key(partition: int) -> bytes:
    """Key in ``burst-state``."""
    return f"epoch/{partition}".encode()
