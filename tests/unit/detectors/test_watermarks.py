"""Event time of a partition: who holds it back, and that it never returns."""

from hypothesis import given
from hypothesis import strategies as st

from detectors.watermarks import EVERYONE_IDLE, Watermarks


def taken(marks: list[tuple[int, int, bool]], n_sources: int) -> list[int]:
    """Time after each mark (source, watermark, idle)."""
    time = Watermarks()
    times = []
    for source, watermark_ms, idle in marks:
        time.source(source, n_sources).take(watermark_ms, is_idle=idle)
        times.append(time.advance())
    return times


def test_time_stands_until_every_source_has_spoken() -> None:
    """An unknown source might be far behind, so it holds time back."""
    assert taken([(0, 50, False), (1, 70, False), (2, 60, False)], 3) == [0, 0, 50]


def test_time_is_the_least_of_the_sources() -> None:
    """A source that runs far ahead makes nobody late."""
    assert taken([(0, 100, False), (1, 100, False), (0, 19_000_000, False), (1, 200, False)], 2)[1:] == [
        100,
        100,
        200,
    ]


def test_idle_source_holds_nothing_back() -> None:
    """One that has nothing waiting is left out; if all are idle the furthest counts."""
    assert taken([(0, 100, False), (1, 40, True), (0, 300, False), (0, 320, True)], 2) == [0, 100, 300, 320]


def test_source_that_never_had_a_post_holds_nothing_back() -> None:
    """Its idle tick with watermark 0 makes it known."""
    assert taken([(0, 100, False), (1, 0, True)], 2) == [0, 100]


def test_waking_source_does_not_turn_time_back() -> None:
    """Time stays where it was until the source that woke behind has caught up."""
    assert taken([(0, 100, False), (1, 50, True), (1, 60, False), (0, 200, False), (1, 150, False)], 2) == [
        0,
        100,
        100,
        100,
        150,
    ]


def test_redelivered_marks_are_not_taken() -> None:
    """A mark already taken neither wakes nor silences its source."""
    time = Watermarks()
    source = time.source(0, 1)
    assert source.take(100, is_idle=False)
    assert source.take(100, is_idle=True)
    assert not source.take(100, is_idle=False)
    assert source.is_idle
    source.is_idle = False  # a row came
    assert not source.take(100, is_idle=True)
    assert not source.is_idle
    assert source.take(101, is_idle=True)


def test_others_limit_only_when_known_and_busy() -> None:
    """None before all have spoken; no limit when all others are idle."""
    time = Watermarks()
    time.source(0, 2)
    assert time.others_ms(0) is None
    time.source(1, 2).take(70, is_idle=True)
    assert time.others_ms(0) == EVERYONE_IDLE
    time.source(1, 2).take(80, is_idle=False)
    assert time.others_ms(0) == 80


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1000), st.booleans())))
def test_time_never_goes_back(marks: list[tuple[int, int, bool]]) -> None:
    """Whatever the marks, in whatever order."""
    times = taken(marks, 3)
    assert times == sorted(times)
