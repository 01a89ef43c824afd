"""The runbooks as one reads them who was woken: queries to ask, commands to type."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

from stream.settings import Settings
from support.apache_kafka import ROOT, write_tools
from support.full_path import environment

RUNBOOKS = ROOT / "deploy" / "runbooks"
UPGRADING = ROOT / "deploy" / "UPGRADING.md"
DOCUMENTS = [*sorted(RUNBOOKS.glob("*.md")), UPGRADING]
_QUERY = re.compile(r"^```promql\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
_FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:kafka-[a-z-]+\.sh|tocsin (?:alerts|settings|topics|schema|doctor))\b[^`]*)`")
PATIENCE_S = 120.0
"""Whoever was woken waits no longer for a command."""
_ENDLESS = "--follow"
_CHANGES = ("--delete", "--reset-offsets")


def queries(path: Path) -> list[str]:
    """What a document has one ask Prometheus."""
    return _QUERY.findall(path.read_text())


def commands(path: Path) -> list[str]:
    """What a document tells one to type, of programs that end by themselves."""
    text = path.read_text()
    blocks = [block for language, block in _FENCED.findall(text) if not language]
    typed = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    inline = [" ".join(found.split()) for found in _INLINE.findall(_FENCED.sub("", text))]
    return [line.strip() for line in [*typed, *inline] if line.strip() and _ENDLESS not in line]


def changes(command: str) -> bool:
    """Whether it does more than look."""
    return any(word in command for word in _CHANGES)


class Shell:
    """One who types: Kafka's tools and `tocsin` are on the PATH, BROKER is known."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._broker = settings.bootstrap
        self._hands = asyncio.Semaphore(3)  # some of the commands wait for seconds
        tools = folder / "bin"
        tools.mkdir()
        write_tools(tools)
        (tools / "tocsin").write_text(f'#!/bin/sh\nexec {sys.executable} -m stream.cli "$@"\n')
        (tools / "tocsin").chmod(0o755)
        self._env = environment(settings, folder) | {"PATH": f"{tools}:{os.environ['PATH']}"}

    async def type(self, command: str, codes: tuple[int, ...] = (0,)) -> str:
        """What it says; it must end with one of these codes."""
        line = command.replace("BROKER", self._broker)
        argv = ["sh", "-c", line]
        async with self._hands:
            done = await asyncio.to_thread(
                subprocess.run,
                argv,
                env=self._env,
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE_S,
            )
        assert done.returncode in codes, f"{line}\n{done.stdout}\n{done.stderr}"
        assert "Error" not in done.stdout, f"{line}\n{done.stdout}"
        return done.stdout
