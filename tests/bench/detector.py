"""The detectors alone: bytes of posts in, clusters and alerts out, one core, no Kafka."""

import time
from statistics import median

from detectors.chain import Chain, warm_up
from detectors.settings import DetectorSettings
from detectors.sketcher import RawPost
from tests.bench.rows import Row, Setup, scenario

BATCH = 1000


def measure(setup: Setup) -> list[Row]:
    """Posts a second through all three stages, the scenario whole."""
    posts, values = scenario()
    records = [RawPost(i, 1_800_000_000_000 + i, value) for i, value in enumerate(values)]
    warm_up()
    rates, stages = [], []
    for run in range(setup.repeat):
        setup.say(f"detector: run {run + 1} of {setup.repeat}")
        chain = Chain(DetectorSettings(), "bench")
        began = time.perf_counter()
        for first in range(0, len(records), BATCH):
            chain.feed(records[first : first + BATCH])
        rates.append(len(posts) / (time.perf_counter() - began))
        stages.append(_sketch_only(records))
    return [
        Row(id="detector", measure="all stages, one process, no Kafka", value=median(rates), unit="posts/s"),
        Row(
            id="sketch",
            measure="SKETCH alone: parse, normalise, sketch",
            value=median(stages),
            unit="posts/s",
        ),
    ]


def _sketch_only(records: list[RawPost]) -> float:
    sketcher = Chain(DetectorSettings(), "bench").sketcher
    began = time.perf_counter()
    for first in range(0, len(records), BATCH):
        sketcher.feed(records[first : first + BATCH])
    return len(records) / (time.perf_counter() - began)
