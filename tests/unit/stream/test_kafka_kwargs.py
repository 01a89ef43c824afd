"""Settings turned into connection arguments, for aiokafka and for Faust."""

import ssl
from pathlib import Path

import pytest
import trustme
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth, server_list
from faust.types.auth import to_credentials
from yarl import URL

from stream.errors import SettingsError
from stream.kafka import TOPICS, client_kwargs, faust_broker, topic_name
from stream.settings import Settings

USER = {"sasl_username": "alice", "sasl_password": "secret"}


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PEM file of a fresh certificate authority."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return path


def test_plaintext_needs_no_more_than_servers() -> None:
    """Without TLS and SASL only servers and protocol are given, every server of the list."""
    assert client_kwargs(Settings(bootstrap="a:1, [::1]:2")) == {
        "bootstrap_servers": ["a:1", "[::1]:2"],
        "security_protocol": "PLAINTEXT",
        "ssl_context": None,
    }


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_faust_connects_as_aiokafka_does(protocol: str, mechanism: str, ca: Path) -> None:
    """Faust hands aiokafka the same arguments that our own clients take."""
    values = {"security_protocol": protocol, "sasl_mechanism": mechanism, "bootstrap": "a:1,[::1]:2"}
    values |= USER if "SASL" in protocol else {}
    settings = Settings(**values, ssl_cafile=ca if "SSL" in protocol else None)
    ours, faust = client_kwargs(settings), faust_broker(settings)
    assert server_list([URL(url) for url in faust.broker], 9092) == ours.pop("bootstrap_servers")
    theirs = dict(credentials_to_aiokafka_auth(to_credentials(faust.broker_credentials)))
    contexts = ours.pop("ssl_context"), theirs.pop("ssl_context", None)
    assert theirs == ours
    assert [type(c) for c in contexts] == [ssl.SSLContext if "SSL" in protocol else type(None)] * 2


def test_tls_checks_name_and_certificate_unless_told(ca: Path) -> None:
    """The name check is on by default; off, the certificate must still be trusted."""
    on = client_kwargs(Settings(security_protocol="SSL", ssl_cafile=ca))["ssl_context"]
    off = client_kwargs(Settings(security_protocol="SSL", ssl_cafile=ca, ssl_check_hostname=False))
    assert on.check_hostname
    assert not off["ssl_context"].check_hostname
    assert off["ssl_context"].verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize("content", [None, b"", b"no certificate"], ids=["absent", "empty", "no-pem"])
def test_unusable_certificate_names_setting_and_file(tmp_path: Path, content: bytes | None) -> None:
    """A CA file that can't be used is a settings error that names it."""
    path = tmp_path / "my-ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"ssl_cafile = .*my-ca\.pem"):
        client_kwargs(Settings(security_protocol="SSL", ssl_cafile=path))


def test_unusable_key_names_settings_and_files(tmp_path: Path, ca: Path) -> None:
    """A key that can't be used is a settings error that names it."""
    key = tmp_path / "key.pem"
    key.write_text("no key")
    settings = Settings(security_protocol="SSL", ssl_cafile=ca, ssl_certfile=ca, ssl_keyfile=key)
    with pytest.raises(SettingsError, match=r"ssl_keyfile = .*key\.pem"):
        client_kwargs(settings)


def test_every_topic_name_carries_the_prefix() -> None:
    """The prefix stands before all names; a name that is none of ours is refused."""
    settings = Settings(topic_prefix="eu.")
    assert [topic_name(settings, topic) for topic in TOPICS] == [
        "eu.posts",
        "eu.sketches",
        "eu.activity",
        "eu.alerts",
        "eu.posts.dead",
        "eu.burst-state",
        "eu.rulings",
    ]
    with pytest.raises(ValueError, match="'post' is none of"):
        topic_name(settings, "post")
