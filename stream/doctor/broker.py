"""What the brokers tell: topics, who made the packs, who is in the groups, what waits."""

import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol import API_KEYS
from aiokafka.protocol.admin import ApiVersionRequest

from detectors.alert import decode_alert
from detectors.burster import settings_digest
from stream import kafka
from stream.codec import decode_pack
from stream.detection import VERSION, detector_settings
from stream.doctor.findings import Clock, Diagnosis, note, ok, wrong
from stream.errors import PackError
from stream.settings import Settings
from stream.topics import Report, look_at_topics, missing_topics

LATE_S = 60.0
"""A record that waits longer is what the rule TocsinLag tells of."""
_READ_S = 15.0
_POLL_MS = 100
_FETCH = 1
_NEEDED = (0, _FETCH, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 19, 22, 32)
"""Produce to SyncGroup, DescribeGroups, CreateTopics, InitProducerId (idempotent sends), DescribeConfigs."""
_INPUTS = (kafka.POSTS, kafka.SKETCHES, kafka.ACTIVITY)


async def apis(admin: AIOKafkaAdminClient) -> list[Diagnosis]:
    """Whether every broker speaks what the service needs, and all the same."""
    spoken: dict[str, dict[int, tuple[int, int]]] = {}
    for one in sorted(admin._client.cluster.brokers()):  # noqa: SLF001
        answer = await admin._send_request(ApiVersionRequest(), one.nodeId)  # noqa: SLF001
        spoken[f"{one.host}:{one.port}"] = {key: (low, high) for key, low, high, *_ in answer.api_versions}
    found = [
        wrong(
            "apis", f"{name} doesn't speak {', '.join(missing)}", "the service needs Kafka 4, or its protocol"
        )
        for name, versions in spoken.items()
        if (missing := [API_KEYS[key] for key in _NEEDED if key not in versions])
    ]
    if len({frozenset(versions.items()) for versions in spoken.values()}) > 1:
        what = f"the brokers {', '.join(spoken)} speak different versions"
        found.append(note("apis", what, "expected only while they are being upgraded"))
    fetch = min((versions[_FETCH][1] for versions in spoken.values() if _FETCH in versions), default=0)
    return found or [ok("apis", f"all {len(_NEEDED)} that are needed, Fetch up to version {fetch}")]


async def topics(admin: AIOKafkaAdminClient, settings: Settings) -> tuple[Report, list[Diagnosis]]:
    """Whether all topics exist and keep what they must."""
    report = await look_at_topics(admin, settings)
    found = [wrong("topics", f"{f.topic}: {f.what}", f.fix) for f in report.refusals]
    if missing := missing_topics(settings, report):
        found.append(wrong("topics", f"missing: {', '.join(missing)}", "tocsin topics create"))
    found += [
        note("topics", what, fix or "nothing must be done")
        for what, _, fix in (text.partition(". ") for text in report.notes)
    ]
    return report, found or [ok("topics", f"{len(report.facts)} topics keep what they must")]


async def versions(settings: Settings, report: Report) -> list[Diagnosis]:
    """Whether the newest packs are of our making, and the newest alert of our settings."""
    found = []
    packs = await _newest(settings, _partitions(settings, report, [kafka.SKETCHES]))
    alerts = await _newest(settings, _partitions(settings, report, [kafka.ALERTS]))
    for record in packs:
        try:
            decode_pack(record.value)
        except PackError as error:
            what = f"{record.topic}/{record.partition} at offset {record.offset}: {error}"
            found.append(wrong("versions", what, "run one version of Tocsin and of Python everywhere"))
            break
    ours = settings_digest(detector_settings(settings))
    for record in alerts:
        try:
            detector = decode_alert(record.value or b"").detector
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if (detector.version, detector.settings_digest) != (VERSION, ours):
            theirs = f"{detector.version} with settings {detector.settings_digest}"
            what = f"the newest alert was judged by {theirs}; here are {VERSION} and {ours}"
            found.append(note("versions", what, "give doctor and workers the same settings: tocsin settings"))
    return found or [
        ok("versions", f"Tocsin {VERSION}, settings {ours}; {len(packs)} packs looked at are its own")
    ]


async def groups(admin: AIOKafkaAdminClient, settings: Settings) -> list[Diagnosis]:
    """Whether workers run, and deliveries where people are to be told."""
    wanted = {settings.group: ("worker", "tocsin worker")}
    if settings.alertmanagers or settings.webhook_url:
        wanted[f"{settings.group}-deliver"] = ("delivery", "tocsin deliver")
    found = []
    for group, (who, command) in wanted.items():
        try:
            state, n_members = await _describe(admin, group)
        except KafkaError as error:
            found.append(wrong("group", f"group {group} can't be looked at: {error}", "allow DESCRIBE on it"))
            continue
        if not n_members:
            found.append(wrong("group", f"no {who} is in group {group}", f"start one: {command}"))
        elif state != "Stable":
            what = f"group {group} is in state {state}, members: {n_members}"
            found.append(note("group", what, "a join or leave is under way; look again in half a minute"))
        else:
            found.append(ok("group", f"{n_members} in group {group}"))
    return found


async def _describe(admin: AIOKafkaAdminClient, group: str) -> tuple[str, int]:
    """State of a group, and its number of members."""
    (answer,) = await admin.describe_consumer_groups([group])
    (described,) = answer.to_object()["groups"]
    return described["state"], len(described["members"])


async def lag(
    admin: AIOKafkaAdminClient, settings: Settings, report: Report, clock: Clock
) -> list[Diagnosis]:
    """What the workers have not read yet, how long it waits, and whether retention took any of it."""
    tps = _partitions(settings, report, _INPUTS)
    if not tps:
        return []
    try:
        committed = await admin.list_consumer_group_offsets(settings.group, partitions=tps)
    except KafkaError as error:
        what = f"offsets of group {settings.group} can't be read: {error}"
        return [wrong("lag", what, "allow DESCRIBE on it")]
    begun = {tp: place.offset for tp, place in committed.items() if place.offset >= 0}
    found, n_waiting = [], 0
    runbook = f"{settings.runbook_url}/lag.md"
    async with _reader(settings) as consumer:
        waiting = await _first_from(consumer, {tp: begun.get(tp, 0) for tp in tps})
        for tp, record in waiting.items():
            n_waiting += consumer.highwater(tp) - record.offset
            age_s = clock() - record.timestamp / 1000
            where = f"{tp.topic}/{tp.partition}"
            if tp in begun and record.offset > begun[tp]:
                what = (
                    f"{where}: retention deleted {record.offset - begun[tp]:,} records before they were read"
                )
                found.append(wrong("lag", what, "they are lost; lengthen retention, add workers"))
            if age_s > LATE_S:
                what = f"{where}: offset {record.offset:,} came {age_s:,.0f} s ago and is not read yet"
                found.append(wrong("lag", what, f"add a worker, or restart one that hangs; {runbook}"))
    return found or [ok("lag", f"{n_waiting:,} records wait, none for longer than {LATE_S:g} s")]


def _partitions(settings: Settings, report: Report, names: Collection[str]) -> list[TopicPartition]:
    full = [kafka.topic_name(settings, name) for name in names]
    return [
        TopicPartition(name, number)
        for name in full
        if name in report.facts
        for number in range(report.facts[name].partitions)
    ]


@asynccontextmanager
async def _reader(settings: Settings) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(
        **kafka.client_kwargs(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=_POLL_MS,
    )
    async with kafka.connected(consumer, settings):
        yield consumer


async def _newest(settings: Settings, tps: list[TopicPartition]) -> list[Any]:
    """The last record of each partition, or one of the last batch (see `stream.recovery` for why)."""
    if not tps:
        return []
    async with _reader(settings) as consumer:
        ends = await consumer.end_offsets(tps)
        offsets = {tp: end - 1 for tp, end in ends.items() if end > 0}
        return list((await _first_from(consumer, offsets)).values())


async def _first_from(consumer: Any, offsets: dict[TopicPartition, int]) -> dict[TopicPartition, Any]:
    """The first record at or after an offset, of partitions that have one."""
    consumer.assign(list(offsets))
    for tp, offset in offsets.items():
        consumer.seek(tp, offset)
    first: dict[TopicPartition, Any] = {}
    unknown, deadline = set(offsets), time.monotonic() + _READ_S
    while unknown and time.monotonic() < deadline:
        found = await consumer.getmany(*unknown, timeout_ms=_POLL_MS, max_records=len(unknown))
        first |= {tp: records[0] for tp, records in found.items() if records}
        for tp in list(unknown):
            end = consumer.highwater(tp)
            if tp in first or (end is not None and offsets[tp] >= end):
                unknown.discard(tp)
    return first
