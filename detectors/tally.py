"""What a cluster begins with: its name, and its first post."""

from hashlib import blake2b

import msgspec


class Member(msgspec.Struct, gc=False):
    """One post on its way into a tally."""

    identity: int
    account: int
    event_ms: int
    ingest_ms: int
    flags: int
    norm: bytes
    sample: bytes
    """MessagePack of `rows.Sample`."""


def cluster_id(identity: int, partition: int, epoch: int) -> str:
    """Name of the cluster that a post opened: 20 hex digits, the same after any replay."""
    return blake2b(f"{identity:016x}/{partition}/{epoch}".encode(), digest_size=10).hexdigest()
