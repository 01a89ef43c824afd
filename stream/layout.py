"""How many partitions our topics have: asked of the broker once, when the first stage opens."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient

from stream import kafka
from stream.errors import TopicError
from stream.settings import Settings


class Layout:
    """Partition counts by logical topic name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._counts: dict[str, int] = {}
        self._lock = asyncio.Lock()

    async def n_partitions(self) -> dict[str, int]:
        """Partitions of every topic.

        Raises:
            TopicError: a topic is missing.
        """
        async with self._lock:
            if not self._counts:
                self._counts = await self._ask()
        return self._counts

    async def _ask(self) -> dict[str, int]:
        names = {kafka.topic_name(self._settings, topic): topic for topic in kafka.TOPICS}
        admin = AIOKafkaAdminClient(**kafka.client_kwargs(self._settings))
        async with kafka.connected(admin, self._settings):
            described = await admin.describe_topics(list(names))
        counts = {names[d["topic"]]: len(d["partitions"]) for d in described if not d["error_code"]}
        if missing := sorted(set(kafka.TOPICS) - set(counts)):
            raise TopicError(f"missing topics: {', '.join(missing)}. Create them: tocsin topics create")
        return counts
