"""Crash notes: who is suspect, who is set aside, and what costs an innocent record nothing."""

from typing import NamedTuple

import msgspec
import pytest

from stream.errors import PackError, StateError
from stream.quarantine import Note, dead_letter, is_the_records_fault


class Given(NamedTuple):
    """A record of a test."""

    offset: int
    value: bytes | None = b"bytes \xff as they came"
    timestamp: int = 0
    key: bytes | None = None


def offsets(note: Note, first: int, end: int, *, careful: bool = False) -> list[list[int]]:
    """How the records [first, end) would be fed."""
    runs = note.runs([Given(at) for at in range(first, end)], careful=careful)
    return [[record.offset for record in run] for run in runs]


def test_without_a_note_a_batch_is_fed_at_once() -> None:
    """The common case cuts nothing."""
    assert offsets(Note(), 5, 9) == [[5, 6, 7, 8]]


def test_after_a_crash_the_batch_is_fed_one_by_one_and_its_neighbours_are_not() -> None:
    """Only offsets that were in hand are suspect."""
    note = Note()
    note.crashed(10, 13)
    assert offsets(note, 8, 16) == [[8, 9], [10], [11], [12], [13, 14, 15]]


def test_the_third_crash_sets_the_record_aside_and_nothing_else() -> None:
    """Once in a batch, twice alone."""
    note = Note()
    for first, end in ((10, 13), (11, 12)):
        note.crashed(first, end)
        assert note.set_aside == []
    note.crashed(11, 12)
    assert note.set_aside == [11]
    assert [note.n_crashes(at) for at in (9, 10, 11, 12, 13)] == [0, 1, 3, 1, 0]


def test_a_batch_of_one_needs_three_crashes_too() -> None:
    """A range of one record names its culprit at once."""
    note = Note()
    for n in range(3):
        assert note.set_aside == [], n
        note.crashed(7, 8)
    assert note.set_aside == [7]


def test_openings_without_progress_make_careful() -> None:
    """The third opening at one offset is careful; progress starts the count again."""
    note = Note()
    assert [note.opened(5), note.opened(5), note.opened(9), note.opened(9), note.opened(9)] == [
        False,
        False,
        False,
        False,
        True,
    ]


def test_hard_deaths_count_only_while_a_careful_worker_names_the_record() -> None:
    """Five lives: two unknown deaths, three careful ones; the sixth worker leaves the record out.

    A worker that someone kills by hand adds one to whatever it held, never enough by itself.
    """
    note = Note()
    careful = []
    for _ in range(5):
        careful.append(note.opened(0))
        if careful[-1]:
            note.trying = 16
    assert careful == [False, False, True, True, True]
    assert note.set_aside == []
    note.opened(0)
    assert note.set_aside == [16]


def test_a_careful_worker_feeds_everything_alone() -> None:
    """Each record gets its own note."""
    assert offsets(Note(), 3, 6, careful=True) == [[3], [4], [5]]


def test_what_no_replay_meets_again_is_forgotten() -> None:
    """Notes don't grow for ever."""
    note = Note(crashes={"4": 1, "20": 2}, set_aside=[4, 20])
    note.crashed(0, 10)
    note.crashed(15, 25)
    note.forget_before(12)
    assert (len(note.suspects), note.crashes, note.set_aside) == (1, {"20": 2}, [20])


def test_a_note_survives_its_json() -> None:
    """What one worker writes the next one reads."""
    note = Note(opened_at=3, opens=2, trying=5)
    note.crashed(1, 4)
    note.crashed(2, 3)
    assert msgspec.json.decode(msgspec.json.encode(note), type=Note) == note


def test_a_dead_letter_carries_the_original_bytes_and_where_they_were() -> None:
    """Enough to find the record and to try it again."""
    out = dead_letter("posts", 3, Given(12))
    assert (out.topic, out.value, out.partition) == ("posts.dead", b"bytes \xff as they came", None)
    assert dict(out.headers) == {
        "reason": b"internal_error",
        "topic": b"posts",
        "partition": b"3",
        "offset": b"12",
    }


@pytest.mark.parametrize(
    ("error", "expected"), [(ValueError(), True), (PackError(), False), (StateError(), False)]
)
def test_errors_about_the_whole_log_set_nothing_aside(error: Exception, expected: bool) -> None:  # noqa: FBT001
    """A worker of another version must not empty a topic record by record."""
    assert is_the_records_fault(error) is expected
