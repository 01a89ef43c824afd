"""`tocsin detect` over small archives: what people see, what programs read, what is said of bad input."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import orjson
from click.testing import CliRunner, Result
from support.scenario_feed import quiet_feed, small_campaign

from detectors.alert import Severity, decode_alert
from stream.cli import main

TEXT = "Nobody will tell you what the council did with the harbour money, so we shall"
HISTORY = quiet_feed(150, start="2024-05-15T07:00:00Z", gap_s=72)
CAMPAIGN = small_campaign(60, text=TEXT, start="2024-05-15T10:00:00Z")


def detect(*argv: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["detect", *map(str, argv)])


def archive(folder: Path, lines: Sequence[bytes]) -> Path:
    """A file of these lines."""
    path = folder / "posts.ndjson"
    path.write_bytes(b"\n".join(lines))
    return path


def test_files_in_a_row_are_one_archive(tmp_path: Path) -> None:
    """Plain and gzipped; the campaign of the second file is judged by the history of the first."""
    first, second = tmp_path / "first.ndjson", tmp_path / "second.ndjson.gz"
    first.write_bytes(b"\n".join(HISTORY))
    second.write_bytes(gzip.compress(b"\n".join(CAMPAIGN)))
    done = detect(first, second)
    assert done.exit_code == 0
    assert done.stdout.count("CRITICAL grew: “Nobody will tell you") == 2
    assert "210 posts in" in done.stderr
    assert "bursts: 1 critical, 0 warning, 0 info; 1 ring at its end" in done.stderr


def test_json_is_what_stands_on_the_topic_and_severity_filters(tmp_path: Path) -> None:
    """One alert a line; those less grave are left out."""
    path = archive(tmp_path, [*HISTORY, *CAMPAIGN])
    lines = detect(path, "--json").stdout_bytes.splitlines()
    alerts = [decode_alert(line) for line in lines]
    assert [alert.seq for alert in alerts] == list(range(1, len(alerts) + 1))
    assert len({alert.id for alert in alerts}) == 1
    lines = detect(path, "--json", "--min-severity", "critical").stdout_bytes.splitlines()
    loud = [alert.seq for alert in alerts if alert.severity is Severity.CRITICAL]
    assert [decode_alert(line).seq for line in lines] == loud
    assert 0 < len(loud) < len(alerts)


def test_what_is_no_post_and_what_came_late_is_counted_by_reason(tmp_path: Path) -> None:
    """Nothing stops the run."""
    late = orjson.dumps(orjson.loads(HISTORY[0]) | {"id": "late"})
    done = detect(archive(tmp_path, [*HISTORY, b"no post", b'{"id":"1"}', late]))
    assert done.exit_code == 0
    assert "2 lines are no posts" in done.stderr
    assert "not_json 1" in done.stderr
    assert "1 posts came late" in done.stderr


def test_a_missing_file_is_one_line_and_exit_code_one(tmp_path: Path) -> None:
    """It names the file."""
    done = detect(tmp_path / "nowhere.ndjson")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"tocsin: {tmp_path}/nowhere.ndjson: No such file or directory\n"
