"""A stage in a process beside ours does what it does in ours, and never outlives us."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvloop
from support.echo import Echo
from support.frugal import Frugal
from support.picky import Picky

from detectors.settings import DetectorSettings
from stream.agents.sketch import SketchStage, Told
from stream.errors import PackError, ProcessDiedError
from stream.host import SOCKET_BYTES, Host
from stream.stage import Out, Ticking

SOURCE = (DetectorSettings(), 0, 1, 2, None)
POST = '{"id":"%d","platform":"x","author":{"id":"a"},"created_at":%d,"text":"a text that is long, %d"}'
NOW_MS = 1_715_764_800_000
PARENT = """
import asyncio, os, sys
from detectors.settings import DetectorSettings
from stream.agents.sketch import SketchStage
from stream.host import Host
host = Host(beside=True)
loop = asyncio.new_event_loop()
loop.run_until_complete(host.open(SketchStage, (DetectorSettings(), 0, 1, 1, None), print))
print(host.pid, flush=True)
sys.stdin.read()
"""


class Rec(NamedTuple):
    """A record."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@pytest.fixture
async def beside() -> AsyncIterator[Host]:
    """A host with a process of its own."""
    host = Host(beside=True)
    yield host
    await host.stop()


async def outcome(host: Host) -> tuple[list[Out], list[Out], list[Told]]:
    """What a stage of SKETCH gives, there, for three batches and a tick."""
    told: list[Told] = []
    stage: Any = await host.open(SketchStage, SOURCE, told.append)
    assert isinstance(stage, Ticking)
    records = [Rec(i, NOW_MS + i, None, (POST % (i, NOW_MS + i, i)).encode()) for i in range(20)]
    records[7] = Rec(7, NOW_MS, None, b"no post")
    outs: list[Out] = []
    for batch in (records[:1], records[1:15], records[15:]):
        found = stage.feed(batch)
        outs += found if isinstance(found, list) else await found
    ticked = stage.tick(NOW_MS + 60_000, caught_up=True)
    return outs, ticked if isinstance(ticked, list) else await ticked, told


async def test_a_stage_beside_gives_the_same_messages_and_figures(beside: Host) -> None:
    """Packs, dead letters, ticks, and what metrics are told."""
    here = await outcome(Host(beside=False))
    assert await outcome(beside) == here
    assert len(here[0]) > 3
    assert len(here[1]) == 2
    assert sum(told.n_records for told in here[2]) == 20


async def test_an_error_keeps_its_type_and_words_and_a_stage_let_go_is_gone(beside: Host) -> None:
    """So that quarantine and logs say the same as without a process between."""
    counts: list[int] = []
    first: Any = await beside.open(Picky, (), counts.append)
    second: Any = await beside.open(Picky, (), counts.append)
    assert not isinstance(second, Ticking)
    with pytest.raises(PackError, match="so it says"):
        await first.feed([Rec(0, 0, None, b"")])
    await second.feed([])
    del first
    gc.collect()
    await asyncio.sleep(0)
    await second.feed([])
    assert counts == [2, 1]


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_answers_of_any_size_come_whole_and_in_order(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Larger than what the socket or the buffer takes at once, several at once; on both kinds of loop."""

    async def ask() -> None:
        host = Host(beside=True)
        stages: list[Any] = [await host.open(Echo, (), lambda _: None) for _ in range(9)]
        sizes = [0, 5, 3 * SOCKET_BYTES, 70, SOCKET_BYTES - 150, 1, 2 * SOCKET_BYTES, 300_000, 9]
        values = [os.urandom(size) for size in sizes]
        for shift in range(3):
            told = values[shift:] + values[:shift]
            answers = await asyncio.gather(
                *(stage.feed([Rec(0, 0, None, value)]) for stage, value in zip(stages, told, strict=True))
            )
            assert [[out.value for out in answer] for answer in answers] == [[value] for value in told]
        await host.stop()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(ask())


def test_a_worker_that_stops_nothing_ends_all_the_same() -> None:
    """Its end by an error must not wait for a process that waits for it."""
    code = PARENT.replace("sys.stdin.read()", "raise SystemExit(3)")
    process = subprocess.run([sys.executable, "-c", code], timeout=60, check=False, stdout=subprocess.PIPE)
    assert process.returncode == 3


@pytest.mark.parametrize("n_bytes", [75, 76, 200])
def test_a_temporary_folder_with_a_name_of_any_length_will_do(n_bytes: int) -> None:
    """The fork server's socket is a file in it, and the path of a socket is short: 75 bytes still fit."""
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        folder = Path(short) / ("x" * (n_bytes - len(short) - 1))
        folder.mkdir()
        argv = [sys.executable, "-c", PARENT]
        env = os.environ | {"TMPDIR": str(folder)}
        process = subprocess.run(argv, timeout=60, check=False, stdin=subprocess.DEVNULL, env=env)
        assert process.returncode == 0
        assert list(folder.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the process is looked up in /proc")
def test_the_process_ends_with_ours_even_by_sigkill() -> None:
    """And is deaf to a Ctrl-C on the terminal, which is for us to answer."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    os.kill(child, signal.SIGINT)
    os.kill(child, signal.SIGTERM)
    assert Path(f"/proc/{child}").exists()
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while _lives(child):
        assert time.monotonic() < deadline, "the process outlived us"
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_a_stopped_host_answers_nothing() -> None:
    """A stage that is opened after the stop fails loudly."""
    host = Host(beside=True)
    await host.stop()
    with pytest.raises(ProcessDiedError):
        await host.open(Picky, (), print)


async def test_what_waits_for_a_process_that_dies_learns_of_it(beside: Host) -> None:
    """Killed, out of memory: the stage in hand fails, and each call after it."""
    stage: Any = await beside.open(Picky, (), lambda _: None)
    assert beside.pid is not None
    os.kill(beside.pid, signal.SIGSTOP)
    waiting = asyncio.ensure_future(stage.feed([]))
    await asyncio.sleep(0)
    os.kill(beside.pid, signal.SIGKILL)
    with pytest.raises(ProcessDiedError):
        await waiting
    with pytest.raises(ProcessDiedError):
        await stage.feed([])


async def test_a_process_beside_walks_its_objects_rarely(beside: Host) -> None:
    """As the worker's own: of BURST it took a quarter of the CPU."""
    told: list[tuple[int, int]] = []
    stage: Any = await beside.open(Frugal, (), told.append)
    await stage.feed([])
    ((threshold, n_frozen),) = told
    assert threshold >= 100_000
    assert n_frozen > 10_000
