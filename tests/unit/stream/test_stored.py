"""Batches as the log stores them are handed on unread only when they are what they seem."""

import struct
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy
from crc32c import crc32c
from hypothesis import given
from hypothesis import strategies as st

from stream.stored import Fetched, Stored, cut, ends, hand_on, joined, read_batches, unpacked

Values = Sequence[tuple[bytes | None, bytes | None]]

TP = TopicPartition("posts", 0)
ATTRIBUTES_AT, BEFORE_CRC = 21, 17
GZIP, TRANSACTIONAL, CONTROL = 0x01, 0x10, 0x20
TEN: Values = [(None, b"a text of a post, number %d" % i) for i in range(10)]

values = st.lists(
    st.tuples(st.none() | st.binary(max_size=20), st.none() | st.binary(max_size=300)), min_size=1
)


def batch(first: int, content: Values, compression: int = 0) -> bytes:
    """A batch of the log whose first record has the offset `first`, made by aiokafka."""
    builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, 0, 1 << 20)
    for i, (key, value) in enumerate(content):
        builder.append(i, 1_700_000_000_000 + first + i, key, value, [("a header", b"of it")])
    return struct.pack(">q", first) + bytes(builder.build())[8:]


def with_attributes(data: bytes, attributes: int) -> bytes:
    """The batch with other attributes and the checksum that they want."""
    body = struct.pack(">H", attributes) + data[ATTRIBUTES_AT + 2 :]
    return data[:BEFORE_CRC] + struct.pack(">I", crc32c(body)) + body


def seen(records: Sequence[Any]) -> list[tuple[int, int, bytes | None, bytes | None]]:
    """What stages read of records."""
    return [(record.offset, record.timestamp, record.key, record.value) for record in records]


def read(data: bytes, offset: int, max_records: int = 100) -> list[Stored]:
    """The batches, which are plain."""
    batches = read_batches(data, offset, max_records)
    assert batches is not None
    return batches


@given(st.lists(values, min_size=1, max_size=6), st.integers(0, 3), st.integers(20, 200))
def test_unread_batches_unpack_to_the_records_that_aiokafka_reads(
    contents: list[Values], gap: int, size: int
) -> None:
    """However they are cut and joined, with holes between them, from the position after the last hole."""
    data, at = b"", 5
    for content in contents:
        data += batch(at + gap, content)
        at += gap + len(content)
    usual = PartitionRecords(TP, MemoryRecords(data), None, 5, None, None, True, 0)
    expected = seen(list(usual))
    whole: Sequence[Any] = Fetched([])
    parts = list(cut(read(data, 5), size + max(map(len, contents))))
    assert sum(map(len, parts)) == len(expected)
    for part in parts:
        assert ends(part) == (part[0].offset, part[-1].offset)
        assert len(part) == len(list(part))
        whole = joined(whole, part)
    assert isinstance(whole, Fetched)
    assert seen(whole) == seen(unpacked(b"".join(whole.pieces))) == expected


def test_records_and_batches_are_joined_as_records() -> None:
    """One part of a partition's log came unread, the next one didn't."""
    unread = Fetched(read(batch(0, TEN), 0))
    records = unpacked(batch(10, TEN))
    both = joined(unread, records)
    assert [record.offset for record in both] == list(range(20))
    assert ends(both) == (0, 19)


def test_a_part_holds_no_more_records_than_it_may() -> None:
    """Batches aren't split; one that is larger is for aiokafka to read."""
    data = b"".join(batch(at, TEN) for at in range(0, 70, 10))
    assert [len(part) for part in cut(read(data, 0), 25)] == [20, 20, 20, 10]
    assert [len(part) for part in cut(read(data, 0), 10)] == [10] * 7
    assert read_batches(data, 0, 9) is None
    assert [len(part) for part in cut(unpacked(data), 25)] == [25, 25, 20]
    assert list(cut([], 25)) == []


def test_what_a_fetch_cut_off_at_its_end_is_left_for_the_next() -> None:
    """A broker fills an answer to the last byte that was asked for."""
    data = batch(0, TEN) + batch(10, TEN)
    for n_bytes in range(len(data) // 2, len(data)):
        found = read_batches(data[:n_bytes], 0, 100)
        # Of the head alone nothing can be said.
        assert found is None or [b.last for b in found] == [9]
    assert read_batches(data[: len(data) // 2 - 1], 0, 100) is None


ODD = {
    "compressed": batch(10, TEN, GZIP),
    "a transaction's": with_attributes(batch(10, TEN), TRANSACTIONAL),
    "a transaction's end": with_attributes(batch(10, TEN), TRANSACTIONAL | CONTROL),
    "in part before the position": batch(9, TEN),
    "without a record": with_attributes(batch(10, TEN), 0)[:57] + bytes(4),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("place", ["first", "later"])
def test_what_is_no_plain_batch_is_for_aiokafka_to_read(odd: bytes, place: str) -> None:
    """All of the answer: what goes before and after it, too."""
    before = batch(0, TEN) if place == "later" else b""
    assert read_batches(before + odd + batch(20, TEN), 0 if before else 10, 100) is None


def test_old_formats_are_for_aiokafka_to_read() -> None:
    """Formats 0 and 1 have no batches."""
    for magic in (0, 1):
        builder = LegacyRecordBatchBuilder(magic, 0, 1 << 20)
        for i in range(10):
            builder.append(i, timestamp=1_700_000_000_000, key=None, value=b"x" * 90)
        assert read_batches(bytes(builder.build()), 0, 100) is None


def test_no_damaged_byte_passes() -> None:
    """But for those that the checksum leaves out: first offset, length and leader epoch are the broker's."""
    data = batch(7, TEN)
    for i in range(BEFORE_CRC - 1, len(data)):
        damaged = bytearray(data)
        damaged[i] ^= 0x10
        assert read_batches(bytes(damaged), 7, 100) is None


class _State:
    """aiokafka's state of a partition, as far as a result asks for it."""

    paused, position = False, 0

    def consumed_to(self, position: int) -> None:
        """Note the position."""
        self.position = position


class _Assignment:
    """Of the partition."""

    active = True

    def __init__(self) -> None:
        self.state = _State()

    def state_value(self, _tp: TopicPartition) -> _State:
        """Its state."""
        return self.state


class _Fetcher:
    """What aiokafka's fetcher keeps its results in."""

    def __init__(self) -> None:
        self._records: dict[TopicPartition, FetchResult] = {}
        self.assignment = _Assignment()

    def fetched(self, tp: TopicPartition, data: bytes, offset: int) -> list[Any]:
        """Take an answer as ``Fetcher._proc_fetch_request`` does, and then all that it brought."""
        self.assignment.state.position = offset
        records = PartitionRecords(tp, _MemoryRecordsPy(data), None, offset, None, None, True, 0)
        self._records[tp] = FetchResult(
            tp, assignment=self.assignment, partition_records=records, backoff=0.1
        )
        result = self._records.pop(tp)
        found: list[Any] = result.getall(None)
        assert not result.has_more()
        return found


def test_a_fetcher_hands_on_batches_where_it_can_and_goes_on_behind_them() -> None:
    """Of a position within a batch and of what is compressed it reads records; others' topics always."""
    fetcher = _Fetcher()
    hand_on(fetcher, {"posts": 100})
    hand_on(fetcher, {"posts": 100})
    data = batch(0, TEN) + batch(10, TEN)
    assert [type(item) for item in fetcher.fetched(TP, data, 0)] == [Stored, Stored]
    assert fetcher.assignment.state.position == 20
    assert [record.offset for record in fetcher.fetched(TP, data, 4)] == list(range(4, 20))
    assert fetcher.assignment.state.position == 20
    odd = batch(20, TEN, GZIP)
    assert [record.value for record in fetcher.fetched(TP, odd, 20)] == [value for _, value in TEN]
    other = TopicPartition("other", 0)
    assert [record.offset for record in fetcher.fetched(other, data, 0)] == list(range(20))


def test_of_a_damaged_batch_aiokafka_says_so() -> None:
    """As ever: nothing of it is read."""
    fetcher = _Fetcher()
    hand_on(fetcher, {"posts": 100})
    data = bytearray(batch(0, TEN))
    data[-3] ^= 1
    with pytest.raises(CorruptRecordException):
        fetcher.fetched(TP, bytes(data), 0)
