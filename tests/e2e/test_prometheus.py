"""The shipped rules and runbooks, with a real Prometheus that scrapes a real worker."""

import re
import subprocess
from pathlib import Path

import pytest
from support.alertmanager import AlertmanagerProcess, People
from support.full_path import TOCSIN, Service, on_its_own, produce
from support.prometheus import SHIPPED, PrometheusProcess
from support.receiver import Receiver
from support.runbooks import RUNBOOKS, queries
from support.scenario_feed import short_feed
from support.workers import until

from stream.embedded import EmbeddedBroker
from stream.settings import Settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

DELIVER = [*TOCSIN, "deliver"]
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
SEVERITIES = {"critical", "warning", "info"}
NO_RULE = {"burst.md", "storm-or-late.md"}
"""Of what `tocsin deliver` tells."""
APACHE_ONLY = {"tocsin_clock_skew_seconds"}
"""The embedded broker stamps no append times; tests/kafka/test_operations.py asks for it."""
SELECTOR = re.compile(r"\b(?:tocsin_[a-z_]+|up)\b(?:\{[^}]*\})?")
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


async def test_each_rule_and_runbook_asks_for_what_is_exported_and_health_reaches_people(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    """A worker, a delivery, Prometheus and Alertmanager: a campaign rings, then both processes end."""
    with (
        Receiver() as receiver,
        AlertmanagerProcess(tmp_path, people := People(receiver)) as alertmanager,
    ):
        settings = await on_its_own(
            embedded_broker,
            prefix,
            feed_platforms="x",
            alertmanager_urls=alertmanager.url,
            alertmanager_resend_s=1,
            deliver_port=0,
        )
        with Service(settings, tmp_path, DELIVER) as deliver, Service(settings, tmp_path) as worker:
            await deliver.printed("this process leads")
            await worker.ready()
            addresses = {
                "tocsin-worker": await worker.address(),
                "tocsin-deliver": await deliver.address(),
                "alertmanager": f"127.0.0.1:{alertmanager.port}",
            }
            async with PrometheusProcess(tmp_path, addresses) as prometheus:
                await prometheus.answers('up{job="tocsin-worker"} == 1')
                await prometheus.answers('up{job="tocsin-deliver"} == 1')
                await produce(settings, [short_feed().values])
                await prometheus.answers(firing("TocsinBurstsRinging"), PATIENCE_S)
                await every_rule_and_runbook_asks_for_what_is_there(prometheus, settings)
                await told(people, "page", "CRITICAL ")
                await told(people, "deadman", "Tocsin reads posts")
                assert "TocsinAlive" in asked_as_the_runbook_says(alertmanager)
                assert [n for n in people.notified if n.summary.endswith("bursts are critical")] == []
                deliver.kill()
                await prometheus.answers(pending("TocsinNobodyDelivers"), PATIENCE_S)
                worker.kill()
                await prometheus.answers(pending("TocsinWorkerDown"), PATIENCE_S)
                await prometheus.answers(pending("TocsinNotDetecting"), PATIENCE_S)


def asked_as_the_runbook_says(alertmanager: AlertmanagerProcess) -> str:
    """What Alertmanager answers to the command of alive.md."""
    (command,) = re.findall(r"`(amtool [^`]+)`", (RUNBOOKS / "alive.md").read_text())
    argv = command.replace("http://ALERTMANAGER:9093", alertmanager.url).split()
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def firing(alert: str) -> str:
    """A query for an alert that fires."""
    return f'ALERTS{{alertname="{alert}", alertstate="firing"}}'


def pending(alert: str) -> str:
    """A query for an alert that will fire if it goes on."""
    return f'ALERTS{{alertname="{alert}", alertstate="pending"}}'


async def told(people: People, receiver: str, summary: str) -> None:
    """Wait for a notification."""
    await until(
        lambda: any(n.receiver == receiver and summary in n.summary for n in people.notified),
        PATIENCE_S,
        lambda: f"{receiver} was not told {summary!r}: {people.notified}",
    )


async def every_rule_and_runbook_asks_for_what_is_there(
    prometheus: PrometheusProcess, settings: Settings
) -> None:
    """Each selector of a rule and each query of a runbook finds something; each alert has its runbook."""
    rules = await prometheus.rules()
    for selector in {found for rule in rules for found in SELECTOR.findall(rule["query"])} - APACHE_ONLY:
        await prometheus.answers(selector)
    about = set()
    for alert in (rule for rule in rules if rule["type"] == "alerting"):
        assert alert["labels"]["severity"] in SEVERITIES
        assert set(alert["annotations"]) == {"summary", "description", "runbook"}
        words = re.findall(r"[A-Z][a-z]+", alert["name"].removeprefix("Tocsin"))
        runbook = "-".join(words).lower() + ".md"
        assert alert["annotations"]["runbook"] == f"{settings.runbook_url}/{runbook}"
        about.add(runbook)
    assert about | NO_RULE == {path.name for path in RUNBOOKS.glob("*.md")}
    for path in RUNBOOKS.glob("*.md"):
        asked = set(queries(path))
        assert asked, path.name
        for query in asked - APACHE_ONLY:
            await prometheus.answers(query)

    async def evaluated() -> bool:
        return {rule["health"] for rule in await prometheus.rules()} == {"ok"}

    await until(evaluated, PATIENCE_S)
