"""Counting what two texts share, held equal to Python's sets; and where the index's arrays lie."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors.band_table import N_MET, WAYS, find_hits, place_mask, put_band
from detectors.compare_kernel import HINT_BITS, ShingleSet, count_shared, load_shingles, slot_mask
from detectors.index import ClusterIndex, rows_of
from detectors.sketch import N_BANDS

# Many of one slot, so that a look-up has to walk on.
SHINGLES = st.lists(
    st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 40), st.sampled_from([1 << 12, 2 << 12, 3 << 12])),
    max_size=300,
)


def empty(n_shingles: int, text: int = 0) -> ShingleSet:
    """Room for texts of so many shingles, the last one loaded being number `text`."""
    slots = slot_mask(n_shingles) + 1
    return ShingleSet(
        np.zeros(slots, np.uint64),
        np.zeros(slots, np.int64),
        np.zeros(1 << HINT_BITS, np.uint8),
        np.array([text, 0, 0], np.int64),
    )


def shared(a: Sequence[int], b: Sequence[int], room: ShingleSet, least: float = 0.0) -> tuple[int, int]:
    """(distinct shingles of `a`, those that `b` has too)."""
    n_distinct = load_shingles(np.array(a, np.uint32), len(a), room)
    return n_distinct, count_shared(np.array(b, np.uint32), len(b), room, least)


@given(SHINGLES, SHINGLES)
def test_distinct_and_shared_shingles_are_counted_as_sets_count_them(a: list[int], b: list[int]) -> None:
    """Repeats and full slots included, and several texts through one work space."""
    b += a[::2]
    room = empty(300)
    for left, right in ((a, b), (b, a), (a, b)):
        assert shared(left, right, room) == (len(set(left)), len(set(left) & set(right)))


@given(SHINGLES, SHINGLES, st.floats(0, 300))
def test_too_few_shared_shingles_stay_too_few(a: list[int], b: list[int], least: float) -> None:
    """A count is exact from `least` on; below, it may be anything below."""
    exact = len(set(a) & set(b))
    found = shared(a, b, empty(300), least)[1]
    assert found == exact if exact >= least else found < least or found == exact


def test_a_work_space_stays_exact_when_its_numbers_begin_anew() -> None:
    """After 2**32 texts the numbers in the slots repeat; what stands there from before must not count."""
    room = empty(10, text=2**32 - 3)
    for _ in range(6):
        assert shared([7, 8, 9], [7], room) == (3, 1)
        assert shared([1, 2], [7, 8, 9], room) == (2, 0)


@pytest.mark.parametrize("n_exemplars", [0, 20_000])
def test_buckets_and_masks_are_cache_lines(n_exemplars: int) -> None:
    """Astride two lines each look-up would wait for memory twice; also after growth."""
    index = ClusterIndex(100_000)
    index.assign(rows_of([f"{number} good day" for number in range(n_exemplars)], exact=True))
    assert index._ex.table.ctypes.data % 64 == 0
    assert index._ex.masks.ctypes.data % 64 == 0


def found(table: NDArray[np.uint32], bands: Sequence[int], places: np.uint32) -> list[int]:
    """What `find_hits` finds, given the bands of one row."""
    hits, met = np.zeros(N_BANDS * WAYS + 1, np.int64), np.zeros(N_MET + N_BANDS, np.uint32)
    return hits[: find_hits(table, np.array(bands, np.uint32), places, hits, met)].tolist()


def test_all_of_a_bucket_that_share_a_band_are_found_in_order() -> None:
    """A full bucket, every other entry of another band."""
    table, places = np.zeros((1, WAYS), np.uint32), place_mask(1000)
    ours, theirs = np.uint32(1 << 20), np.uint32(2 << 20)
    for exemplar in range(WAYS):
        put_band(table, (ours, theirs)[exemplar % 2], exemplar, places)
    assert found(table, [1 << 20] + [3 << 20] * (N_BANDS - 1), places) == list(range(0, WAYS, 2))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1022)), max_size=200))
def test_nothing_is_missed_for_having_met_others(entered: list[tuple[int, int]]) -> None:
    """Places whose low bits are equal take turns in the memory of those that were met."""
    table, places = np.zeros((4, WAYS), np.uint32), place_mask(1000)
    for band, exemplar in entered:
        put_band(table, np.uint32(band), exemplar, places)
    bands = [*range(4), *[5 << 20] * (N_BANDS - 4)]
    expected = [int(entry) - 1 for entry in table.flat if entry]
    assert list(dict.fromkeys(found(table, bands, places))) == list(dict.fromkeys(expected))


def test_a_full_bucket_loses_its_oldest() -> None:
    """However the entries stand: places grow with age, an empty one is the oldest of all."""
    table, places = np.zeros((1, WAYS), np.uint32), place_mask(1000)
    for exemplar in [*range(5, WAYS + 5), 100, 101]:
        put_band(table, np.uint32(1 << 20), exemplar, places)
    assert sorted((table[0] & places).tolist()) == [*range(8, WAYS + 6), 101, 102]
