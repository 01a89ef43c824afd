"""Resident bytes per tracked unique post, each engine in a process of its own.

What the operating system counts, not what arrays promise: growth of the resident set from
before the first post to after the last one, the texts themselves read from a file and dropped.
CLUSTER reads what SKETCH made in another process, as in a worker.
"""

import gc
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import orjson

from detectors.chain import Chain, warm_up
from detectors.clusterer import Clusterer
from detectors.settings import DetectorSettings
from detectors.sketcher import Sketcher
from stream.codec import decode_pack, encode_pack, pack_header
from tests.bench.corpus import unique_posts
from tests.bench.engines import BATCH, ENGINES, OURS, PEERS
from tests.bench.feed import BEGAN_MS, HOUR_MS, records
from tests.bench.rows import Row, Setup

N_CAP = 100_000
"""Hard cap of exemplars in the measurement after eviction."""
REACH = "≤0.8 KB"
KB = 1000


def measure(setup: Setup) -> list[Row]:
    """Ours at all sizes, the peers at the smaller."""
    small, large = setup.size(200_000, 20_000), setup.size(1_000_000, 40_000)
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        texts = Path(folder) / "texts.ndjson"
        texts.write_bytes(b"".join(orjson.dumps(text) + b"\n" for text in unique_posts(large)))

        def kilobytes(what: str, n: int) -> float:
            setup.say(f"memory: {what}, {n:,} posts")
            return _in_child(what, texts, n)[0] / n / KB

        index = {name: kilobytes(name, small) for name in ENGINES}
        many = kilobytes(OURS, large)
        stage, stage_many = kilobytes("CLUSTER", small), kilobytes("CLUSTER", large)
        evicted = []
        for run in range(setup.repeat):
            setup.say(f"memory: eviction, run {run + 1} of {setup.repeat}")
            grown, n_exemplars = _in_child("evicted", texts, large)
            evicted.append(grown / n_exemplars / KB)
        setup.say("memory: a day")
        day = _in_child("day", texts, small)
    first, last = day[len(day) // 4], day[-1]
    unit = "KB/post"
    return [
        Row.judged(
            id="memory",
            measure=f"index and texts, {small:,} unique posts tracked",
            value=index[OURS],
            unit=unit,
            peers=index,
            peers_unit="KB per tracked unique post",
            ratio=min(index[name] for name in PEERS) / index[OURS],
            reach=REACH,
        ),
        Row.judged(id="memory_1m", measure=f"the same, {large:,}", value=many, unit=unit, reach=REACH),
        Row.judged(
            id="memory_evicted",
            measure=f"CLUSTER at its cap of {N_CAP:,} after {large:,}, median of {setup.repeat}",
            value=median(evicted),
            unit=unit,
            reach=REACH,
        ),
        Row.judged(
            id="memory_stage",
            measure=f"CLUSTER whole, samples for people included, {small:,} unique posts",
            value=stage,
            unit=unit,
            reach=REACH,
        ),
        Row.judged(
            id="memory_stage_1m", measure=f"the same, {large:,}", value=stage_many, unit=unit, reach=REACH
        ),
        Row.judged(
            id="memory_day",
            measure=f"all stages, resident after 24 h of event time against 6 h, {small:,} posts; "
            f"{first / 1e6:.0f} → {last / 1e6:.0f} MB",
            value=last / first,
            unit="×",
            reach="≤1.1 (flat)",
        ),
    ]


def _in_child(what: str, texts: Path, n: int) -> list[float]:
    """Figures that `main` prints."""
    argv = [sys.executable, "-m", "tests.bench.memory", what, str(texts), str(n)]
    return [float(figure) for figure in subprocess.check_output(argv, text=True).split()]


def main(what: str, file: str, n_posts: str) -> None:
    """Feed `n_posts` texts of `file` to an engine or stage; print what grew, bytes."""
    runs: dict[str, Callable[[Iterator[str], int], list[float]]] = {
        "CLUSTER": _cluster,
        "evicted": _evicted,
        "day": _day,
        **{name: partial(_engine, name) for name in ENGINES},
    }
    with Path(file).open("rb") as lines:
        texts = islice(map(orjson.loads, lines), int(n_posts))
        print(*runs[what](texts, int(n_posts)))  # noqa: T201 - to the parent


def _engine(name: str, texts: Iterator[str], _: int) -> list[float]:
    ENGINES[name]().add(["warm up", "warm up"])
    engine, before = ENGINES[name](), _resident()
    while batch := list(islice(texts, BATCH)):
        engine.add(batch)
    return [_resident() - before]


def _cluster(texts: Iterator[str], n: int) -> list[float]:
    clusterer, grown = _clustered(texts, n, cap=2 * n)
    return [grown if clusterer.watermark_ms else 0.0]


def _evicted(texts: Iterator[str], n: int) -> list[float]:
    clusterer, grown = _clustered(texts, n, cap=N_CAP if n > N_CAP else n // 4)
    return [grown, float(clusterer.n_exemplars)]


def _clustered(texts: Iterator[str], n: int, *, cap: int) -> tuple[Clusterer, float]:
    """All posts through SKETCH, in a process of its own, and CLUSTER, within one epoch."""
    settings = DetectorSettings(max_tracked_posts=cap)
    warm_up()
    pack_header()
    clusterer, before = Clusterer(settings, 0, 1), _resident()
    for number, pack in enumerate(_packs(texts, n)):
        clusterer.feed(number, decode_pack(pack))
    return clusterer, _resident() - before


def _packs(texts: Iterator[str], n: int) -> Iterator[bytes]:
    """What SKETCH makes of the texts."""
    here, there = Pipe(duplex=False)
    sketch = get_context("fork").Process(target=_sketch, args=(texts, n, there))
    sketch.start()
    there.close()
    with suppress(EOFError):
        while True:
            yield here.recv_bytes()
    sketch.join()


def _sketch(texts: Iterator[str], n: int, there: Connection) -> None:
    """Send the packs of one source."""
    sketcher = Sketcher(DetectorSettings(), 0, 1, 1)
    for batch in records(texts, step_ms=HOUR_MS / 2 / n):
        for _, pack in sketcher.feed(batch).packs:
            there.send_bytes(encode_pack(pack))


def _day(texts: Iterator[str], n: int) -> list[float]:
    """Resident bytes at the end of each of 24 hours of event time."""
    warm_up()
    chain, at_ms, sizes = Chain(DetectorSettings(), "bench"), BEGAN_MS, []
    for batch in records(texts, step_ms=24 * HOUR_MS / n):
        chain.feed(batch)
        if batch[-1].timestamp // HOUR_MS > at_ms // HOUR_MS:
            at_ms = batch[-1].timestamp
            sizes.append(_resident())
    return sizes


def _resident() -> float:
    """Bytes of this process in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return float(pages * resource.getpagesize())


if __name__ == "__main__":
    main(*sys.argv[1:])
