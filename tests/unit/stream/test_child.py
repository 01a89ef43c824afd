"""Children: signals arrive, exit codes come back, none outlives its context."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import IO

import pytest

from stream.child import Child

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: print("term", flush=True))
print("up", flush=True)
while True:
    time.sleep(60)
"""


@pytest.fixture
def output() -> Iterator[IO[bytes]]:
    """A file for what the child says."""
    with tempfile.TemporaryFile() as file:
        yield file


def until_said(output: IO[bytes], child: Child, word: bytes) -> None:
    """Return once the child has said `word`; read in place, since the child writes at the same offset."""
    while word not in os.pread(output.fileno(), 1 << 20, 0):
        assert child.poll() is None
        time.sleep(0.01)


def test_exit_code_of_the_child_comes_back(output: IO[bytes]) -> None:
    """The child's own exit code is returned, not the supervisor's."""
    with Child([sys.executable, "-c", "raise SystemExit(7)"], output=output) as child:
        assert child.wait(20) == 7


def test_code_after_a_signal_is_128_and_its_number(output: IO[bytes]) -> None:
    """A child ended by SIGTERM reports 143, and with SIGKILL 137."""
    with Child(["sleep", "60"], output=output) as child:
        child.send(signal.SIGTERM)
        assert child.wait(20) == 128 + signal.SIGTERM
    with Child(["sleep", "60"], output=output) as child:
        assert child.stop() == 128 + signal.SIGKILL


def test_grace_is_given_and_then_over(output: IO[bytes]) -> None:
    """SIGTERM reaches the child first; one that stays is killed after the grace."""
    with Child([sys.executable, "-c", STUBBORN], output=output) as child:
        until_said(output, child, b"up")
        assert child.stop(grace_s=0.3) == 128 + signal.SIGKILL
        until_said(output, child, b"term")


def test_sending_to_an_ended_child_does_nothing(output: IO[bytes]) -> None:
    """Signals and stops after the end are no errors."""
    with Child(["true"], output=output) as child:
        assert child.wait(20) == 0
        child.send(signal.SIGTERM)
        assert child.stop(grace_s=1) == 0
        assert child.stop() == 0


def test_waiting_too_long_is_a_timeout(output: IO[bytes]) -> None:
    """`wait` gives up after its time and leaves the child running."""
    with Child(["sleep", "60"], output=output) as child:
        with pytest.raises(TimeoutError, match=r"still runs after 0\.05 s"):
            child.wait(0.05)
        assert child.poll() is None


def test_arguments_reach_the_child_as_they_are(output: IO[bytes]) -> None:
    """No shell reads the arguments: spaces, quotes and dollars stay."""
    odd = ["a b", "$HOME", "'\"", "*", ""]
    with Child([sys.executable, "-c", "import sys; print(sys.argv[1:])", *odd], output=output) as child:
        assert child.wait(20) == 0
    output.seek(0)
    assert output.read().decode().strip() == repr(odd)
