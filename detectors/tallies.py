"""The tallies of a partition's clusters: few as objects, the rest packed.

Of a feed's clusters most are two or three posts, and get no third or fourth for long: as the objects that
count quickly they would take four times the memory of what they hold. Which are packed shows nowhere.
"""

from collections import deque
from collections.abc import Callable, Iterator

from detectors.tally import Tally, points_at

N_AWAKE = 1024
"""Tallies that are objects: 4 MB. A feed's campaigns and templates of the hour find room; 25,000 clusters
that posts join in turn cost CLUSTER 2.7 µs more a post (20.5), and take a quarter of the memory."""


class Tallies:
    """Tallies by the number of their cluster.

    Args:
        norm: Normalised text of an exemplar by its number; also of one that was just evicted.
    """

    def __init__(self, norm: Callable[[int], bytes]) -> None:
        self._norm = norm
        self._held: dict[int, Tally | bytes] = {}
        """In the order in which they were opened."""
        self._awake: deque[int] = deque()
        """Numbers of those that are objects and may be packed, the latest last; some may be gone."""
        self._untold: set[int] = set()
        """Packed ones that changed since their last snapshot."""

    def __len__(self) -> int:
        """Clusters of two posts or more."""
        return len(self._held)

    def get(self, number: int) -> Tally | None:
        """The tally of a cluster, to be changed before the next call of `pack`; None if it has none."""
        held = self._held.get(number)
        if isinstance(held, bytes):
            self._awake.append(number)
            self._untold.discard(number)
            held = self._held[number] = Tally.unpack(held, self._norm)
        return held

    def enter(self, number: int, tally: Tally) -> None:
        """Take a new one."""
        self._held[number] = tally
        self._awake.append(number)

    def pack(self) -> None:
        """Pack all but the latest `N_AWAKE`."""
        while len(self._awake) > N_AWAKE:
            number = self._awake.popleft()
            tally = self._held.get(number)
            if isinstance(tally, Tally):
                self._pack(number, tally)

    def dirty(self) -> Iterator[Tally]:
        """Those that changed since their last snapshot, in the order in which they were opened."""
        untold, self._untold = self._untold, set()
        for number, held in self._held.items():
            if isinstance(held, Tally):
                if held.is_dirty:
                    yield held
            elif number in untold:
                tally = Tally.unpack(held, self._norm)
                yield tally
                self._pack(number, tally)

    def redact(self, deleted: set[int]) -> None:
        """Posts of these identities were deleted: see `Tally.redact`."""
        for number, held in self._held.items():
            if isinstance(held, Tally):
                held.redact(deleted)
            elif points_at(held, deleted):
                tally = Tally.unpack(held, self._norm)
                tally.redact(deleted)
                self._pack(number, tally)

    def evict(self, base: int, deleted: set[int]) -> list[Tally]:
        """Forget clusters numbered below `base`.

        Returns:
            Those of them that changed since their last snapshot, or change because posts were deleted.
        """
        leaving = []
        for number in [number for number in self._held if number < base]:
            held, is_told = self._held.pop(number), number not in self._untold
            if not isinstance(held, Tally):
                self._untold.discard(number)
                if is_told and not points_at(held, deleted):
                    continue
                held = Tally.unpack(held, self._norm)
            held.redact(deleted)
            if held.is_dirty:
                leaving.append(held)
        return leaving

    def _pack(self, number: int, tally: Tally) -> None:
        is_dirty, packed = tally.is_dirty, tally.pack()
        if packed is not None:
            self._held[number] = packed
            if is_dirty:
                self._untold.add(number)
