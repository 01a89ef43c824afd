"""The evaluation reads any folder of its kind, counts what it says it counts, and says what it left out."""

import gzip
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from support.posts import varied, words

from detectors.alert import Severity
from detectors.post import Post, parse_post
from tests.eval import __main__ as command
from tests.eval import copies
from tests.eval.data import BEGAN_MS, Data, NoData, RealPost
from tests.eval.engine import APPEND_MS, alerts_of, clusters_of
from tests.eval.rows import Row, Setup


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    """A file of one object a line, gzipped when its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = b"\n".join(map(orjson.dumps, lines))
    path.write_bytes(gzip.compress(whole) if path.suffix == ".gz" else whole)
    return path


def setup_of(root: Path, said: list[str] | None = None) -> Setup:
    """A quiet setup over a folder."""
    say = (said if said is not None else []).append
    return Setup(data=Data(root), say=say, track=lambda things, _: iter(things))


def contract(post: RealPost) -> Post:
    """The post that the service reads from its record."""
    parsed = parse_post(post.record(), APPEND_MS, max_bytes=100_000, max_text_chars=1_000)
    assert not isinstance(parsed, tuple) or hasattr(parsed, "post"), parsed
    return parsed.post


def labelled(n_clusters: int, kind: str, *, n_words: int = 0, first: int = 1) -> list[dict[str, Any]]:
    """Clusters of five documents each, the later ones with `n_words` of fourteen words replaced."""
    lines = []
    for number in range(first, first + n_clusters):
        text = words((kind, number))
        for pos in range(5):
            shown = varied(text, n_words, (number, pos)) if pos else text
            lines.append({"id": f"d3-{number}{pos}", "author": None, "text": shown, "kind": kind})
    return lines


def test_files_of_any_name_plain_or_gzipped_are_read(tmp_path: Path) -> None:
    """Only the folder counts; what is no post, like a README, has none."""
    write(tmp_path / "ira" / "b.gz", [{"id": "1", "author": "a", "text": "one", "created_at": 5}])
    write(tmp_path / "ira" / "a", [{"id": "2", "author": "a", "text": "two", "created_at": 6}])
    (tmp_path / "ira" / "README.md").write_text("# not a post\n{}")
    files = Data(tmp_path).files("ira")
    assert [(file.name, [post.text for post in file.posts]) for file in files] == [
        ("ira/a", ["two"]),
        ("ira/b.gz", ["one"]),
    ]


def test_a_missing_author_is_an_account_of_its_own(tmp_path: Path) -> None:
    """The harshest reading: nobody repeats; and the post says so."""
    write(tmp_path / "stream" / "x", [{"id": i, "author": None, "text": "t"} for i in "ab"])
    posts = Data(tmp_path).posts("stream")
    assert len({post.author for post in posts}) == 2
    assert all("author" in post.made_up for post in posts)


def test_a_missing_time_is_a_second_after_the_last(tmp_path: Path) -> None:
    """Whether the last one had a time of its own or not."""
    given = [None, None, "2020-01-01T00:00:00Z", None]
    write(tmp_path / "d3lta" / "x", [{"id": i, "text": "t", "created_at": at} for i, at in enumerate(given)])
    times = [post.at_ms for post in Data(tmp_path).posts("d3lta")]
    at_ms = 1_577_836_800_000
    assert times == [BEGAN_MS, BEGAN_MS + 1000, at_ms, at_ms + 1000]
    assert [post.made_up for post in Data(tmp_path).posts("d3lta")][2] == {"author"}


def test_fields_become_those_of_the_contract(tmp_path: Path) -> None:
    """Followers and the account's age move into `author`; what is no list or text of ours stays out."""
    line = {
        "id": "tw-1",
        "author": "b7",
        "created_at": "2013-08-10T11:00:00.657Z",
        "text": "so it goes",
        "lang": "en",
        "repost_of": "tw-0",
        "followers": 137,
        "account_created": "2010-11-11T15:09:19Z",
        "client": None,
        "url": 7,
    }
    write(tmp_path / "stream" / "x", [line])
    [real] = Data(tmp_path).posts("stream")
    post = contract(real)
    assert (post.id, post.text, post.lang, post.repost_of, post.url) == (
        "tw-1", "so it goes", "en", "tw-0", None,
    )  # fmt: skip
    assert post.author is not None
    assert (post.author.id, post.author.followers, post.author.created_at) == ("b7", 137, 1_289_488_159_000)
    assert not real.made_up


def test_a_folder_without_posts_is_named_and_the_other_rows_go_on(tmp_path: Path) -> None:
    """What can be measured is measured; what can't is said, by row."""
    said: list[str] = []
    fine = Row(id="fine", measure="", value=1, unit="")

    def lacking(setup: Setup) -> list[Row]:
        return [Row(id="never", measure="", value=len(setup.data.posts("ira")), unit="")]

    parts = [command.Part(("never",), lacking), command.Part(("fine",), lambda _: [fine])]
    rows, skipped = command.evaluate(parts, setup_of(tmp_path, said), "")
    assert rows == [fine]
    assert list(skipped) == ["never"]
    assert str(tmp_path / "ira") in skipped["never"]
    assert any("never" in line for line in said)


def test_copies_are_found_whole_and_strangers_apart(tmp_path: Path) -> None:
    """Clusters of near-copies: all pairs, none false, in every order."""
    write(tmp_path / "d3lta" / "x", labelled(8, "copy-pasta", n_words=2) + labelled(4, "rewording", first=9))
    rows = {row.id: row for row in copies.measure(setup_of(tmp_path))}
    assert [row.value for row in rows.values()] == [1, 0, 1]
    assert all(row.holds for row in rows.values())
    assert rows["copies_recall"].made_up == ("author", "time")


def test_missed_and_false_pairs_are_counted_and_shown(tmp_path: Path) -> None:
    """A cluster of strangers is missed; two clusters of one text are 25 false pairs."""
    lines = labelled(3, "copy-pasta")
    strangers = [dict(line, text=words(i)) for i, line in enumerate(lines[5:10])]
    same = [dict(line, text=lines[0]["text"]) for line in lines[10:]]
    write(tmp_path / "d3lta" / "x", lines[:5] + strangers + same)
    recall, false, _ = copies.measure(setup_of(tmp_path))
    assert recall.value == pytest.approx(20 / 30)
    assert recall.cases == [{"cluster": "2", "pairs": 10, "missed": 10}]
    assert (false.value, false.holds, recall.holds) == (25, False, False)
    assert len(false.cases) == 25


def test_clusters_that_burst_joins_are_one_content() -> None:
    """Two clusters that stay apart for CLUSTER, until texts of both came: BURST tells of one content."""
    parts = words("bridge", 24).split()
    left, right = parts[:12], parts[12:]
    bridges = (left[:8] + right[:7], left[4:] + right[5:])
    texts = [" ".join(part) for part in (left, left, right, right, *bridges, *bridges)]
    values = [
        RealPost(
            id=str(i), author=f"a{i}", at_ms=BEGAN_MS + 1000 * i, text=text, more={}, labels={},
            made_up=frozenset(),
        ).record()
        for i, text in enumerate(texts)
    ]  # fmt: skip
    clusters = clusters_of(values)
    assert clusters.of[0] != clusters.of[2]
    assert len({clusters.content(i) for i in range(len(texts))}) == 1


def test_alerts_come_from_the_detectors_of_tocsin_detect() -> None:
    """Forty new accounts with one text ring; records that are no posts don't matter."""
    values = [
        orjson.dumps(
            {
                "id": str(i), "platform": "archive", "created_at": BEGAN_MS + 600_000 * (i >= 50) + 1000 * i,
                "author": {"id": f"a{i}", "created_at": BEGAN_MS - 86_400_000},
                "text": words(i if i < 50 else "all"),
            }
        )
        for i in range(90)
    ]  # fmt: skip
    alerts = alerts_of([*values, b"no post"])
    assert max(alert.accounts for alert in alerts) == 40
    assert any(alert.severity is Severity.CRITICAL for alert in alerts)


def test_the_command_writes_a_table_and_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`ONLY` picks rows by the beginning of their names; the file holds them with their cases."""
    write(tmp_path / "d3lta" / "x", labelled(2, "copy-pasta"))
    out = tmp_path / "build" / "eval.json"
    monkeypatch.setattr(sys, "argv", ["eval", str(tmp_path), "--only", "copies_", "--out", str(out)])
    assert command.main() == 0
    document = orjson.loads(out.read_bytes())
    assert [row["id"] for row in document["rows"]] == ["copies_recall", "copies_false"]
    assert set(document["rows"][0]) >= {"id", "measure", "value", "unit", "reach", "holds", "cases"}
    shown = capsys.readouterr().out
    assert "copies_recall" in shown
    assert "rewording_recall" not in shown


def test_a_row_that_does_not_exist_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error runs nothing."""
    monkeypatch.setattr(sys, "argv", ["eval", str(tmp_path), "--only", "copeis"])
    with pytest.raises(SystemExit):
        command.main()


def test_a_folder_that_is_not_there_is_no_data(tmp_path: Path) -> None:
    """Told apart from a bug."""
    with pytest.raises(NoData):
        Data(tmp_path).posts("d3lta")
