"""`stream.turns`: what a process asks of the scheduler, as the scheduler tells it."""

import os
import subprocess
import sys

import pytest
from support.echo import Echo
from support.scheduling import asked, can_ask

from stream.host import Host
from stream.turns import TURN_MS

TURN_NS = TURN_MS * 1_000_000
IN_A_PROCESS = """
import os, sys, threading
from support.scheduling import asked
from stream.turns import take_long_turns
os.nice(3)
if "batch" in sys.argv:
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
before = asked()
print(take_long_turns(), asked() == before, os.sched_getscheduler(0), *asked())
thread = threading.Thread(target=lambda: print(*asked()))
thread.start()
thread.join()
"""

pytestmark = pytest.mark.skipif(
    not can_ask(), reason="needs Linux 6.12, where a process may ask for its turn"
)


def in_a_process(*args: str) -> list[str]:
    """What it prints."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", IN_A_PROCESS, *args]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_process_works_longer_at_a_time_and_its_niceness_stays() -> None:
    """Threads that it starts afterwards do, too: Faust's consumer is one."""
    nice = os.getpriority(os.PRIO_PROCESS, 0) + 3
    assert in_a_process() == [f"True False {os.SCHED_OTHER} {nice} {TURN_NS}", f"{nice} {TURN_NS}"]


def test_a_policy_that_somebody_has_chosen_stays() -> None:
    """An operator who runs a worker as SCHED_BATCH has decided: nothing is changed."""
    assert in_a_process("batch")[0].startswith(f"False True {os.SCHED_BATCH} ")


async def test_the_process_of_a_stage_takes_long_turns_below_its_own_niceness() -> None:
    """It is a child of the fork server, not ours, so it asks for itself."""
    host = Host(beside=True, niceness=2)
    try:
        await host.open(Echo, (), lambda _: None)
        assert host.pid is not None
        assert asked(host.pid) == (os.getpriority(os.PRIO_PROCESS, 0) + 2, TURN_NS)
    finally:
        await host.stop()
