"""The three stages in one process, one partition each: for archives, notebooks and tests.

Gives the same alerts, ids and counts as the live path over one-partition topics.
"""

from collections.abc import Sequence

from detectors import accounts, evidence, index, tallies
from detectors.activity import read_told
from detectors.alert import Alert
from detectors.burster import Burster
from detectors.clusterer import Clusterer
from detectors.post import Rejected
from detectors.rows import Pack
from detectors.settings import DetectorSettings
from detectors.sketcher import PostRecord, RawPost, Sketcher


class Chain:
    """Posts in, alerts out.

    Args:
        settings: What decides.
        version: Of the detector, for the alerts.
    """

    def __init__(self, settings: DetectorSettings, version: str) -> None:
        self.sketcher = Sketcher(settings, 0, 1, 1)
        self.clusterer = Clusterer(settings, 0, 1)
        self.burster = Burster(settings, version)
        self.rejected: list[tuple[PostRecord, Rejected]] = []
        """Records refused by the last `feed`."""
        self._n_packs = 0

    def feed(self, records: Sequence[PostRecord]) -> list[Alert]:
        """Take the next records, in offset order."""
        sketched = self.sketcher.feed(records)
        self.rejected = sketched.rejected
        return self._through(sketched.packs)

    def end(self, after_s: float) -> list[Alert]:
        """No post came for `after_s` seconds: what rings may fall quiet."""
        packs = self.sketcher.idle_tick(self.sketcher.last_append_ms + round(after_s * 1000))
        return self._through(packs)

    def _through(self, packs: Sequence[tuple[int, Pack]]) -> list[Alert]:
        alerts = []
        for _, pack in packs:
            for _, told in self.burster.feed_all(read_told(self.clusterer.feed(self._n_packs, pack))):
                alerts += told
            self._n_packs += 1
        return alerts


def warm_up() -> None:
    """Run every kernel once, so that none is compiled while posts wait."""
    words = "a bell rings when many accounts suddenly say the same thing"
    texts = [words, words, f"{words} again and again, more or less", "short", "short"]
    chain = Chain(DetectorSettings(), "")
    at_ms = 1_700_000_000_000
    post = '{"id":"%d","platform":"none","author":{"id":"%d"},"created_at":%d,"text":"%s"}'
    records = [RawPost(i, at_ms, (post % (i, i, at_ms, text)).encode()) for i, text in enumerate(texts)]
    chain.feed(records)
    chain.end(1)
    index.warm_up()
    tallies.warm_up()
    rows = accounts.merge([bytes(accounts.ACCOUNT.itemsize)] * 2)
    accounts.n_active(rows, 0)
    accounts.nth_latest(rows, 1)
    evidence.count_parts(rows, now_ms=0, since_ms=0, recent_s=1, base_new=0.0, n_recurring=0, n_links=0)
