"""All at once: worker, delivery, page, Prometheus, Alertmanager. The dashboards, and `tocsin doctor`."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from support.alertmanager import AlertmanagerProcess, People
from support.browser import WEB, address
from support.full_path import TOCSIN, Service, environment, on_its_own, produce
from support.prometheus import ROOT, PrometheusProcess
from support.receiver import Receiver
from support.scenario_feed import brought_up_to, evening_feed

from stream.cli import main
from stream.embedded import EmbeddedBroker

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
FULL = "TocsinIndexFull"


class Asked(NamedTuple):
    """A query of a dashboard."""

    expr: str
    is_instant: bool


def asked(path: Path) -> list[Asked]:
    """All of a dashboard: of its panels, also those of rows, and of its annotations."""
    board = json.loads(path.read_text())
    found = [Asked(mark["expr"], is_instant=False) for mark in board["annotations"]["list"] if "expr" in mark]
    panels = list(board["panels"])
    while panels:
        panel = panels.pop()
        panels += panel.get("panels", [])
        found += [Asked(one["expr"], one.get("instant", False)) for one in panel.get("targets", [])]
    return found


def free_port() -> int:
    """One that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_dashboards_are_what_their_code_writes(tmp_path: Path) -> None:
    """By the types of Grafana's own SDK: `make grafana` after each change."""
    subprocess.run([sys.executable, str(GRAFANA / "dashboards.py"), str(tmp_path)], check=True)
    written = {path.name: path.read_text() for path in tmp_path.glob("*.json")}
    assert len(DASHBOARDS) == 2
    assert {path.name: path.read_text() for path in DASHBOARDS} == written


async def test_no_panel_is_empty_and_doctor_finds_the_one_thing_that_is_wrong(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    """A live feed with a campaign and more posts than `max_tracked_posts`: every query draws a number."""
    with Receiver() as receiver, AlertmanagerProcess(tmp_path, People(receiver)) as alertmanager:
        settings = await on_its_own(
            embedded_broker,
            prefix,
            feed_platforms="x",
            max_tracked_posts=1000,
            epoch_s=86_400,  # an hour's end in the feed would halve what one epoch holds
            alertmanager_urls=alertmanager.url,
            canary_s=2,
            deliver_port=free_port(),
            web_port=0,
        )
        with Service(settings, tmp_path) as worker, Service(settings, tmp_path, WEB) as web:
            await worker.ready()
            addresses = {
                "tocsin-worker": await worker.address(),
                "tocsin-deliver": f"127.0.0.1:{settings.deliver_port}",
                "alertmanager": f"127.0.0.1:{alertmanager.port}",
            }
            since_s = time.time()
            async with PrometheusProcess(tmp_path, addresses) as prometheus:
                await prometheus.answers('up{job="tocsin-worker"} == 1')
                await produce(settings, [brought_up_to(evening_feed().values, time.time_ns() // 1_000_000)])
                await prometheus.answers(f'ALERTS{{alertname="{FULL}", alertstate="firing"}}', 120)
                # Its canaries carry the present time: before the feed they would make all of it late.
                with Service(settings, tmp_path, [*TOCSIN, "deliver"]) as deliver:
                    await deliver.printed("bursts stand on the topic")
                    for query in {query for path in DASHBOARDS for query in asked(path)}:
                        if query.is_instant:
                            await prometheus.answers(query.expr)
                        else:
                            await prometheus.shows(query.expr, since_s)
                    root = (await address(web)).rstrip("/")
                    found = settings.model_copy(update={"prometheus_url": prometheus.url, "page_url": root})
                    env = {n: v for n, v in environment(found, tmp_path).items() if n.startswith("TOCSIN_")}
                    done = await asyncio.to_thread(CliRunner(env=env).invoke, main, ["doctor", "--json"])
    told = json.loads(done.stdout)["findings"]
    wrong = {
        found["what"].split()[0]: (found["check"], found["fix"])
        for found in told
        if found["level"] == "wrong"
    }
    # Two hours of posts at once may take over the 5 s that alerts are promised in: that is told as well.
    wrong.pop("TocsinDelayBudgetBurn", None)
    assert done.exit_code == 1
    assert wrong == {FULL: ("prometheus", f"{settings.runbook_url}/index-full.md")}, told
    well = {found["check"] for found in told if found["level"] == "ok"}
    assert well == {
        "broker",
        "apis",
        "topics",
        "versions",
        "group",
        "lag",
        "round-trip",
        "alertmanager",
        "page",
    }, told
