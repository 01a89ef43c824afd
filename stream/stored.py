"""Records as the log stores them: fetched, checked, and handed on without being unpacked.

aiokafka makes an object of every record, .77 µs each, and to hand it to the process in which its stage
works it would be packed and unpacked again, .3 µs. So the batches of the log go there as they are, and
aiokafka's own reader unpacks them there, .11 µs a record. What is not a plain batch of records (of an old
format, compressed, a transaction's, damaged, in part before the offset that was asked for) takes
aiokafka's usual way.

It touches private names of aiokafka `AIOKAFKA_VERSION`; ``tests/contract/test_faust_private_names.py``
fails when an upgrade moves one.
"""

import struct
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, overload

from aiokafka.consumer import fetcher as _fetcher
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy
from crc32c import crc32c

from stream.stage import Record

AIOKAFKA_VERSION = "0.14.0"
"""The only version of aiokafka whose private names were checked."""

Buffer = bytes | memoryview

BATCH_HEAD = struct.Struct(">qiibIhiqqqhii")
"""Of a batch (Kafka protocol, "Record Batch"): first offset, length of what follows these 12 bytes, leader
epoch, magic, CRC-32C, attributes, last offset delta, two times, producer id, epoch, sequence, records."""
BEFORE_LENGTH, BEFORE_ATTRIBUTES = 12, 21
MAGIC = 2
_COMPRESSED, _TRANSACTIONAL, _CONTROL = 0x07, 0x10, 0x20

# aiokafka's reader in C doesn't show the bytes that it reads; its other one does.
_fetcher.MemoryRecords = _MemoryRecordsPy


class Stored(NamedTuple):
    """One batch of the log."""

    first: int
    """Offset that the first record had when it was written; compaction may have taken that one away."""
    last: int
    n_records: int
    data: memoryview


class Fetched(Sequence[Record]):
    """Consecutive records of one partition, unpacked only where one of them is looked at."""

    def __init__(self, batches: Sequence[Stored]) -> None:
        self._batches = batches
        self._records: list[Record] | None = None

    @property
    def ends(self) -> tuple[int, int]:
        """See `ends`."""
        return self._batches[0].first, self._batches[-1].last

    @property
    def pieces(self) -> list[Buffer]:
        """All of it, for `unpacked` when joined."""
        return [batch.data for batch in self._batches]

    def followed_by(self, following: "Fetched") -> "Fetched":
        """Both as one."""
        return Fetched([*self._batches, *following._batches])  # noqa: SLF001 (another of us)

    def __len__(self) -> int:
        return sum(batch.n_records for batch in self._batches)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._unpacked())

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        return self._unpacked()[index]

    def _unpacked(self) -> list[Record]:
        if self._records is None:
            self._records = unpacked(b"".join(self.pieces))
        return self._records


def unpacked(data: bytes) -> list[Record]:
    """The records of batches that follow each other (`Fetched.pieces`)."""
    records, batches = [], MemoryRecords(data)
    while batches.has_next():
        records += batches.next_batch()
    return records


def ends(records: Sequence[Record]) -> tuple[int, int]:
    """Offsets of the first and of the last record; the log has nothing else between them."""
    return records.ends if isinstance(records, Fetched) else (records[0].offset, records[-1].offset)


def joined(records: Sequence[Record], following: Sequence[Record]) -> Sequence[Record]:
    """Both as one."""
    if isinstance(records, Fetched) and isinstance(following, Fetched):
        return records.followed_by(following)
    return [*records, *following]


def cut(found: Sequence[Any], size: int) -> Iterator[Sequence[Record]]:
    """What a fetch brought of one partition, `size` records at most at a time.

    Args:
        found: Records, or `Stored` batches of no more than `size` records each.
        size: At least 1.
    """
    if not found or not isinstance(found[0], Stored):
        yield from (found[i : i + size] for i in range(0, len(found), size))
        return
    part: list[Stored] = []
    n_records = 0
    for batch in found:
        if n_records + batch.n_records > size:
            yield Fetched(part)
            part, n_records = [], 0
        part.append(batch)
        n_records += batch.n_records
    yield Fetched(part)


def read_batches(data: bytes, offset: int, max_records: int) -> list[Stored] | None:
    """The batches that a fetch brought of one partition.

    Args:
        data: Of the answer. What remains of a batch cut off at its end is not looked at.
        offset: From which on it was asked for.
        max_records: Most records of a batch.

    Returns:
        ``None`` when one of them is for aiokafka to read; see the module.
    """
    whole, batches, at = memoryview(data), [], 0
    while len(data) - at >= BEFORE_LENGTH:
        if len(data) - at < BATCH_HEAD.size:
            return None
        first, length, _, magic, crc, attributes, delta, *_, n_records = BATCH_HEAD.unpack_from(data, at)
        end = at + BEFORE_LENGTH + length
        if end > len(data):
            break
        is_plain = (
            magic == MAGIC
            and end - at > BATCH_HEAD.size
            and not attributes & (_COMPRESSED | _TRANSACTIONAL | _CONTROL)
            and first >= offset
            and 0 < n_records <= min(max_records, delta + 1)
        )
        if not is_plain or crc32c(whole[at + BEFORE_ATTRIBUTES : end]) != crc:
            return None
        batches.append(Stored(first, first + delta, n_records, whole[at:end]))
        at, offset = end, first + delta + 1
    return batches or None


class _Handed:
    """In place of aiokafka's ``PartitionRecords``: an iterator over batches that knows how far it is."""

    def __init__(self, batches: Sequence[Stored], offset: int) -> None:
        self._batches, self.next_fetch_offset = iter(batches), offset

    def __iter__(self) -> "_Handed":
        return self

    def __next__(self) -> Stored:
        batch = next(self._batches)
        self.next_fetch_offset = batch.last + 1
        return batch


class _Results(OrderedDict[Any, Any]):
    """What a fetcher has in hand, by partition."""

    def __init__(self, max_records: Mapping[str, int]) -> None:
        super().__init__()
        self._max_records = max_records

    def __setitem__(self, tp: Any, result: Any) -> None:
        size = self._max_records.get(tp.topic)
        if size is not None and type(result) is _fetcher.FetchResult:
            usual = result._partition_records  # noqa: SLF001
            offset = usual.next_fetch_offset
            batches = read_batches(usual._records._buffer, offset, size)  # noqa: SLF001
            if batches is not None:
                result._partition_records = _Handed(batches, offset)  # noqa: SLF001
        super().__setitem__(tp, result)


def hand_on(fetcher: Any, max_records: Mapping[str, int]) -> None:
    """Have aiokafka's `fetcher` give `Stored` batches in place of records, where it can.

    Args:
        fetcher: Of a consumer that runs; again and again, if need be.
        max_records: Most records of a batch, by topic; other topics stay as they are.
    """
    if not isinstance(fetcher._records, _Results):  # noqa: SLF001
        results = _Results(max_records)
        results.update(fetcher._records)  # noqa: SLF001
        fetcher._records = results  # noqa: SLF001
