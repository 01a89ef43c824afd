"""How long the broker may gather records before it answers a fetch, by what the worker has in hand.

A fetch has its price, some .7 ms of Python, and each partition of which it brings a little becomes a batch
with a price in every process. So the settings stand only while records come and are worked on at once:

* While a partition is held back there is work in hand for longer than the broker gathers; nothing hurries.
* While nothing comes, the broker may wait for long, if it answers at the first byte.
"""

import time
from typing import Any, NamedTuple

BACKLOG_WAIT_MS = 100
"""At least, while a partition is held. Four workers on 2 cores drain 16 partitions at 41.8 µs of CPU a post
(with 20 ms 47.5), one worker four at 31.2 as before; 200 ms give no more, and a partition that is released
meanwhile may wait as long for its next fetch."""
SILENT_S = 0.2
"""Without a record."""
SILENT_WAIT_MS = 100
"""At least, in silence. A worker over four partitions with nothing to do takes .030 of a core (with 20 ms
.045). Kafka answers at once when a record comes; the embedded broker looks for some only now and then."""


class Pace(NamedTuple):
    """What a fetch asks for."""

    max_wait_ms: int
    min_bytes: int


class Pacer:
    """Keeps a consumer's pace.

    Args:
        settings: The pace while records come and are worked on at once.
    """

    def __init__(self, settings: Pace) -> None:
        self._settings = settings
        self._heard_at = time.monotonic()

    def next(self, *, found: bool, is_held: bool) -> Pace:
        """What to ask for from now on.

        Args:
            found: Whether the last look brought records.
            is_held: Whether a partition is held back.
        """
        now, settings = time.monotonic(), self._settings
        if found:
            self._heard_at = now
        if is_held:
            return settings._replace(max_wait_ms=max(settings.max_wait_ms, BACKLOG_WAIT_MS))
        if now - self._heard_at >= SILENT_S:
            return Pace(max(settings.max_wait_ms, SILENT_WAIT_MS), 1)
        return settings


def give(consumer: Any, pace: Pace) -> None:
    """Have the next fetch of an ``AIOKafkaConsumer``, if it runs, ask for `pace`; from any thread."""
    fetcher = getattr(consumer, "_fetcher", None)
    if fetcher is not None:
        # Of another thread's object two numbers are written, which it reads when it makes a request.
        fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes = pace  # noqa: SLF001
