"""Asking memory for what a kernel will read soon, without waiting for it."""

from collections.abc import Callable
from typing import Any, cast

import numpy.typing as npt
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

_READ, _KEEP, _DATA = 0, 3, 1


def _prefetch(_: Any, array: Any, item: Any) -> tuple[Any, Any]:
    """The type of a call, and what makes its code."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        shape = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], shape)
        address = builder.bitcast(builder.gep(data, [args[1]]), byte)
        builder.call(function, [address, word(_READ), word(_KEEP), word(_DATA)])
        return context.get_dummy_value()

    return types.void(array, item), generate


prefetch = cast("Callable[[npt.NDArray[Any], int], None]", intrinsic(_prefetch))
"""In kernels only: bring the cache line of an item of a contiguous array near. Items are counted over all
dimensions, from 0; one past the end does no harm."""
