"""What a cluster is called."""

from hashlib import blake2b


def cluster_id(identity: int, partition: int, epoch: int) -> str:
    """Name of the cluster that a post opened: 20 hex digits, the same after any replay."""
    return name_bytes(identity, partition, epoch).hex()


def name_bytes(identity: int, partition: int, epoch: int) -> bytes:
    """The same as bytes."""
    return blake2b(f"{identity:016x}/{partition}/{epoch}".encode(), digest_size=10).digest()
