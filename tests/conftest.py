"""Brokers for the tests: one of each kind serves all of them, kept apart by topic prefixes.

``KAFKA_TIER=require`` makes the tests marked ``kafka`` fail, rather than skip, where Java 17+
or Maven is missing. The name has no ``TOCSIN_`` prefix: unknown settings are refused.
"""

import os
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import hypothesis
import pytest

from stream.embedded import EmbeddedBroker
from stream.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))  # for tests/support: importlib mode adds nothing
pytest.register_assert_rewrite("support")  # its assertions tell what they found, too

from support.apache_kafka import ApacheKafka, Security, require_kafka  # noqa: E402 (from here on)
from support.certificates import Certificates, make_certificates  # noqa: E402

# No example fails for the time it takes: the machine is busy, or a kernel compiles.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


class Broker(Protocol):
    """What tests need of a broker of either kind."""

    @property
    def bootstrap(self) -> str:
        """Servers for the setting of that name."""


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """No setting of the developer's shell decides a test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.upper().startswith("TOCSIN_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def _heeds_ctrl_c() -> None:
    """A shell starts what it runs in the background deaf to SIGINT, and children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[EmbeddedBroker]:
    """The embedded broker, started once."""
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture(scope="session")
def apache_kafka() -> Iterator[ApacheKafka]:
    """One broker of Apache Kafka, started once; tests that ask for it carry the mark ``kafka``."""
    require_kafka()
    with ApacheKafka() as kafka:
        yield kafka


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A fresh authority with a broker's and a client's certificate."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def secure_kafka(certificates: Certificates) -> Iterator[ApacheKafka]:
    """Apache Kafka with SASL_PLAINTEXT, SASL_SSL, SSL and mutual TLS listeners, started once."""
    require_kafka()
    with ApacheKafka(security=Security(keystore=certificates.broker, cafile=certificates.ca)) as kafka:
        yield kafka


@pytest.fixture(
    params=[
        pytest.param("embedded_broker", marks=pytest.mark.broker, id="embedded"),
        pytest.param("apache_kafka", marks=pytest.mark.kafka, id="apache"),
    ]
)
def broker(request: pytest.FixtureRequest) -> Broker:
    """Either broker; a test that takes it runs on both."""
    found: Broker = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def prefix() -> str:
    """A topic prefix of this test alone."""
    return f"t{uuid.uuid4().hex[:10]}-"


@pytest.fixture
def settings(broker: Broker, prefix: str) -> Settings:
    """Settings of a test on either broker."""
    return Settings(bootstrap=broker.bootstrap, topic_prefix=prefix, group=f"{prefix}group")
