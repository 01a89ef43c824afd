"""Compiling kernels, and the form in which arrays reach them."""

import numpy as np
import numpy.typing as npt
import pytest

from detectors.jit import frozen, kernel


def test_kernel_works_where_no_cache_can_be_written() -> None:
    """Code without a file has no place for a cache, as in a read-only image: it compiles anew."""
    namespace: dict[str, object] = {}
    exec("def double(x):\n    return 2 * x", namespace)  # noqa: S102 (the only source without a file)
    double = namespace["double"]
    assert callable(double)
    assert kernel(double)(21) == 42


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
