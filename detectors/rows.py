"""What SKETCH hands to CLUSTER: packs of rows, and the marks that carry time.

A pack holds many posts in columns, so that the next stage pays per pack and not per post.
The order of rows and marks is the content; where one pack ends and the next begins is not.
"""

from typing import NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.sketch import N_BANDS

REPOST = 1
"""A pure repost: counted apart, never tested."""
EXACT = 2
"""Too short for shingles: equal only to the same bytes."""
AGE_KNOWN = 4
NEW_ACCOUNT = 8
"""The account was younger than ``new_account_days`` at this post."""
CLOCK_LIED = 16
"""`created_at` was not credible; event time is `observed_at`."""


class Counted(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """What is counted of a sample: it stands first, and the rest need not be decoded for it."""

    platform: str
    lang: str | None
    hashtags: list[str]
    urls: list[str]


class Sample(Counted, array_like=True, kw_only=True, gc=False):
    """A post as people are shown it. Text is data from strangers: escape it where shown.

    Between the stages it stays the bytes that SKETCH made of it: few are ever shown.
    """

    id: str
    account: str
    """Keyed 64-bit hash of the account, 16 hex digits."""
    at_ms: int
    """Event time, UTC milliseconds."""
    text: str
    """The post's text; the first `SHOWN_CHARS` code points of it when `clipped`."""
    clipped: bool
    url: str | None
    deleted: bool = False
    """The author deleted it; the text is gone."""


read_counted = msgspec.msgpack.Decoder(Counted).decode
read_sample = msgspec.msgpack.Decoder(Sample).decode
pack_sample = msgspec.msgpack.Encoder().encode
"""A `Sample` as MessagePack, and back."""


class Mark(NamedTuple):
    """A source's clock, between rows."""

    position: int
    """The mark stands before the row of this index in its pack."""
    watermark_ms: int
    """Largest event time of the source so far, UTC milliseconds; 0 before its first post."""
    idle: bool
    """The source has nothing waiting; its clock goes by wall time since its last post."""


class Delete(NamedTuple):
    """An author took a post back: its text must go."""

    position: int
    """It stands before the row of this index in its pack."""
    offset: int
    """Of the deletion in its source, so that a redelivered one is known."""
    watermark_ms: int
    """The source's watermark here: behind the marks up to it, before the later ones."""
    identity: int
    """Keyed hash of (platform, id)."""


class Pack(msgspec.Struct, array_like=True, kw_only=True):
    """Rows of one source (a partition of ``posts``) for one partition of ``sketches``.

    Columns are little-endian arrays of n rows; `bands` is ``uint32 (n, 42)``, `bits`
    ``uint64 (n, 2)``.
    """

    source: int
    n_sources: int
    offsets: bytes = b""
    """int64: each row's offset in its source."""
    event_ms: bytes = b""
    """int64: event time."""
    watermark_ms: bytes = b""
    """int64: the source's watermark at the row, the row included."""
    ingest_ms: bytes = b""
    """int64: append time of the post."""
    accounts: bytes = b""
    """uint64: keyed hash of (platform, author)."""
    identities: bytes = b""
    """uint64: keyed hash of (platform, id)."""
    flags: bytes = b""
    """uint8: bits named above."""
    bands: bytes = b""
    bits: bytes = b""
    norm_ends: bytes = b""
    """int64: end of each row's text in `norms`."""
    norms: memoryview = memoryview(b"")
    """Normalised texts, UTF-8, joined; where a record was read, part of it."""
    sample_ends: bytes = b""
    """int64: end of each row's sample in `samples`."""
    samples: memoryview = memoryview(b"")
    """MessagePack of `Sample`, one a row, joined; as `norms`."""
    marks: list[Mark] = []
    deletes: list[Delete] = []


class Columns(NamedTuple):
    """A pack's columns as arrays (views, read-only)."""

    offsets: NDArray[np.int64]
    event_ms: NDArray[np.int64]
    watermark_ms: NDArray[np.int64]
    ingest_ms: NDArray[np.int64]
    accounts: NDArray[np.uint64]
    identities: NDArray[np.uint64]
    flags: NDArray[np.uint8]
    bands: NDArray[np.uint32]
    bits: NDArray[np.uint64]
    norm_offsets: NDArray[np.int64]
    norms: NDArray[np.uint8]
    sample_offsets: NDArray[np.int64]
    samples: NDArray[np.uint8]

    @classmethod
    def of(cls, pack: Pack) -> Self:
        """The columns of `pack`; ``ValueError`` when their lengths disagree."""
        columns = cls(
            np.frombuffer(pack.offsets, "<i8"),
            np.frombuffer(pack.event_ms, "<i8"),
            np.frombuffer(pack.watermark_ms, "<i8"),
            np.frombuffer(pack.ingest_ms, "<i8"),
            np.frombuffer(pack.accounts, "<u8"),
            np.frombuffer(pack.identities, "<u8"),
            np.frombuffer(pack.flags, "u1"),
            np.frombuffer(pack.bands, "<u4").reshape(-1, N_BANDS),
            np.frombuffer(pack.bits, "<u8").reshape(-1, 2),
            _offsets(pack.norm_ends),
            np.frombuffer(pack.norms, "u1"),
            _offsets(pack.sample_ends),
            np.frombuffer(pack.samples, "u1"),
        )
        n_rows = len(columns.offsets)
        if any(len(column) != n_rows for column in columns[1:9]):
            raise ValueError("the columns of a pack differ in length")
        for offsets, joined in ((columns.norm_offsets, pack.norms), (columns.sample_offsets, pack.samples)):
            if len(offsets) != n_rows + 1 or offsets[-1] != len(joined):
                raise ValueError("the texts of a pack do not fit their offsets")
        return columns


def _offsets(ends: bytes) -> NDArray[np.int64]:
    return np.concatenate((np.zeros(1, np.int64), np.frombuffer(ends, "<i8")))
