"""Text in → cluster out over unique posts, and inside a campaign: CPU time, one core.

Engines take turns, a segment each, so that a busy machine slows all alike.
"""

import gc
import time
from collections import Counter
from itertools import pairwise
from statistics import median

from tests.bench.corpus import near_copies, unique_posts
from tests.bench.engines import BATCH, ENGINES, OURS, PEERS, Engine, Tocsin
from tests.bench.rows import Row, Setup

N_UNIQUE = 200_000
N_BEFORE = 60_000
N_COPIES = 5_187
SEGMENT = 10_000


def measure_organic(setup: Setup) -> list[Row]:
    """Posts a CPU second over the whole, the peers once."""
    texts = unique_posts(setup.size(N_UNIQUE, 3_000))
    _warm_up()
    spent, clusters = _run(setup, "organic", texts, _cuts(len(texts), setup.size(SEGMENT, 1_000)))
    rates = {name: len(texts) / sum(seconds) for name, seconds in spent.items()}
    fastest = max(PEERS, key=lambda name: rates[name])
    alone = ", ".join(f"{name} {len(set(found)) / len(texts):.1%}" for name, found in clusters.items())
    what = (
        f"{len(texts):,} unique posts in 14 languages, text in → cluster out; posts that stay alone: {alone}"
    )
    first, second = rates[OURS] / rates["datasketch"], rates[OURS] / rates[fastest]
    return [
        Row.judged(
            id="organic", measure=what, value=first, unit="× datasketch", peers=rates, ratio=first,
            reach="≥50",
        ),
        Row.judged(
            id="organic_fastest", measure="the same", value=second, unit=f"× {fastest}", peers=rates,
            ratio=second, reach="≥5",
        ),
    ]  # fmt: skip


def measure_hot(setup: Setup) -> list[Row]:
    """CPU time per copy in the last fifth of a campaign against a unique post before it."""
    before, copies = unique_posts(setup.size(N_BEFORE, 3_000)), near_copies(setup.size(N_COPIES, 500))
    _warm_up()
    cuts = [*_cuts(len(before), SEGMENT), *(len(before) + len(copies) * part // 5 for part in range(1, 6))]
    sizes = [end - start for start, end in pairwise(cuts)]
    half = len(before) // 2
    runs: dict[str, list[float]] = {name: [] for name in ENGINES}
    for _ in range(setup.repeat):  # our last fifth takes 6 ms: one run is at the mercy of the machine
        spent, clusters = _run(setup, "hot", [*before, *copies], cuts)
        for name, seconds in spent.items():
            organic = [
                (s, n)
                for s, n, end in zip(seconds, sizes, cuts[1:], strict=True)
                if half < end <= len(before)
            ]
            unique_s = sum(s for s, _ in organic) / sum(n for _, n in organic)
            runs[name].append(seconds[-1] / sizes[-1] / unique_s)
    slower = {name: median(values) for name, values in runs.items()}
    found = {name: _largest(all_of[len(before) :]) / len(copies) for name, all_of in clusters.items()}
    agreed = ", ".join(f"{name} {share:.1%}" for name, share in found.items())
    return [
        Row.judged(
            id="hot",
            measure=f"CPU time a post, last fifth of {len(copies):,} near-copies against unique posts, "
            f"median of {setup.repeat}; copies in one cluster: {agreed}",
            value=slower[OURS],
            unit="× slower",
            peers=slower,
            peers_unit="times slower in a campaign",
            ratio=min(slower[name] for name in PEERS) / slower[OURS],
            reach="≤1 (no slower)",
        )
    ]


def _cuts(n: int, step: int) -> list[int]:
    return [*range(0, n, step), n]


def _largest(clusters: list[int]) -> int:
    return max(Counter(clusters).values())


def _warm_up() -> None:
    Tocsin().add(unique_posts(2 * BATCH))


def _run(
    setup: Setup, row: str, texts: list[str], cuts: list[int]
) -> tuple[dict[str, list[float]], dict[str, list[int]]]:
    """CPU seconds of each segment, and the cluster of each text, by engine.

    Without garbage collection: one would be charged with the walk over all that the others hold.
    """
    gc.collect()
    gc.disable()
    engines: dict[str, Engine] = {name: make() for name, make in ENGINES.items()}
    spent: dict[str, list[float]] = {name: [] for name in engines}
    clusters: dict[str, list[int]] = {name: [] for name in engines}
    for start, end in pairwise(cuts):
        setup.say(f"{row}: {end:,} of {len(texts):,}")
        for name, engine in engines.items():
            began = time.process_time()
            found = engine.add(texts[start:end])
            spent[name].append(time.process_time() - began)
            clusters[name] += found
    gc.enable()
    return spent, clusters
