"""What people said of alerts, against what the detectors of today make of the same posts.

In ``verdicts/`` lie the output of ``tocsin verdicts --json`` and the posts that the judged alerts
were about, in any files. An alert of today is the one that was judged if its exemplar is a
near-copy of the judged one's.
"""

from collections.abc import Sequence
from typing import NamedTuple

from detectors.alert import Severity
from detectors.likeness import alike
from detectors.normalise import normalise
from tests.eval.data import NoData, RealPost
from tests.eval.engine import alerts_of
from tests.eval.rows import Row, Setup, made_up

FOLDER = "verdicts"


class Verdict(NamedTuple):
    """A person's."""

    text: str
    """Normalised."""
    shown: str
    severity: Severity
    """Of the alert when it was judged."""
    is_true: bool
    why: str


def measure(setup: Setup) -> list[Row]:
    """verdict_precision_{critical,warning,info}, verdict_true_kept, verdict_false_gone."""
    lines = setup.data.posts(FOLDER)
    verdicts = [_verdict(line) for line in lines if _is_verdict(line)]
    posts = sorted((line for line in lines if not _is_verdict(line)), key=lambda post: post.at_ms)
    if not verdicts or not posts:
        raise NoData(f"{FOLDER}/ needs verdicts and the posts they are about")
    rang = _gravest(posts)
    now = [(verdict, _severity_now(verdict, rang)) for verdict in verdicts]
    rows = []
    for severity in reversed(Severity):
        judged = [verdict for verdict, found in now if found is severity]
        if judged:
            false = [_case(verdict, severity) for verdict in judged if not verdict.is_true]
            said = f"judged alerts that are {severity} today and were called true"
            n, name = len(judged), f"verdict_precision_{severity}"
            rows.append(_row(name, said, n - len(false), n, false, posts))
    for name, said, is_true in (
        ("verdict_true_kept", "alerts called true that ring as gravely today", True),
        ("verdict_false_gone", "alerts called false that no longer ring as gravely", False),
    ):
        of = [(verdict, found) for verdict, found in now if verdict.is_true is is_true]
        misses = [
            _case(verdict, found) for verdict, found in of if _rings_as_gravely(verdict, found) is not is_true
        ]
        if of:
            rows.append(_row(name, said, len(of) - len(misses), len(of), misses, posts))
    return rows


def _is_verdict(line: RealPost) -> bool:
    return line.labels.get("kind") in {"true", "false"} and "burst" in line.labels


def _verdict(line: RealPost) -> Verdict:
    labels = line.labels
    return Verdict(
        normalise(line.text),
        line.text,
        Severity(labels["severity"]),
        labels["kind"] == "true",
        str(labels.get("why", "")),
    )


def _gravest(posts: Sequence[RealPost]) -> list[tuple[str, Severity]]:
    """(Normalised exemplar, gravest severity) of each burst that the posts give today."""
    bursts: dict[str, tuple[str, Severity]] = {}
    for alert in alerts_of(post.record() for post in posts):
        _, before = bursts.get(alert.id, ("", alert.severity))
        bursts[alert.id] = (normalise(alert.exemplar.text), max(before, alert.severity, key=lambda s: s.rank))
    return list(bursts.values())


def _severity_now(verdict: Verdict, rang: Sequence[tuple[str, Severity]]) -> Severity | None:
    found = [severity for text, severity in rang if text == verdict.text or alike(text, verdict.text)]
    return max(found, key=lambda severity: severity.rank, default=None)


def _rings_as_gravely(verdict: Verdict, found: Severity | None) -> bool:
    return found is not None and found.rank >= verdict.severity.rank


def _case(verdict: Verdict, found: Severity | None) -> dict[str, str]:
    return {
        "text": verdict.shown,
        "said": str(verdict.is_true).lower(),
        "why": verdict.why,
        "was": verdict.severity.value,
        "is": "silent" if found is None else found.value,
    }


def _row(
    name: str, said: str, n: int, of: int, cases: list[dict[str, str]], posts: Sequence[RealPost]
) -> Row:
    measure = f"{said}, of {of:,}"
    return Row(id=name, measure=measure, value=n / of, unit="share", cases=cases, made_up=made_up(posts))
