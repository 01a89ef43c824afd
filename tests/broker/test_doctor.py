"""`tocsin doctor` on both brokers: a healthy service, and what it says of broken ones."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from click.testing import CliRunner
from pydantic import SecretStr
from support.apache_kafka import PASSWORD, USER, ApacheKafka
from support.certificates import Certificates
from support.full_path import Service, environment, produce
from support.scenario_feed import quiet_feed

from stream import kafka
from stream.cli import main
from stream.codec import MAGIC
from stream.doctor.findings import Diagnosis, Level
from stream.doctor.run import examine
from stream.settings import Settings
from stream.topics import create_topics

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
async def admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client on the broker of the test."""
    async with kafka.connected(AIOKafkaAdminClient(**kafka.client_kwargs(settings)), settings) as client:
        yield client


@pytest.fixture
def on_apache(apache_kafka: ApacheKafka, prefix: str) -> Settings:
    """Settings of a test on Apache Kafka alone."""
    return Settings(bootstrap=apache_kafka.bootstrap, topic_prefix=prefix, group=f"{prefix}group")


async def looked(
    settings: Settings, *, ahead_s: float = 0.0, with_round_trip: bool = False
) -> list[Diagnosis]:
    """All findings; `ahead_s` is by how much this machine's clock is ahead."""
    clock = lambda: time.time() + ahead_s  # noqa: E731
    return [found async for found in examine(settings, with_round_trip=with_round_trip, clock=clock)]


def of(findings: list[Diagnosis], check: str) -> list[tuple[Level, str]]:
    """What one check said."""
    return [(found.level, found.what) for found in findings if found.check == check]


async def test_a_healthy_service_is_told_healthy_and_the_trial_leaves_nothing_behind(
    settings: Settings, admin: AIOKafkaAdminClient, tmp_path: Path
) -> None:
    """The command ends with 0, a made-up burst rang on its way, and no topic or group is left of it."""
    await create_topics(settings)
    with Service(settings, tmp_path) as worker:
        await worker.ready()
        await produce(settings, [quiet_feed(20, start="2024-05-15T10:00:00Z", gap_s=1)])
        env = {n: v for n, v in environment(settings, tmp_path).items() if n.startswith("TOCSIN_")}
        done = await asyncio.to_thread(CliRunner(env=env).invoke, main, ["doctor", "--json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["healthy"]) == (0, True), told
    levels = {found["check"]: found["level"] for found in told["findings"]}
    assert {
        levels[check] for check in ("broker", "apis", "topics", "versions", "group", "lag", "round-trip")
    } == {"ok"}
    assert {found["check"] for found in told["findings"] if not found["fix"]} == {
        check for check, level in levels.items() if level == "ok"
    }
    left = [name for name in await admin.list_topics() if "doctor-" in name]
    groups = [name for name, *_ in await admin.list_consumer_groups() if "doctor-" in name]
    ours = settings.topic_prefix
    assert [name for name in [*left, *groups] if name.startswith(ours)] == []


async def test_what_is_missing_is_named_with_its_command(settings: Settings) -> None:
    """No topics, no worker, no delivery: each is wrong and says what makes it."""
    wanted = settings.model_copy(update={"webhook_url": "http://127.0.0.1:1/hook"})
    found = await looked(wanted)
    fixes = {one.fix for one in found if one.level is Level.WRONG}
    assert {"tocsin topics create", "start one: tocsin worker", "start one: tocsin deliver"} <= fixes


async def test_a_topic_that_would_lose_state_and_a_foreign_pack_are_wrong(
    settings: Settings, admin: AIOKafkaAdminClient
) -> None:
    """The refusal of `tocsin topics check` is a finding, so is a pack of another version."""
    name = kafka.topic_name(settings, kafka.ALERTS)
    await admin.create_topics([NewTopic(name, 1, 1, topic_configs={"cleanup.policy": "delete"})])
    sketches = kafka.topic_name(settings, kafka.SKETCHES)
    await admin.create_topics(
        [NewTopic(sketches, 4, 1, topic_configs={"message.timestamp.type": "LogAppendTime"})]
    )
    async with AIOKafkaProducer(**kafka.client_kwargs(settings)) as producer:
        await producer.send_and_wait(sketches, MAGIC + bytes([99]) + bytes(8), partition=2)
    found = await looked(settings)
    topics = [what for level, what in of(found, "topics") if level is Level.WRONG]
    assert any(what.startswith(f"{name}: cleanup.policy = delete") for what in topics)
    ((level, what),) = of(found, "versions")
    assert (level, what.startswith(f"{sketches}/2 at offset 0: a pack of another making")) == (
        Level.WRONG,
        True,
    )


async def test_posts_that_nobody_reads_are_wrong_after_a_minute(settings: Settings) -> None:
    """Told by partition with their age; before the minute is over they only count."""
    await create_topics(settings)
    await produce(settings, [[b"{}"] * 3])
    assert of(await looked(settings), "lag") == [(Level.OK, "3 records wait, none for longer than 60 s")]
    ((level, what),) = of(await looked(settings, ahead_s=90), "lag")
    assert level is Level.WRONG
    assert what.startswith(f"{kafka.topic_name(settings, kafka.POSTS)}/0: offset 0 came 9")


@pytest.mark.kafka
async def test_a_clock_that_disagrees_with_the_brokers_is_wrong(
    on_apache: Settings,
) -> None:
    """By how much and which way; the embedded broker stamps no append times."""
    await create_topics(on_apache)
    for ahead_s, level, words in ((0.0, Level.OK, "within 0.0 s"), (90.0, Level.WRONG, "90.0 s behind")):
        ((found, what),) = of(await looked(on_apache, ahead_s=ahead_s, with_round_trip=True), "clock")
        assert (found, words in what) == (level, True), what


@pytest.mark.kafka
async def test_posts_that_retention_took_before_they_were_read_are_counted(
    on_apache: Settings,
) -> None:
    """The group stands at offset 1, the log begins at 4: three are lost."""
    await create_topics(on_apache)
    await produce(on_apache, [[b"{}"] * 6])
    client = kafka.client_kwargs(on_apache)
    tp = TopicPartition(kafka.topic_name(on_apache, kafka.POSTS), 0)
    async with AIOKafkaConsumer(**client, group_id=on_apache.group, enable_auto_commit=False) as consumer:
        consumer.assign([tp])
        await consumer.commit({tp: 1})
    async with kafka.connected(AIOKafkaAdminClient(**client), on_apache) as admin:
        await admin.delete_records({tp: RecordsToDelete(4)})
    ((level, what),) = of(await looked(on_apache), "lag")
    assert (level, what) == (Level.WRONG, f"{tp.topic}/0: retention deleted 3 records before they were read")


@pytest.mark.kafka
async def test_the_trial_passes_over_sasl_and_tls_and_a_wrong_password_is_named(
    secure_kafka: ApacheKafka, certificates: Certificates, prefix: str
) -> None:
    """The trial's worker is given what we were given; refused, the finding says which user by what."""
    secured = Settings(
        bootstrap=secure_kafka.listener("SASL_SSL"),
        security_protocol="SASL_SSL",
        ssl_cafile=certificates.ca,
        sasl_username=USER,
        sasl_password=PASSWORD,
        topic_prefix=prefix,
        group=f"{prefix}group",
    )
    ((level, what),) = of(await looked(secured, with_round_trip=True), "round-trip")
    assert level is Level.OK, what
    refused = secured.model_copy(update={"sasl_password": SecretStr("wrong")})
    ((level, what),) = of(await looked(refused, with_round_trip=True), "broker")
    assert (level, f"the broker refuses user '{USER}'" in what) == (Level.WRONG, True), what


def test_nobody_listening_is_said_and_what_needs_no_broker_is_still_looked_at() -> None:
    """Exit code 1; Alertmanager, Prometheus and the page are asked all the same, each with advice."""
    env = {
        f"TOCSIN_{name}": f"http://127.0.0.1:1/{name.lower()}"
        for name in ("ALERTMANAGER_URLS", "PROMETHEUS_URL", "PAGE_URL")
    }
    done = CliRunner(env={"TOCSIN_BOOTSTRAP": "127.0.0.1:1", **env}).invoke(main, ["doctor"])
    lines = done.stdout.splitlines()
    assert done.exit_code == 1
    assert [line.split()[:2] for line in lines[::2]] == [
        ["WRONG", check] for check in ("broker", "alertmanager", "prometheus", "page")
    ]
    assert "nothing listens there (check bootstrap" in lines[0]
    assert all(line.lstrip().startswith("→ ") for line in lines[1::2])
