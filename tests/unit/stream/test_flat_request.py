"""A request that is joined once has the bytes that aiokafka's own way gives."""

from typing import Any

import pytest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.struct import Struct
from hypothesis import given
from hypothesis import strategies as st

from stream import flat_request

VERSIONS = ProduceRequest._CLASSES
messages = st.none() | st.binary(max_size=300) | st.binary(max_size=300).map(bytearray)
topics = st.lists(
    st.tuples(st.text(max_size=9), st.lists(st.tuples(st.integers(0, 2**31 - 1), messages), max_size=4)),
    max_size=4,
)


@pytest.mark.parametrize("kind", VERSIONS, ids=lambda kind: kind.__name__)
@given(content=topics, transactional_id=st.none() | st.text(max_size=9), acks=st.sampled_from([-1, 0, 1]))
def test_every_version_has_the_bytes_that_aiokafka_gives_it(
    kind: Any, content: list[Any], transactional_id: str | None, acks: int
) -> None:
    """Of any topics and partitions, also of none."""
    named = {"required_acks": acks, "timeout": 40_000, "topics": content}
    if "transactional_id" in kind.SCHEMA.names:
        named["transactional_id"] = transactional_id
    request = kind(**named)
    assert flat_request.encode(request) == Struct.encode(request)


def test_once_installed_every_version_is_encoded_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Aiokafka chooses among them by what the broker speaks."""
    for kind in VERSIONS:
        monkeypatch.setattr(kind, "encode", Struct.encode)
    flat_request.install()
    assert all(kind.encode is flat_request.encode for kind in VERSIONS)
