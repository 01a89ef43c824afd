"""One Alertmanager: what it has been told, and what it must be told now.

Source: Alertmanager's API v2 (``api/v2/openapi.yaml``), ``POST /api/v2/alerts``. An alert holds
until its ``endsAt``, so what fires is sent again and again; one that ended is sent as firing
first if it never was, for Alertmanager keeps silent about what it only knows as resolved. What
it was told by whoever led before, it is asked (``GET /api/v2/alerts``).
"""

import logging
from typing import Any

import aiohttp

from stream.alerts import Told
from stream.deliver.notices import BURST, LABELS, LATE, STORM, Notice, rfc3339
from stream.settings_telling import DeliverySettings

TIMEOUT = aiohttp.ClientTimeout(total=10)
ANSWER_CHARS = 300

log = logging.getLogger(__name__)


class Alertmanager:
    """See the module.

    Args:
        url: Its address, without a slash at the end.
        settings: Of the delivery.
        told_until: Offset of ``alerts`` up to which all Alertmanagers were told by whoever led before.
    """

    def __init__(self, url: str, settings: DeliverySettings, told_until: int) -> None:
        self.name = self.url = url
        self._settings = settings
        self._told_until = told_until
        self._fired_ms: dict[tuple[str, ...], int] = {}
        """When it was first told that these fire, or was found to know it."""
        self._was_asked = False
        """Whether `_fired_ms` holds what it knew when it was last found."""
        self._ended: dict[tuple[str, ...], int] = {}
        """Which end of these it was told."""
        self._was_away = False
        """It may have been restarted since, and then knows nothing of what it was told."""
        self.left = told_until
        """Offset of the first record of which it must still be told."""

    def note(self, told: Told) -> None:
        """Nothing: it is told what holds, not what changed."""

    async def tell(self, session: aiohttp.ClientSession, owed: list[Notice], now_ms: int, end: int) -> bool:
        """Send what it must know at wall time `now_ms`, when the log ends at `end`; whether it took it."""
        firing: list[Notice] = []
        ended: list[Notice] = []
        if not self._was_asked:
            self._fired_ms = dict.fromkeys(await self._known(session) | self._fired_ms.keys(), now_ms)
            self._was_asked = True
        self._forget_but({notice.key for notice in owed})
        due = [notice for notice in owed if self._is_due(notice, now_ms)]
        held = [
            notice.since for notice in owed if notice.due_ms is not None and not self._is_due(notice, now_ms)
        ]
        for notice in due:
            match self._news(notice, now_ms):
                case "firing":
                    firing.append(notice)
                    if notice.ended_ms is not None:
                        held.append(notice.until)
                case "ended":
                    ended.append(notice)
        until_ms = now_ms + self._settings.alertmanager_hold_s * 1000
        payload = [
            *(_payload(notice, until_ms) for notice in firing),
            *(_payload(notice, notice.ended_ms or now_ms) for notice in ended),
        ]
        if payload and not await self._post(session, payload):
            self._was_asked, self._was_away = False, True
            return False
        self.left = min(held, default=end)
        for notice in firing:
            self._fired_ms.setdefault(notice.key, now_ms)
            self._ended.pop(notice.key, None)
        for notice in ended:
            self._ended[notice.key] = notice.ended_ms or now_ms
            self._fired_ms.pop(notice.key, None)
        return True

    def _forget_but(self, keys: set[tuple[str, ...]]) -> None:
        """Drop what is owed no longer."""
        self._fired_ms = {key: ms for key, ms in self._fired_ms.items() if key in keys}
        self._ended = {key: ms for key, ms in self._ended.items() if key in keys}

    def _is_due(self, notice: Notice, now_ms: int) -> bool:
        """Whether people hear of it by now, or did already."""
        return notice.key in self._fired_ms or (notice.due_ms is not None and notice.due_ms <= now_ms)

    def _news(self, notice: Notice, now_ms: int) -> str:
        """``firing``, ``ended`` or nothing."""
        if notice.ended_ms is None:
            return "firing"
        if self._ended.get(notice.key) == notice.ended_ms:
            return ""
        fired_ms = self._fired_ms.get(notice.key)
        if fired_ms is None:
            if notice.until < self._told_until:
                return ""
            if notice.muted or (notice.since < self._told_until and not self._was_away):
                return "ended" if notice.since < self._told_until or self._was_away else ""
        if fired_ms is None or now_ms - fired_ms < self._settings.alertmanager_least_s * 1000:
            return "firing"
        return "ended"

    async def _known(self, session: aiohttp.ClientSession) -> set[tuple[str, ...]]:
        """Which of our alerts it holds; none if it doesn't say."""
        names = {"filter": f'alertname=~"{BURST}|{LATE}|{STORM}"'}
        try:
            async with session.get(
                f"{self.url}/api/v2/alerts", params=names, timeout=TIMEOUT, allow_redirects=False
            ) as answer:
                answer.raise_for_status()
                return {tuple(a["labels"].get(name, "") for name in LABELS) for a in await answer.json()}
        except (aiohttp.ClientError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            log.warning("%s does not say what it knows: %s", self.url, error or type(error).__name__)
        return set()

    async def _post(self, session: aiohttp.ClientSession, payload: list[dict[str, Any]]) -> bool:
        try:
            async with session.post(
                f"{self.url}/api/v2/alerts", json=payload, timeout=TIMEOUT, allow_redirects=False
            ) as answer:
                if answer.status == 200:
                    return True
                said = (await answer.text())[:ANSWER_CHARS]
                log.error("%s refuses %d alerts: %d %s", self.url, len(payload), answer.status, said)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.error("%s can't be told: %s", self.url, error or type(error).__name__)  # noqa: TRY400
        return False


def _payload(notice: Notice, until_ms: int) -> dict[str, Any]:
    url = {"generatorURL": notice.url} if notice.url else {}
    return {
        "labels": notice.labels,
        "annotations": notice.annotations,
        "startsAt": rfc3339(notice.starts_ms),
        "endsAt": rfc3339(max(until_ms, notice.starts_ms + 1)),
        **url,
    }
