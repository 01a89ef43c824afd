"""The demo's page: ``tocsin web`` as a process of its own, on a port of its own."""

import re
from collections.abc import Mapping
from pathlib import Path

from stream.demo.process import DemoProcess

READY_WITHIN_S = 60.0
_ADDRESS = re.compile(r"the page is at (\S+)")


class DemoPage(DemoProcess):
    """A page while the context lasts; see `DemoProcess`."""

    def __init__(self, settings: Mapping[str, str], log: Path) -> None:
        super().__init__("web", "the page", {**settings, "TOCSIN_WEB_PORT": "0"}, log)
        self.url = ""
        """Where it serves; known once it does."""

    def wait_until_ready(self) -> None:
        """Return when it serves.

        Raises:
            TocsinError: it ended, or doesn't serve in time; its last words are in the text.
        """
        self.wait(self._serves, READY_WITHIN_S)

    def _serves(self) -> bool:
        if found := _ADDRESS.search(self.said):
            self.url = found[1]
        return bool(self.url)
