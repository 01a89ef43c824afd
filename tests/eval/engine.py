"""The detectors of ``tocsin detect``, over posts of an evaluation.

Two questions: which alerts do posts give (`alerts_of`), and which posts share one of our
clusters (`clusters_of`).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from detectors.activity import Snapshot, read_told
from detectors.alert import Alert
from detectors.chain import Chain
from detectors.clusterer import Clusterer
from detectors.groups import Groups
from detectors.index import ClusterIndex
from detectors.pack_rows import PackRows
from detectors.settings import DetectorSettings
from detectors.singles import Singles
from detectors.sketcher import RawPost, Sketcher
from detectors.tally import cluster_id
from stream.cli.detect_commands import Archive
from stream.detection import VERSION

APPEND_MS = 4_000_000_000_000
"""Append time of every record: past all posts, so that none comes from the future."""
CHUNK = 500


def alerts_of(values: Iterable[bytes], settings: DetectorSettings | None = None) -> list[Alert]:
    """All alerts that records of topic ``posts``, in order of time, give, with those at their end."""
    archive = Archive(Chain(settings or DetectorSettings(), VERSION), APPEND_MS)
    rest, alerts = iter(values), []
    while lines := list(islice(rest, CHUNK)):
        alerts += archive.feed(lines)
    return alerts + archive.end()


class Clusters(NamedTuple):
    """What posts are to us, in order of the records.

    Attributes:
        of: Number of the cluster of each record, -1 where it never met the index (its text
            normalises to nothing).
        group: Which clusters BURST takes for one content: the lowest of them, by cluster.
    """

    of: list[int]
    group: dict[int, int]

    def content(self, i: int) -> int:
        """Of record `i`: equal for two records that share a cluster, or clusters that BURST joined."""
        number = self.of[i]
        return -1 - i if number < 0 else self.group.get(number, number)


def clusters_of(values: Sequence[bytes]) -> Clusters:
    """Cluster records as one epoch of one partition, and join clusters as BURST does."""
    settings = DetectorSettings(epoch_s=10**9, max_tracked_posts=max(len(values), 1000))
    sketcher, clusterer = Sketcher(settings, 0, 1, 1), Clusterer(settings, 0, 1)
    groups, index, singles = Groups(settings), ClusterIndex(settings.max_tracked_posts), Singles()
    numbers = [-1] * len(values)
    packs = sketcher.feed([RawPost(i, APPEND_MS, value) for i, value in enumerate(values)]).packs
    packs += sketcher.idle_tick(APPEND_MS + settings.slot_ms)  # closes the slot: all is told
    for n_pack, (_, pack) in enumerate(packs):
        rows = PackRows(pack, settings.slot_ms)
        for offset, number in zip(
            rows.offsets, rows.assign(index, singles, 0, len(rows.offsets)).tolist(), strict=True
        ):
            numbers[offset] = number
        activity = read_told(clusterer.feed(n_pack, pack))
        told = [message for message in activity if isinstance(message, Snapshot)]
        for _ in groups.add(told, 0):
            pass
    names = {cluster_id(identity, 0, clusterer.epoch): number for number, identity in singles.identities()}
    return Clusters(numbers, dict(_joined(groups, names)))


def _joined(groups: Groups, names: dict[str, int]) -> Iterator[tuple[int, int]]:
    for group in groups:
        numbers = [names[cluster] for cluster in (*group.fragments, *group.folded)]
        for number in numbers:
            yield number, min(numbers)
