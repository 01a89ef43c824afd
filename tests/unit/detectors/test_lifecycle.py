"""When an alert is due: each reason, its edges, and what is none."""

import pytest

from detectors.alert import AlertReason, Severity
from detectors.lifecycle import Judgement, Ring, decide, severity_of
from detectors.settings import DetectorSettings

SILENT = Ring(id="b")
RINGING = Ring(id="b", seq=1, firing=True, severity=Severity.WARNING, n_posts=10)


@pytest.mark.parametrize(
    ("ring", "severity", "n_posts", "n_quiet", "n_deleted", "reason"),
    [
        pytest.param(SILENT, None, 100, 9, 0, None, id="not-worth-a-line"),
        pytest.param(SILENT, Severity.INFO, 5, 5, 0, AlertReason.FIRST, id="opens"),
        pytest.param(SILENT, Severity.INFO, 5, 1, 0, None, id="does-not-open-while-quiet"),
        pytest.param(RINGING, Severity.WARNING, 19, 5, 0, None, id="not-yet-doubled"),
        pytest.param(RINGING, Severity.WARNING, 20, 5, 0, AlertReason.GREW, id="doubled"),
        pytest.param(RINGING, Severity.CRITICAL, 11, 5, 0, AlertReason.GREW, id="graver"),
        pytest.param(RINGING, Severity.INFO, 11, 5, 0, None, id="less-grave-is-no-news"),
        pytest.param(RINGING, None, 11, 5, 0, None, id="below-the-opening-threshold-still-rings"),
        pytest.param(RINGING, Severity.CRITICAL, 40, 1, 0, AlertReason.RESOLVED, id="a-straggler-is-quiet"),
        pytest.param(RINGING, Severity.WARNING, 11, 5, 1, AlertReason.REPEAT, id="a-sample-was-deleted"),
        pytest.param(SILENT, None, 11, 5, 1, None, id="deletion-in-silence"),
    ],
)
def test_reason(
    ring: Ring,
    severity: Severity | None,
    n_posts: int,
    n_quiet: int,
    n_deleted: int,
    reason: AlertReason | None,
) -> None:
    """One reason or none, from what was told and what is; nothing is changed."""
    current = Judgement(severity=severity, n_posts=n_posts, n_quiet=n_quiet, n_deleted=n_deleted)
    assert decide(ring, current, close_accounts=2) is reason


@pytest.mark.parametrize(
    ("n_recent", "n_5min", "novelty", "is_coordinated", "false_per_day", "severity"),
    [
        pytest.param(3, 3, 300.0, True, 0, None, id="too-few"),
        pytest.param(4, 4, 1.9, True, 0, None, id="no-surprise"),
        pytest.param(4, 4, 2.0, False, 0, Severity.INFO, id="listed"),
        pytest.param(8, 0, 2.0, True, 250, Severity.WARNING, id="small-and-coordinated"),
        pytest.param(8, 0, 2.0, True, 251, Severity.INFO, id="nature-does-that-too-often"),
        pytest.param(7, 7, 2.0, True, 0, Severity.INFO, id="coordinated-and-too-small"),
        pytest.param(17, 17, 6.0, False, 0, Severity.INFO, id="surprising-and-too-small"),
        pytest.param(18, 18, 6.0, False, 10, Severity.WARNING, id="surprising"),
        pytest.param(18, 18, 6.0, False, 10.1, Severity.INFO, id="not-surprising-enough"),
        pytest.param(400, 151, 300.0, False, 0, Severity.WARNING, id="an-organic-headline-wakes-nobody"),
        pytest.param(20, 20, 6.0, True, 250, Severity.CRITICAL, id="wakes"),
        pytest.param(20, 19, 6.0, True, 250, Severity.WARNING, id="not-synchronous-enough"),
        pytest.param(20, 20, 6.0, True, 251, Severity.INFO, id="neither-call-nor-warning"),
    ],
)
def test_severity(
    n_recent: int,
    n_5min: int,
    novelty: float,
    is_coordinated: bool,  # noqa: FBT001 (a parameter of the test)
    false_per_day: float,
    severity: Severity | None,
) -> None:
    """The measured rules at their edges.

    Of natural contents one in 25 looks coordinated, of these one in ten is as synchronous as a call
    asks, so ten warnings and one call a day are 250 contents.
    """
    found = severity_of(
        DetectorSettings(),
        n_recent=n_recent,
        n_5min=n_5min,
        novelty=novelty,
        is_coordinated=is_coordinated,
        is_common=False,
        false_per_day=false_per_day,
    )
    assert found is severity


def test_what_nature_gives_too_often_is_not_listed() -> None:
    """However novel: in a feed full of headlines only larger bursts are worth a line."""
    found = severity_of(
        DetectorSettings(),
        n_recent=50,
        n_5min=50,
        novelty=300,
        is_coordinated=True,
        is_common=True,
        false_per_day=0,
    )
    assert found is None
