"""Fragments of one content, made whole.

Near-copies land in several clusters: strays of the routing, neighbours of an epoch's end. A
merge of their snapshots does not depend on their order, but for ties in what is shown.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from detectors import accounts as acc
from detectors.activity import Snapshot, Variant
from detectors.rows import Sample
from detectors.tally import N_HEAD, N_TAIL, SHOWN_KEYS

K = TypeVar("K")


def merge(fragments: Sequence[Snapshot]) -> Snapshot:
    """One snapshot of all; its name is that of the fragment with the earliest first post."""
    if len(fragments) == 1:
        return fragments[0]
    ordered = sorted(fragments, key=lambda s: (s.first_post.at_ms, s.cluster))
    first = ordered[0]
    registers = [s.hyperloglog for s in ordered if s.hyperloglog is not None]
    rows = acc.merge([acc.read(s.accounts) for s in ordered])
    samples = _samples(ordered)
    return Snapshot(
        cluster=first.cluster,
        partition=first.partition,
        version=sum(s.version for s in ordered),
        watermark_ms=max(s.watermark_ms for s in ordered),
        ingest_ms=max(s.ingest_ms for s in ordered),
        n_posts=sum(s.n_posts for s in ordered),
        n_reposts=sum(s.n_reposts for s in ordered),
        last_ms=max(s.last_ms for s in ordered),
        slots=sorted(sum_counts([dict(s.slots) for s in ordered]).items()),
        accounts=rows.tobytes(),
        hyperloglog=acc.union(registers),
        exemplars=[text for s in ordered for text in s.exemplars][:16],
        exact=first.exact,
        first_post=first.first_post,
        exemplar=max(ordered, key=_commonest).exemplar,
        samples=samples,
        n_deleted=sum(sample.deleted for sample in samples),
        variants=_variants(ordered),
        hashtags=_top(sum_counts([s.hashtags for s in ordered])),
        urls=_top(sum_counts([s.urls for s in ordered])),
        platforms=_top(sum_counts([s.platforms for s in ordered])),
        langs=_top(sum_counts([s.langs for s in ordered])),
    )


def _commonest(snapshot: Snapshot) -> tuple[bool, int]:
    """How well a fragment shows the whole: by the posts of its commonest wording."""
    return not snapshot.exemplar.deleted, max((v.n_posts for v in snapshot.variants), default=0)


def _samples(ordered: Sequence[Snapshot]) -> list[Sample]:
    """The earliest and the latest posts that any fragment kept."""
    unique = {(s.platform, s.id): s for snapshot in ordered for s in snapshot.samples}
    samples = sorted(unique.values(), key=lambda s: (s.at_ms, s.platform, s.id))
    return samples if len(samples) <= N_HEAD + N_TAIL else samples[:N_HEAD] + samples[-N_TAIL:]


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
