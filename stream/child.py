"""Child processes that never outlive us, whichever way we end.

A small ``sh`` stands between us and the child and reads a pipe whose other end only we hold:
when we die, even by SIGKILL, the pipe closes and the child is killed. ``PR_SET_PDEATHSIG``
would do it on Linux only, needs code between fork and exec, which is unsafe beside threads,
and fires when the starting *thread* ends. The child gets its own session, so Ctrl-C on the
terminal reaches us and not it: the order of the shutdown stays ours.
"""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

_SUPERVISOR = """\
exec 3<&0 </dev/null
"$@" 3<&- & child=$!
{ while read -r sig <&3; do kill -s "$sig" $child; done; kill -s KILL $child; } 2>/dev/null & watch=$!
wait $child; code=$?
kill -s KILL $watch 2>/dev/null
exit $code
"""


class Child:
    """A running child; leaving the context stops it.

    Args:
        argv: program and arguments.
        output: open file that takes standard output and error.
        env: environment; ours by default.
        cwd: working directory; ours by default.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        output: IO[bytes],
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self._process = subprocess.Popen(  # noqa: S603 (argv is the caller's, no shell reads it)
            ["/bin/sh", "-c", _SUPERVISOR, "sh", *argv],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )

    def send(self, signum: signal.Signals) -> None:
        """Send a signal to the child; nothing happens when it has ended."""
        if self._process.stdin and self.poll() is None:
            with suppress(BrokenPipeError):  # it ended between the look and the write
                self._process.stdin.write(signum.name.removeprefix("SIG").encode() + b"\n")
                self._process.stdin.flush()

    def poll(self) -> int | None:
        """Exit code, 128 + n after signal n; ``None`` while the child runs."""
        return self._process.poll()

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for the end; return the exit code.

        Raises:
            TimeoutError: the child still runs after `timeout_s`.
        """
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"process still runs after {timeout_s} s") from None

    def stop(self, grace_s: float = 0) -> int:
        """End the child and return its exit code: SIGTERM and `grace_s` seconds, then SIGKILL."""
        if grace_s > 0:
            self.send(signal.SIGTERM)
            with suppress(TimeoutError):
                self.wait(grace_s)
        if self._process.stdin:
            with suppress(BrokenPipeError):  # it has ended by itself
                self._process.stdin.close()
        return self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
