"""Do the documents speak of what exists? Run by CI; exit code 1 names what does not.

* The README's settings table is the one the code prints.
* Every ``TOCSIN_*`` name in the README and the deployment is a setting.
* Every ``tocsin …`` command and ``make …`` target named there exists.
* Every metric named there is one that a worker or a delivery exports, or that our rules record.
* Every topic in the README's table is a topic of ours.
* Every picture of the README exists, and none is larger than 200 kB.
"""

import re
import sys
from pathlib import Path

from stream.cli import COMMANDS
from stream.deliver.metrics import DeliveryMetrics
from stream.kafka import TOPICS
from stream.metrics import Metrics
from stream.settings import Settings
from stream.settings_docs import settings_table

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "docker-compose.yml", *sorted((ROOT / "deploy").rglob("*"))]
MARKS = ("<!-- settings: make readme -->", "<!-- end of settings -->")
MAX_PICTURE_BYTES = 200_000
NOT_SETTINGS = {"TOCSIN_CONFIG"}
DERIVED = ("_total", "_bucket", "_count", "_sum", "_created", "_info")


def main() -> int:
    """Print every finding."""
    if sys.argv[1:] == ["--write"]:
        write_settings()
    texts = {path: path.read_text() for path in DOCUMENTS if path.is_file() and path.suffix != ".png"}
    findings = [
        f"{path}: larger than 200 kB"
        for path in DOCUMENTS
        if path.suffix == ".png" and path.stat().st_size > MAX_PICTURE_BYTES
    ]
    findings += [f for path, text in texts.items() for f in check(path.relative_to(ROOT), text)]
    if current_settings(texts[ROOT / "README.md"]) != settings_table().strip():
        findings.append("README.md: the settings table is not what the code prints: make readme")
    print("\n".join(findings) or f"{len(texts)} documents name only what exists")  # noqa: T201
    return 1 if findings else 0


def check(path: Path, text: str) -> list[str]:
    """What `text` names and we do not have."""
    settings = {f"TOCSIN_{name.upper()}" for name in Settings.model_fields} | NOT_SETTINGS
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wrong = [f"setting {name}" for name in set(re.findall(r"\bTOCSIN_[A-Z_]+\b", text)) - settings]
    wrong += [f"command tocsin {name}" for name in set(re.findall(r"`tocsin ([a-z]+)", text)) - set(COMMANDS)]
    wrong += [f"make target {name}" for name in set(re.findall(r"`make ([a-z0-9-]+)", text)) - targets]
    wrong += [
        f"picture {name}"
        for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
        if not (ROOT / name).is_file()
    ]
    wrong += [f"metric {name}" for name in set(re.findall(r"\btocsin_[a-z_]+[a-z]\b", text)) - metrics()]
    wrong += [
        f"recorded series {name}" for name in set(re.findall(r"\btocsin:[a-z][a-z0-9_:]+", text)) - recorded()
    ]
    wrong += [
        f"topic {name}"
        for name in set(re.findall(r"^\| `([a-z.-]+)` \|.*retention", text, re.MULTILINE)) - set(TOPICS)
    ]
    return [f"{path}: no such {name}" for name in sorted(wrong)]


def metrics() -> set[str]:
    """Every name under which a metric may be asked for."""
    worker = Metrics(Settings())
    worker.state.firing = {}
    worker.state.clock_skew_s = lambda: 0.0
    registries = (worker.registry, DeliveryMetrics([]).registry)
    names = {family.name for registry in registries for family in registry.collect()}
    return names | {name + ending for name in names for ending in DERIVED}


def recorded() -> set[str]:
    """Every series that our rules record."""
    rules = "".join(path.read_text() for path in (ROOT / "deploy" / "prometheus").glob("*.rules.yml"))
    return set(re.findall(r"- record: (\S+)", rules))


def current_settings(readme: str) -> str:
    """The table between the marks."""
    return readme.partition(MARKS[0])[2].partition(MARKS[1])[0].strip()


def write_settings() -> None:
    """Put the code's table into the README."""
    path = ROOT / "README.md"
    before, _, rest = path.read_text().partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    path.write_text(f"{before}{MARKS[0]}\n{settings_table().strip()}\n{MARKS[1]}{after}")


if __name__ == "__main__":
    sys.exit(main())
