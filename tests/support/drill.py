"""A service to break: a live feed, processes on ports that stay, rules that wait for seconds."""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from stream import kafka
from stream.scenarios.posts import rfc3339
from stream.settings import Settings
from support.full_path import TOCSIN, WORKER, Service
from support.prometheus import SHIPPED, PrometheusProcess
from support.runbooks import RUNBOOKS, Shell, changes, commands, queries
from support.workers import until

PATIENCE_S = 120.0
STEP_S = 0.1
IN_A_HURRY = {
    r"for: \d+m": "for: 2s",
    r"\[\d+[mh]\]": "[15s]",
    r"offset 1h": "offset 15s",
    r"(tocsin_consumer_lag_seconds\)) > 60": r"\1 > 3",
    r"(tocsin_consumer_lag_seconds\)) > 900": r"\1 > 8",
    r"(tocsin:deliver_behind_seconds:max) > 120": r"\1 > 4",
    r"(tocsin:people_untold_seconds:min) > 60": r"\1 > 4",
    r"(tocsin:people_untold_seconds:min) < 300": r"\1 < 8",
    r'(tocsin_rebuild_seconds_bucket\{)le="60.0"': r'\1le="0.05"',
}
"""What is shortened of the shipped rules; conditions stay what they are."""


def rules_in_a_hurry(folder: Path) -> Path:
    """The shipped rules with times of seconds, in `folder`."""
    folder.mkdir()
    used = dict.fromkeys(IN_A_HURRY, 0)
    for path in SHIPPED.parent.glob("*.rules.yml"):
        text = path.read_text()
        for pattern, short in IN_A_HURRY.items():
            text, n = re.subn(pattern, short, text)
            used[pattern] += n
        (folder / path.name).write_text(text)
    assert all(used.values()), used
    return folder


class LivePosts:
    """Posts of now, by crowds that have nothing in common; what they are like may be changed at any time.

    Args:
        settings: Where ``posts`` is.
        rate: Posts a second.
        partition: Of ``posts``; None for all.
        behind_s: How old they are.
    """

    def __init__(
        self, settings: Settings, rate: float = 40, partition: int | None = None, behind_s: float = 0
    ) -> None:
        self._settings, self._partition, self._behind_s = settings, partition, behind_s
        self._dice = Random(7 if partition is None else partition)
        self._n = 0
        self.rate = rate
        """Posts a second; 0: silence."""
        self.platforms = ["x", "bluesky"]
        self.spoil: Callable[[dict[str, Any]], dict[str, Any]] = lambda post: post
        """What is made of every other post."""

    def make(self, at_s: float, **more: Any) -> dict[str, Any]:
        """One post."""
        self._n += 1
        words = " ".join(f"{self._dice.randrange(1 << 32):08x}" for _ in range(10))
        return {
            "id": f"{self._partition}-{self._n}",
            "platform": self.platforms[self._n % len(self.platforms)],
            "author": {"id": f"someone-{self._n}"},
            "created_at": rfc3339(round(at_s * 1000)),
            "text": words,
        } | more

    async def history(self, hours: float = 3, gap_s: float = 60) -> None:
        """What went before: bursts are judged by it."""
        now = time.time()
        n = round(hours * 3600 / gap_s)
        await self.send([self.make(now - (n - i) * gap_s) for i in range(n)])

    async def campaign(self, name: str, n: int = 40) -> None:
        """New accounts, one text."""
        now = time.time()
        author = {"created_at": rfc3339(round((now - 3 * 86_400) * 1000))}
        dice = Random(name)
        text = f"{name}: " + " ".join(f"{dice.randrange(1 << 32):08x}" for _ in range(12))
        await self.send(
            [self.make(now, text=text, author=author | {"id": f"{name}-{number}"}) for number in range(n)]
        )

    async def send(self, posts: list[dict[str, Any]]) -> None:
        """Append them."""
        async with AIOKafkaProducer(**kafka.client_kwargs(self._settings), linger_ms=5) as producer:
            for post in posts:
                await producer.send(kafka.topic_name(self._settings, kafka.POSTS), orjson.dumps(post))
            await producer.flush()

    async def run(self) -> None:
        """Send for ever."""
        topic = kafka.topic_name(self._settings, kafka.POSTS)
        async with AIOKafkaProducer(**kafka.client_kwargs(self._settings), linger_ms=5) as producer:
            owed = 0.0
            while True:
                owed += self.rate * STEP_S
                while owed >= 1:
                    owed -= 1
                    post = self.make(time.time() - self._behind_s)
                    if self._n % 4 < 2:
                        post = self.spoil(post)
                    await producer.send(topic, orjson.dumps(post), partition=self._partition)
                await asyncio.sleep(STEP_S)


@asynccontextmanager
async def flowing(posts: LivePosts) -> AsyncIterator[LivePosts]:
    """`posts`, sent while the context lasts."""
    running = asyncio.create_task(posts.run())
    try:
        yield posts
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class Part:
    """A process of the service that may be ended and started again, on one port.

    Args:
        settings: Its.
        folder: For what it writes.
        program: ``worker`` or ``deliver``.
    """

    def __init__(self, settings: Settings, folder: Path, program: str) -> None:
        self._settings, self._folder, self._program = settings, folder, program
        port = settings.metrics_port if program == "worker" else settings.deliver_port
        self.address = f"127.0.0.1:{port}"
        self.service: Service | None = None

    async def start(self, env: Mapping[str, str] | None = None, **changed: Any) -> None:
        """Start it, with other settings or variables if given, and wait until it is ready."""
        await self.begin(env, **changed).ready()

    def begin(self, env: Mapping[str, str] | None = None, **changed: Any) -> Service:
        """Start it, and don't wait."""
        settings = self._settings.model_copy(update=changed)
        more = [f"{name}={value}" for name, value in (env or {}).items()]
        argv = WORKER if self._program == "worker" else [*TOCSIN, self._program]
        self.service = Service(settings, self._folder, ["env", *more, *argv])
        return self.service

    async def stop(self) -> None:
        """SIGTERM, and wait."""
        assert self.service is not None
        self.service.terminate()
        await self.service.exit_code()
        self.gone()

    def kill(self) -> None:
        """SIGKILL."""
        assert self.service is not None
        self.service.kill()
        self.gone()

    def gone(self) -> None:
        """Tidy up after its end."""
        if self.service is not None:
            self.service.__exit__(None, None, None)
            self.service = None

    def hang(self) -> list[int]:
        """Its stages stand still, as if they had hung; their process ids."""
        assert self.service is not None
        stages = [
            pid for pid in descendants(self.service.pid) if "multiprocessing.forkserver" in _cmdline(pid)
        ]
        for pid in stages:
            os.kill(pid, signal.SIGSTOP)
        assert stages
        return stages


def wake(stages: list[int]) -> None:
    """Let them go on."""
    for pid in stages:
        os.kill(pid, signal.SIGCONT)


def descendants(pid: int) -> Iterator[int]:
    """All processes below `pid`."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    below = children.get(pid, [])
    while below:
        one = below.pop()
        yield one
        below += children.get(one, [])


def _cmdline(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


class OnCall:
    """Who is woken: waits for a rule, does what its runbook says, sees it end."""

    def __init__(self, prometheus: PrometheusProcess, shell: Shell) -> None:
        self._prometheus, self._shell = prometheus, shell
        self.followed: set[str] = set()
        """Names of the runbooks that were followed."""

    async def wakes(self, alert: str, **labels: str) -> dict[str, Any]:
        """Wait until the rule fires; what its runbook's queries and commands say then."""
        wanted = "".join(f', {name}="{value}"' for name, value in labels.items())
        firing = f'ALERTS{{alertname="{alert}", alertstate="firing"{wanted}}}'
        (found, *_) = await self._prometheus.answers(firing, PATIENCE_S)
        return {"labels": found["metric"]} | await self.follows(alert)

    async def misses(self, alert: str) -> dict[str, Any]:
        """Wait until a rule that always fires does not; the same."""
        await self.sleeps(alert)
        return await self.follows(alert)

    async def follows(self, alert: str) -> dict[str, Any]:
        """Ask and type what the runbook of a rule says; the answers."""
        name = "-".join(re.findall(r"[A-Z][a-z]+", alert.removeprefix("Tocsin"))).lower()
        runbook = RUNBOOKS / f"{name}.md"
        said: dict[str, Any] = {}
        for query in queries(runbook):
            said[query] = await self.asks(query)
        for command in commands(runbook):
            if not changes(command):
                codes = (0, 1) if command.startswith(("tocsin doctor", "tocsin topics")) else (0,)
                said[command] = await self._shell.type(command, codes)
        self.followed.add(name)
        return said

    async def types(self, command: str) -> str:
        """What a command says; it must end well."""
        return await self._shell.type(command)

    async def sleeps(self, *alerts: str) -> None:
        """Wait until none of these fires any more."""

        async def over() -> bool:
            names = "|".join(alerts)
            return not await self._prometheus.query(f'ALERTS{{alertname=~"{names}", alertstate="firing"}}')

        await until(over, PATIENCE_S, lambda: f"still fires: {alerts}")

    async def asks(self, query: str) -> list[tuple[dict[str, str], float]]:
        """What a query finds now."""
        return [(one["metric"], float(one["value"][1])) for one in await self._prometheus.query(query)]

    async def is_well(self) -> None:
        """Wait until `TocsinAlive` fires and nothing that anyone is told of."""

        async def well() -> bool:
            firing = await self._prometheus.query('ALERTS{alertstate="firing"}')
            names = {one["metric"]["alertname"] for one in firing}
            self._last = names
            return names - {"TocsinBurstsRinging", "TocsinRebuildLong"} == {"TocsinAlive"}

        self._last: set[str] = set()
        await until(well, PATIENCE_S, lambda: f"firing: {self._last}")
