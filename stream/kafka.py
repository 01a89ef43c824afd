"""Settings turned into connections: arguments for aiokafka and Faust, topic names, advice.

Everything that opens a connection takes its arguments from here, so that one set of settings
reaches the broker the same way from the worker, the replay and the commands.
"""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol, TypeVar

from aiokafka import errors as kafka_errors
from aiokafka.conn import create_conn
from aiokafka.protocol.metadata import MetadataRequest

from stream.errors import BrokerError, SettingsError
from stream.settings import Settings

POSTS = "posts"
SKETCHES = "sketches"
ACTIVITY = "activity"
ALERTS = "alerts"
DEAD = "posts.dead"
BURST_STATE = "burst-state"
RULINGS = "rulings"

TOPICS = (POSTS, SKETCHES, ACTIVITY, ALERTS, DEAD, BURST_STATE, RULINGS)
"""Logical names of all topics; `topic_name` adds the configured prefix."""


_DIAGNOSIS_TIMEOUT_MS = 5000
_LOST = (kafka_errors.KafkaConnectionError, kafka_errors.NodeNotReadyError, kafka_errors.RequestTimedOutError)


def topic_name(settings: Settings, topic: str) -> str:
    """The name on the broker of the logical `topic`."""
    if topic not in TOPICS:
        raise ValueError(f"{topic!r} is none of {', '.join(TOPICS)}")
    return settings.topic_prefix + topic


def ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """TLS as configured; ``None`` for protocols without it.

    Raises:
        SettingsError: a certificate or key file can't be used.
    """
    if not settings.security_protocol.endswith("SSL"):
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ssl_cafile)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"setting ssl_cafile = {settings.ssl_cafile}: {_file_trouble(error)}") from error
    context.check_hostname = settings.ssl_check_hostname
    if settings.ssl_certfile and settings.ssl_keyfile:
        try:
            context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile, _no_passphrase)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise SettingsError(
                f"settings ssl_certfile = {settings.ssl_certfile}, ssl_keyfile = {settings.ssl_keyfile}: "
                f"{_file_trouble(error)}"
            ) from error
    return context


def _no_passphrase() -> str:
    # Without it OpenSSL would ask on the terminal, and a service would hang.
    raise ValueError("the key is encrypted; give an unencrypted one")


def _file_trouble(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"no usable PEM ({error.reason or error})"
    return getattr(error, "strerror", None) or str(error)


def client_kwargs(settings: Settings) -> dict[str, Any]:
    """Arguments that every aiokafka client takes: servers, protocol, TLS, SASL.

    Raises:
        SettingsError: a certificate or key file can't be used.
    """
    kwargs: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "security_protocol": settings.security_protocol,
        "ssl_context": ssl_context(settings),
    }
    if settings.security_protocol.startswith("SASL_"):
        kwargs |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": settings.sasl_password.get_secret_value(),
        }
    return kwargs


class FaustBroker(NamedTuple):
    """What ``faust.App`` takes to connect as `client_kwargs` does."""

    broker: list[str]
    broker_credentials: Any


def faust_broker(settings: Settings) -> FaustBroker:
    """`settings` for ``faust.App(broker=…, broker_credentials=…)``.

    Raises:
        SettingsError: a certificate or key file can't be used.
    """
    from faust.auth import SASLCredentials, SSLCredentials  # noqa: PLC0415 (0.5 s that a replay can save)

    context = ssl_context(settings)
    credentials: Any = None
    if settings.security_protocol.startswith("SASL_"):
        credentials = SASLCredentials(
            username=settings.sasl_username,
            password=settings.sasl_password.get_secret_value(),
            mechanism=settings.sasl_mechanism,
            ssl_context=context,
        )
    elif context is not None:
        credentials = SSLCredentials(context)
    return FaustBroker([f"kafka://{server}" for server in settings.bootstrap_servers], credentials)


class Client(Protocol):
    """The life of an aiokafka producer, consumer or admin client."""

    async def start(self) -> None:
        """Connect."""


C = TypeVar("C", bound=Client)


async def start(client: C, settings: Settings) -> C:
    """Start an aiokafka client; a client that can't start is closed.

    Raises:
        BrokerError: no server answers or accepts us; the text says which, why, what to check.
    """
    try:
        await client.start()
    except (kafka_errors.KafkaError, OSError) as error:
        await stop(client)
        raise BrokerError(await _diagnosis(settings, error)) from error
    except BaseException:
        await stop(client)
        raise
    return client


async def stop(client: Any) -> None:
    """Close an aiokafka client of any kind; admin clients name it differently."""
    await (client.close() if hasattr(client, "close") else client.stop())


@asynccontextmanager
async def connected(client: C, settings: Settings) -> AsyncIterator[C]:
    """Start an aiokafka client, hand it out, close it whatever happens.

    Raises:
        BrokerError: as `start`; also when the connection is lost inside the block.
    """
    await start(client, settings)
    try:
        yield client
    except _LOST as error:
        raise BrokerError(await _diagnosis(settings, error)) from error
    finally:
        await stop(client)


async def _diagnosis(settings: Settings, error: Exception) -> str:
    """Why we can't work with the brokers, one line a server, then what to check.

    aiokafka logs the cause and raises "Unable to bootstrap", so each server is asked once more.
    """
    kwargs = client_kwargs(settings)
    said = []
    for server in kwargs.pop("bootstrap_servers"):
        host, _, port = server.rpartition(":")
        try:
            connection = await create_conn(
                host.strip("[]"), int(port), request_timeout_ms=_DIAGNOSIS_TIMEOUT_MS, **kwargs
            )
            try:
                # A listener of another protocol, or one that misses our certificate, ends it here.
                await connection.send(MetadataRequest([]))
            finally:
                connection.close()
        except (kafka_errors.KafkaError, OSError, TimeoutError) as cause:
            said.append(f"{server}: {_advice(settings, cause)}")
    if not said:
        return f"Kafka at {settings.bootstrap} fails: {error!r}"
    return f"Kafka can't be used over {settings.security_protocol}. " + "; ".join(said)


def _advice(settings: Settings, cause: Exception) -> str:
    tls_reason = getattr(cause, "verify_message", None) or getattr(cause, "reason", None) or cause
    advice = {
        kafka_errors.SaslAuthenticationFailed: (
            f"the broker refuses user {settings.sasl_username!r} by {settings.sasl_mechanism} "
            "(check sasl_username, sasl_password and that the broker knows this user)"
        ),
        kafka_errors.UnsupportedSaslMechanismError: (
            f"the broker doesn't offer {settings.sasl_mechanism} (check sasl_mechanism)"
        ),
        kafka_errors.IllegalSaslStateError: (
            "this listener wants no SASL (check security_protocol and the port)"
        ),
        ssl.SSLCertVerificationError: (
            f"its certificate isn't trusted: {tls_reason} (check ssl_cafile and the host name)"
        ),
        ssl.SSLError: (
            f"no TLS: {tls_reason} (check security_protocol, the port and our client certificate)"
        ),
        socket.gaierror: "the name is unknown (check bootstrap)",
        ConnectionRefusedError: "nothing listens there (check bootstrap, and that the broker runs)",
        TimeoutError: "no answer in time (check bootstrap, the firewall and security_protocol)",
        kafka_errors.RequestTimedOutError: "no answer in time (check security_protocol and the port)",
    }
    for kind, text in advice.items():
        if isinstance(cause, kind):
            return text
    wants = ""
    if settings.security_protocol.endswith("SSL") and settings.ssl_certfile is None:
        wants = ", and whether it wants our client certificate: ssl_certfile"
    return (
        f"the broker closed the connection (check that security_protocol = "
        f"{settings.security_protocol} is what this port speaks{wants})"
    )
