"""Fragments of one content, made whole.

Near-copies land in several clusters: strays of the routing, neighbours of an epoch's end. A
merge of their snapshots does not depend on their order, but for ties in what is shown.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from detectors import accounts as acc
from detectors.activity import Snapshot, Variant
from detectors.rows import Sample, read_sample
from detectors.tally import N_HEAD, N_TAIL, SHOWN_KEYS

K = TypeVar("K")


def merge(fragments: Sequence[Snapshot]) -> Snapshot:
    """One snapshot of all; its name is that of the fragment with the earliest first post."""
    if len(fragments) == 1:
        return fragments[0]
    ordered = sorted(fragments, key=lambda s: (s.first_ms, s.cluster))
    first = ordered[0]
    registers = [s.hyperloglog for s in ordered if s.hyperloglog is not None]
    rows = acc.merge([s.accounts for s in ordered])
    samples = _samples(ordered)
    exemplar = max(map(_exemplar, ordered), key=lambda found: found[0])
    return Snapshot(
        cluster=first.cluster,
        partition=first.partition,
        version=sum(s.version for s in ordered),
        watermark_ms=max(s.watermark_ms for s in ordered),
        ingest_ms=max(s.ingest_ms for s in ordered),
        n_posts=sum(s.n_posts for s in ordered),
        n_reposts=sum(s.n_reposts for s in ordered),
        first_ms=first.first_ms,
        last_ms=max(s.last_ms for s in ordered),
        slots=sorted(sum_counts([dict(s.slots) for s in ordered]).items()),
        accounts=rows.tobytes(),
        hyperloglog=acc.union(registers),
        exemplars=[text for s in ordered for text in s.exemplars][:16],
        exact=first.exact,
        samples=[packed for packed, _ in samples],
        exemplar=exemplar[1],
        n_deleted=sum(sample.deleted for _, sample in samples),
        variants=_variants(ordered),
        hashtags=_top(sum_counts([s.hashtags for s in ordered])),
        urls=_top(sum_counts([s.urls for s in ordered])),
        platforms=_top(sum_counts([s.platforms for s in ordered])),
        langs=_top(sum_counts([s.langs for s in ordered])),
    )


def _exemplar(snapshot: Snapshot) -> tuple[tuple[bool, int], bytes]:
    """A fragment's exemplar, and how well it shows the whole: by the posts of its commonest wording."""
    packed = snapshot.samples[0] if snapshot.exemplar is None else snapshot.exemplar
    commonest = max((v.n_posts for v in snapshot.variants), default=0)
    return (not read_sample(packed).deleted, commonest), packed


def _samples(ordered: Sequence[Snapshot]) -> list[tuple[bytes, Sample]]:
    """The first fragment's first post, and of all that any fragment kept the earliest and the latest."""
    unique: dict[tuple[str, str], tuple[bytes, Sample]] = {}
    for packed in (packed for snapshot in ordered for packed in snapshot.samples):
        sample = read_sample(packed)
        unique[sample.platform, sample.id] = packed, sample
    first = read_sample(ordered[0].samples[0])
    head = unique.pop((first.platform, first.id))
    rest = sorted(unique.values(), key=lambda pair: (pair[1].at_ms, pair[1].platform, pair[1].id))
    return [head, *rest[: N_HEAD - 1], *rest[max(N_HEAD - 1, len(rest) - N_TAIL) :]]


def _variants(ordered: Sequence[Snapshot]) -> list[Variant]:
    counts: Counter[str] = Counter()
    for snapshot in ordered:
        for variant in snapshot.variants:
            counts[variant.text] += variant.n_posts
    return [Variant(text, n) for text, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]]


def sum_counts(parts: Sequence[dict[K, int]]) -> dict[K, int]:
    """Counts added up by key, in a new dictionary."""
    total = dict(parts[0])
    for part in parts[1:]:
        for key, n in part.items():
            total[key] = total.get(key, 0) + n
    return total


def _top(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_KEYS])
