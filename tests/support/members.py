"""Posts on their way into a tally."""

import msgspec

from detectors.rows import Sample, pack_sample
from detectors.tally import Member


def member(i: int, text: str = "some text", **changes: object) -> Member:
    """The i-th post, by its own account."""
    sample = Sample(
        platform="test",
        id=str(i),
        account=f"{i:016x}",
        at_ms=60_000 * i,
        text=text,
        clipped=False,
        lang=None,
        url=None,
        hashtags=["One", "one", "two"],
        urls=[],
    )
    sample = msgspec.structs.replace(sample, **changes)
    packed = pack_sample(sample)
    return Member(
        identity=i, account=i, event_ms=60_000 * i, ingest_ms=0, flags=0, norm=text.encode(), sample=packed
    )
