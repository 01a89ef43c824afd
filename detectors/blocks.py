"""Bytes by their place, in pages of their own: small things that stay, apart from the heap's that go.

Among a heap's they leave holes: what a batch needs for a moment is as large as what is kept of a thousand
posts, and is never of the size of a hole. (A third of what CLUSTER took at a cap of 100,000 was holes.)
"""

from mmap import PAGESIZE, mmap
from typing import Literal

from detectors.pages import pages

BLOCK_BYTES = 1 << 18
"""Of a block that was begun only the pages that were written take memory, of one dropped in part all."""


class Blocks:
    """Places are counted from the first byte ever; what lies before a place can be dropped."""

    def __init__(self) -> None:
        self._blocks: list[mmap] = []
        self._n_gone = 0

    def write(self, at: int, data: bytes | memoryview) -> None:
        """Put bytes at a place."""
        while data:
            block, start = divmod(at, BLOCK_BYTES)
            while block - self._n_gone >= len(self._blocks):
                self._blocks.append(pages(BLOCK_BYTES))
            part = data[: BLOCK_BYTES - start]
            self._blocks[block - self._n_gone][start : start + len(part)] = part
            data, at = data[len(part) :], at + len(part)

    def read(self, start: int, end: int) -> bytes:
        """What was put at places [start, end), one or more."""
        block, first = divmod(start, BLOCK_BYTES)
        last = first + end - start
        part = self._blocks[block - self._n_gone][first:last]
        return part if last <= BLOCK_BYTES else part + self.read(start + len(part), end)

    def drop(self, before: int) -> None:
        """Forget places before one: blocks that lie there whole are given back."""
        n = max(before // BLOCK_BYTES - self._n_gone, 0)
        del self._blocks[:n]
        self._n_gone += n


class Column:
    """Integers of one type, which come at the end and go at the front.

    As an array of the heap it would move whenever it grows, and leave a hole as large as it was.

    Args:
        code: Type of the integers, as for `struct`.
    """

    def __init__(self, code: Literal["B", "I", "q", "Q"]) -> None:
        self._code: Literal["B", "I", "q", "Q"] = code
        self._n = 0
        self.items: memoryview[int] = memoryview(pages(PAGESIZE)).cast(code)
        """They, and room for more."""

    def __len__(self) -> int:
        return self._n

    def extend(self, packed: bytes) -> None:
        """Append integers, packed as they stand in memory."""
        n = self._n + len(packed) // self.items.itemsize
        if n > len(self.items):
            self._copy(0, 2 * n)
        self.items.cast("B")[self._n * self.items.itemsize : n * self.items.itemsize] = packed
        self._n = n

    def drop(self, n: int) -> None:
        """Forget the first `n`."""
        self._copy(n, max(2 * (self._n - n), 1))
        self._n -= n

    def _copy(self, first: int, room: int) -> None:
        """To a place with room for so many, of which only the pages that are written take memory."""
        held = self.items[first : self._n]
        self.items = memoryview(pages(room * held.itemsize)).cast(self._code)
        self.items[: len(held)] = held
