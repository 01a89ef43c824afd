"""Settings reach a real broker over SASL and TLS, and a refusal says what to check."""

from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from click.testing import CliRunner
from support.apache_kafka import PASSWORD, USER, ApacheKafka
from support.certificates import Certificates

from stream.cli import main
from stream.errors import BrokerError
from stream.kafka import client_kwargs, connected
from stream.settings import Settings
from stream.topics import create_topics

pytestmark = pytest.mark.kafka

LOGIN = {"sasl_username": USER, "sasl_password": PASSWORD}


async def round_trip(settings: Settings) -> bytes | None:
    """Create the topics, send a record to posts and read it back, all over `settings`."""
    await create_topics(settings)
    name = settings.topic_prefix + "posts"
    async with connected(AIOKafkaProducer(**client_kwargs(settings)), settings) as producer:
        await producer.send_and_wait(name, settings.topic_prefix.encode(), partition=0)
    consumer = AIOKafkaConsumer(
        name, **client_kwargs(settings), group_id=settings.group, auto_offset_reset="earliest"
    )
    async with connected(consumer, settings) as reader:
        record = await reader.getone()
    value: bytes | None = record.value
    return value


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_topics_and_records_pass_over_sasl(
    secure_kafka: ApacheKafka, certificates: Certificates, prefix: str, protocol: str, mechanism: str
) -> None:
    """Every mechanism works with and without TLS, for admin, producer and group consumer."""
    settings = Settings(
        bootstrap=secure_kafka.listener(protocol),
        security_protocol=protocol,
        sasl_mechanism=mechanism,
        ssl_cafile=certificates.ca if protocol == "SASL_SSL" else None,
        topic_prefix=prefix,
        **LOGIN,
    )
    assert await round_trip(settings) == prefix.encode()


@pytest.mark.parametrize("listener", ["SSL", "MTLS"])
async def test_topics_and_records_pass_over_tls(
    secure_kafka: ApacheKafka, certificates: Certificates, prefix: str, listener: str
) -> None:
    """TLS works, and so does mutual TLS with our certificate and key."""
    ours = {"ssl_certfile": certificates.client, "ssl_keyfile": certificates.client_key}
    settings = Settings(
        bootstrap=secure_kafka.listener(listener),
        security_protocol="SSL",
        ssl_cafile=certificates.ca,
        topic_prefix=prefix,
        **(ours if listener == "MTLS" else {}),
    )
    assert await round_trip(settings) == prefix.encode()


@pytest.mark.parametrize(
    ("listener", "values", "said"),
    [
        pytest.param(
            "SASL_PLAINTEXT",
            LOGIN | {"security_protocol": "SASL_PLAINTEXT", "sasl_password": "wrong"},
            "the broker refuses user 'alice' by SCRAM-SHA-512 (check sasl_username, sasl_password",
            id="wrong-scram-password",
        ),
        pytest.param(
            "SASL_PLAINTEXT",
            LOGIN
            | {"security_protocol": "SASL_PLAINTEXT", "sasl_password": "wrong", "sasl_mechanism": "PLAIN"},
            "the broker refuses user 'alice' by PLAIN (check sasl_username, sasl_password",
            id="wrong-plain-password",
        ),
        pytest.param(
            "SSL",
            {"security_protocol": "SSL", "ssl_cafile": "other_ca"},
            "its certificate isn't trusted",
            id="wrong-authority",
        ),
        pytest.param(
            "MTLS",
            {"security_protocol": "SSL", "ssl_cafile": "ca"},
            "our client certificate",
            id="no-client-certificate",
        ),
        pytest.param(
            "PLAINTEXT",
            {"security_protocol": "SSL", "ssl_cafile": "ca"},
            "check that security_protocol = SSL is what this port speaks",
            id="tls-to-a-plain-port",
        ),
        pytest.param(
            "SASL_PLAINTEXT", {}, "check that security_protocol = PLAINTEXT", id="plain-to-a-sasl-port"
        ),
        pytest.param(
            "PLAINTEXT",
            LOGIN | {"security_protocol": "SASL_PLAINTEXT"},
            "this listener wants no SASL (check security_protocol",
            id="sasl-to-a-plain-port",
        ),
    ],
)
async def test_refusal_says_what_to_check(
    secure_kafka: ApacheKafka,
    certificates: Certificates,
    listener: str,
    values: dict[str, Any],
    said: str,
) -> None:
    """What the broker refuses becomes an error with its address, the cause and what to check."""
    files = {"ssl_cafile": getattr(certificates, values["ssl_cafile"])} if "ssl_cafile" in values else {}
    settings = Settings(bootstrap=secure_kafka.listener(listener), **values | files)
    with pytest.raises(BrokerError) as caught:
        await create_topics(settings)
    assert f"{secure_kafka.listener(listener)}: " in str(caught.value)
    assert said in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_command_creates_topics_over_sasl_ssl(
    secure_kafka: ApacheKafka, certificates: Certificates, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`tocsin topics create` works with everything taken from the environment."""
    values = LOGIN | {
        "bootstrap": secure_kafka.listener("SASL_SSL"),
        "security_protocol": "SASL_SSL",
        "ssl_cafile": str(certificates.ca),
        "topic_prefix": prefix,
    }
    for name, value in values.items():
        monkeypatch.setenv(f"TOCSIN_{name.upper()}", value)
    result = CliRunner().invoke(main, ["topics", "create"])
    assert (result.exit_code, result.stdout.count("created ")) == (0, 7), result.output
