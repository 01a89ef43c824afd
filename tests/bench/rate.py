"""How the peers' processes tell their speed."""

import time


class Rate:
    """Counts to `n_wanted`, then prints posts a second since the first."""

    def __init__(self, n_wanted: int) -> None:
        self._n_wanted = n_wanted
        self._n_seen = 0
        self._began = 0.0

    def begin(self) -> None:
        """The first post is here; told again, it changes nothing."""
        self._began = self._began or time.perf_counter()

    def count(self, n: int = 1) -> bool:
        """`n` more were done; whether that is all."""
        self.begin()
        before, self._n_seen = self._n_seen, self._n_seen + n
        is_end = before < self._n_wanted <= self._n_seen
        if is_end:
            print(f"RATE {self._n_seen / (time.perf_counter() - self._began):.1f}", flush=True)  # noqa: T201
        return is_end
