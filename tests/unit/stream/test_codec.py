"""Bytes between our stages: what is written is read, and nothing else is."""

import msgspec
import pytest
from support.scenario_feed import small_campaign

from detectors.activity import Clock, read_told
from detectors.chain import Chain
from detectors.clusterer import EpochStart
from detectors.rows import Mark, Pack
from detectors.settings import DetectorSettings
from detectors.sketcher import RawPost, Sketcher
from detectors.watermarks import Source, Watermarks
from stream import codec
from stream.errors import PackError


def packs() -> list[Pack]:
    """What SKETCH makes of a few posts."""
    sketcher = Sketcher(DetectorSettings(), 0, 1, 1)
    values = small_campaign(5, text="the same words from all of them", start="2024-05-15T10:00:00Z")
    return [
        pack
        for _, pack in sketcher.feed(
            [RawPost(i, 1_800_000_000_000, value) for i, value in enumerate(values)]
        ).packs
    ]


def test_a_pack_comes_back_as_it_was() -> None:
    """All columns, marks and samples."""
    (pack,) = packs()
    assert codec.decode_pack(codec.encode_pack(pack)) == pack


def test_a_pack_of_marks_alone_comes_back() -> None:
    """An idle tick has no rows."""
    pack = Pack(source=3, n_sources=4, marks=[Mark(0, 1_715_768_400_000, idle=True)])
    assert codec.decode_pack(codec.encode_pack(pack)) == pack


@pytest.mark.parametrize("value", [None, b"", b"T", b"{}", b"not a pack"])
def test_what_is_no_pack_is_refused_with_the_likely_cause(value: bytes | None) -> None:
    """Another program writes to the topic."""
    with pytest.raises(PackError, match="does another program write there"):
        codec.decode_pack(value)


@pytest.mark.parametrize("position", [2, 3, 5])
def test_a_pack_of_another_making_is_refused_with_advice(position: int) -> None:
    """Another format version or sketch digest: comparing such sketches would silently find nothing."""
    value = bytearray(codec.encode_pack(packs()[0]))
    value[position] ^= 1
    with pytest.raises(PackError, match=r"as deploy/UPGRADING\.md says"):
        codec.decode_pack(bytes(value))


@pytest.mark.parametrize("n_bytes", [12, 60, -1])
def test_a_pack_cut_short_is_refused(n_bytes: int) -> None:
    """Damage never becomes a pack."""
    with pytest.raises(PackError):
        codec.decode_pack(codec.encode_pack(packs()[0])[:n_bytes])


def test_activity_comes_back_as_it_was() -> None:
    """Snapshots and clocks, told apart by their tag."""
    chain = Chain(DetectorSettings(), "")
    messages = [message for pack in packs() for message in read_told(chain.clusterer.feed(0, pack))]
    messages.append(
        Clock(
            partition=0,
            n_partitions=1,
            watermark_ms=60_000,
            ingest_ms=1,
            n_posts=2,
            n_age_known=1,
            n_new=1,
            account_sample=[2**64 - 64],
        )
    )
    assert len({type(message) for message in messages}) == 2
    for message in messages:
        assert codec.decode_activity(codec.encode_activity(message)) == [message]


def test_what_is_told_at_once_comes_back_in_its_order_from_records_that_kafka_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One record, or several of a bounded size; one that is larger goes alone, nothing makes none."""
    chain = Chain(DetectorSettings(), "")
    messages = [message for pack in packs() for message in read_told(chain.clusterer.feed(0, pack))]
    (whole,) = codec.encode_told(messages)
    assert codec.decode_activity(whole) == messages
    assert codec.encode_told([]) == []
    largest = max(len(codec.encode_activity(message)) for message in messages)
    for limit in (1, largest, 3 * largest):
        monkeypatch.setattr(codec, "ACTIVITY_BYTES", limit)
        records = codec.encode_told(messages)
        assert [message for record in records for message in codec.decode_activity(record)] == messages
        assert all(len(r) <= limit + 5 or len(codec.decode_activity(r)) == 1 for r in records)
        assert len(records) > 1


@pytest.mark.parametrize("value", [None, b"", b"{}", b'{"type":"clock"}', b"\xff"])
def test_activity_that_cannot_be_read_stops_the_worker_as_a_pack_error(value: bytes | None) -> None:
    """An own message that can't be read is an internal fault, of no record in particular."""
    with pytest.raises(PackError, match="activity"):
        codec.decode_activity(value)


def test_epochs_come_back_and_none_are_none() -> None:
    """With each source's watermark and highest offset; no record, no epochs."""
    marks = Watermarks(n_sources=1, sources={0: Source(60_000, is_idle=False, highest=41)}, low_ms=60_000)
    starts = [EpochStart(epoch=7, offset=12, watermarks=marks, ingest_ms=5)]
    assert codec.decode_epochs(codec.encode_epochs(starts)) == starts
    assert codec.decode_epochs(None) == []
    with pytest.raises(msgspec.DecodeError):
        codec.decode_epochs(b"{")
