"""A batch of one large message has the bytes that aiokafka's own builder gives it."""

from unittest.mock import patch

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from stream.large_batch import LargeBatch

NOW_NS = 1_715_764_800_123_456_789


@given(
    st.none() | st.binary(max_size=200),
    st.binary(max_size=400).map(lambda some: some * 300),
    st.none() | st.tuples(st.integers(0, 2**62), st.integers(0, 2**15 - 1), st.integers(0, 2**31 - 1)),
)
def test_it_has_the_bytes_that_aiokafka_gives_it(
    key: bytes | None, value: bytes, producer: tuple[int, int, int] | None
) -> None:
    """With a key or none, of any size, of an idempotent producer or not; read back it is the message."""
    usual = BatchBuilder(1 << 20, 0)
    usual.append(timestamp=NOW_NS // 1_000_000, key=key, value=value)
    with patch("time.time_ns", lambda: NOW_NS):
        ours = LargeBatch(key, value)
    if producer is not None:
        usual._set_producer_state(*producer)
        ours._set_producer_state(*producer)
    assert ours.size() == usual.size()
    assert ours.record_count() == usual.record_count() == 1
    assert bytes(ours._build()) == bytes(usual._build())
    assert ours._build() is ours._build()
    batch = MemoryRecords(ours._build()).next_batch()
    assert batch.validate_crc()
    assert [(record.key, record.value) for record in batch] == [(key, value)]


def test_nothing_can_be_added_to_it() -> None:
    """So it goes at once, and a later message is another batch's."""
    batch = LargeBatch(None, b"a pack")
    assert batch.closed()
    assert batch.append(timestamp=None, key=None, value=b"another") is None
