"""Make the seven topics, and refuse existing ones that would lose state.

What they must be like stands in `stream.topic_specs`. A broker that tells only what was set
(the embedded one), or nothing, is believed; a note says what could not be checked.
"""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from aiokafka import errors as kafka_errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.protocol.metadata import MetadataRequest

from stream import kafka
from stream.errors import TopicError
from stream.settings import Settings
from stream.topic_specs import Facts, Finding, TopicSpec, inspect, inspect_dead, specs

_VISIBLE_S = 15.0
_POLL_S = 0.05
_SAFE_COPIES = 3


@dataclass(slots=True)
class Report:
    """What was found or done; names carry the prefix."""

    facts: dict[str, Facts] = field(default_factory=dict)
    """What the broker says of each topic of ours that exists."""
    created: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Nothing is lost, but someone should know."""
    refusals: list[Finding] = field(default_factory=list)
    """What would lose state; only `look_at_topics` returns any."""


async def create_topics(settings: Settings) -> Report:
    """Create what is missing, change nothing that exists; call it as often as you like.

    Raises:
        TopicError: an existing topic would lose state (nothing is created then), or the broker
            refuses to create one; the text says the fix.
        BrokerError: the broker can't be reached.
    """
    async with kafka.connected(AIOKafkaAdminClient(**kafka.client_kwargs(settings)), settings) as admin:
        report = _refuse(await look_at_topics(admin, settings))
        missing = [s for s in specs(settings) if kafka.topic_name(settings, s.topic) not in report.facts]
        if not missing:
            return report
        copies = await _copies(admin, settings)
        created = await _create(admin, settings, missing, copies)
        await _wait_until_led(admin, created)
        # Another worker may have made some of them meanwhile, with other settings.
        report = _refuse(await look_at_topics(admin, settings))
        report.created = created
        return report


async def check_topics(settings: Settings) -> Report:
    """Look at the topics and change nothing.

    Raises:
        TopicError: a topic is missing or would lose state; the text says the fix.
        BrokerError: the broker can't be reached.
    """
    async with kafka.connected(AIOKafkaAdminClient(**kafka.client_kwargs(settings)), settings) as admin:
        report = _refuse(await look_at_topics(admin, settings))
    if missing := missing_topics(settings, report):
        raise TopicError(f"missing topics: {', '.join(missing)}. Fix: tocsin topics create")
    return report


def missing_topics(settings: Settings, report: Report) -> list[str]:
    """Names of our topics that the broker doesn't have."""
    names = [kafka.topic_name(settings, topic) for topic in kafka.TOPICS]
    return [name for name in names if name not in report.facts]


async def look_at_topics(admin: AIOKafkaAdminClient, settings: Settings) -> Report:
    """What the broker says of our topics, and what is wrong with them; nothing is raised for that."""
    wanted = {kafka.topic_name(settings, spec.topic): spec for spec in specs(settings)}
    report = Report(facts=await _facts(admin, wanted))
    findings = [f for name, fact in report.facts.items() for f in inspect(name, wanted[name], fact, settings)]
    posts, dead = (kafka.topic_name(settings, topic) for topic in (kafka.POSTS, kafka.DEAD))
    if posts in report.facts and dead in report.facts:
        findings += inspect_dead(dead, report.facts[posts], report.facts[dead], settings)
    report.refusals = [f for f in findings if f.is_refusal]
    report.notes = [f"{f.topic}: {f.what}. {f.fix}" for f in findings if not f.is_refusal]
    if untold := [name for name, fact in report.facts.items() if "cleanup.policy" not in fact.config]:
        report.notes.append(f"the broker doesn't tell the settings of {', '.join(untold)}: not checked")
    n_brokers = len(admin._client.cluster.brokers())  # noqa: SLF001 (describe_cluster asks again for this)
    few = [name for name, fact in report.facts.items() if fact.copies < min(n_brokers, _SAFE_COPIES)]
    if few:
        report.notes.append(
            f"fewer than {min(n_brokers, _SAFE_COPIES)} copies on {n_brokers} brokers: {', '.join(few)}. "
            "Losing a broker may lose them; for new topics set replication_factor"
        )
    return report


def _refuse(report: Report) -> Report:
    if report.refusals:
        raise TopicError("\n".join(f"{f.topic}: {f.what}. Fix: {f.fix}" for f in report.refusals))
    return report


async def _facts(admin: AIOKafkaAdminClient, wanted: Collection[str]) -> dict[str, Facts]:
    # All topics are listed: asking for a name creates it where brokers create topics on demand.
    found = {t["topic"]: t["partitions"] for t in await admin.describe_topics() if t["topic"] in wanted}
    configs = await _configs(admin, ConfigResourceType.TOPIC, list(found))
    return {
        name: Facts(
            partitions=len(partitions),
            copies=min((len(p["replicas"]) for p in partitions), default=0),
            config=configs.get(name, {}),
        )
        for name, partitions in sorted(found.items(), key=lambda item: item[0])
    }


async def _configs(
    admin: AIOKafkaAdminClient, kind: ConfigResourceType, names: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Configuration by resource; left out where the broker won't or can't tell."""
    if not names:
        return {}
    # No filter by key: the embedded broker closes the connection on one.
    resources = [ConfigResource(kind, name) for name in names]
    try:
        responses = await admin.describe_configs(resources)
    except kafka_errors.KafkaError:
        return {}
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for response in responses
        for code, _message, _kind, name, entries in response.resources
        if code == 0
    }


async def _copies(admin: AIOKafkaAdminClient, settings: Settings) -> int:
    """Replication factor for new topics; aiokafka can't leave it to the broker, so we ask."""
    if settings.replication_factor > 0:
        return settings.replication_factor
    brokers = sorted(broker.nodeId for broker in admin._client.cluster.brokers())  # noqa: SLF001
    if len(brokers) == 1:
        return 1
    told = await _configs(admin, ConfigResourceType.BROKER, [str(brokers[0])])
    return int(told.get(str(brokers[0]), {}).get("default.replication.factor", 1))


async def _create(
    admin: AIOKafkaAdminClient, settings: Settings, missing: Sequence[TopicSpec], copies: int
) -> list[str]:
    new = [
        NewTopic(
            kafka.topic_name(settings, spec.topic), spec.partitions, copies, topic_configs=dict(spec.config)
        )
        for spec in missing
    ]
    response = await admin.create_topics(new)
    created = []
    for name, code, message in response.topic_errors:
        error = kafka_errors.for_code(code)
        if code == 0:
            created.append(name)
        elif error is not kafka_errors.TopicAlreadyExistsError:
            raise TopicError(f"{name} can't be created: {message or error.description}. {_advice(error)}")
    return created


def _advice(error: type[Exception]) -> str:
    advice: dict[type[Exception], str] = {
        kafka_errors.InvalidReplicationFactorError: "Fix: set replication_factor to the brokers you have",
        kafka_errors.TopicAuthorizationFailedError: "Fix: allow our user to create and describe topics",
        kafka_errors.ClusterAuthorizationFailedError: "Fix: allow our user to create topics",
        kafka_errors.InvalidTopicError: "Fix: another topic_prefix",
    }
    return advice.get(error, "Topics before it in `tocsin topics check` may have been created")


async def _wait_until_led(admin: AIOKafkaAdminClient, names: Collection[str]) -> None:
    """Wait until every broker names a leader for every partition.

    Each has its own view of the cluster, and some lag: a consumer that asks such a one may get nothing.

    Raises:
        TopicError: it takes too long.
    """
    deadline = time.monotonic() + _VISIBLE_S
    while time.monotonic() < deadline:
        brokers = admin._client.cluster.brokers()  # noqa: SLF001
        if all([await _leads(admin, broker.nodeId, names) for broker in brokers]):
            return
        await asyncio.sleep(_POLL_S)
    raise TopicError(
        f"no leader after {_VISIBLE_S:g} s for {', '.join(names)}. Fix: look at the brokers' logs"
    )


async def _leads(admin: AIOKafkaAdminClient, node: int | str, names: Collection[str]) -> bool:
    """Whether broker `node` knows all leaders; a broker that is down misleads nobody."""
    try:
        metadata = await admin._send_request(MetadataRequest(None), node)  # noqa: SLF001 (describe_topics asks any)
    except kafka_errors.KafkaError:
        return True
    seen = {t["topic"]: t["partitions"] for t in metadata.to_object()["topics"]}
    return all(seen.get(name) and all(p["leader"] >= 0 for p in seen[name]) for name in names)
