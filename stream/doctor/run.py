"""All checks, in the order in which one failure explains the next."""

import time
from collections.abc import AsyncIterator

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream import kafka
from stream.doctor import broker
from stream.doctor.findings import Clock, Diagnosis, ok, wrong
from stream.doctor.outside import outside
from stream.doctor.round_trip import round_trip
from stream.errors import BrokerError, TocsinError
from stream.settings import Settings


async def examine(
    settings: Settings, *, with_round_trip: bool = True, clock: Clock = time.time
) -> AsyncIterator[Diagnosis]:
    """Each finding as soon as it is known; what needs a broker is left out where none answers."""
    reached = False
    async for found in _brokers(settings, clock):
        reached = reached or found.check != "broker" or not found.fix
        yield found
    if reached and with_round_trip:
        for found in await round_trip(settings, clock):
            yield found
    for found in await outside(settings):
        yield found


async def _brokers(settings: Settings, clock: Clock) -> AsyncIterator[Diagnosis]:
    admin = AIOKafkaAdminClient(**kafka.client_kwargs(settings))
    try:
        async with kafka.connected(admin, settings):
            brokers = sorted(f"{b.host}:{b.port}" for b in admin._client.cluster.brokers())  # noqa: SLF001
            yield ok(
                "broker", f"{len(brokers)} answer over {settings.security_protocol}: {', '.join(brokers)}"
            )
            report, found = await broker.topics(admin, settings)
            for one in [*await broker.apis(admin), *found]:
                yield one
            for one in await broker.versions(settings, report):
                yield one
            for one in await broker.groups(admin, settings):
                yield one
            for one in await broker.lag(admin, settings, report, clock):
                yield one
    except BrokerError as error:
        yield wrong("broker", str(error), "see its text; nothing that needs Kafka was looked at further")
    except (TimeoutError, KafkaError, TocsinError) as error:
        yield wrong(
            "broker", f"it answers, and then fails: {error!r}", "look at the brokers' logs and our rights"
        )
