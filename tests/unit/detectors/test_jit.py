"""Compiling kernels, and the form in which arrays reach them."""

import numpy as np
import numpy.typing as npt
import pytest
from numba.core.errors import TypingError

from detectors.jit import array_kernel, frozen, kernel


def _refused_zeros(n: int) -> npt.NDArray[np.float64]:
    return np.zeros(n)


def _refused_view(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return values[1:]


def _zeros(n: int) -> npt.NDArray[np.float64]:
    return np.zeros(n)


def _view(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return values[1:]


def test_kernel_works_where_no_cache_can_be_written() -> None:
    """Code without a file has no place for a cache, as in a read-only image: it compiles anew."""
    namespace: dict[str, object] = {}
    exec("def double(x):\n    return 2 * x", namespace)  # noqa: S102 (the only source without a file)
    double = namespace["double"]
    assert callable(double)
    assert kernel(double)(21) == 42


def test_kernel_that_counts_no_references_can_neither_make_arrays_nor_return_views() -> None:
    """Else memory would be read that is freed already: numba refuses to compile such a kernel."""
    with pytest.raises(TypingError, match="zeros"):
        kernel(_refused_zeros)(3)
    with pytest.raises(TypingError, match="array passed into the function"):
        kernel(_refused_view)(np.arange(4))
    assert array_kernel(_zeros)(3).tolist() == [0, 0, 0]
    assert array_kernel(_view)(np.arange(4)).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(np.arange(4), id="writable"),
        pytest.param(np.frombuffer(np.arange(4).tobytes(), np.int64), id="read-only"),
        pytest.param(np.frombuffer(b"x" + np.arange(4).tobytes(), np.int64, offset=1), id="misaligned"),
        pytest.param(np.repeat(np.arange(4), 2)[::2], id="strided"),
        pytest.param(np.arange(4, dtype=np.int32), id="other-type"),
    ],
)
def test_frozen_arrays_have_one_form(array: npt.NDArray[np.int64]) -> None:
    """Whatever comes in, the kernel sees an aligned, contiguous, read-only array of its type."""
    view = frozen(array, np.int64)
    assert view.tolist() == [0, 1, 2, 3]
    assert (view.dtype, view.flags.aligned, view.flags.c_contiguous) == (np.int64, True, True)
    assert not view.flags.writeable


def test_freezing_leaves_the_callers_array_writable_and_uncopied() -> None:
    """The view is read-only, not the array; and a fitting one is shared, not copied."""
    array = np.arange(4)
    view = frozen(array, np.int64)
    array[0] = 9
    assert view[0] == 9
