"""A generic webhook: every transition as it stands on topic ``alerts``, in order, at least once.

The body is the alert's JSON. ``Idempotency-Key`` is ``<id>/<seq>``: a transition that comes
again has the same. With a secret, ``X-Tocsin-Signature`` is ``sha256=`` and the hexadecimal
HMAC-SHA-256 (RFC 2104) of the body under it.
"""

import hmac
import logging
from collections import deque

import aiohttp

from detectors.alert import Severity, encode_alert
from stream.alerts import Told
from stream.deliver.alertmanager import TIMEOUT
from stream.deliver.notices import Notice
from stream.settings import Settings

RETRIED = {408, 425, 429}
"""Refusals that ask for another try (RFC 9110, RFC 8470, RFC 6585), as do those from 500 on."""

log = logging.getLogger(__name__)


class Webhook:
    """One receiver.

    Args:
        settings: `webhook_url`, `webhook_secret`.
        told_until: Offset of ``alerts`` up to which it was told by whoever led before.
    """

    name = "webhook"
    """As metrics and logs call it: an address may hold a key."""

    def __init__(self, settings: Settings, told_until: int) -> None:
        self._url = settings.webhook_url
        self._secret = settings.webhook_secret.get_secret_value().encode()
        self._least = Severity(settings.deliver_from).rank
        self._told_until = told_until
        self._waiting: deque[Told] = deque()
        self.left = told_until
        """Offset of the first record of which it must still be told."""

    def note(self, told: Told) -> None:
        """The next record of the log."""
        if told.offset >= self._told_until and told.alert.severity.rank >= self._least:
            self._waiting.append(told)

    async def tell(self, session: aiohttp.ClientSession, owed: list[Notice], now_ms: int, end: int) -> bool:  # noqa: ARG002 (as other targets)
        """Send what waits, of a log that ends at `end`; whether it took all of it."""
        while self._waiting:
            self.left = self._waiting[0].offset
            if not await self._post(session, self._waiting[0]):
                return False
            self._waiting.popleft()
        self.left = end
        return True

    async def _post(self, session: aiohttp.ClientSession, told: Told) -> bool:
        """Whether it need not be sent again."""
        body, name = encode_alert(told.alert), f"{told.alert.id}/{told.alert.seq}"
        headers = {"Content-Type": "application/json", "Idempotency-Key": name}
        if self._secret:
            headers["X-Tocsin-Signature"] = "sha256=" + hmac.new(self._secret, body, "sha256").hexdigest()
        try:
            async with session.post(
                self._url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False
            ) as answer:
                if answer.status < 300:
                    return True
                may_help = answer.status >= 500 or answer.status in RETRIED
                log.error(
                    "the webhook answers %d to %s: %s",
                    *(answer.status, name, "trying again" if may_help else "left out"),
                )
                return not may_help
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.error("the webhook can't be told: %s", type(error).__name__)  # noqa: TRY400
        return False
