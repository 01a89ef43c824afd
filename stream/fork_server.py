"""Where the processes beside a worker come from: a server that has loaded what their stages need, and forks.

Light to import, so that the server can load while the worker itself still does: half of what
either takes until it is ready are imports and kernels.
"""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from typing import Any

SOCKET_PATH_BYTES = 107
"""Of a Unix socket's path, at most (unix(7): 108 with the 0 that ends it)."""
SOCKET_NAME_BYTES = len("/pymp-12345678/listener-12345678")
_FORKS = sys.platform == "linux"
"""Elsewhere the system's libraries don't stand a fork."""


def begin() -> None:
    """Have the server start to load, if processes are forked here. The first process begins it, too."""
    if _FORKS:
        context()
        with short_temporary_folder():
            forkserver.ensure_running()


def context() -> Any:
    """How processes start here."""
    found = multiprocessing.get_context("forkserver" if _FORKS else "spawn")
    found.set_forkserver_preload(["stream.warm"])
    return found


@contextmanager
def short_temporary_folder() -> Iterator[None]:
    """Where the fork server may put its socket: ``/tmp`` when ``TMPDIR`` is too long for a socket's path.

    As newer Pythons do by themselves (python/cpython#132124).
    """
    set_before = tempfile.tempdir
    if len(os.fsencode(tempfile.gettempdir())) + SOCKET_NAME_BYTES > SOCKET_PATH_BYTES:
        tempfile.tempdir = "/tmp"  # noqa: S108 (multiprocessing makes a folder of its own there)
    try:
        yield
    finally:
        tempfile.tempdir = set_before
