"""`tocsin topics` on both brokers: what it makes, what it adopts, what it refuses."""

from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from click.testing import CliRunner
from support.apache_kafka import ApacheKafka

from stream.cli import main
from stream.errors import BrokerError, TopicError
from stream.kafka import TOPICS, client_kwargs, connected, topic_name
from stream.settings import Settings
from stream.topics import check_topics, create_topics

HOUR_MS = 3_600_000


@pytest.fixture
async def admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client on the broker of the test."""
    async with connected(AIOKafkaAdminClient(**client_kwargs(settings)), settings) as client:
        yield client


async def make(admin: AIOKafkaAdminClient, name: str, partitions: int = 1, **config: object) -> None:
    """Make a topic as a stranger would; underscores in config names stand for dots."""
    values = {key.replace("_", "."): str(value) for key, value in config.items()}
    response = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=values)])
    assert [code for _, code, _ in response.topic_errors] == [0]


async def test_creates_all_seven_and_a_second_time_nothing(settings: Settings) -> None:
    """The first run makes seven topics, the second finds them and makes none."""
    names = {topic_name(settings, topic) for topic in TOPICS}
    first = await create_topics(settings)
    again = await create_topics(settings)
    assert (set(first.created), again.created) == (names, [])
    assert set(again.facts) == names
    assert first.notes == again.notes == (await check_topics(settings)).notes == []


async def test_topics_are_as_design_says(settings: Settings) -> None:
    """Partitions, cleanup, retention and timestamps are what the stages rely on."""
    wanted = settings.model_copy(update={"posts_partitions": 3, "sketches_partitions": 2})
    facts = (await create_topics(wanted)).facts
    seen = {}
    for topic in TOPICS:
        partitions, _, config = facts[topic_name(settings, topic)]
        seen[topic] = (partitions, config["cleanup.policy"], config.get("retention.ms"))
        assert config["message.timestamp.type"] == "LogAppendTime"
    two_days, week = str(48 * HOUR_MS), str(168 * HOUR_MS)
    unset = seen["rulings"][2]  # Apache tells its default, the embedded broker nothing
    assert unset in (None, str(168 * HOUR_MS))
    assert seen == {
        "posts": (3, "delete", two_days),
        "sketches": (2, "delete", two_days),
        "activity": (1, "delete", two_days),
        "alerts": (1, "compact,delete", str(720 * HOUR_MS)),
        "posts.dead": (1, "delete", week),
        "burst-state": (1, "compact", unset),
        "rulings": (1, "compact", unset),
    }


async def test_missing_topics_are_named_with_the_command(settings: Settings) -> None:
    """The check names what is missing and what makes it."""
    with pytest.raises(TopicError, match=r"missing topics: .*posts, .*rulings\. Fix: tocsin topics create"):
        await check_topics(settings)


async def test_looking_creates_nothing(settings: Settings, admin: AIOKafkaAdminClient) -> None:
    """Neither check nor a refused create leaves a topic behind, even where brokers auto-create."""
    with pytest.raises(TopicError):
        await check_topics(settings)
    await make(admin, topic_name(settings, "alerts"), cleanup_policy="delete")
    with pytest.raises(TopicError):
        await create_topics(settings)
    left = [name for name in await admin.list_topics() if name.startswith(settings.topic_prefix)]
    assert left == [topic_name(settings, "alerts")]


@pytest.mark.parametrize(
    ("topic", "config", "fix"),
    [
        pytest.param(
            "alerts", {"cleanup_policy": "delete"}, "cleanup.policy=[compact,delete]", id="alerts-deleted"
        ),
        pytest.param("alerts", {"retention_ms": HOUR_MS}, f"retention.ms={720 * HOUR_MS}", id="alerts-short"),
        pytest.param(
            "burst-state", {"cleanup_policy": "compact,delete"}, "cleanup.policy=compact", id="state-deleted"
        ),
        pytest.param("sketches", {"cleanup_policy": "compact"}, "cleanup.policy=delete", id="log-compacted"),
        pytest.param(
            "posts", {"retention_ms": 24 * HOUR_MS}, f"retention.ms={48 * HOUR_MS}", id="posts-short"
        ),
        pytest.param(
            "activity", {"retention_ms": HOUR_MS}, f"retention.ms={48 * HOUR_MS}", id="activity-short"
        ),
        pytest.param(
            "posts",
            {"message_timestamp_type": "CreateTime"},
            "message.timestamp.type=LogAppendTime",
            id="client-times",
        ),
        pytest.param(
            "sketches", {"max_message_bytes": 100_000}, "max.message.bytes=1048588", id="pack-does-not-fit"
        ),
    ],
)
async def test_topic_that_would_lose_state_is_refused_with_the_command(
    settings: Settings, admin: AIOKafkaAdminClient, topic: str, config: dict[str, object], fix: str
) -> None:
    """An existing topic that would lose state is refused, and the command that mends it is given."""
    name = topic_name(settings, topic)
    good = {"message_timestamp_type": "LogAppendTime", "retention_ms": 48 * HOUR_MS}
    if topic in ("burst-state", "rulings"):
        good = {"message_timestamp_type": "LogAppendTime"}
    if topic == "alerts":
        good |= {"cleanup_policy": "compact,delete"}
    await make(admin, name, 4 if topic in ("posts", "sketches") else 1, **good | config)
    with pytest.raises(TopicError) as caught:
        await create_topics(settings)
    said = str(caught.value)
    assert said.startswith(f"{name}: ")
    assert f"--bootstrap-server {settings.bootstrap} --alter --entity-type topics" in said
    assert said.endswith(f"--entity-name {name} --add-config {fix}")
    assert "\n" not in said


async def test_activity_in_two_partitions_is_refused(settings: Settings, admin: AIOKafkaAdminClient) -> None:
    """Merging needs one view, so a second partition is refused, with both ways out."""
    await make(admin, topic_name(settings, "activity"), 2, message_timestamp_type="LogAppendTime")
    with pytest.raises(TopicError, match=r"2 partitions.*another topic_prefix.*--delete --topic .*activity"):
        await create_topics(settings)


async def test_dead_letter_topic_smaller_than_posts_is_refused(
    settings: Settings, admin: AIOKafkaAdminClient
) -> None:
    """A dead letter of the largest post must fit, or that post would loop a worker."""
    append = {"message_timestamp_type": "LogAppendTime"}
    await make(admin, topic_name(settings, "posts"), 4, max_message_bytes=5_000_000, **append)
    await make(admin, topic_name(settings, "posts.dead"), max_message_bytes=1_000_000, **append)
    with pytest.raises(TopicError, match=r"posts\.dead.*too small.*max\.message\.bytes=5004096"):
        await create_topics(settings)


async def test_other_partition_count_is_adopted_and_said(
    settings: Settings, admin: AIOKafkaAdminClient
) -> None:
    """An existing posts topic keeps its partitions; a note says that the setting differs."""
    config = {"message_timestamp_type": "LogAppendTime", "retention_ms": 30 * HOUR_MS}
    await make(admin, topic_name(settings, "posts"), 2, **config)
    report = await create_topics(settings)
    assert len(report.created) == 6
    assert report.facts[topic_name(settings, "posts")].partitions == 2
    assert [note for note in report.notes if "it has 2 partitions, posts_partitions is 4" in note]


async def test_posts_and_alerts_kept_forever_are_no_loss_but_said(
    settings: Settings, admin: AIOKafkaAdminClient
) -> None:
    """No retention, or alerts compacted only: nothing is lost; that it stays longer than stated is noted."""
    await make(
        admin,
        topic_name(settings, "alerts"),
        1,
        message_timestamp_type="LogAppendTime",
        cleanup_policy="compact",
    )
    await make(
        admin, topic_name(settings, "posts"), 4, message_timestamp_type="LogAppendTime", retention_ms=-1
    )
    report = await create_topics(settings)
    assert [n for n in report.notes if "retention.ms = -1 keeps personal data longer" in n]
    assert [n for n in report.notes if "cleanup.policy = compact keeps personal data longer" in n]


def test_command_creates_checks_and_describes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tocsin topics create`, `check` and `describe` say what they did; a wrong topic exits 1."""
    monkeypatch.setenv("TOCSIN_BOOTSTRAP", settings.bootstrap)
    monkeypatch.setenv("TOCSIN_TOPIC_PREFIX", settings.topic_prefix)
    run = CliRunner().invoke
    before = run(main, ["topics", "check"])
    assert (before.exit_code, before.stdout) == (1, "")
    assert before.stderr.startswith("tocsin: missing topics: ")
    created = run(main, ["topics", "create"])
    assert (created.exit_code, created.stdout.count("created ")) == (0, 7)
    assert run(main, ["topics", "create"]).stdout.count("exists ") == 7
    assert run(main, ["topics", "check"]).stdout == "7 topics keep what they must\n"
    lines = run(main, ["topics", "describe"]).stdout.splitlines()
    assert [line for line in lines if "alerts: 1 partitions, 1 copies, cleanup.policy=compact,delete" in line]


async def test_nobody_listening_is_said_with_advice() -> None:
    """Without a broker the error names the address and what to check."""
    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:1: nothing listens there \(check bootstrap"):
        await create_topics(Settings(bootstrap="127.0.0.1:1"))


@pytest.mark.kafka
async def test_more_copies_than_brokers_is_refused_with_the_setting(
    apache_kafka: ApacheKafka, prefix: str
) -> None:
    """A replication factor that the cluster can't hold names the setting to change."""
    settings = Settings(bootstrap=apache_kafka.bootstrap, topic_prefix=prefix, replication_factor=3)
    with pytest.raises(TopicError, match=r"can't be created: .*Fix: set replication_factor"):
        await create_topics(settings)


@pytest.mark.kafka
async def test_old_event_time_is_no_old_record(apache_kafka: ApacheKafka, prefix: str) -> None:
    """A producer that stamps 2024 can't have its posts deleted: the broker's time is stored."""
    settings = Settings(bootstrap=apache_kafka.bootstrap, topic_prefix=prefix)
    await create_topics(settings)
    async with connected(AIOKafkaProducer(**client_kwargs(settings)), settings) as producer:
        name = topic_name(settings, "posts")
        sent = await producer.send_and_wait(name, b"{}", timestamp_ms=1_715_774_460_000)
    assert sent.timestamp > 1_715_774_460_000 + 365 * 24 * HOUR_MS
