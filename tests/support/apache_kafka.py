"""Real Apache Kafka for the test tier: KRaft, one to three processes, loopback only.

The jars come through Maven once (``tests/kafka_server/pom.xml``) and stay in ``build/kafka``.
"""

import asyncio
import base64
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream.child import Child

ROOT = Path(__file__).resolve().parents[2]
POM = ROOT / "tests" / "kafka_server" / "pom.xml"
LIBS = Path(os.environ.get("KAFKA_LIBS", ROOT / "build" / "kafka" / "libs"))
HOST = "127.0.0.1"
USER, PASSWORD = "alice", "alice-secret"
START_S = 60.0

# The first stage of the compiler and the small collector: a broker of a test lives for seconds.
JVM = ("-Xmx384m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


def available() -> str:
    """Empty when Java 17+ and Maven (or the jars) are there; else what is missing."""
    if shutil.which("java") is None:
        return "no java on the path (Java 17+ is needed)"
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    version = said.partition('"')[2].partition('"')[0]
    if not version or int(version.split(".")[0].split("-")[0]) < 17:
        return f"Java 17+ is needed, this is {version or said.strip()}"
    if not _jars_are_there() and shutil.which("mvn") is None:
        return "no mvn on the path, and no jars in build/kafka/libs"
    return ""


def require_kafka() -> None:
    """Skip the test where Apache Kafka can't run; fail it where ``KAFKA_TIER=require`` demands it."""
    if missing := available():
        if os.environ.get("KAFKA_TIER") == "require":
            pytest.fail(f"KAFKA_TIER=require, but {missing}")
        pytest.skip(missing)


def _jars_are_there() -> bool:
    names = ("kafka_2.13-*.jar", "kafka-tools-[0-9]*.jar", "slf4j-simple-*.jar")
    return all(any(LIBS.glob(name)) for name in names)


def fetch_jars() -> Path:
    """Folder with Kafka's jars; Maven fetches them when they aren't there."""
    if not _jars_are_there():
        # Beside and renamed: a fetch that is cut short leaves nothing that looks complete.
        LIBS.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=LIBS.parent) as folder:
            argv = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
            subprocess.run([*argv, f"-DoutputDirectory={folder}/libs"], check=True, timeout=300)
            shutil.rmtree(LIBS, ignore_errors=True)
            (Path(folder) / "libs").rename(LIBS)
    return LIBS


@dataclass(frozen=True)
class Security:
    """Listeners beside PLAINTEXT: SASL_PLAINTEXT always, TLS ones with certificate files.

    `keystore` is the broker's key (PKCS#8) and chain, `cafile` whom it trusts, both PEM.
    """

    keystore: Path | None = None
    cafile: Path | None = None

    @property
    def listeners(self) -> tuple[str, ...]:
        """Names of the additional listeners; MTLS is TLS that asks for a client certificate."""
        return ("SASL_PLAINTEXT", *(("SASL_SSL", "SSL", "MTLS") if self.keystore else ()))


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


TOOLS = {
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
    "kafka-console-consumer.sh": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-consumer-groups.sh": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-get-offsets.sh": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
}
"""Kafka's own commands: its scripts start these classes."""


def write_tools(folder: Path) -> None:
    """Scripts as in Kafka's ``bin``, for a PATH."""
    for name, main in TOOLS.items():
        jvm = (
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=error -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
        )
        (folder / name).write_text(f"#!/bin/sh\nexec java {jvm} -cp '{LIBS}/*' {main} \"$@\"\n")
        (folder / name).chmod(0o755)


class ApacheKafka:
    """A cluster of `n_brokers` (1 or 3), each broker and controller in one process.

    Brokers are numbered from 1. `kill` is SIGKILL; `start_broker` brings one back with its log.
    """

    def __init__(self, n_brokers: int = 1, security: Security | None = None) -> None:
        self.n_brokers = n_brokers
        self._security = security
        self._names = ("PLAINTEXT", *(security.listeners if security else ()))
        self._home: tempfile.TemporaryDirectory[str] | None = None
        self._children: dict[int, Child] = {}
        self._logs: dict[int, IO[bytes]] = {}
        self._ports: dict[int, dict[str, int]] = {}

    @property
    def bootstrap(self) -> str:
        """Every broker's PLAINTEXT listener."""
        return self.listener("PLAINTEXT")

    def listener(self, name: str) -> str:
        """Every broker's listener `name`, comma separated."""
        return ",".join(f"{HOST}:{ports[name]}" for ports in self._ports.values())

    @property
    def running(self) -> list[int]:
        """Numbers of the brokers whose process runs."""
        return [number for number, child in self._children.items() if child.poll() is None]

    def start(self) -> Self:
        """Format the log folders, start all brokers, wait until the cluster answers."""
        fetch_jars()
        self._home = tempfile.TemporaryDirectory(prefix="tocsin-kafka-")
        try:
            ports = iter(_free_ports(self.n_brokers * (len(self._names) + 1)))
            for number in range(1, self.n_brokers + 1):
                self._ports[number] = {name: next(ports) for name in (*self._names, "CONTROLLER")}
            cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            for number in self._ports:
                self._format(number, cluster_id)
            for number in self._ports:
                self._spawn(number)
            self._wait_until(self.n_brokers)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Kill all brokers and delete their logs."""
        for number in list(self._children):
            self.kill(number)
        if self._home is not None:
            self._home.cleanup()
            self._home = None

    def kill(self, number: int) -> None:
        """SIGKILL broker `number`; returns when it is gone."""
        self._children.pop(number).stop()
        self._logs.pop(number).close()

    def start_broker(self, number: int) -> None:
        """Start broker `number` again on its log and ports; wait until all that run answer."""
        self._spawn(number)
        self._wait_until(len(self._children))

    def _folder(self, number: int) -> Path:
        assert self._home is not None
        return Path(self._home.name) / str(number)

    def _java(self, main: str, *args: str) -> list[str]:
        return ["java", *JVM, "-cp", f"{LIBS}/*", main, *args]

    def _format(self, number: int, cluster_id: str) -> None:
        folder = self._folder(number)
        folder.mkdir()
        (folder / "server.properties").write_text(self._properties(number))
        scram = [
            option
            for mechanism in (("SCRAM-SHA-256", "SCRAM-SHA-512") if self._security else ())
            for option in ("--add-scram", f"{mechanism}=[name={USER},password={PASSWORD}]")
        ]
        # As one word: the id may begin with a dash.
        argv = self._java("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", *scram)
        argv += ["-c", str(folder / "server.properties")]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    def _spawn(self, number: int) -> None:
        folder = self._folder(number)
        log = (folder / "server.log").open("ab")
        self._logs[number] = log
        argv = self._java("kafka.Kafka", str(folder / "server.properties"))
        argv.insert(1, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        self._children[number] = Child(argv, output=log, cwd=folder)

    def _wait_until(self, n_brokers: int) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            # In a thread of its own: a coroutine's test may start a broker too.
            with ThreadPoolExecutor(1) as thread:
                if thread.submit(asyncio.run, self._n_answering()).result() >= n_brokers:
                    return
            dead = [n for n, child in self._children.items() if child.poll() is not None]
            assert not dead, f"broker {dead[0]} ended:\n{self.log(dead[0])}"
            time.sleep(0.1)
        raise AssertionError(f"no cluster of {n_brokers} after {START_S} s:\n{self.log(1)}")

    async def _n_answering(self) -> int:
        if not all(_listens(self._ports[number]["PLAINTEXT"]) for number in self._children):
            return 0  # aiokafka would log an error for each
        alive = ",".join(f"{HOST}:{self._ports[number]['PLAINTEXT']}" for number in self._children)
        admin = AIOKafkaAdminClient(bootstrap_servers=alive, request_timeout_ms=5000)
        try:
            await admin.start()
            cluster = await admin.describe_cluster()
            return len(cluster["brokers"])
        except (KafkaError, OSError):
            return 0
        finally:
            await admin.close()

    def log(self, number: int) -> str:
        """The last of what broker `number` said."""
        return (self._folder(number) / "server.log").read_text(errors="replace")[-4000:]

    def _properties(self, number: int) -> str:
        ports, copies = self._ports[number], min(3, self.n_brokers)
        protocols = {"CONTROLLER": "PLAINTEXT", "MTLS": "SSL"}
        voters = (f"{n}@{HOST}:{p['CONTROLLER']}" for n, p in self._ports.items())
        values: dict[str, object] = {
            "process.roles": "broker,controller",
            "node.id": number,
            "controller.quorum.voters": ",".join(voters),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listeners": ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items()),
            "listener.security.protocol.map": ",".join(f"{n}:{protocols.get(n, n)}" for n in ports),
            "log.dirs": self._folder(number) / "log",
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.num.partitions": 4,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "num.network.threads": 2,
            "num.io.threads": 2,
            "log.cleaner.dedupe.buffer.size": 8_388_608,
            "log.retention.check.interval.ms": 2000,
            "log.cleaner.backoff.ms": 1000,
            "broker.session.timeout.ms": 6000,
            **self._security_properties(),
        }
        return "".join(f"{key}={value}\n" for key, value in values.items())

    def _security_properties(self) -> dict[str, object]:
        if self._security is None:
            return {}
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule"
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule"
        values: dict[str, object] = {"sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"}
        for name in (n.lower() for n in self._names if n.startswith("SASL_")):
            key = f"listener.name.{name}"
            values[f"{key}.plain.sasl.jaas.config"] = f'{plain} required user_{USER}="{PASSWORD}";'
            for mechanism in ("scram-sha-256", "scram-sha-512"):
                values[f"{key}.{mechanism}.sasl.jaas.config"] = f"{scram} required;"
        if self._security.keystore:
            values |= {
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": self._security.keystore,
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": self._security.cafile,
                "listener.name.mtls.ssl.client.auth": "required",
            }
        return values

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
