"""The demo as a stranger runs it: it rings, says so, and leaves nothing behind however it ends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="children are looked up in /proc"),
]

PORT = re.compile(r"127\.0\.0\.1:(\d+)")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
FAST = 3000


class Demo:
    """``tocsin demo`` in a folder of its own, its output read line by line."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.out_dir = folder / "out"
        # Its name is short: with a long one sockets go elsewhere, and would be left behind unseen.
        self._made = tempfile.TemporaryDirectory(prefix="demo-")
        self.temporary = Path(self._made.name)
        self.said: list[str] = []
        argv = ["-P", "-c", "from stream.cli import main; main()", "demo"]
        self._process = subprocess.Popen(
            [sys.executable, *argv, f"--speed={FAST}", f"--out-dir={self.out_dir}", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env=os.environ | {"TMPDIR": str(self.temporary), "TOCSIN_BOOTSTRAP": "nobody.invalid:9092"},
        )

    def lines(self) -> Iterator[str]:
        """Each line as it is printed, until the end."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line.rstrip("\n"))
            yield self.said[-1]

    def wait_for(self, text: str) -> None:
        """Read until a line holds `text`."""
        assert any(text in line for line in self.lines()), f"never said {text!r}:\n{self.all_said}"

    def send(self, signum: signal.Signals) -> None:
        """Send a signal to the demo alone."""
        self._process.send_signal(signum)

    def exit_code(self) -> int:
        """Read to the end, and wait for it."""
        for _ in self.lines():
            pass
        return self._process.wait(20)

    @property
    def all_said(self) -> str:
        """The whole output."""
        return "\n".join(self.said)

    def descendants(self) -> dict[int, str]:
        """Processes started by it that live, with the moment of their start (ids come again)."""
        parents, started = {}, {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            pid = int(stat.parent.name)
            parents[pid], started[pid] = int(fields[1]), fields[19]
        found = {self._process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return {pid: started[pid] for pid in found if pid in started}

    def check_nothing_is_left(self, processes: dict[int, str]) -> None:
        """No process of `processes`, no port that it named, no temporary file or folder."""
        deadline = time.monotonic() + 5
        ports = {int(port) for port in PORT.findall(self.all_said)}
        assert ports
        while left := [*_alive(processes), *filter(_listens, ports)]:
            assert time.monotonic() < deadline, f"left behind: {left}"
            time.sleep(0.05)
        assert list(self.temporary.iterdir()) == []
        assert {path.name for path in self.out_dir.iterdir()} <= {
            "demo.json",
            "demo-alerts.txt",
            "demo-worker.log",
            "demo-page.log",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._made.cleanup()


def _alive(processes: dict[int, str]) -> list[int]:
    alive = []
    for pid, started in processes.items():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[19] == started and fields[0] != "Z":  # a zombie is init's to bury
            alive.append(pid)
    return alive


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_campaign_rings_and_the_figures_are_written(tmp_path: Path) -> None:
    """Exit code 0, figures as the issue asks for them, plain text, no real broker touched, nothing left."""
    with Demo(tmp_path) as demo:
        demo.wait_for("the campaign begins")
        processes = demo.descendants()
        code = demo.exit_code()
        assert code == 0, demo.all_said
        demo.check_nothing_is_left(processes)
    assert len(processes) >= 7  # the demo, and three supervisors with their children
    assert CONTROL.findall(demo.all_said) == []
    assert any("VIGINUM" in line for line in demo.said[:10])
    assert "not used: TOCSIN_BOOTSTRAP" in demo.all_said
    told = json.loads((demo.out_dir / "demo.json").read_bytes())
    assert (told["ok"], told["why_not"]) == (True, [])
    assert told["posts"]["replayed"] == told["posts"]["processed"] > 60_000
    assert told["posts"]["dead_letters"] == 0
    assert set(told["versions"]) == {"en", "fr"}
    assert told["copies_at_first_alert"] == max(
        version["first_alert"]["copies"] for version in told["versions"].values()
    )
    assert told["copies_at_first_alert"] <= 25
    assert told["alerts"]["bursts_of_the_campaign"]["critical"]["ringing"] == 0
    assert told["alerts"]["bursts_of_the_background"]["critical"]["fired"] == 0
    assert re.search(
        r"^  http://127\.0\.0\.1:\d+/  the page, while the demo runs", demo.all_said, re.MULTILINE
    )
    assert 0 < told["delay_s"]["p50"] <= told["delay_s"]["p99"]
    assert "CRITICAL" in (demo.out_dir / "demo-alerts.txt").read_text()
    print(f"{told['wall_s']} s, first by {told['copies_at_first_alert']}")  # noqa: T201 (measured)


def test_what_is_kept_stays_until_a_ctrl_c_and_leaves_nothing(tmp_path: Path) -> None:
    """The page shows the campaign after the summary; Ctrl-C ends with the verdict's exit code, 0."""
    with Demo(tmp_path, "--keep") as demo:
        demo.wait_for("The page stays at ")
        url = re.findall(r"The page stays at (\S+),", demo.said[-1])[0]
        with urllib.request.urlopen(f"{url}api/bursts?status=any&min_severity=critical") as answer:  # noqa: S310
            told = json.loads(answer.read())
        assert sum("New Caledonia" in one["alert"]["exemplar"]["text"] for one in told["bursts"]) == 1
        processes = demo.descendants()
        demo.send(signal.SIGINT)
        assert demo.exit_code() == 0, demo.all_said
        demo.check_nothing_is_left(processes)


@pytest.mark.parametrize(
    ("text", "signum"),
    [
        pytest.param("broker  ", signal.SIGINT, id="the-broker-is-up"),
        pytest.param("making up the posts", signal.SIGTERM, id="the-feed-is-made-up"),
        pytest.param("worker   starting", signal.SIGTERM, id="the-worker-starts"),
        pytest.param("the campaign begins", signal.SIGINT, id="amid-the-replay"),
    ],
)
def test_a_signal_at_any_moment_leaves_nothing_behind(
    text: str, signum: signal.Signals, tmp_path: Path
) -> None:
    """Ctrl-C and SIGTERM end with 130, without a traceback; no process, port, temporary folder stays."""
    with Demo(tmp_path) as demo:
        demo.wait_for(text)
        processes = demo.descendants()
        demo.send(signum)
        assert demo.exit_code() == 130, demo.all_said
        demo.check_nothing_is_left(processes)
    assert "Traceback" not in demo.all_said
