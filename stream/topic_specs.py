"""What the seven topics must be like, and what is wrong with those that exist: pure, no I/O.

| topic | partitions | cleanup | why |
|---|---|---|---|
| posts, sketches | by setting | delete, ≥ epoch + 24 h | a partition's state is a replay of its epoch |
| activity | 1 | the same | merging, test correction and linking need one view |
| alerts | 1 | compact, by burst id; delete | the last state of every burst; BURST reads it on start |
| posts.dead | 1 | delete, 7 days | rejected bytes are personal data; room for a post and its reason |
| burst-state | 1 | compact | checkpoints of BURST |
| rulings | 1 | compact, by ruling | what holds outlives every retention and change of settings |

Timestamps are append times, set by the broker: retention and recovery go by them, and under
CreateTime a producer that stamps an archive's event time has it deleted within a minute. So
CreateTime is refused, on ``posts`` too; the fix is one command and touches no record.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from stream import kafka
from stream.settings import Settings

HOUR_MS = 3_600_000
RECORD_BYTES = 1_048_588
"""Kafka's own default for a record batch."""
DEAD_RECORD_BYTES = 2 * RECORD_BYTES
"""A dead letter is a post's bytes and where they came from."""
DEAD_HEADER_BYTES = 4096
PACK_BYTES = 600_000
"""Packs and snapshots are split at 512 kB; the rest is overhead."""
ALERT_BYTES = 300_000
"""Alerts stay under 256 kB; the rest is overhead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """What a topic must be like; `topic` is the name without prefix."""

    topic: str
    partitions: int
    is_single: bool
    """Whether more than one partition would break the stage behind it."""
    config: Mapping[str, str]
    min_retention_ms: int = 0
    min_record_bytes: int = 0


class Facts(NamedTuple):
    """What the broker says of a topic; `config` holds what it tells, perhaps only what was set."""

    partitions: int
    copies: int
    config: Mapping[str, str]


class Finding(NamedTuple):
    """Something about an existing topic that someone should know."""

    topic: str
    what: str
    fix: str
    is_refusal: bool = True


def specs(settings: Settings) -> tuple[TopicSpec, ...]:
    """All topics as `settings` want them, in the order of a post's way."""
    keep_ms = settings.min_retention_s * 1000
    stages_h = settings.stages_retention_h
    return (
        TopicSpec(
            topic=kafka.POSTS,
            partitions=settings.posts_partitions,
            is_single=False,
            config=_deleted(settings.posts_retention_h),
            min_retention_ms=keep_ms,
        ),
        TopicSpec(
            topic=kafka.SKETCHES,
            partitions=settings.sketches_partitions,
            is_single=False,
            config=_deleted(stages_h),
            min_retention_ms=keep_ms,
            min_record_bytes=PACK_BYTES,
        ),
        TopicSpec(
            topic=kafka.ACTIVITY,
            partitions=1,
            is_single=True,
            config=_deleted(stages_h),
            min_retention_ms=keep_ms,
            min_record_bytes=PACK_BYTES,
        ),
        TopicSpec(
            topic=kafka.ALERTS,
            partitions=1,
            is_single=True,
            config=_compacted(6 * HOUR_MS)
            | {
                "cleanup.policy": "compact,delete",
                "retention.ms": str(settings.alerts_retention_h * HOUR_MS),
            },
            min_retention_ms=keep_ms,
            min_record_bytes=ALERT_BYTES,
        ),
        TopicSpec(
            topic=kafka.DEAD,
            partitions=1,
            is_single=False,
            config=_deleted(settings.dead_retention_h, DEAD_RECORD_BYTES),
        ),
        TopicSpec(
            topic=kafka.BURST_STATE,
            partitions=1,
            is_single=True,
            config=_compacted(HOUR_MS),
            min_record_bytes=PACK_BYTES,
        ),
        TopicSpec(topic=kafka.RULINGS, partitions=1, is_single=True, config=_compacted(6 * HOUR_MS)),
    )


def _deleted(retention_h: int, record_bytes: int = RECORD_BYTES) -> dict[str, str]:
    retention_ms = retention_h * HOUR_MS
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(retention_ms),
        # Whole segments are deleted: with Kafka's 7 days personal data would stay that much longer.
        "segment.ms": str(min(retention_ms, max(retention_ms // 8, HOUR_MS))),
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(record_bytes),
    }


def _compacted(segment_ms: int) -> dict[str, str]:
    return {
        "cleanup.policy": "compact",
        # The segment being written is never compacted, and checkpoints come every minute.
        "segment.ms": str(segment_ms),
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(RECORD_BYTES),
    }


def inspect(name: str, spec: TopicSpec, facts: Facts, settings: Settings) -> list[Finding]:
    """What is wrong with the existing topic `name`; a value the broker doesn't tell is passed over."""
    checks = (_partitions, _cleanup, _retention, _timestamps, _record_bytes)
    return [finding for check in checks for finding in check(name, spec, facts, settings)]


def inspect_dead(name: str, posts: Facts, dead: Facts, settings: Settings) -> list[Finding]:
    """Whether the topic `name` of dead letters takes whatever the existing posts topic takes."""
    needed = int(posts.config.get("max.message.bytes", 0)) + DEAD_HEADER_BYTES
    limit = dead.config.get("max.message.bytes")
    if limit is None or int(limit) >= needed:
        return []
    what = f"max.message.bytes = {limit} is too small for a dead letter of the largest post"
    return [Finding(name, what, _alter(settings, name, "max.message.bytes", str(needed)))]


def _partitions(name: str, spec: TopicSpec, facts: Facts, settings: Settings) -> Iterator[Finding]:
    if facts.partitions == spec.partitions:
        return
    if spec.is_single:
        yield Finding(
            name,
            f"it has {facts.partitions} partitions, and its stage needs all of it in one",
            "set another topic_prefix; or stop the workers, "
            f"kafka-topics.sh --bootstrap-server {settings.bootstrap} --delete --topic {name}, "
            "then tocsin topics create (what it holds is lost)",
        )
    elif spec.topic != kafka.DEAD:
        setting = f"{spec.topic}_partitions"
        yield Finding(
            name,
            f"it has {facts.partitions} partitions, {setting} is {spec.partitions}; the topic's count holds",
            f"Set {setting} = {facts.partitions} to silence this; adding partitions re-routes near-copies",
            is_refusal=False,
        )


def _cleanup(name: str, spec: TopicSpec, facts: Facts, settings: Settings) -> Iterator[Finding]:
    policy, wanted = facts.config.get("cleanup.policy"), spec.config["cleanup.policy"]
    if policy is None or set(policy.split(",")) == set(wanted.split(",")):
        return
    fix = _alter(settings, name, "cleanup.policy", f"[{wanted}]" if "," in wanted else wanted)
    if policy in wanted.split(",") and policy == "compact":
        what = f"cleanup.policy = {policy} keeps personal data longer than the setting's retention"
        yield Finding(name, what, f"Shorten it: {fix}", is_refusal=False)
        return
    loses = "all but the last record of a key" if wanted == "delete" else "old states of bursts"
    yield Finding(name, f"cleanup.policy = {policy} deletes {loses}; it must be {wanted}", fix)


def _retention(name: str, spec: TopicSpec, facts: Facts, settings: Settings) -> Iterator[Finding]:
    kept = facts.config.get("retention.ms")
    if kept is None or "delete" not in spec.config["cleanup.policy"]:
        return
    kept_ms, wanted_ms = int(kept), int(spec.config["retention.ms"])
    is_short = 0 <= kept_ms < spec.min_retention_ms
    if is_short:
        least_h = spec.min_retention_ms / HOUR_MS
        yield Finding(
            name,
            f"retention.ms = {kept_ms} ({kept_ms / HOUR_MS:.3g} h) is shorter than an epoch and 24 h "
            f"({least_h:g} h): a restart would miss records",
            _alter(settings, name, "retention.ms", str(wanted_ms)),
        )
    elif not 0 <= kept_ms <= wanted_ms:
        yield Finding(
            name,
            f"retention.ms = {kept_ms} keeps personal data longer than the setting's {wanted_ms}",
            f"Shorten it: {_alter(settings, name, 'retention.ms', str(wanted_ms))}",
            is_refusal=False,
        )
    if int(facts.config.get("retention.bytes", -1)) >= 0:
        yield Finding(
            name,
            f"retention.bytes = {facts.config['retention.bytes']} may delete records before their time",
            f"Lift it: {_alter(settings, name, 'retention.bytes', '-1')}",
            is_refusal=False,
        )


def _timestamps(name: str, spec: TopicSpec, facts: Facts, settings: Settings) -> Iterator[Finding]:
    key = "message.timestamp.type"
    if facts.config.get(key, spec.config[key]) != spec.config[key]:
        yield Finding(
            name,
            f"{key} = {facts.config[key]}: retention would go by what producers claim",
            _alter(settings, name, key, spec.config[key]),
        )


def _record_bytes(name: str, spec: TopicSpec, facts: Facts, settings: Settings) -> Iterator[Finding]:
    limit = facts.config.get("max.message.bytes")
    if limit is not None and int(limit) < spec.min_record_bytes:
        yield Finding(
            name,
            f"max.message.bytes = {limit} is below the {spec.min_record_bytes} our messages may take",
            _alter(settings, name, "max.message.bytes", spec.config["max.message.bytes"]),
        )


def _alter(settings: Settings, name: str, key: str, value: str) -> str:
    return (
        f"kafka-configs.sh --bootstrap-server {settings.bootstrap} --alter --entity-type topics "
        f"--entity-name {name} --add-config {key}={value}"
    )
