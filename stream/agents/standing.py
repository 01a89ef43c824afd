"""What stands on topic ``alerts``, and what is news beside it: BURST's own earlier words.

After a crash the state comes to the same alerts with the same `seq` as before, and what stands
there is not told again. After a change of settings, or of what packs are made of, the state has
another past: it counts its messages anew, and of what rang some rings no more. So behind the end
that the log had at the start, where nobody can have told anything yet,

* an alert later than the last of its burst is news, whatever its `seq`; it takes the next one;
* an alert that rings on the topic and no longer in the state ends, once event time is ``quiet_s``
  past it, as it would have if the state had carried it on in silence.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from msgspec.structs import replace

from detectors.alert import Alert, AlertReason

LOOKS = 10
"""At what rings on the topic only, within ``quiet_s``."""


class Standing:
    """The last word on each burst.

    Args:
        alerts: The last alert of each.
        end: Offset after the last record of ``activity`` when they were read.
        quiet_ms: Event time without a word after which what the state does not carry on is over.
    """

    def __init__(self, alerts: Iterable[Alert] = (), end: int = 0, quiet_ms: int = 0) -> None:
        self._last: dict[str, tuple[int, float]] = {}
        self._ringing: dict[str, Alert] = {}
        """Those that rang when they were read, as they were told last."""
        self._end, self._quiet_ms = end, quiet_ms
        self._looked_ms = 0
        for alert in alerts:
            self._last[alert.id] = alert.seq, alert.updated_at.timestamp()
            if alert.status == "firing":
                self._ringing[alert.id] = alert

    def is_news(self, alert: Alert, offset: int) -> bool:
        """Whether an alert that the record at `offset` caused is not there yet; it may take another `seq`."""
        seq, told_s = self._last.get(alert.id, (0, 0.0))
        now_s = alert.updated_at.timestamp()
        if alert.seq <= seq:
            if offset < self._end or now_s <= told_s:
                return False
            alert.seq = seq + 1
        self._last[alert.id] = alert.seq, now_s
        if alert.id in self._ringing:
            self._ringing[alert.id] = alert
            if alert.status != "firing":
                del self._ringing[alert.id]
        return True

    def ended(self, offset: int, now_ms: int, append_ms: int, firing: Callable[[], set[str]]) -> list[Alert]:
        """The ends of what rings here and in the state no more.

        Args:
            offset: Of the record of ``activity`` by which time came to `now_ms`.
            now_ms: Event time, UTC milliseconds.
            append_ms: Append time of that record.
            firing: Ids of what rings in the state.
        """
        if not self._ringing or offset < self._end or now_ms < self._looked_ms + self._quiet_ms / LOOKS:
            return []
        self._looked_ms = now_ms
        carried, now = firing(), datetime.fromtimestamp(now_ms / 1000, UTC)
        ends = [
            replace(
                alert,
                seq=alert.seq + 1,
                status="resolved",
                reason=AlertReason.RESOLVED,
                updated_at=now,
                ends_at=now,
                ingest_ts=datetime.fromtimestamp(append_ms / 1000, UTC),
                rate_per_min=0.0,
            )
            for alert in self._ringing.values()
            if alert.id not in carried and alert.updated_at.timestamp() * 1000 + self._quiet_ms <= now_ms
        ]
        return [alert for alert in ends if self.is_news(alert, offset)]
