"""Where a post's time goes: CPU of each stage in this process, and of a worker with Kafka and all."""

import gc
import time
from collections import Counter, deque
from statistics import median

from detectors.burster import Burster
from detectors.chain import warm_up
from detectors.clusterer import Clusterer
from detectors.normalise import normalise_batch
from detectors.post import Post, Rejected, read_post
from detectors.settings import DetectorSettings
from detectors.sketch import sketch_batch
from detectors.sketcher import RawPost, Sketcher
from stream.codec import decode_activity, decode_pack, encode_pack, encode_told
from tests.bench import live, scale_out, worker
from tests.bench.rows import Row, Setup

PARTITIONS = worker.PARTITIONS
BATCH = 1000
PARTS = ("reading posts", "normalising", "sketching")
"""Of SKETCH, timed apart."""
APPENDED_MS = 1_800_000_000_000


async def measure(setup: Setup) -> list[Row]:
    """The feed of `worker`, over as many partitions; medians of the runs."""
    feed = worker.as_feed()[: setup.size(1_000_000, 10_000)]
    logs = _logs(feed)
    warm_up()
    gc.collect()
    gc.freeze()
    spent: list[Counter[str]] = []
    for run in range(setup.repeat):
        setup.say(f"stages: run {run + 1} of {setup.repeat}")
        seconds, n_bytes = _run(logs)
        spent.append(seconds)
    micros = {stage: median(run[stage] for run in spent) / len(feed) * 1e6 for stage in spent[0]}
    setup.say("stages: a worker")
    async with live.broker(PARTITIONS) as (settings, folder):
        with live.running(["-m", "stream.cli", "worker"], settings, folder) as log:
            rate = await scale_out.posts_a_cpu_second(settings, [live.Worker(log)], feed)
    whole = sum(micros.values())
    return [
        Row(
            id="stages",
            measure=f"CPU of the stages, {len(feed):,} posts at {worker.FEED_POSTS_PER_S:,}/s of event time",
            value=whole,
            unit="µs a post",
            peers={f"Tocsin, {stage}": value for stage, value in micros.items()},
            peers_unit="µs a post",
        ),
        Row(
            id="stages_worker",
            measure="CPU of a worker's processes: the stages, Kafka's client and the way between processes",
            value=1e6 / rate,
            unit="µs a post",
        ),
        Row(
            id="stages_bytes",
            measure="bytes that the topics hold",
            value=sum(n_bytes.values()) / len(feed),
            unit="bytes a post",
            peers={f"Tocsin, {topic}": n / len(feed) for topic, n in n_bytes.items()},
            peers_unit="bytes a post",
        ),
    ]


def _logs(feed: list[bytes]) -> list[list[RawPost]]:
    """The partitions of ``posts``, as `worker.fill` fills them."""
    logs: list[list[RawPost]] = [[] for _ in range(PARTITIONS)]
    for number, value in enumerate(feed):
        log = logs[number // 500 % PARTITIONS]
        log.append(RawPost(len(log), APPENDED_MS + number, value))
    return logs


def _run(logs: list[list[RawPost]]) -> tuple[Counter[str], Counter[str]]:
    """CPU seconds by stage; bytes by topic."""
    limits = DetectorSettings()
    sketchers = [Sketcher(limits, source, PARTITIONS, PARTITIONS) for source in range(PARTITIONS)]
    clusterers = [Clusterer(limits, partition, PARTITIONS) for partition in range(PARTITIONS)]
    burster, n_packs = Burster(limits, "bench"), 0
    clock = _Clock()
    n_bytes: Counter[str] = Counter()
    for first in range(0, max(map(len, logs)), BATCH):
        for sketcher, log in zip(sketchers, logs, strict=True):
            if not (records := log[first : first + BATCH]):
                continue
            n_bytes["posts"] += sum(len(record.value or b"") for record in records)
            clock.lap()
            posts = [_read(record) for record in records]
            clock.lap("reading posts")
            blob, ends = normalise_batch([post.text or "" for post in posts])
            clock.lap("normalising")
            sketch_batch(blob, ends)
            clock.lap("sketching")
            packs = [(partition, encode_pack(pack)) for partition, pack in sketcher.feed(records).packs]
            clock.lap("SKETCH")
            for partition, packed in packs:
                n_bytes["sketches"] += len(packed)
                clock.lap()
                activity = clusterers[partition].feed(n_packs, decode_pack(packed))
                told = encode_told(activity)
                clock.lap("CLUSTER")
                n_packs += 1
                n_bytes["activity"] += sum(map(len, told))
                clock.lap()
                for record in told:
                    deque(burster.feed_all(decode_activity(record)), maxlen=0)
                clock.lap("BURST")
    parts = sum(clock.spent[part] for part in PARTS)
    clock.spent["rest of SKETCH"] = clock.spent.pop("SKETCH") - parts
    return clock.spent, n_bytes


def _read(record: RawPost) -> Post:
    """As SKETCH does; the feed holds nothing else."""
    post = read_post(record.value, 65_536, 20_000)
    if isinstance(post, Rejected):
        raise TypeError(post.detail)
    return post


class _Clock:
    """CPU time by name."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._since = time.process_time()

    def lap(self, name: str = "") -> None:
        """What has passed since the last lap is of `name`, or nobody's."""
        now = time.process_time()
        if name:
            self.spent[name] += now - self._since
        self._since = time.process_time()
