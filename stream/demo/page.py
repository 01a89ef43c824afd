"""The demo's page: ``tocsin web`` as a process of its own, on a port of its own."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from stream.child import Child
from stream.demo.worker import argv_of, environment
from stream.errors import TocsinError

READY_WITHIN_S = 60.0
_POLL_S = 0.1
_STOP_S = 10.0
_ADDRESS = re.compile(r"the page is at (\S+)")


class DemoPage:
    """A page while the context lasts; it ends with us.

    Args:
        settings: ``TOCSIN_*`` variables; no other of these is passed on.
        log: file that takes what it says; written anew.
    """

    def __init__(self, settings: Mapping[str, str], log: Path) -> None:
        self._settings = {**settings, "TOCSIN_WEB_PORT": "0"}
        self._log_path = log
        self._log: IO[bytes] | None = None
        self._child: Child | None = None
        self.url = ""
        """Where it serves; known once it does."""

    def __enter__(self) -> Self:
        self._log = self._log_path.open("wb")
        self._child = Child(argv_of("web"), output=self._log, env=environment(self._settings))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is not None:
            self._child.stop(_STOP_S if kind is None else 0)
        if self._log is not None:
            self._log.close()

    def wait_until_ready(self) -> None:
        """Return when it serves.

        Raises:
            TocsinError: it ended, or doesn't serve in time; its last words are in the text.
        """
        deadline = time.monotonic() + READY_WITHIN_S
        while not self.url:
            self.check()
            if found := _ADDRESS.search(self._log_path.read_text(errors="replace")):
                self.url = found[1]
            elif time.monotonic() > deadline:
                raise TocsinError(f"no page after {READY_WITHIN_S:g} s; see {self._log_path}")
            time.sleep(_POLL_S)

    def check(self) -> None:
        """Raise if it has ended.

        Raises:
            TocsinError: it ended.
        """
        if self._child is not None and (code := self._child.poll()) is not None:
            raise TocsinError(f"the page ended with exit code {code}; see {self._log_path}")
