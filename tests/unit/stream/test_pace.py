"""How long the broker may gather, by what is in hand."""

from types import SimpleNamespace

import pytest

from stream import pace
from stream.pace import BACKLOG_WAIT_MS, SILENT_S, SILENT_WAIT_MS, Pace, Pacer, give

LIVE = Pace(20, 1_000_000)


class Clock:
    """`time.monotonic` as the test says."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        """Now."""
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """It stands."""
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


def test_the_broker_may_gather_for_longer_while_a_partition_is_held(clock: Clock) -> None:
    """However long nothing has come, for then all is fetched that there is; the least of bytes stays."""
    pacer = Pacer(LIVE)
    backlog = Pace(BACKLOG_WAIT_MS, 1_000_000)
    assert pacer.next(found=True, is_held=True) == backlog
    clock.now_s += 2 * SILENT_S
    assert pacer.next(found=False, is_held=True) == backlog
    assert pacer.next(found=True, is_held=False) == LIVE


def test_in_silence_the_broker_may_wait_for_long_and_answers_at_the_first_byte(clock: Clock) -> None:
    """Not before `SILENT_S` without a record, and no more once one came."""
    pacer, seen = Pacer(LIVE), []
    for step_s, found in ((0.0, True), (SILENT_S - 0.01, False), (0.02, False), (1.0, False), (0.0, True)):
        clock.now_s += step_s
        seen.append(pacer.next(found=found, is_held=False))
    silent = Pace(SILENT_WAIT_MS, 1)
    assert seen == [LIVE, LIVE, silent, silent, LIVE]


@pytest.mark.parametrize("is_held", [False, True])
def test_a_longer_wait_of_the_settings_stands(clock: Clock, *, is_held: bool) -> None:
    """Whoever asked for half a second gets it throughout."""
    pacer = Pacer(Pace(500, 7))
    clock.now_s += 1
    assert pacer.next(found=False, is_held=is_held).max_wait_ms == 500


def test_a_consumer_that_does_not_run_has_no_pace() -> None:
    """It has not begun, is stopped, or is gone; one that runs takes both numbers."""
    fetcher = SimpleNamespace(_fetch_max_wait_ms=0, _fetch_min_bytes=0)
    for consumer in (None, SimpleNamespace(_fetcher=None), SimpleNamespace(_fetcher=fetcher)):
        give(consumer, LIVE)
    assert (fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes) == LIVE
