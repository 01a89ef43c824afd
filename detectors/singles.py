"""Posts that nothing resembles yet, in columns: nearly all of a feed, and nearly none is ever asked for.

As objects they would take ten times the memory of what they hold, and a fifth of CLUSTER's time.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.blocks import Blocks
from detectors.rows import read_worded
from detectors.tally import Member


class Singles:
    """First posts by the number of the cluster that they opened, which ever grows.

    A post's account and time stand in its sample, its normalised text in the index. 25 bytes
    and the sample each.
    """

    def __init__(self) -> None:
        self._numbers = array("q")
        self._identities = array("Q")
        self._flags = array("B")
        self._ends = array("q")
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
        columns = (self._numbers, self._identities, self._flags, self._ends)
        return sum(len(column) * column.itemsize for column in columns) + self._end - self._cut

    @property
    def _end(self) -> int:
        return self._ends[-1] if self._ends else self._cut

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
        self._numbers.frombytes(numbers.tobytes())
        self._identities.frombytes(identities.tobytes())
        self._flags.frombytes(flags.tobytes())
        self._ends.frombytes((ends + begun).tobytes())
        self._samples.write(begun, b"".join(samples))

    def post(self, number: int, norm: bytes) -> Member:
        """The post that opened a cluster, given its normalised text.

        Raises:
            KeyError: None of this number is held.
        """
        at, packed = self._at(number), self.sample(number)
        sample = read_worded(packed)
        return Member(
            identity=self._identities[at],
            account=int(sample.account, 16),
            event_ms=sample.at_ms,
            ingest_ms=0,
            flags=self._flags[at],
            norm=norm,
            sample=packed,
        )

    def sample(self, number: int) -> bytes:
        """Its sample alone, as it came.

        Raises:
            KeyError: None of this number is held.
        """
        at = self._at(number)
        return self._samples.read(self._ends[at - 1] if at else self._cut, self._ends[at])

    def _at(self, number: int) -> int:
        at = bisect_left(self._numbers, number)
        if at == len(self._numbers) or self._numbers[at] != number:
            raise KeyError(number)
        return at

    def identities(self) -> Iterator[tuple[int, int]]:
        """(number, identity of the post) of all that are held."""
        return zip(self._numbers, self._identities, strict=True)

    def drop(self, base: int) -> None:
        """Forget what is numbered below `base`."""
        n_gone = bisect_left(self._numbers, base)
        if not n_gone:
            return
        self._cut = self._ends[n_gone - 1]
        self._samples.drop(self._cut)
        for column in (self._numbers, self._identities, self._flags, self._ends):
            del column[:n_gone]
