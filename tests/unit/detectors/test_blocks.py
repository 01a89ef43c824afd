"""Bytes in pages of their own, against bytes that Python keeps."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import blocks as module
from detectors.blocks import Blocks, Column


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small that most of what is kept lies over the ends of several."""
    monkeypatch.setattr(module, "BLOCK_BYTES", 64)


@given(st.lists(st.tuples(st.binary(max_size=300), st.integers(0, 400)), max_size=30))
def test_what_was_written_and_not_dropped_is_read(steps: list[tuple[bytes, int]]) -> None:
    """Any lengths, over the ends of blocks; what is dropped gives whole blocks back, and moves nothing."""
    blocks, whole, dropped = Blocks(), b"", 0
    for data, n_dropped in steps:
        blocks.write(len(whole), data)
        whole += data
        dropped = min(dropped + n_dropped, len(whole))
        blocks.drop(dropped)
        for start in range(dropped, len(whole), 37):
            assert blocks.read(start, len(whole)) == whole[start:]
        assert len(blocks._blocks) <= (len(whole) - dropped) // 64 + 2


@given(st.lists(st.tuples(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=700), st.integers(0, 900))))
def test_a_column_holds_what_came_and_did_not_go(steps: list[tuple[list[int], int]]) -> None:
    """Any integers at the end, any number of them gone at the front."""
    column, held = Column("q"), array("q")
    for more, n_most in steps:
        column.extend(array("q", more).tobytes())
        held.extend(more)
        assert column.items[: len(column)] == held
        n_gone = min(n_most, len(held))
        column.drop(n_gone)
        del held[:n_gone]
        assert column.items[: len(column)] == held
