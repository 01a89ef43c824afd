"""Bytes between our own stages.

A pack begins with a magic, a format version and a digest of everything that decides a sketch
(shingle length, seed, normaliser and its Unicode tables, bands): rows of another making can't
be compared, and comparing them would silently find nothing.
"""

from collections.abc import Callable, Sequence
from functools import cache

import msgspec
from msgspec import Raw

from detectors.activity import Activity, Told
from detectors.clusterer import EpochStart
from detectors.rows import Pack
from detectors.sketch import sketch_digest
from stream.errors import PackError

MAGIC = b"TK"
PACK_VERSION = 4

_pack_body = msgspec.msgpack.Encoder().encode
_read_pack = msgspec.msgpack.Decoder(Pack).decode
ACTIVITY_BYTES = 512_000
"""A record of ``activity`` is split past this size; Kafka's default limit is 1 MB."""

encode_activity = msgspec.msgpack.Encoder().encode
_read_activity: Callable[[bytes], Told] = msgspec.msgpack.Decoder(Told).decode
encode_epochs = msgspec.json.Encoder().encode
_read_epochs = msgspec.json.Decoder(list[EpochStart]).decode


@cache
def pack_header() -> bytes:
    """What every pack begins with. A process that handles none is spared its quarter of a second."""
    return MAGIC + bytes([PACK_VERSION]) + sketch_digest()


def encode_pack(pack: Pack) -> bytes:
    """A message of topic ``sketches``."""
    return pack_header() + _pack_body(pack)


def decode_pack(value: bytes | None) -> Pack:
    """Read a message of topic ``sketches``.

    Raises:
        PackError: it is of another format or of another normaliser, or it is damaged.
    """
    if value is None or value[:2] != MAGIC:
        raise PackError("a record of topic sketches is no pack of Tocsin: does another program write there?")
    header = pack_header()
    if value[: len(header)] != header:
        theirs = f"version {value[2]}, digest {value[3 : len(header)].hex()}"
        ours = f"version {PACK_VERSION}, digest {header[3:].hex()}"
        raise PackError(
            f"a pack of another making ({theirs}; this worker: {ours}). All workers must run one version "
            "of Tocsin and of Python (its Unicode tables count). After an upgrade make the topics sketches, "
            "activity and burst-state anew, as deploy/UPGRADING.md says"
        )
    try:
        return _read_pack(memoryview(value)[len(header) :])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PackError(f"a damaged pack: {error}") from error


def encode_told(messages: Sequence[Raw | Activity]) -> list[bytes]:
    """What CLUSTER tells at once, as records of topic ``activity``: a record has its price in every process.

    One record, or as few as `ACTIVITY_BYTES` allows; none for no messages.
    """
    if not messages:
        return []
    record = encode_activity(messages)
    if len(record) <= ACTIVITY_BYTES or len(messages) == 1:
        return [record]
    half = len(messages) // 2
    return encode_told(messages[:half]) + encode_told(messages[half:])


def decode_activity(value: bytes | None) -> list[Activity]:
    """Read a record of topic ``activity``: what CLUSTER told at once, or what a person decided.

    Raises:
        PackError: it can't be read.
    """
    try:
        told = _read_activity(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PackError(f"a record of topic activity that this version can't read: {error}") from error
    return told if isinstance(told, list) else [told]


def decode_epochs(value: bytes | None) -> list[EpochStart]:
    """Read the epoch starts of a partition; none when there is no record."""
    return [] if value is None else _read_epochs(value)
