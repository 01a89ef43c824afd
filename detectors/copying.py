"""Copying bytes in kernels: a loop takes them one by one where they are few, as those of a text are."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from detectors.jit import array_kernel


def _copy_bytes(_: Any, source: Any, first: Any, n: Any, target: Any, at: Any) -> tuple[Any, Any]:
    """The type of a call, and what makes its code."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def address(array: int, item: int) -> Any:
            data = context.make_array(signature.args[array])(context, builder, args[array]).data
            place = context.cast(builder, args[item], signature.args[item], types.int64)
            return builder.gep(data, [place])

        size = context.cast(builder, args[2], signature.args[2], types.int64)
        cgutils.raw_memcpy(builder, address(3, 4), address(0, 1), size, ir.IntType(64)(1))
        return context.get_dummy_value()

    return types.void(source, first, n, target, at), generate


copy_bytes = cast(
    "Callable[[NDArray[np.uint8], int, int, NDArray[np.uint8], int], None]", intrinsic(_copy_bytes)
)
"""In kernels only: `n` bytes of one contiguous array, from `first` on, to `at` in another."""


@array_kernel
def gathered(
    blob: NDArray[np.uint8], spans: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pieces of `blob` one after another, and where each ends there.

    Args:
        blob: uint8.
        spans: int64 (n, 2), where each piece begins and ends in `blob`.

    Returns:
        uint8, and int64 (n,).
    """
    ends = np.empty(len(spans), np.int64)
    size = 0
    for i in range(len(spans)):
        size += spans[i, 1] - spans[i, 0]
        ends[i] = size
    out = np.empty(size, np.uint8)
    for i in range(len(spans)):
        n = spans[i, 1] - spans[i, 0]
        copy_bytes(blob, spans[i, 0], n, out, ends[i] - n)
    return out, ends
