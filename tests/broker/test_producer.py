"""What `Sender` promises: order, place, size, and errors that are told."""

import asyncio
import time

import pytest
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from support.apache_kafka import ApacheKafka
from support.workers import Reader, until

from stream import kafka
from stream.embedded import EmbeddedBroker
from stream.errors import BrokerError
from stream.producer import MAX_BATCH_BYTES, Sender, acknowledged
from stream.settings import Settings
from stream.stage import Out
from stream.topics import create_topics


async def read(settings: Settings, topic: str, partitions: int, n: int) -> list[tuple[int, bytes | None]]:
    """Partition and value of `n` records, with their headers and times checked."""
    async with Reader(settings, topic, partitions) as reader:

        async def there() -> bool:
            return len(await reader.more()) >= n

        await until(there, 10)
        # Stamped now, by the client or the broker, never with a time of ours.
        assert all(abs(record.timestamp / 1000 - time.time()) < 60 for record in reader.records)
        return [(record.partition, record.value) for record in reader.records]


@pytest.fixture
async def ground(settings: Settings) -> Settings:
    """Settings whose topics exist."""
    ground = settings.model_copy(update={"sketches_partitions": 3})
    await create_topics(ground)
    return ground


async def test_each_partition_keeps_the_order_of_the_calls(ground: Settings) -> None:
    """Many sends on their way at once, explicit partitions."""
    sender = Sender(ground)
    await sender.start()
    sent = [await sender.send([Out(kafka.SKETCHES, str(i).encode(), partition=i % 3)]) for i in range(300)]
    for futures in sent:
        await acknowledged(futures)
    await sender.stop()
    found = await read(ground, kafka.SKETCHES, 3, 300)
    for partition in range(3):
        values = [int(value or b"") for at, value in found if at == partition]
        assert values == list(range(partition, 300, 3))


async def test_a_batch_that_waits_its_turn_is_not_given_up(ground: Settings) -> None:
    """Many tasks send large messages to one partition: each waits for its place, and in order."""
    sender = Sender(ground)
    await sender.start()
    assert sender._producer is not None
    sender._producer._request_timeout_ms = 2000  # the bound on waiting for one place
    outs = [Out(kafka.SKETCHES, b"%03d" % i + bytes(200_000), partition=0) for i in range(200)]
    for futures in await asyncio.gather(*[sender.send([out]) for out in outs]):
        await acknowledged(futures)
    await sender.stop()
    found = await read(ground, kafka.SKETCHES, 3, 200)
    assert [int((value or b"")[:3]) for _, value in found] == list(range(200))


async def test_a_megabyte_goes_to_the_dead_letters_with_its_headers(ground: Settings) -> None:
    """A dead letter holds a whole record of `posts`, and its reason besides."""
    sender = Sender(ground)
    await sender.start()
    out = Out(kafka.DEAD, b"x" * 1_000_000, headers=(("reason", b"too_large"),))
    await acknowledged(await sender.send([out]))
    await sender.stop()
    async with Reader(ground, kafka.DEAD, 1) as reader:

        async def there() -> bool:
            return len(await reader.more()) == 1

        await until(there, 10)
        assert reader.records[0].headers == (("reason", b"too_large"),)
        assert len(reader.records[0].value) == 1_000_000


async def test_a_message_past_all_bounds_is_refused_at_once(ground: Settings) -> None:
    """The caller hears of it; nothing is dropped in silence."""
    sender = Sender(ground)
    await sender.start()
    with pytest.raises(MessageSizeTooLargeError):
        await sender.send([Out(kafka.SKETCHES, b"x" * 3_000_000)])
    await sender.stop()


async def test_stop_sends_what_is_buffered_and_start_twice_is_once(ground: Settings) -> None:
    """A long linger doesn't keep the last messages."""
    sender = Sender(ground.model_copy(update={"linger_ms": 1000}))
    await sender.start()
    await sender.start()
    await sender.send([Out(kafka.SKETCHES, b"last", partition=2)])
    await sender.stop()
    await sender.stop()
    assert await read(ground, kafka.SKETCHES, 3, 1) == [(2, b"last")]


async def test_what_is_said_at_once_goes_in_few_batches_and_in_order(ground: Settings) -> None:
    """A batch is cut where it is full; what stands before and after it keeps its place."""
    delays: list[float] = []
    sender = Sender(ground, delays.append)
    await sender.start()
    large = [Out(kafka.SKETCHES, b"%03d" % n + b"x" * 20_000, partition=1) for n in range(60)]
    huge = [Out(kafka.SKETCHES, b"%03d" % n + b"x" * (MAX_BATCH_BYTES - 4), partition=1) for n in (60, 61)]
    small = [
        Out(kafka.SKETCHES, b"%03d" % n, b"key", partition=1, tripped_ms=time.time() * 1000 - 2_000)
        for n in range(62, 80)
    ]
    alone = Out(kafka.SKETCHES, b"080", partition=1)
    sent = await sender.send([*large, *huge, *small, alone])
    await acknowledged(sent)
    assert len(sent) < 10
    await sender.stop()
    found = [value[:3] for _, value in await read(ground, kafka.SKETCHES, 3, 81)]
    assert found == [b"%03d" % n for n in range(81)]
    assert len(delays) == len(small)
    assert all(2 <= delay < 30 for delay in delays)


async def test_idempotence_is_on_wherever_the_broker_can(
    ground: Settings, embedded_broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    """Apache Kafka can; the embedded broker gives no producer ids, and we say so."""
    sender = Sender(ground)
    await sender.start()
    await sender.stop()
    is_embedded = ground.bootstrap == embedded_broker.bootstrap
    assert sender.idempotent is not is_embedded
    assert ("without idempotence" in caplog.text) is is_embedded


async def test_sending_before_start_is_a_mistake_of_ours() -> None:
    """Not a message that waits for ever."""
    with pytest.raises(RuntimeError, match="before"):
        await Sender(Settings()).send([])


async def test_no_broker_is_told_as_such() -> None:
    """With the address, and what to check."""
    with pytest.raises(BrokerError, match="nothing listens there"):
        await Sender(Settings(bootstrap="127.0.0.1:1")).start()


async def test_a_failed_delivery_is_raised_once_all_are_settled(ground: Settings) -> None:
    """One of several futures fails: that error, after the others are known."""
    sender = Sender(ground)
    await sender.start()
    sent = list(await sender.send([Out(kafka.SKETCHES, b"a"), Out(kafka.SKETCHES, b"b")]))
    failed = sent[0].get_loop().create_future()
    failed.set_exception(KafkaError("lost"))
    with pytest.raises(KafkaError, match="lost"):
        await acknowledged([sent[0], failed, sent[1]])
    assert all(future.done() for future in sent)
    await sender.stop()


@pytest.mark.kafka
async def test_the_brokers_clock_is_compared_with_ours_where_it_stamps(
    apache_kafka: ApacheKafka, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal clocks show no skew; ours 90 s behind or ahead show it, less what a send takes."""
    settings = Settings(bootstrap=apache_kafka.bootstrap, topic_prefix=prefix)
    await create_topics(settings)
    sender = Sender(settings)
    await sender.start()
    assert sender.clock_skew_s is None
    really = time.time
    for ours_ahead_s in (0.0, 90.0, -90.0):
        monkeypatch.setattr(time, "time", lambda ahead=ours_ahead_s: really() + ahead)
        await acknowledged(await sender.send([Out(kafka.DEAD, b"x"), Out(kafka.DEAD, b"y")]))
        assert sender.clock_skew_s == pytest.approx(-ours_ahead_s, abs=5)
    monkeypatch.undo()
    await sender.stop()


@pytest.mark.broker
async def test_a_broker_without_append_times_shows_no_skew(
    embedded_broker: EmbeddedBroker, prefix: str
) -> None:
    """The embedded one hands back the producer's own time, which would always agree."""
    settings = Settings(bootstrap=embedded_broker.bootstrap, topic_prefix=prefix)
    await create_topics(settings)
    sender = Sender(settings)
    await sender.start()
    await acknowledged(await sender.send([Out(kafka.DEAD, b"x")]))
    await sender.stop()
    assert sender.clock_skew_s is None
