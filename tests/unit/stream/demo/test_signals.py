"""Signals while the demo computes."""

import signal
import time

import pytest

from stream.demo.run import signals


class Dying:
    """Interrupted in its finaliser, where Python drops what is raised."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def lose_one_and_compute() -> None:
    """Dies once, goes on for half a minute."""
    Dying()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        pass


def test_a_ctrl_c_lost_in_a_finaliser_comes_again() -> None:
    """It ends what runs next, instead of nothing."""
    before = signal.getsignal(signal.SIGALRM)
    with signals(), pytest.raises(KeyboardInterrupt):
        lose_one_and_compute()
    assert signal.getsignal(signal.SIGALRM) == before


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_polite_signal_is_a_ctrl_c(signum: signal.Signals) -> None:
    """And what stood before stands again."""
    before = signal.getsignal(signum)
    with signals(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signum)
    assert signal.getsignal(signum) == before
