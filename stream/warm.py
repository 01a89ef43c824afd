"""Imported by the fork server before it forks: what it loads here, each stage's process has at once.

Importing and loading kernels costs a second of CPU; forked, all processes share it, and the memory.
"""

import atexit
from multiprocessing import forkserver
from pathlib import Path
from shutil import rmtree

from detectors.chain import warm_up
from stream.agents import burst, cluster, sketch
from stream.codec import pack_header

__all__ = ["burst", "cluster", "sketch"]


def _clear() -> None:
    """Take away the folder of the server's socket, as a worker that was killed could not."""
    address: str | None = forkserver._forkserver._forkserver_address  # type: ignore[attr-defined]  # noqa: SLF001
    if address is not None:
        rmtree(Path(address).parent, ignore_errors=True)


# The server ends once its worker has; the processes that it forked leave without this.
atexit.register(_clear)
warm_up()
pack_header()
