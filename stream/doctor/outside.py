"""What stands beside Kafka: Alertmanager, Prometheus, the page. Only what is set is asked."""

from typing import Any

import aiohttp

from stream.doctor.findings import Diagnosis, note, ok, wrong
from stream.settings import Settings

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_GROUPED_BY_US = "TocsinBurst"
_A_RULE = "TocsinNotDetecting"
_FAILURES = (aiohttp.ClientError, TimeoutError, ValueError, OSError)


async def outside(settings: Settings) -> list[Diagnosis]:
    """All of it."""
    found: list[Diagnosis] = []
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        for url in settings.alertmanagers:
            found += await _alertmanager(session, url)
        if settings.prometheus_url:
            found += await _prometheus(session, settings.prometheus_url)
        if settings.page_url:
            found += await _page(session, settings.page_url)
    if not settings.alertmanagers and not settings.webhook_url:
        what = "neither alertmanager_urls nor webhook_url is set: nobody is told of bursts"
        found.append(note("alertmanager", what, "set one of them for tocsin deliver"))
    return found


async def _alertmanager(session: aiohttp.ClientSession, url: str) -> list[Diagnosis]:
    try:
        status = await _json(session, f"{url}/api/v2/status")
        version, config = status["versionInfo"]["version"], status["config"]["original"]
    except (*_FAILURES, KeyError, TypeError) as error:
        return [
            wrong(
                "alertmanager", f"{url} doesn't answer: {_said(error)}", "start it, or mend alertmanager_urls"
            )
        ]
    if _GROUPED_BY_US not in config:
        what = f"{url} ({version}) has no route for {_GROUPED_BY_US}"
        return [note("alertmanager", what, "take over the routes of deploy/alertmanager/alertmanager.yml")]
    return [ok("alertmanager", f"{version} at {url} knows our routes")]


async def _prometheus(session: aiohttp.ClientSession, url: str) -> list[Diagnosis]:
    try:
        targets = (await _api(session, url, "targets?state=active"))["activeTargets"]
        groups = (await _api(session, url, "rules?type=alert"))["groups"]
        receivers = (await _api(session, url, "alertmanagers"))["activeAlertmanagers"]
    except (*_FAILURES, KeyError, TypeError) as error:
        return [
            wrong("prometheus", f"{url} doesn't answer: {_said(error)}", "start it, or mend prometheus_url")
        ]
    ours = [t for t in targets if t["labels"].get("job") == "tocsin-worker"]
    found = [
        wrong("prometheus", f"{t['scrapeUrl']} can't be scraped: {t['lastError']}", "runbook worker-down")
        for t in ours
        if t["health"] == "down"
    ]
    rules = [rule for group in groups for rule in group["rules"]]
    if not ours:
        found.append(
            wrong("prometheus", f"{url} has no target of job tocsin-worker", "see deploy/prometheus")
        )
    if _A_RULE not in {rule["name"] for rule in rules}:
        found.append(
            wrong("prometheus", f"{url} has no rule {_A_RULE}", "load deploy/prometheus/*.rules.yml")
        )
    if not receivers:
        found.append(wrong("prometheus", f"{url} has no Alertmanager", "see alerting in deploy/prometheus"))
    for rule in rules:
        if rule["name"].startswith("Tocsin") and rule["state"] == "firing":
            found += [_firing(alert) for alert in rule["alerts"] if alert["labels"].get("severity") != "info"]
    return found or [ok("prometheus", f"{len(ours)} workers scraped, {len(rules)} rules, none fires")]


def _firing(alert: dict[str, Any]) -> Diagnosis:
    said = f"{alert['labels']['alertname']} fires: {alert['annotations'].get('summary', '')}"
    return wrong("prometheus", said, alert["annotations"].get("runbook", "see its runbook"))


async def _page(session: aiohttp.ClientSession, url: str) -> list[Diagnosis]:
    try:
        async with session.get(f"{url}/healthz", allow_redirects=False) as answer:
            status = answer.status
    except _FAILURES as error:
        return [
            wrong("page", f"{url} doesn't answer: {_said(error)}", "start it (tocsin web), or mend page_url")
        ]
    if status in {301, 302, 303, 307, 308, 401, 403}:
        return [note("page", f"{url} asks who we are ({status}); not looked behind", "open it yourself")]
    if status != 200:
        return [wrong("page", f"{url}/healthz answers {status}", "restart tocsin web, or mend page_url")]
    return [ok("page", f"{url} reads the alerts")]


async def _api(session: aiohttp.ClientSession, url: str, path: str) -> dict[str, Any]:
    data: dict[str, Any] = (await _json(session, f"{url}/api/v1/{path}"))["data"]
    return data


async def _json(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as answer:
        answer.raise_for_status()
        return await answer.json()


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
