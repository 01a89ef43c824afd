"""The limit: aiokafka and orjson, batches as they are fetched, nothing else done."""

import asyncio
import sys

import orjson
from aiokafka import AIOKafkaConsumer

from stream.settings import Settings
from tests.bench.rate import Rate


async def main() -> None:
    """Parse the posts of topic ``posts``; print the rate at the end of them."""
    rate = Rate(int(sys.argv[1]))
    consumer = AIOKafkaConsumer(
        "posts", bootstrap_servers=Settings().bootstrap, group_id="bare", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        is_end = False
        while not is_end:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                rate.begin()
                for record in records:
                    orjson.loads(record.value)
                is_end = rate.count(len(records)) or is_end
    finally:
        await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main())
