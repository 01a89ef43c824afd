"""Fragments of one content, made whole.

Near-copies land in several clusters: strays of the routing, neighbours of an epoch's end. A
merge of their snapshots does not depend on their order, but for ties in what is shown.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from detectors import accounts as acc
from detectors.activity import Details, Snapshot, Variant, pack_details, read_details
from detectors.rows import read_sample
from detectors.tally_kernel import N_HEAD, N_TAIL
from detectors.telling_kernel import SHOWN_KEYS

K = TypeVar("K")


class Whole(NamedTuple):
    """What an alert tells of all fragments."""

    n_posts: int
    n_reposts: int
    first_ms: int
    last_ms: int
    slots: list[tuple[int, int]]
    """See `Snapshot`."""
    n_accounts: int
    accounts_exact: bool
    wording: str
    """The first normalised text that stands for it."""
    details: Details


def merge(fragments: Sequence[Snapshot]) -> Snapshot:
    """One snapshot of all; its name is that of the fragment with the earliest first post."""
    if len(fragments) == 1:
        return fragments[0]
    ordered = _ordered(fragments)
    first, details = ordered[0], _merge_details(ordered)
    rows = acc.merge([s.accounts for s in ordered])
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
        slots=sum_slots(ordered),
        accounts=rows.tobytes(),
        hyperloglog=acc.union(_registers(ordered)),
        exemplars=[text for s in ordered for text in s.exemplars][:16],
        exact=first.exact,
        n_deleted=sum(read_sample(packed).deleted for packed in details.samples),
        details=pack_details(details),
    )


def make_whole(
    fragments: Sequence[Snapshot], slots: list[tuple[int, int]], accounts: acc.AccountArray
) -> Whole:
    """What an alert tells of all.

    Args:
        fragments: They.
        slots: Theirs, as `sum_slots` has them.
        accounts: Of all, each once.
    """
    ordered = _ordered(fragments)
    n_accounts, is_exact = acc.count(accounts, acc.union(_registers(ordered)))
    details = _in_order(read_details(ordered[0].details)) if len(ordered) == 1 else _merge_details(ordered)
    return Whole(
        n_posts=sum([s.n_posts for s in ordered]),
        n_reposts=sum([s.n_reposts for s in ordered]),
        first_ms=ordered[0].first_ms,
        last_ms=max([s.last_ms for s in ordered]),
        slots=slots,
        n_accounts=n_accounts,
        accounts_exact=is_exact,
        wording=ordered[0].exemplars[0],
        details=details,
    )


def _ordered(fragments: Sequence[Snapshot]) -> Sequence[Snapshot]:
    return sorted(fragments, key=lambda s: (s.first_ms, s.cluster)) if len(fragments) > 1 else fragments


def _registers(ordered: Sequence[Snapshot]) -> list[bytes]:
    return [s.hyperloglog for s in ordered if s.hyperloglog is not None]


def _merge_details(ordered: Sequence[Snapshot]) -> Details:
    parts = [read_details(s.details) for s in ordered]
    exemplar = max(map(_exemplar, parts), key=lambda found: found[0])
    return Details(
        samples=_samples(parts),
        exemplar=exemplar[1],
        variants=_variants(parts),
        hashtags=top(sum_counts([part.hashtags for part in parts])),
        urls=top(sum_counts([part.urls for part in parts])),
        platforms=top(sum_counts([part.platforms for part in parts])),
        langs=top(sum_counts([part.langs for part in parts])),
    )


def _in_order(details: Details) -> Details:
    """With the commonest first, as they are shown."""
    details.hashtags, details.urls = top(details.hashtags), top(details.urls)
    details.platforms, details.langs = top(details.platforms), top(details.langs)
    return details


def _exemplar(part: Details) -> tuple[tuple[bool, int], bytes]:
    """A fragment's exemplar, and how well it shows the whole: by the posts of its commonest wording."""
    packed = part.samples[0] if part.exemplar is None else part.exemplar
    commonest = max([v.n_posts for v in part.variants], default=0)
    return (not read_sample(packed).deleted, commonest), packed


def _samples(parts: Sequence[Details]) -> list[bytes]:
    """The first fragment's first post, and of all that any fragment kept the earliest and the latest."""
    unique: dict[tuple[str, str], tuple[int, tuple[str, str], bytes]] = {}
    for part in parts:
        for packed in part.samples:
            sample = read_sample(packed)
            key = sample.platform, sample.id
            unique[key] = sample.at_ms, key, packed
    first = read_sample(parts[0].samples[0])
    *_, head = unique.pop((first.platform, first.id))
    rest = [packed for *_, packed in sorted(unique.values())]
    return [head, *rest[: N_HEAD - 1], *rest[max(N_HEAD - 1, len(rest) - N_TAIL) :]]


def _variants(parts: Sequence[Details]) -> list[Variant]:
    counts: dict[str, int] = {}
    for part in parts:
        for variant in part.variants:
            counts[variant.text] = counts.get(variant.text, 0) + variant.n_posts
    return [Variant(text, -n) for n, text in sorted([(-n, text) for text, n in counts.items()])[:10]]


def sum_slots(fragments: Sequence[Snapshot]) -> list[tuple[int, int]]:
    """Posts of all per slot, as `Snapshot.slots`."""
    if len(fragments) == 1:
        return fragments[0].slots
    return sorted(sum_counts([dict(fragment.slots) for fragment in fragments]).items())


def sum_counts(parts: Iterable[dict[K, int]]) -> dict[K, int]:
    """Counts added up by key, in a new dictionary."""
    total: dict[K, int] = {}
    for part in parts:
        if not total:
            total = part.copy()
            continue
        for key, n in part.items():
            total[key] = total.get(key, 0) + n
    return total


def top(counts: dict[str, int]) -> dict[str, int]:
    """The commonest, in order."""
    if len(counts) < 2:
        return counts
    keys = sorted(counts)
    keys.sort(key=counts.__getitem__, reverse=True)  # which leaves equal ones in order
    return {key: counts[key] for key in keys[:SHOWN_KEYS]}
