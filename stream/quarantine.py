"""No record may loop a worker: durable notes of what was in hand when it crashed.

A bug that a certain record sets off would crash each worker that reads it, for ever. So before a
worker goes down it writes what it held to ``burst-state`` (key ``crash/<topic>/<partition>``):

1. `feed` raised on a batch: its range of offsets is noted, one crash for each record in it.
2. After the restart, noted ranges are fed record by record, so the next crash names its record.
3. A record that crashed three times is set aside: it goes to ``posts.dead`` with its original
   bytes and the reason ``internal_error``, and is left out of every later replay, too.

A worker that dies hard (segfault, out of memory) can write nothing. So each opening of a partition
is noted, with the offset it starts at, and unnoted when the worker leaves in good order. The third
noted opening at one offset is *careful*: its first
batch is fed record by record, each noted before it is fed, and a note still there at the next
opening names the record that killed. Such a record needs three careful deaths: a worker that
someone kills by hand must not cost an innocent record.

Errors that mean *we* are wrong about the log as a whole (`PackError`, `StateError`) set nothing
aside: a worker of another version would empty the topic record by record.
"""

import asyncio
from collections.abc import Iterator, Sequence

import msgspec

from stream import kafka
from stream.errors import PackError, StateError
from stream.producer import Sender, acknowledged
from stream.recovery import read_compacted
from stream.settings import Settings
from stream.stage import Out, Record

MAX_CRASHES = 3
CAREFUL_OPENS = 3
NOT_THE_RECORDS_FAULT = (PackError, StateError)

_SAVE_TIMEOUT_S = 10.0


class Suspects(msgspec.Struct):
    """Offsets [first, end) that were fed as one when `feed` raised, and how often."""

    first: int
    end: int
    crashes: int = 1


class Note(msgspec.Struct):
    """What is known about the crashes of one partition. Times play no part, offsets do."""

    suspects: list[Suspects] = []
    crashes: dict[str, int] = {}
    """Crashes with exactly this record in hand, by offset (JSON wants text keys)."""
    set_aside: list[int] = []
    opened_at: int = -1
    opens: int = 0
    trying: int | None = None
    """The record that a careful worker is feeding."""

    def opened(self, offset: int) -> bool:
        """Note that the partition is opened at `offset`; say whether to be careful.

        A note of a try that is still there means the last worker died of it.
        """
        if self.trying is not None:
            self._count(self.trying)
            self.trying = None
        self.opens = self.opens + 1 if self.opened_at == offset else 1
        self.opened_at = offset
        return self.opens >= CAREFUL_OPENS

    def crashed(self, first: int, end: int) -> None:
        """Note that feeding [first, end) at once raised."""
        self.trying = None
        if end - first == 1:
            self._count(first)
            return
        for known in self.suspects:
            if (known.first, known.end) == (first, end):
                known.crashes += 1
                return
        self.suspects.append(Suspects(first, end))

    def _count(self, offset: int) -> None:
        self.crashes[str(offset)] = self.crashes.get(str(offset), 0) + 1
        if self.n_crashes(offset) >= MAX_CRASHES and offset not in self.set_aside:
            self.set_aside.append(offset)

    def n_crashes(self, offset: int) -> int:
        """How often a worker crashed with this record in hand."""
        together = sum(known.crashes for known in self.suspects if known.first <= offset < known.end)
        return together + self.crashes.get(str(offset), 0)

    def is_suspect(self, offset: int) -> bool:
        """Whether the record must be fed alone."""
        return (
            any(known.first <= offset < known.end for known in self.suspects) or str(offset) in self.crashes
        )

    def forget_before(self, offset: int) -> None:
        """Drop what no replay will meet again."""
        self.suspects = [known for known in self.suspects if known.end > offset]
        self.crashes = {at: n for at, n in self.crashes.items() if int(at) >= offset}
        self.set_aside = [at for at in self.set_aside if at >= offset]

    def runs(self, records: Sequence[Record], *, careful: bool = False) -> Iterator[Sequence[Record]]:
        """Cut `records` into what may be fed at once: all of them, but for suspects.

        Records that were set aside come alone, too.
        """
        if not (careful or self.suspects or self.crashes or self.set_aside):
            yield records
            return
        begin = 0
        for i, record in enumerate(records):
            if careful or self.is_suspect(record.offset) or record.offset in self.set_aside:
                if begin < i:
                    yield records[begin:i]
                yield records[i : i + 1]
                begin = i + 1
        if begin < len(records):
            yield records[begin:]


def dead_letter(topic: str, partition: int, record: Record) -> Out:
    """The message to ``posts.dead`` for a record that was set aside; `topic` without prefix."""
    where = (("topic", topic), ("partition", str(partition)), ("offset", str(record.offset)))
    headers = (("reason", b"internal_error"), *((name, text.encode()) for name, text in where))
    # A message needs a key or a value, and a tombstone has no value.
    return Out(kafka.DEAD, record.value, None if record.value is not None else b"", headers=headers)


class Quarantine:
    """Reads and writes the notes; one for all runners of a process."""

    def __init__(self, settings: Settings, sender: Sender) -> None:
        self._settings, self._sender = settings, sender
        self._lock = asyncio.Lock()
        self._stored: dict[bytes, bytes] | None = None

    def forget(self) -> None:
        """Read the notes anew at the next `load`: another worker may have written some."""
        self._stored = None

    async def load(self, topic: str, partition: int) -> Note:
        """The note on a partition, an empty one where there is none.

        Raises:
            StateError: it can't be read.
        """
        async with self._lock:
            if self._stored is None:
                client = kafka.client_kwargs(self._settings)
                name = kafka.topic_name(self._settings, kafka.BURST_STATE)
                self._stored = await read_compacted(client, name, key_prefix=b"crash/")
        stored = self._stored.get(self._key(topic, partition))
        try:
            return Note() if stored is None else msgspec.json.decode(stored, type=Note)
        except msgspec.MsgspecError as error:
            raise StateError(f"the crash note on {topic}/{partition} can't be read: {error}") from error

    async def save(self, topic: str, partition: int, note: Note) -> None:
        """Write the note; returns when it is safe.

        Raises:
            KafkaError: it can't be written.
            TimeoutError: nor in reasonable time.
        """
        key, value = self._key(topic, partition), msgspec.json.encode(note)
        async with asyncio.timeout(_SAVE_TIMEOUT_S):
            await acknowledged(await self._sender.send([Out(kafka.BURST_STATE, value, key)]))
        if self._stored is not None:
            self._stored[key] = value

    @staticmethod
    def _key(topic: str, partition: int) -> bytes:
        return f"crash/{topic}/{partition}".encode()


def is_the_records_fault(error: BaseException) -> bool:
    """Whether setting records aside can help against `error`."""
    return isinstance(error, Exception) and not isinstance(error, NOT_THE_RECORDS_FAULT)
