"""Large arrays in pages of their own.

Given back to the system as soon as nobody holds the array: of a heap they would leave holes, since
small objects made after them stay (an index at its cap of 100,000 exemplars held twice what it used).
Of an array as large as it may ever become only the pages that were written take memory, so it grows
where it stands.
"""

import ctypes
import mmap
from contextlib import suppress
from math import prod
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T", bound=np.generic)
MAP_NORESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000 if hasattr(mmap, "MADV_HUGEPAGE") else 0)
"""Memory is taken page by page as it is written, not before. Python 3.11 has no name for it."""


def zeros(shape: tuple[int, ...], dtype: type[_T], *, huge: bool = False) -> NDArray[_T]:
    """As `numpy.zeros`, aligned to a page, so to a cache line too.

    Args:
        shape: Of the array.
        dtype: Of its items.
        huge: Have huge pages where the system has such, so that look-ups all over it need few translations of
            addresses: of the index's table, 42 places a row, it takes 2 to 10 % of its time. The last one is
            empty for the most part, 1 MB: of arrays that a row looks up at few places it would be more than
            what it gains.
    """
    memory = pages(max(prod(shape) * np.dtype(dtype).itemsize, 1))
    if huge and hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel that has none
            memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype, prod(shape)).reshape(shape)


def pages(n_bytes: int) -> mmap.mmap:
    """So many bytes of zeros, at least one."""
    return mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE)


def give_back() -> None:
    """Give the system the pages of the heap that hold nothing any more.

    The C library does so by itself only at the heap's end. Without its `malloc_trim` nothing is done.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
