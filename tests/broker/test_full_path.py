"""The whole path with real workers, small: posts in, alerts out, through faults and rubbish."""

import asyncio
import gzip
import subprocess
import time
from pathlib import Path

import orjson
import pytest
from support.full_path import (
    FAUST_WORKER,
    TOCSIN,
    Log,
    Service,
    assert_gapless,
    by_reader_rule,
    contents,
    n_repeated,
    processed,
    produce,
    told,
)
from support.scenario_feed import quiet_feed, short_feed, small_campaign
from support.workers import until

from detectors.alert import Alert, AlertReason, Severity, decode_alert
from detectors.post import Reason
from stream import kafka
from stream.embedded import EmbeddedBroker
from stream.scenarios.posts import rfc3339
from stream.settings import Settings
from stream.topics import create_topics

REBUILT = 'tocsin_rebuild_seconds_count{topic="activity"}'
FIRING = 'tocsin_bursts_firing{severity="critical"}'
CAMPAIGN = "Nobody will tell you what the council did with the harbour money, so we shall"


def one_partition(settings: Settings, **changes: object) -> Settings:
    """Settings by which the live path equals `detectors.chain.Chain`."""
    values = {"posts_partitions": 1, "sketches_partitions": 1, "session_timeout_s": 3} | changes
    return settings.model_copy(update=values)


@pytest.fixture
def embedded(embedded_broker: EmbeddedBroker, prefix: str) -> Settings:
    """One partition of each topic on the embedded broker."""
    settings = Settings(bootstrap=embedded_broker.bootstrap, topic_prefix=prefix, group=f"{prefix}group")
    return one_partition(settings)


@pytest.mark.broker
@pytest.mark.timeout(300)
async def test_term_and_kill_in_mid_burst_change_nothing_and_probes_answer_under_load(
    embedded: Settings, tmp_path: Path
) -> None:
    """Three workers in a row tell, in full content, what `tocsin detect` tells over the same posts.

    The first is terminated when the campaign is critical: it drains and exits with 0. The second
    is killed. `tocsin_bursts_firing` is not there before BURST is rebuilt, and there afterwards.
    """
    feed = short_feed()
    await create_topics(embedded)
    await produce(embedded, feed.records())
    reference = await detected(feed.records()[0], tmp_path)
    async with Log(embedded, kafka.ALERTS) as log:
        with Service(embedded, tmp_path) as worker:
            probing = asyncio.create_task(slowest_probes(worker))
            await told(log, lambda alert: alert.severity is Severity.CRITICAL, worker)
            slowest = await stopped(probing)
            worker.terminate()
            began = time.monotonic()
            assert await worker.exit_code(embedded.drain_s + 10) == 0
            stop_s = time.monotonic() - began
        with Service(embedded, tmp_path) as worker:
            await told(log, lambda alert: alert.posts >= 800, worker)
            worker.kill()
        with Service(embedded, tmp_path) as worker:
            await firing_is_told_only_once_it_is_known(worker)
            await processed([worker], feed.end_ms)
        alerts = await log.alerts()
    assert contents(alerts) == contents(reference)
    assert_gapless(alerts)
    n_again = n_repeated(alerts)
    print(f"slowest probes {slowest}, stopped in {stop_s:.1f} s, {n_again} alerts again")  # noqa: T201 (measured)
    assert max(slowest.values()) < 5  # a bound on hanging; what is measured is printed


async def detected(posts: list[bytes], folder: Path) -> list[Alert]:
    """What ``tocsin detect --json`` prints over an archive of the posts."""
    archive = folder / "archive.ndjson.gz"
    archive.write_bytes(gzip.compress(b"\n".join(posts)))
    argv = [*TOCSIN, "detect", str(archive), "--json"]
    done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, check=True, timeout=240)
    assert f"{len(posts):,} posts in" in done.stderr.decode()
    return [decode_alert(line) for line in done.stdout.splitlines()]


async def slowest_probes(worker: Service) -> dict[str, float]:
    """Ask in turn until cancelled; the longest each took to answer, seconds."""
    slowest: dict[str, float] = {}
    try:
        while True:
            for path in ("/healthz", "/readyz", "/metrics"):
                answer = await worker.get(path)
                if answer.status:
                    slowest[path] = max(slowest.get(path, 0.0), round(answer.seconds, 4))
                    assert answer.status == 200 or path == "/readyz", answer
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        return slowest


async def stopped(task: "asyncio.Task[dict[str, float]]") -> dict[str, float]:
    """Cancel, and take what it returns."""
    task.cancel()
    return await task


async def firing_is_told_only_once_it_is_known(worker: Service) -> None:
    """`tocsin_bursts_firing` is in no answer that came while BURST was not rebuilt; then it comes."""
    before: dict[str, float] = {}

    async def is_told() -> bool:
        nonlocal before
        assert not worker.ended, worker.tail()
        now = await worker.metrics()
        if not now.get(REBUILT):  # nor had it been at the answer before
            assert FIRING not in before
        before = now
        return FIRING in now

    await until(is_told, 60, worker.tail)


def hostile() -> list[tuple[str, bytes | None]]:
    """(reason, record) for all that is no post."""

    def post(**changes: object) -> bytes:
        good = {
            "id": "h",
            "platform": "x",
            "author": {"id": "a"},
            "created_at": "2024-05-15T10:00:00Z",
            "text": "words",
        }
        return orjson.dumps({name: value for name, value in (good | changes).items() if value is not None})

    nan = post(created_at=0).replace(b'"created_at":0', b'"created_at":NaN')
    lone = post().replace(b"words", rb"\ud83d alone")
    ahead = rfc3339(int(time.time() * 1000) + 3_600_000)
    return [
        (Reason.TOMBSTONE, None),
        (Reason.TOO_LARGE, post(text="megabytes " * 90_000)),
        (Reason.NOT_UTF8, b'{"id":"\xff\xfe"}'),
        (Reason.NOT_UTF8, "in another encoding".encode("utf-16")),
        (Reason.NOT_JSON, b"not JSON"),
        (Reason.NOT_JSON, b""),
        (Reason.NOT_JSON, post()[:-7]),
        (Reason.NOT_JSON, nan),
        (Reason.LONE_SURROGATE, lone),
        (Reason.TOO_DEEP, post()[:-1] + b',"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
        (Reason.NOT_OBJECT, b"[1,2,3]"),
        (Reason.NOT_OBJECT, b"null"),
        (Reason.MISSING_FIELD, post(id=None)),
        (Reason.MISSING_FIELD, post(author=None)),
        (Reason.MISTYPED_FIELD, post(text=7)),
        (Reason.MISTYPED_FIELD, post(author="someone")),
        (Reason.OUT_OF_BOUNDS, post(platform="Not A Platform")),
        (Reason.OUT_OF_BOUNDS, post(id="i" * 300)),
        (Reason.NAIVE_TIME, post(created_at="2024-05-15T10:00:00")),
        (Reason.BAD_TIME, post(created_at="yesterday")),
        (Reason.ABSURD_TIME, post(created_at=-1)),
        (Reason.FUTURE_TIME, post(created_at=ahead)),
        (Reason.TEXT_TOO_LONG, post(text="x" * 20_001)),
    ]


@pytest.mark.timeout(300)
async def test_rubbish_becomes_dead_letters_and_the_bell_still_rings(
    settings: Settings, tmp_path: Path
) -> None:
    """Every reason that bytes can cause: original bytes, headers, counter; a campaign behind it rings.

    ``internal_error`` alone needs a bug of ours; `test_runner` provokes it.
    """
    settings = one_partition(settings, session_timeout_s=6)  # the least that Apache Kafka takes
    rubbish = hostile()
    assert {reason for reason, _ in rubbish} == set(Reason) - {Reason.INTERNAL_ERROR}
    history = quiet_feed(150, start="2024-05-15T07:00:00Z", gap_s=72)
    campaign = small_campaign(60, text=CAMPAIGN, start="2024-05-15T10:00:00Z")
    records = [*history, *(value for _, value in rubbish), *campaign]
    await create_topics(settings)
    await produce_singly(settings, records)
    async with Log(settings, kafka.ALERTS) as alerts, Log(settings, kafka.DEAD) as dead:
        with Service(settings, tmp_path) as worker:
            await told(alerts, lambda alert: alert.severity is Severity.CRITICAL, worker)
            metrics = await worker.metrics()
        letters = await dead.to_end()
    assert [letter.value for letter in letters] == [value for _, value in rubbish]
    for at, (letter, (reason, _)) in enumerate(zip(letters, rubbish, strict=True)):
        headers = dict(letter.headers)
        assert headers.pop("detail") is not None
        assert headers == {
            "reason": reason.encode(),
            "topic": b"posts",
            "partition": b"0",
            "offset": str(len(history) + at).encode(),
        }
    for reason in Reason:
        expected = sum(1 for wanted, _ in rubbish if wanted is reason)
        assert metrics[f'tocsin_rejected_total{{reason="{reason}"}}'] == expected, reason
    assert metrics["tocsin_posts_total"] == len(records)


async def produce_singly(settings: Settings, values: list[bytes | None]) -> None:
    """As strangers do, large records and tombstones included."""
    from aiokafka import AIOKafkaProducer  # noqa: PLC0415

    name = kafka.topic_name(settings, kafka.POSTS)
    client = kafka.client_kwargs(settings)
    async with AIOKafkaProducer(**client, linger_ms=5, max_request_size=2_000_000) as producer:
        sent = [await producer.send(name, value, b"any key", 0) for value in values]
        await asyncio.gather(*sent)


@pytest.mark.broker
@pytest.mark.timeout(300)
async def test_a_burst_resolves_when_the_feed_has_stopped_also_after_a_restart(
    embedded: Settings, tmp_path: Path
) -> None:
    """Nothing comes after the campaign: the clock goes on by wall time, and RESOLVED is told.

    A worker resolves the first burst in silence. The second one rings and its worker is
    terminated at once; the next worker, whose partitions are all idle, resolves it. A third
    rings, and the worker that comes then has thresholds by which it does not: it ends it, too.
    """
    settings = embedded.model_copy(update={"quiet_s": 4, "slot_s": 1, "lateness_s": 1})
    history = quiet_feed(150, start="2024-05-15T07:00:00Z", gap_s=72)
    first = small_campaign(40, text=CAMPAIGN, start="2024-05-15T10:00:00Z")
    other = "The bakers of the lower town have been told to keep silent about the flour, and we will not"
    second = small_campaign(40, text=other, start="2024-05-15T10:05:00Z", name="d")
    third = "Nurses of the old hospital were paid in vouchers, and who asks about it is sent home"
    await create_topics(settings)
    async with Log(settings, kafka.ALERTS) as log:
        with Service(settings, tmp_path) as worker:
            await produce(settings, [[*history, *first]])
            await told(log, lambda alert: alert.reason is AlertReason.RESOLVED, worker)
            await produce(settings, [second])
            await told(log, lambda alert: alert.first_post.id == "d0" and alert.posts >= 32, worker)
            worker.terminate()
            assert await worker.exit_code(settings.drain_s + 10) == 0
        before = by_reader_rule(await log.alerts())
        with Service(settings, tmp_path) as worker:
            await until_resolved(log, "d0", worker)
            await produce(settings, [small_campaign(40, text=third, start="2024-05-15T10:15:00Z", name="e")])
            await told(log, lambda alert: alert.first_post.id == "e0" and alert.posts == 40, worker)
            worker.terminate()
            assert await worker.exit_code(settings.drain_s + 10) == 0
        deafer = settings.model_copy(update={"info_novelty": 300.0})
        with Service(deafer, tmp_path) as deaf:
            await until_resolved(log, "e0", deaf)
        stories = by_reader_rule(await log.alerts())
    assert {story[0].first_post.id for story in stories.values()} == {"c0", "d0", "e0"}
    for name, story in stories.items():
        assert [alert.seq for alert in story] == list(range(1, len(story) + 1))
        assert [alert.reason for alert in story].count(AlertReason.RESOLVED) == 1
        assert (story[-1].reason, story[-1].posts) == (AlertReason.RESOLVED, 40)
        assert story[: len(before.get(name, []))] == before.get(name, [])


async def until_resolved(log: Log, first_post: str, worker: Service) -> None:
    """Wait for the end of the burst that began with a post."""

    async def is_resolved() -> bool:
        assert not worker.ended, worker.tail()
        ours = [alert for alert in await log.alerts() if alert.first_post.id == first_post]
        return ours[-1].reason is AlertReason.RESOLVED

    await until(is_resolved, 90, worker.tail)


@pytest.mark.broker
@pytest.mark.timeout(300)
async def test_the_service_also_runs_as_a_plain_faust_app(embedded: Settings, tmp_path: Path) -> None:
    """``faust -A stream.app worker`` rings, and stops with 0 on SIGTERM."""
    history = quiet_feed(150, start="2024-05-15T07:00:00Z", gap_s=72)
    campaign = small_campaign(60, text=CAMPAIGN, start="2024-05-15T10:00:00Z")
    await create_topics(embedded)
    await produce(embedded, [[*history, *campaign]])
    async with Log(embedded, kafka.ALERTS) as log:
        with Service(embedded, tmp_path, FAUST_WORKER) as worker:
            await told(log, lambda alert: alert.severity is Severity.CRITICAL, worker)
            worker.terminate()
            assert await worker.exit_code(embedded.drain_s + 10) == 0
