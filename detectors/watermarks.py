"""Event time of one partition of ``sketches``: the minimum over the sources that are not idle."""

import msgspec

EVERYONE_IDLE = 1 << 62


class Source(msgspec.Struct, array_like=True):
    """What is known of one partition of ``posts``."""

    watermark_ms: int
    is_idle: bool
    highest: int
    """Largest offset taken; rows and deletions at or below it are redelivered."""
    idle_ms: int = -1
    """Watermark of the last idle mark taken; an idle mark up to it is redelivered."""

    def take(self, watermark_ms: int, *, is_idle: bool) -> bool:
        """Take a mark; False if it is a redelivered one, which changes nothing."""
        if is_idle:
            is_new = watermark_ms >= self.watermark_ms and watermark_ms > self.idle_ms
            self.idle_ms = max(self.idle_ms, watermark_ms)
        else:
            is_new = watermark_ms > self.watermark_ms
        if is_new:
            self.watermark_ms, self.is_idle = watermark_ms, is_idle
        return is_new


class Watermarks(msgspec.Struct):
    """Sources and the time they allow. ``low_ms`` is 0 until every source has spoken."""

    n_sources: int = 0
    sources: dict[int, Source] = {}
    low_ms: int = 0

    def source(self, number: int, n_sources: int) -> Source:
        """The source, made known if it was not."""
        self.n_sources = max(self.n_sources, n_sources)
        return self.sources.setdefault(number, Source(0, is_idle=True, highest=-1))

    def others_ms(self, number: int) -> int | None:
        """The least watermark of the other sources that are not idle.

        Returns:
            None before all have spoken; `EVERYONE_IDLE` if none of them limits.
        """
        if len(self.sources) < self.n_sources:
            return None
        return min(
            (s.watermark_ms for key, s in self.sources.items() if key != number and not s.is_idle),
            default=EVERYONE_IDLE,
        )

    def advance(self) -> int:
        """Recompute and return ``low_ms``; it never goes back."""
        if len(self.sources) < self.n_sources:
            return self.low_ms
        busy = [s.watermark_ms for s in self.sources.values() if not s.is_idle]
        allowed = min(busy) if busy else max(s.watermark_ms for s in self.sources.values())
        self.low_ms = max(self.low_ms, allowed)
        return self.low_ms
