"""How kernels are compiled, in one place.

A kernel is a module-level function over arrays and scalars: no Python objects, no
exceptions, no bounds checks. It releases the interpreter lock, so threads may run
several at once.

Machine code is cached beside the source. Numba renews the cache of a kernel when *its own*
file changes, not when that of a kernel it calls does: after editing a callee, delete
`__pycache__/*.nb?`. For the same reason tables and permutations come as arguments, never as
globals, which would be frozen into the cache.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T", bound=np.generic)


def kernel(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile `function` on first call, for each new tuple of argument types.

    It makes no arrays but views, and counts no references to those it is handed: its caller holds them
    all. With some forty arrays handed on from kernel to kernel the counting, atomic each time, was two
    fifths of the index.

    Where no cache directory can be written (a read-only image), each process compiles anew.
    """
    return _compiled(function, counts_references=False)


def array_kernel(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A `kernel` that makes arrays, for itself or to return."""
    return _compiled(function, counts_references=True)


def _compiled(function: Callable[_P, _R], *, counts_references: bool) -> Callable[_P, _R]:
    options: dict[str, Any] = {"nogil": True, "boundscheck": False, "_nrt": counts_references}
    try:
        compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # "cannot cache function: no locator available"
        compiled = numba.njit(**options)(function)
    return cast("Callable[_P, _R]", compiled)


def frozen(array: npt.ArrayLike, dtype: type[_T]) -> npt.NDArray[_T]:
    """A read-only, aligned, contiguous view of `array`; a copy only where it must be.

    Numba compiles once for writable arrays and again for read-only ones (`np.frombuffer` of
    bytes). Frozen arguments have one type wherever they came from, so nothing is compiled
    while posts wait.
    """
    view = np.require(array, dtype, ["C", "A"]).view()
    view.flags.writeable = False
    return view
