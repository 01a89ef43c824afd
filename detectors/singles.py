"""Posts that nothing resembles yet, in columns: nearly all of a feed, and nearly none is ever asked for.

As objects they would take ten times the memory of what they hold, and a fifth of CLUSTER's time.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate, islice

import numpy as np
from numpy.typing import NDArray

from detectors.blocks import Blocks, Column
from detectors.index_arrays import Norms
from detectors.jit import frozen
from detectors.pack_kernel import Singled
from detectors.sample_kernel import N_READ
from detectors.seating_kernel import read_origins
from detectors.tally_kernel import Posts


class Singles:
    """First posts by the number of the cluster that they opened, which ever grows.

    A post's account and time stand in its sample, its normalised text in the index. 21 bytes
    and the sample each.
    """

    def __init__(self) -> None:
        self._numbers = Column("I")
        """From `_base` on."""
        self._base = 0
        self._identities = Column("Q")
        self._flags = Column("B")
        self._ends = Column("q")
        """Of each sample, in bytes from the first one ever."""
        self._samples = Blocks()
        self._cut = 0
        """Bytes of samples that were dropped."""

    def __len__(self) -> int:
        """Posts held; those whose clusters grew stay among them."""
        return len(self._numbers)

    @property
    def n_bytes(self) -> int:
        """Memory of the columns."""
        return sum(len(column) * column.items.itemsize for column in self._columns) + self._end - self._cut

    @property
    def _columns(self) -> tuple[Column, ...]:
        return self._numbers, self._identities, self._flags, self._ends

    @property
    def _end(self) -> int:
        return self._ends.items[len(self) - 1] if len(self) else self._cut

    def extend(self, singled: Singled, n: int, n_bytes: int) -> None:
        """Take `n` posts that opened clusters, their samples of `n_bytes`; numbers ascend over all calls."""
        if not n:
            return
        begun = self._end
        numbers = singled.numbers[:n] - self._base
        if numbers[-1] >> 32:
            raise OverflowError("a number is more than 2³² beyond the oldest post's that is held")
        self._numbers.extend(numbers.astype(np.uint32).tobytes())
        self._identities.extend(singled.identities[:n].tobytes())
        self._flags.extend(singled.flags[:n].tobytes())
        self._ends.extend((singled.ends[:n] + begun).tobytes())
        self._samples.write(begun, singled.samples[:n_bytes].data)

    def posts(self, numbers: NDArray[np.int64], norms: Norms, slot_ms: int) -> Posts:
        """The posts that opened clusters, given their normalised texts and how long slots are.

        Raises:
            KeyError: None of one of these numbers is held.
            ValueError: A sample of them is none.
        """
        places = [*map(self._at, numbers.tolist())]
        ends, identities, flags = self._ends.items, self._identities.items, self._flags.items
        samples = [self._samples.read(ends[at - 1] if at else self._cut, ends[at]) for at in places]
        n = len(places)
        bounds = np.array([0, *accumulate(map(len, samples))], np.int64)
        blob = frozen(np.frombuffer(b"".join(samples), np.uint8), np.uint8)
        accounts, event_ms = np.empty(n, np.uint64), np.empty(n, np.int64)
        if not read_origins(blob, bounds[:-1], bounds[1:], np.empty(N_READ, np.int64), accounts, event_ms):
            raise ValueError("a sample of a pack is none")
        return Posts(
            clusters=numbers,
            tallies=np.empty(n, np.int64),
            identities=frozen([identities[at] for at in places], np.uint64),
            accounts=frozen(accounts, np.uint64),
            event_ms=frozen(event_ms, np.int64),
            ingest_ms=frozen(np.zeros(n, np.int64), np.int64),
            slots=event_ms // slot_ms,
            flags=frozen([flags[at] for at in places], np.uint8),
            exemplars=numbers,
            is_deleted=np.zeros(n, np.bool_),
            norms=norms.blob,
            norm_starts=norms.starts,
            norm_ends=norms.ends,
            samples=blob,
            sample_starts=bounds[:-1],
            sample_ends=bounds[1:],
            folded=blob[:0],
            folded_at=np.full(n, -1, np.int64),
        )

    def _at(self, number: int) -> int:
        at, numbers = self._first(number), self._numbers.items
        if at == len(self) or numbers[at] != number - self._base:
            raise KeyError(number)
        return at

    def _first(self, number: int) -> int:
        """Place of the first that is numbered so or higher."""
        return bisect_left(self._numbers.items, number - self._base, 0, len(self))

    def identities(self) -> Iterator[tuple[int, int]]:
        """(number, identity of the post) of all that are held."""
        held = zip(self._numbers.items, self._identities.items, strict=False)
        return ((self._base + number, identity) for number, identity in islice(held, len(self)))

    def drop(self, base: int) -> None:
        """Forget what is numbered below `base`."""
        if n_gone := self._first(base):
            self._cut = self._ends.items[n_gone - 1]
            self._samples.drop(self._cut)
            for column in self._columns:
                column.drop(n_gone)
        if base > self._base:
            np.frombuffer(self._numbers.items, np.uint32)[: len(self)] -= np.uint32(base - self._base)
            self._base = base
