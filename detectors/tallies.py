"""The tallies of a partition's clusters: few as objects, the rest packed.

Of a feed's clusters most are two or three posts, and get no third or fourth for long: as the objects that
count quickly they would take four times the memory of what they hold. Which are packed shows nowhere.
"""

from collections import deque
from collections.abc import Callable, Iterator

from detectors.blocks import Slots
from detectors.tally import Tally, points_at

N_WOKEN = 32
"""Tallies that may wake or be opened until others are packed for them: else a pack of unlike posts makes
objects of hundreds, 1.2 MB of which Python keeps for the next."""
N_AWAKE = 512
"""Tallies that are objects: 3 MB. A feed's campaigns and templates of the hour find room: of 1,000 posts of
the bench's drain 4 wake a tally, 15 µs each; of unlike posts that fall into 25,000 clusters in
turn 236 do (with 1,024: 221)."""


class Tallies:
    """Tallies by the number of their cluster.

    Args:
        norm: Normalised text of an exemplar by its number; also of one that was just evicted.
        opener: Sample of the post that opened a cluster by its number, as it came; the same.
    """

    def __init__(self, norm: Callable[[int], bytes], opener: Callable[[int], bytes]) -> None:
        self._norm = norm
        self._opener = opener
        self._held: dict[int, Tally | int] = {}
        """In the order in which they were opened; of those that are packed the handle."""
        self._packed = Slots()
        self._awake: deque[tuple[int, int]] = deque()
        """Those that are objects and may be packed, in line for it: numbers, of which some may be gone, and
        versions when they were put there. One that changed since goes to the end."""
        self._woken: list[int] = []
        """Since tallies were packed last."""
        self._untold: set[int] = set()
        """Packed ones that changed since their last snapshot."""

    def __len__(self) -> int:
        """Clusters of two posts or more."""
        return len(self._held)

    def get(self, number: int) -> Tally | None:
        """The tally of a cluster, to be changed before the next call of anything; None if it has none."""
        held = self._held.get(number)
        if isinstance(held, int):
            self._wake(number)
            self._untold.discard(number)
            held = self._held[number] = self._unpack(held)
        return held

    def enter(self, number: int, tally: Tally) -> None:
        """Take a new one."""
        self._wake(number)
        self._held[number] = tally

    def _wake(self, number: int) -> None:
        if len(self._woken) >= N_WOKEN:
            self.pack()
        self._woken.append(number)

    def pack(self) -> None:
        """Pack all but `N_AWAKE` that awoke or changed lately."""
        awake = self._awake
        for number in self._woken:
            tally = self._held.get(number)
            if isinstance(tally, Tally):
                awake.append((number, tally.version))
        self._woken.clear()
        while len(awake) > N_AWAKE:
            number, version = awake.popleft()
            tally = self._held.get(number)
            if isinstance(tally, Tally):
                if tally.version == version:
                    self._pack(number, tally)
                else:
                    awake.append((number, tally.version))

    def dirty(self) -> Iterator[Tally]:
        """Those that changed since their last snapshot, in the order in which they were opened."""
        untold, self._untold = self._untold, set()
        for number, held in self._held.items():
            if isinstance(held, Tally):
                if held.is_dirty:
                    yield held
            elif number in untold:
                tally = self._unpack(held)
                yield tally
                self._pack(number, tally)

    def redact(self, deleted: set[int]) -> None:
        """Posts of these identities were deleted: see `Tally.redact`."""
        for number, held in self._held.items():
            if isinstance(held, Tally):
                held.redact(deleted)
            elif points_at(self._packed.get(held), deleted):
                tally = self._unpack(held)
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
                if is_told and not points_at(self._packed.get(held), deleted):
                    continue
                held = self._unpack(held)
            held.redact(deleted)
            if held.is_dirty:
                leaving.append(held)
        self._close_up()
        return leaving

    def _pack(self, number: int, tally: Tally) -> None:
        is_dirty, packed = tally.is_dirty, tally.pack()
        if packed is not None:
            self._held[number] = self._packed.put(packed)
            if is_dirty:
                self._untold.add(number)

    def _close_up(self) -> None:
        """Have what is packed stand without gaps, and give back the rest: a quarter or more has gone."""
        packed, self._packed = self._packed, Slots()
        for number, held in self._held.items():
            if isinstance(held, int):
                self._held[number] = self._packed.put(packed.get(held))

    def _unpack(self, handle: int) -> Tally:
        packed = self._packed.get(handle)
        self._packed.free(handle)
        return Tally.unpack(packed, self._norm, self._opener)
