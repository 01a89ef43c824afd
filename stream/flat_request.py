"""Requests that produce, their parts joined once.

aiokafka joins a request level by level, messages at each of six: with packs of 500 kB that was a fourteenth
of the CPU of a worker's main process on Apache Kafka.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.types import Array, Bytes, Int32, Schema


def install() -> None:
    """Have aiokafka's producers, all of this process, encode their requests so."""
    for kind in ProduceRequest._CLASSES:  # noqa: SLF001 (its versions)
        kind.encode = encode


def encode(request: Any) -> bytes:
    """What the ``encode`` of aiokafka's own gives."""
    schema = request.SCHEMA
    return b"".join(_parts(schema, [getattr(request, name) for name in schema.names]))


def _parts(field: Any, value: Any) -> Iterator[bytes]:
    if value is not None and isinstance(field, Schema):
        for part, item in zip(field.fields, value, strict=True):
            yield from _parts(part, item)
    elif value is not None and isinstance(field, Array):
        yield Int32.encode(len(value))
        for item in value:
            yield from _parts(field.array_of, item)
    elif value is not None and field is Bytes:
        yield Int32.encode(len(value))
        yield value
    else:
        yield field.encode(value)
