"""The shipped rules and runbooks, with a real Prometheus that scrapes a real worker."""

import re
import subprocess
from pathlib import Path

import pytest
from support.full_path import Service, produce
from support.prometheus import ROOT, SHIPPED, PrometheusProcess
from support.scenario_feed import short_feed
from support.workers import until

from stream.embedded import EmbeddedBroker
from stream.settings import Settings
from stream.topics import create_topics

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

RUNBOOKS = ROOT / "deploy" / "runbooks"
RUNBOOK_URL = "https://github.com/tocsin/tocsin/blob/main/deploy/runbooks/"
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
SEVERITIES = {"critical", "warning", "info"}
SELECTOR = re.compile(r"\b(?:tocsin_[a-z_]+|up)\b(?:\{[^}]*\})?")
QUERY = re.compile(r"^```promql\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
PATIENCE_S = 120.0


def checked(*command: str) -> str:
    """What a checker says when it finds nothing."""
    done = subprocess.run(
        ["promtool", *command], capture_output=True, text=True, check=False, cwd=SHIPPED.parent
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_shipped_configuration_and_rules_are_valid() -> None:
    """By Prometheus's own checker; each file of rules is loaded by the configuration."""
    files = sorted(path.name for path in SHIPPED.parent.glob("*.rules.yml"))
    assert files
    said = checked("check", "config", "--lint-fatal", SHIPPED.name)
    assert f"{len(files)} rule files found" in said
    checked("check", "rules", "--lint-fatal", *files)


@pytest.mark.parametrize("rules", sorted(path.stem for path in SHIPPED.parent.glob("*.rules.yml")))
def test_each_rule_fires_when_it_must_and_is_silent_when_it_must_be(rules: str) -> None:
    """By promtool's unit tests, in which every alert of the file occurs."""
    tests = SHIPPED.parent / f"{rules.removesuffix('.rules')}.test.yml"
    assert "SUCCESS" in checked("test", "rules", tests.name)
    alerts = set(re.findall(r"- alert: (\w+)", (SHIPPED.parent / f"{rules}.yml").read_text()))
    assert alerts
    assert {name for name in alerts if name not in tests.read_text()} == set()


def test_each_runbook_says_meaning_impact_diagnosis_and_mitigation() -> None:
    """In this order, and links only to what is there."""
    for path in RUNBOOKS.glob("*.md"):
        text = path.read_text()
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS, path.name
        linked = set(re.findall(r"\]\(([a-z-]+\.md)\)", text))
        assert {name for name in linked if not (RUNBOOKS / name).is_file()} == set(), path.name


async def test_each_rule_and_runbook_asks_for_what_a_worker_exports(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    """Posts flow, a campaign rings, a worker ends: Prometheus sees it, and every query finds something."""
    settings = Settings(
        bootstrap=embedded_broker.bootstrap,
        topic_prefix=prefix,
        group=f"{prefix}group",
        posts_partitions=1,
        sketches_partitions=1,
    )
    await create_topics(settings)
    with Service(settings, tmp_path) as worker:
        await worker.ready()
        addresses = {"tocsin-worker": await worker.address()}
        async with PrometheusProcess(tmp_path, addresses) as prometheus:
            await prometheus.answers('up{job="tocsin-worker"} == 1')
            await produce(settings, [short_feed().values])
            await prometheus.answers(
                'ALERTS{alertname="TocsinBurstsRinging", alertstate="firing"}', PATIENCE_S
            )

            rules = await prometheus.rules()
            alerts = [rule for rule in rules if rule["type"] == "alerting"]
            for selector in {found for rule in rules for found in SELECTOR.findall(rule["query"])}:
                await prometheus.answers(selector)
            for alert in alerts:
                assert alert["labels"]["severity"] in SEVERITIES
                assert {"summary", "description", "runbook"} == set(alert["annotations"])
                name = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", alert["name"].removeprefix("Tocsin")).lower()
                assert alert["annotations"]["runbook"] == f"{RUNBOOK_URL}{name}.md"
            about = {alert["annotations"]["runbook"].removeprefix(RUNBOOK_URL) for alert in alerts}
            assert about == {path.name for path in RUNBOOKS.glob("*.md")}
            for path in RUNBOOKS.glob("*.md"):
                queries = QUERY.findall(path.read_text())
                assert queries, path.name
                for query in queries:
                    await prometheus.answers(query)

            async def evaluated() -> bool:
                return {rule["health"] for rule in await prometheus.rules()} == {"ok"}

            await until(evaluated, PATIENCE_S)
            worker.kill()
            for alert in ("TocsinWorkerDown", "TocsinNotDetecting"):
                await prometheus.answers(f'ALERTS{{alertname="{alert}", alertstate="pending"}}', PATIENCE_S)
