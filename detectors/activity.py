"""What CLUSTER tells BURST: snapshots of clusters, and how far its time has come.

A snapshot is cumulative, so the newest of a cluster replaces all before it and a repeated one
changes nothing; which of two is newer is told by `version`, never by arrival.
"""

from collections.abc import Iterable

import msgspec
from msgspec import Raw

from detectors.ruling import Ruling, Undo


class Variant(msgspec.Struct, array_like=True, gc=False):
    """One wording within a cluster."""

    text: str
    """As its first post wrote it; empty when that post was deleted."""
    n_posts: int


class Details(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """What people are shown of a cluster."""

    samples: list[bytes]
    """The first five posts and the latest five, as MessagePack of `rows.Sample`; the very first leads."""
    exemplar: bytes | None
    """First post of the commonest wording that was not deleted: what people are shown. None: the first
    of `samples`."""
    variants: list[Variant]
    """The commonest, in order."""
    hashtags: dict[str, int]
    """The commonest, as all counts here; what a snapshot tells stands in no order."""
    urls: dict[str, int]
    platforms: dict[str, int]
    langs: dict[str, int]


pack_details = msgspec.msgpack.Encoder().encode
read_details = msgspec.msgpack.Decoder(Details).decode


class Snapshot(msgspec.Struct, tag="snapshot", kw_only=True, gc=False):
    """Everything known of one cluster at a point of its log."""

    cluster: str
    """Hash of (first post, partition of ``sketches``, epoch), 20 hex digits."""
    partition: int
    version: int
    """Grows with every change of the cluster."""
    watermark_ms: int
    """Event time CLUSTER had reached, UTC milliseconds; 0 before all sources have spoken."""
    ingest_ms: int
    """Append time of the post that caused this snapshot, UTC milliseconds."""
    n_posts: int
    """Pure reposts excluded."""
    n_reposts: int
    first_ms: int
    """Event time of its first post."""
    last_ms: int
    """Largest event time of its posts."""
    slots: list[tuple[int, int]]
    """(slot, posts): slot = event time // slot length, ascending."""
    accounts: bytes
    """Packed array of `accounts.ACCOUNT`, at most `accounts.MAX_EXACT`."""
    hyperloglog: bytes | None
    """HyperLogLog++ registers, p = 14, once there were more accounts."""
    exemplars: list[str]
    """Normalised texts that stand for the cluster, at most 4, first one first."""
    exact: bool
    """Too short for shingles; matches only itself."""
    n_deleted: int = 0
    """Of the posts that are shown, deleted by their authors."""
    details: bytes
    """MessagePack of `Details`: most are replaced before anybody is shown them."""


read_snapshot = msgspec.msgpack.Decoder(Snapshot).decode
"""CLUSTER tells them as MessagePack: whoever reads on in the same process reads it first."""


class Clock(msgspec.Struct, tag="clock", kw_only=True):
    """One partition of ``sketches`` has passed another slot boundary."""

    partition: int
    n_partitions: int
    watermark_ms: int
    ingest_ms: int
    """Append time of the newest post behind this clock."""
    n_posts: int
    """Posts of the slots closed since the previous clock, reposts and repeats excluded."""
    n_age_known: int
    """Of those read since the previous clock that opened a cluster: posts with a credible account age."""
    n_new: int
    """And of these: by new accounts. The feed's base rate, which no campaign moves."""
    account_sample: list[int]
    """Account hashes that are 0 modulo `SAMPLE_ONE_IN`, to estimate the feed's accounts."""


SAMPLE_ONE_IN = 64

Activity = Snapshot | Clock | Ruling | Undo
"""What stands in topic ``activity``: CLUSTER's words, and between them people's."""

Told = list[Activity] | Activity
"""A record of the topic: what CLUSTER tells at once, in its order, or what a person decides."""


def read_told(told: Iterable[Raw | Clock]) -> list[Snapshot | Clock]:
    """What CLUSTER tells, read."""
    return [read_snapshot(one) if isinstance(one, Raw) else one for one in told]
