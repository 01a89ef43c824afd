"""What rings where nobody planned anything: every alert with its text, for a person to judge.

Cold: each file alone, from its first post on. Warm: each file after all others, so that the
feed has a long history and nothing of this file is known. What the detector learns (rates,
sizes, known templates) it learns within the run, so warm leaves the judged file out of it.
"""

from collections.abc import Callable

from detectors.alert import Severity
from tests.eval.data import BEGAN_MS, DataFile
from tests.eval.natural import PER, Found, Placed, after_the_others, by_severity, cases, heard
from tests.eval.rows import Row, Setup, made_up

REACH = {Severity.CRITICAL: "≤ 0", Severity.WARNING: "≤ 30", Severity.INFO: "≤ 350"}


def measure(setup: Setup) -> list[Row]:
    """quiet_{warm,cold,harsh}_{critical,warning,info}."""
    files = [*setup.data.files("background"), *setup.data.files("stream")]

    def cold(file: DataFile) -> list[Placed]:
        began = min(post.at_ms for post in file.posts)
        return [Placed(post, BEGAN_MS + post.at_ms - began, "mine") for post in file.posts]

    def warm(file: DataFile) -> list[Placed]:
        return after_the_others(setup, file)

    rows = _rows(setup, files, "warm", "each natural file after the others", warm)
    rows += _rows(setup, files, "cold", "each natural file alone", cold)
    said = "as cold, reposts of unnamed posts read as posts"
    return rows + _rows(setup, files, "harsh", said, cold, harshly=True)


def _rows(
    setup: Setup,
    files: list[DataFile],
    name: str,
    said: str,
    feed: Callable[[DataFile], list[Placed]],
    *,
    harshly: bool = False,
) -> list[Row]:
    found: list[tuple[str, Found]] = []
    for file in setup.track(files, f"natural posts, {name}"):
        rang = heard(feed(file), harshly=harshly)
        found += [(file.name, burst) for burst in rang if "mine" in burst.sources]
    posts = [post for file in files for post in file.posts]
    counts, lacks = by_severity(burst for _, burst in found), made_up(posts)
    return [
        Row.judged(
            id=f"quiet_{name}_{severity}",
            measure=f"{severity} per {PER:,} posts, {said}",
            value=counts[severity] / len(posts) * PER,
            unit="bursts",
            reach=reach,
            cases=[
                case
                for file_name, burst in found
                if burst.severity is severity
                for case in cases([burst], severity, file=file_name)
            ],
            made_up=lacks,
        )
        for severity, reach in REACH.items()
    ]
