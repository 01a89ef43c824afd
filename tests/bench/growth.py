"""What a post costs as things grow: clusters alive, one cluster, texts, epochs. CPU time, one core."""

import time
from collections.abc import Callable, Sequence
from itertools import pairwise

from detectors.chain import Chain
from detectors.settings import DetectorSettings
from detectors.sketcher import RawPost
from tests.bench.corpus import near_copies, unique_posts
from tests.bench.engines import BATCH, Tocsin
from tests.bench.feed import HOUR_MS, records
from tests.bench.rows import Row, Setup

N_ACCOUNTS = 1_686
"""Of the campaign, as the one of 15 May 2024 had."""
REACH = "≤1.5 (flat)"


def measure(setup: Setup) -> list[Row]:
    """One row for each thing that grows: the dearest post against the cheapest."""
    setup.say("growth: clusters alive")
    alive = _alive([1_000, 10_000, setup.size(100_000, 20_000), setup.size(1_000_000, 30_000)])
    setup.say("growth: one cluster")
    cluster = _cluster([100, 1_000, setup.size(10_000, 2_000), setup.size(100_000, 3_000)])
    setup.say("growth: text length")
    chars = _chars([10, 100, 1_000, 10_000], setup.size(2_000_000, 100_000))
    setup.say("growth: epoch length")
    epochs = _epochs([10, 60, 360], setup.size(216_000, 10_000))
    return [
        _row(
            "growth_alive",
            "text in → cluster out, by clusters alive",
            alive,
            "posts in clusters of their own",
        ),
        _row("growth_cluster", "all stages, a copy of one message, by copies so far", cluster, "copies"),
        _row(
            "growth_text",
            "text in → cluster out, a character, by length",
            chars,
            "characters",
            "ns a character",
        ),
        _row("growth_epoch", "all stages, unique posts over six hours, by epoch length", epochs, "minutes"),
    ]


def _row(name: str, measure: str, points: dict[int, float], what: str, unit: str = "µs a post") -> Row:
    cheapest, dearest = min(points.values()), max(points.values())
    shown = ", ".join(f"{x:,}: {y:.3g}" for x, y in points.items())
    return Row.judged(
        id=name,
        measure=f"{measure} ({unit} at {shown})",
        value=dearest / cheapest,
        unit="× the cheapest",
        points=points,
        points_axes=(what, unit),
        reach=REACH,
    )


def _alive(sizes: Sequence[int]) -> dict[int, float]:
    """µs a post while that many posts are in the index, each a cluster."""
    texts, engine, points = unique_posts(sizes[-1]), Tocsin(), {}
    Tocsin().add(texts[: 2 * BATCH])
    for start, end in pairwise((0, *sizes)):
        engine.add(texts[start : (start + end) // 2])
        part = texts[(start + end) // 2 : end]
        points[end] = _spent_s(lambda part=part: engine.add(part)) / len(part) * 1e6
    return points


def _cluster(sizes: Sequence[int]) -> dict[int, float]:
    """µs a copy, the last half before each size; 50 copies a second."""
    copies, points = near_copies(sizes[-1]), {}
    chain = Chain(DetectorSettings(), "bench")
    batches = list(records(copies, step_ms=20, n_accounts=N_ACCOUNTS, n_batch=50))
    for start, end in pairwise((0, *sizes)):
        half = (start + end) // 2
        _feed(chain, batches[start // 50 : half // 50])
        part = batches[half // 50 : end // 50]
        points[end] = _spent_s(lambda part=part: _feed(chain, part)) / (50 * len(part)) * 1e6
    return points


def _chars(lengths: Sequence[int], n_chars: int) -> dict[int, float]:
    """Nanoseconds a character."""
    whole, points = " ".join(unique_posts(n_chars // 80)), {}
    for length in lengths:
        texts = [whole[at : at + length] for at in range(0, n_chars, length)]
        engine = Tocsin()
        points[length] = _spent_s(lambda texts=texts, engine=engine: engine.add(texts)) / n_chars * 1e9
    return points


def _epochs(minutes: Sequence[int], n_posts: int) -> dict[int, float]:
    """µs a post over six hours of event time cut into such epochs."""
    texts, points = unique_posts(n_posts), {}
    for n_minutes in minutes:
        chain = Chain(DetectorSettings(epoch_s=60 * n_minutes), "bench")
        batches = list(records(texts, step_ms=6 * HOUR_MS / n_posts))
        points[n_minutes] = (
            _spent_s(lambda chain=chain, batches=batches: _feed(chain, batches)) / n_posts * 1e6
        )
    return points


def _feed(chain: Chain, batches: Sequence[list[RawPost]]) -> None:
    for batch in batches:
        chain.feed(batch)


def _spent_s(work: Callable[[], object]) -> float:
    """CPU seconds."""
    began = time.process_time()
    work()
    return time.process_time() - began
