"""Posts that nothing resembles yet, in columns: nearly all of a feed, and nearly none is ever asked for.

As objects they would take ten times the memory of what they hold, and a fifth of CLUSTER's time.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from detectors.blocks import Blocks, Column
from detectors.rows import read_worded
from detectors.tally import Member


class Singles:
    """First posts by the number of the cluster that they opened, which ever grows.

    A post's account and time stand in its sample, its normalised text in the index. 25 bytes
    and the sample each.
    """

    def __init__(self) -> None:
        self._numbers = Column("q")
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

    def extend(
        self,
        numbers: NDArray[np.int64],
        identities: NDArray[np.uint64],
        flags: NDArray[np.uint8],
        samples: Sequence[bytes],
    ) -> None:
        """Take posts that opened clusters; numbers ascend over all calls."""
        if not samples:
            return
        begun = self._end
        ends = np.cumsum(np.fromiter(map(len, samples), np.int64, len(samples)))
        self._numbers.extend(numbers.tobytes())
        self._identities.extend(identities.tobytes())
        self._flags.extend(flags.tobytes())
        self._ends.extend((ends + begun).tobytes())
        self._samples.write(begun, b"".join(samples))

    def post(self, number: int, norm: bytes) -> Member:
        """The post that opened a cluster, given its normalised text.

        Raises:
            KeyError: None of this number is held.
        """
        at, packed = self._at(number), self.sample(number)
        sample = read_worded(packed)
        return Member(
            identity=self._identities.items[at],
            account=int(sample.account, 16),
            event_ms=sample.at_ms,
            ingest_ms=0,
            flags=self._flags.items[at],
            norm=norm,
            sample=packed,
        )

    def sample(self, number: int) -> bytes:
        """Its sample alone, as it came.

        Raises:
            KeyError: None of this number is held.
        """
        at = self._at(number)
        ends = self._ends.items
        return self._samples.read(ends[at - 1] if at else self._cut, ends[at])

    def _at(self, number: int) -> int:
        at, numbers = self._first(number), self._numbers.items
        if at == len(self) or numbers[at] != number:
            raise KeyError(number)
        return at

    def _first(self, number: int) -> int:
        """Place of the first that is numbered so or higher."""
        return bisect_left(self._numbers.items, number, 0, len(self))

    def identities(self) -> Iterator[tuple[int, int]]:
        """(number, identity of the post) of all that are held."""
        return islice(zip(self._numbers.items, self._identities.items, strict=False), len(self))

    def drop(self, base: int) -> None:
        """Forget what is numbered below `base`."""
        n_gone = self._first(base)
        if not n_gone:
            return
        self._cut = self._ends.items[n_gone - 1]
        self._samples.drop(self._cut)
        for column in self._columns:
            column.drop(n_gone)
