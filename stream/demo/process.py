"""A command of ours as a process of the demo's: it ends with us, and says why if it ends before."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from stream.child import Child
from stream.errors import TocsinError

_POLL_S = 0.1
_STOP_S = 10.0


class DemoProcess:
    """It, while the context lasts.

    Args:
        command: ``worker`` or ``web``.
        name: As errors call it.
        settings: ``TOCSIN_*`` variables; no other of these is passed on.
        log: File that takes what it says; written anew.
    """

    def __init__(self, command: str, name: str, settings: Mapping[str, str], log: Path) -> None:
        self._command, self._name = command, name
        self._settings = settings
        self._log_path = log
        self._log: IO[bytes] | None = None
        self._child: Child | None = None

    def __enter__(self) -> Self:
        self._log = self._log_path.open("wb")
        self._child = Child(argv_of(self._command), output=self._log, env=environment(self._settings))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is not None:
            # Stopped at the end as a service is; killed when we are in a hurry. Nothing is kept.
            self._child.stop(_STOP_S if kind is None else 0)
        if self._log is not None:
            self._log.close()

    @property
    def said(self) -> str:
        """What it printed so far."""
        return self._log_path.read_text(errors="replace")

    def wait(self, is_ready: Callable[[], bool], within_s: float) -> None:
        """Return when it is ready.

        Raises:
            TocsinError: it ended, or is not ready in time; its last words are in the text.
        """
        deadline = time.monotonic() + within_s
        while not is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise TocsinError(f"{self._name} is not ready after {within_s:g} s; {self._last_words()}")
            time.sleep(_POLL_S)

    def check(self) -> None:
        """Raise if it has ended.

        Raises:
            TocsinError: it ended; its last words are in the text.
        """
        if self._child is None or (code := self._child.poll()) is None:
            return
        raise TocsinError(f"{self._name} ended with exit code {code}; {self._last_words()}")

    def _last_words(self) -> str:
        lines = self.said.splitlines()[-5:]
        return f"{self._log_path} ends with:\n" + "\n".join(f"  {line}" for line in lines)


def argv_of(command: str) -> tuple[str, ...]:
    """Program and arguments of a command of ours."""
    # Not the script beside the interpreter: it may be installed elsewhere, or not at all.
    return sys.executable, "-P", "-c", "from stream.cli import main; main()", command


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Our environment with these ``TOCSIN_*`` variables and no others."""
    env = {name: value for name, value in os.environ.items() if not name.upper().startswith("TOCSIN_")}
    return {**env, **settings}
