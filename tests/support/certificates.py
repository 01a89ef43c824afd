"""Certificates for one test run: an authority, a broker, a client."""

from pathlib import Path
from typing import NamedTuple

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


class Certificates(NamedTuple):
    """PEM files."""

    ca: Path
    """The authority that signed the others."""
    other_ca: Path
    """An authority that signed nothing."""
    client: Path
    client_key: Path
    broker: Path
    """The broker's key and chain in one file, as Kafka wants it; issued for 127.0.0.1."""


def make_certificates(folder: Path) -> Certificates:
    """Write a fresh set into `folder`."""
    found = Certificates(*(folder / f"{name}.pem" for name in ("ca", "other", "client", "key", "broker")))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(found.ca))
    trustme.CA().cert_pem.write_to_path(str(found.other_ca))
    client = authority.issue_cert("worker@tocsin.test")
    client.cert_chain_pems[0].write_to_path(str(found.client))
    client.private_key_pem.write_to_path(str(found.client_key))
    broker = authority.issue_cert("127.0.0.1")
    # Kafka reads PKCS#8 only; trustme writes the older form.
    key = load_pem_private_key(broker.private_key_pem.bytes(), None)
    pkcs8 = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    found.broker.write_bytes(pkcs8 + b"".join(pem.bytes() for pem in broker.cert_chain_pems))
    return found
