"""Drills: what the runbooks are for is made to happen, and they are followed as they are typed.

Real Apache Kafka, workers, delivery, Prometheus and Alertmanager; the rules' times are shortened
to seconds (`support.drill`), their conditions are those we ship.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from support.alertmanager import AlertmanagerProcess, People
from support.apache_kafka import ApacheKafka, require_kafka
from support.drill import PATIENCE_S, LivePosts, OnCall, Part, flowing, rules_in_a_hurry, wake
from support.full_path import Service
from support.prometheus import PrometheusProcess
from support.receiver import Receiver
from support.runbooks import RUNBOOKS, Shell
from support.workers import until

from stream import kafka
from stream.settings import Settings
from stream.topics import create_topics

pytestmark = [pytest.mark.e2e, pytest.mark.e2e_long, pytest.mark.timeout(1800)]

SITE = Path(__file__).parent.parent / "support" / "skewed"
"""A `sitecustomize` that sets a process's clock wrong, or has it crash at a marked post."""
DRILLS = {
    "workers": {"worker-down", "not-detecting", "alive", "clock-skew", "lag"},
    "feeds": {"no-posts", "platform-silent", "dead-letters", "feed-clock"},
    "people": {
        *("burst", "storm-or-late", "bursts-ringing", "delivery-failing", "critical-undelivered"),
        *("nobody-delivers", "canary-silent", "alive"),
    },
    "state": {"delay-budget-burn", "index-full", "rebuild-long", "rebuild-gap", "record-set-aside"},
    "time": {"time-held"},
}
"""Runbooks that are followed, by drill."""
POISON = "this post is poison"
RATE = 40
LAG = "sum by (topic) (tocsin_consumer_lag_records)"
LATE = "max by (topic, instance) (tocsin_consumer_lag_seconds)"
IN_FLIGHT = "sum by (topic, instance) (tocsin_in_flight_batches)"
REASONS = "sum by (reason) (rate(tocsin_rejected_total[10m]))"
HELD = "max by (topic, instance) (tocsin_event_time_lag_seconds)"
SUNG = 'sum(increase(tocsin_platform_posts_total{platform="tocsin-canary"}[1h]))'
SET_ASIDE = 'tocsin_rejected_total{reason="internal_error"}'


class Site(NamedTuple):
    """All of it, up and well."""

    settings: Settings
    workers: tuple[Part, Part]
    deliver: Part
    alertmanager: AlertmanagerProcess
    people: People
    posts: LivePosts
    on_call: OnCall

    async def restart_workers(self, **changed: Any) -> None:
        """One after the other."""
        for worker in self.workers:
            if worker.service is not None:
                await worker.stop()
            await worker.start(**changed)


@pytest.fixture
def kafka_cluster() -> Iterator[ApacheKafka]:
    """A broker of its own: names are the defaults, as the runbooks have them."""
    require_kafka()
    with ApacheKafka() as running:
        yield running


@pytest.fixture
async def site(kafka_cluster: ApacheKafka, tmp_path: Path) -> AsyncIterator[Site]:
    """Two workers, a delivery, Alertmanager, Prometheus; posts of two platforms, three hours of past."""
    with Receiver() as receiver, AlertmanagerProcess(tmp_path, people := People(receiver)) as alertmanager:
        settings = Settings(
            bootstrap=kafka_cluster.bootstrap,
            posts_partitions=2,
            sketches_partitions=2,
            session_timeout_s=6,
            drain_s=5,
            feed_platforms="x,bluesky",
            alertmanager_urls=alertmanager.url,
            alertmanager_resend_s=1,
            alertmanager_least_s=3,
            rise_wait_s=2,
            pages_an_hour=1,
            late_digest_s=10,
            canary_s=4,
            deliver_port=free_port(),
        )
        await create_topics(settings)
        workers = tuple(
            Part(settings.model_copy(update={"metrics_port": free_port()}), tmp_path, "worker")
            for _ in range(2)
        )
        deliver = Part(settings, tmp_path, "deliver")
        posts = LivePosts(settings, RATE)
        addresses = {
            "tocsin-worker": ",".join(worker.address for worker in workers),
            "tocsin-deliver": deliver.address,
            "alertmanager": f"127.0.0.1:{alertmanager.port}",
        }
        rules = rules_in_a_hurry(tmp_path / "rules")
        await posts.history()
        async with flowing(posts), PrometheusProcess(tmp_path, addresses, rules) as prometheus:
            on_call = OnCall(prometheus, Shell(settings, tmp_path))
            found = Site(settings, (workers[0], workers[1]), deliver, alertmanager, people, posts, on_call)
            try:
                await found.restart_workers()
                await deliver.start()
                await on_call.is_well()
                yield found
            finally:
                for part in (*workers, deliver):
                    part.gone()


def test_every_runbook_has_its_drill() -> None:
    """Those of rules, and those of what `tocsin deliver` tells."""
    assert set().union(*DRILLS.values()) == {path.stem for path in RUNBOOKS.glob("*.md")}


async def test_workers(site: Site) -> None:
    """One is killed, all are, one has a wrong clock, one hangs."""
    on_call, (one, other), posts = site.on_call, site.workers, site.posts

    one.kill()
    said = await on_call.wakes("TocsinWorkerDown")
    assert said["labels"]["instance"] == one.address
    await one.start()
    await on_call.sleeps("TocsinWorkerDown")

    one.kill()
    other.kill()
    said = await on_call.wakes("TocsinNotDetecting")
    assert {value for _, value in said['up{job="tocsin-worker"}']} == {0.0}
    await on_call.misses("TocsinAlive")
    await posts.campaign("meanwhile")
    await asyncio.sleep(site.settings.late_digest_s + 2)  # an outage, no hope
    await site.restart_workers()
    await on_call.sleeps("TocsinNotDetecting", "TocsinWorkerDown")
    await told(site.people, "chat", "were found over")
    await on_call.is_well()

    await one.stop()
    await one.start({"PYTHONPATH": str(SITE), "SKEW_S": "30"})
    said = await on_call.wakes("TocsinClockSkew")
    assert said["labels"]["instance"] == one.address
    assert any(value < -20 for _, value in said["tocsin_clock_skew_seconds"])
    await one.stop()
    await one.start()
    await on_call.sleeps("TocsinClockSkew")
    await on_call.is_well()

    await other.stop()
    stages = one.hang()
    await on_call.wakes("TocsinLag", severity="warning")
    said = await on_call.wakes("TocsinLag", severity="critical")
    late = {(labels["topic"], labels["instance"]): seconds for labels, seconds in said[LATE]}
    assert late[kafka.POSTS, one.address] > 8
    held = {labels["topic"]: n for labels, n in said[IN_FLIGHT] if labels["instance"] == one.address}
    assert held[kafka.POSTS] > 0
    one.kill()
    wake(stages)  # only now do they see that their worker is gone
    await site.restart_workers()
    await on_call.sleeps("TocsinLag")
    await on_call.is_well()
    assert on_call.followed == DRILLS["workers"]


async def test_feeds(site: Site) -> None:
    """All of them silent, one of them silent; posts that are none, posts whose times are wrong."""
    on_call, posts = site.on_call, site.posts

    posts.rate = 0
    said = await on_call.wakes("TocsinNoPosts")  # though the canary sings
    assert max(value for _, value in said[LAG]) < 10
    posts.rate = RATE
    await on_call.sleeps("TocsinNoPosts")

    posts.platforms = ["x"]
    said = await on_call.wakes("TocsinPlatformSilent")
    assert said["labels"]["platform"] == "bluesky"
    posts.platforms = ["x", "bluesky"]
    await on_call.sleeps("TocsinPlatformSilent")

    posts.spoil = lambda post: post | {"created_at": "2024-05-15T10:00:00"}
    await on_call.wakes("TocsinDeadLetters", severity="warning")
    said = await on_call.wakes("TocsinDeadLetters", severity="critical")
    assert {labels["reason"] for labels, value in said[REASONS] if value} == {"naive_time"}
    assert any("naive_time" in str(text) for command, text in said.items() if "posts.dead" in command)
    posts.spoil = unspoilt
    await on_call.sleeps("TocsinDeadLetters")

    posts.spoil = lambda post: (
        post | {"observed_at": post["created_at"], "created_at": "2024-05-15T10:00:00Z"}
    )
    await on_call.wakes("TocsinFeedClock")
    posts.spoil = unspoilt
    await on_call.sleeps("TocsinFeedClock")
    await on_call.is_well()

    assert on_call.followed == DRILLS["feeds"]


async def test_people(site: Site) -> None:
    """More pages than an hour may have, Alertmanager down, nobody delivers, a canary that can't ring."""
    on_call, posts = site.on_call, site.posts

    await posts.campaign("harbour")
    await told(site.people, "page", "CRITICAL ")
    await posts.campaign("meadow")
    await told(site.people, "page", "more bursts are critical")
    await on_call.wakes("TocsinBurstsRinging")
    await on_call.follows("TocsinBurst")
    await on_call.follows("TocsinStormOrLate")
    paged = next(n.burst for n in site.people.notified if "harbour" in n.summary)
    assert "by maria" in await on_call.types(f"tocsin mute {paged} --for 2h --why WHY --by maria")
    await until(lambda: ("page", "resolved") in site.people.of(paged), PATIENCE_S)

    site.alertmanager.stop()
    said = await on_call.wakes("TocsinDeliveryFailing")
    assert said["labels"]["target"] == site.settings.alertmanager_urls
    await on_call.wakes("TocsinCriticalUndelivered")
    assert site.deliver.service is not None
    assert "can't be told" in site.deliver.service.log()
    site.alertmanager.start()
    await on_call.sleeps("TocsinDeliveryFailing", "TocsinCriticalUndelivered")

    await site.deliver.stop()
    await on_call.wakes("TocsinNobodyDelivers")
    await site.deliver.start()
    await on_call.sleeps("TocsinNobodyDelivers", "TocsinCriticalUndelivered")
    await on_call.is_well()

    await site.deliver.stop()
    await site.deliver.start(min_accounts=2)
    await on_call.wakes("TocsinCanarySilent")
    await on_call.misses("TocsinAlive")
    ((_, n_sung),) = await on_call.asks(SUNG)
    assert n_sung > 0
    await site.deliver.stop()
    await site.deliver.start()
    await on_call.sleeps("TocsinCanarySilent")
    await on_call.is_well()
    assert on_call.followed == DRILLS["people"]


async def test_state(site: Site) -> None:
    """Alerts written late; an index that is full; records that are gone, and one that crashes workers."""
    on_call, (one, other), posts = site.on_call, site.workers, site.posts

    stages = [*one.hang(), *other.hang()]
    for number in range(12):
        await posts.campaign(f"subject-{number}", 8)
    await asyncio.sleep(8)  # more than the objective, 5 s
    wake(stages)
    await on_call.wakes("TocsinDelayBudgetBurn", severity="critical")
    await on_call.sleeps("TocsinDelayBudgetBurn")
    await on_call.is_well()

    posts.rate = 10 * RATE
    await site.restart_workers(max_tracked_posts=1000)
    await on_call.wakes("TocsinIndexFull")
    posts.rate = RATE
    await site.restart_workers()
    await on_call.wakes("TocsinRebuildLong")
    await on_call.sleeps("TocsinIndexFull", "TocsinRebuildLong")

    for worker in (one, other):
        await worker.stop()
    await delete_all(site.settings, kafka.SKETCHES)
    await site.restart_workers()
    said = await on_call.wakes("TocsinRebuildGap")
    assert said["labels"]["topic"] == kafka.SKETCHES
    await on_call.sleeps("TocsinRebuildGap")

    for worker in (one, other):
        await worker.stop()
    await posts.send([posts.make(time.time(), text=POISON)])
    assert await restarts(one, {"PYTHONPATH": str(SITE), "POISON": POISON}) == 3
    said = await on_call.wakes("TocsinRecordSetAside")
    assert any("internal_error" in str(text) for command, text in said.items() if "grep" in command)
    await other.start()
    await on_call.sleeps("TocsinRecordSetAside")
    await on_call.is_well()
    assert on_call.followed == DRILLS["state"]


async def test_time(kafka_cluster: ApacheKafka, tmp_path: Path) -> None:
    """An archive beside a live feed, a partition each, holds time back until it ends."""
    port = free_port()
    settings = Settings(
        bootstrap=kafka_cluster.bootstrap,
        posts_partitions=2,
        sketches_partitions=1,
        session_timeout_s=6,
        metrics_port=port,
    )
    await create_topics(settings)
    worker = Part(settings, tmp_path, "worker")
    addresses = dict.fromkeys(("tocsin-worker", "tocsin-deliver", "alertmanager"), worker.address)
    live, archive = LivePosts(settings, partition=0), LivePosts(settings, partition=1, behind_s=7200)
    rules = rules_in_a_hurry(tmp_path / "rules")
    async with PrometheusProcess(tmp_path, addresses, rules) as prometheus:
        on_call = OnCall(prometheus, Shell(settings, tmp_path))
        try:
            await worker.start()
            async with flowing(live), flowing(archive):
                said = await on_call.wakes("TocsinTimeHeld")
                assert max(value for _, value in said[HELD]) > 7000
                archive.rate = 0
                await on_call.sleeps("TocsinTimeHeld")
                assert on_call.followed == DRILLS["time"]
        finally:
            worker.gone()


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def unspoilt(post: dict[str, Any]) -> dict[str, Any]:
    """As it is."""
    return post


async def told(people: People, receiver: str, summary: str) -> None:
    """Wait for a notification."""
    await until(
        lambda: any(n.receiver == receiver and summary in n.summary for n in people.notified),
        PATIENCE_S,
        lambda: f"{receiver} was not told {summary!r}: {people.notified}",
    )


async def restarts(part: Part, env: dict[str, str]) -> int:
    """Start it again whenever it ends, as a supervisor would, until a record was set aside; how often."""
    for number in range(6):
        service = part.begin(env)

        async def decided(service: Service = service) -> bool:
            return service.ended or (await service.metrics()).get(SET_ASIDE, 0) > 0

        await until(decided, PATIENCE_S, service.tail)
        if not service.ended:
            return number
        part.gone()
    raise AssertionError("it ends again and again")


async def delete_all(settings: Settings, topic: str) -> None:
    """As a retention that is too short would."""
    async with kafka.connected(AIOKafkaAdminClient(**kafka.client_kwargs(settings)), settings) as admin:
        name = kafka.topic_name(settings, topic)
        found = await admin.describe_topics([name])
        partitions = [TopicPartition(name, one["partition"]) for one in found[0]["partitions"]]
        await admin.delete_records({one: RecordsToDelete(before_offset=-1) for one in partitions})
