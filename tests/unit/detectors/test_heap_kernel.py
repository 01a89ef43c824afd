"""Slots of any sizes in one array."""

from hypothesis import given
from hypothesis import strategies as st

from detectors.heap_kernel import enlarged, give, new_heap, take, with_room


@given(st.lists(st.one_of(st.integers(1, 400), st.tuples(st.integers(0, 20))), max_size=60))
def test_slots_are_taken_again_and_hold_what_was_put_last(steps: list[int | tuple[int]]) -> None:
    """A tuple frees one of those held; the rest stays as it was put, in a larger heap too."""
    heap, held = new_heap(1 << 14), dict[int, list[int]]()
    for number, step in enumerate(steps, 1):
        if isinstance(step, int):
            at = take(heap, step)
            assert at not in held
            assert heap.words[at - 1] >= step
            held[at] = [number * 1000 + i for i in range(step)]
            heap.words[at : at + step] = held[at]
        elif held:
            at = [*held][step[0] % len(held)]
            give(heap, at)
            del held[at]
    heap = enlarged(heap)
    assert {at: heap.words[at : at + len(words)].tolist() for at, words in held.items()} == held


@given(st.lists(st.integers(1, 90), max_size=40))
def test_what_grows_keeps_what_it_holds(parts: list[int]) -> None:
    """Wherever it is moved to; what it leaves is free again."""
    heap, at, words = new_heap(1 << 17), 0, list[int]()
    for part in parts:
        at = with_room(heap, at, len(words), part)
        heap.words[at + len(words) : at + len(words) + part] = range(part)
        words += range(part)
        assert heap.words[at : at + len(words)].tolist() == words


def test_memory_is_that_of_the_most_that_was_held_at_once() -> None:
    """Turned over a hundred times, slots of some lengths take no more than at first, and little is empty."""
    heap, lengths = new_heap(1 << 20), [5, 50, 51, 100, 500]
    for _ in range(100):
        for at in [take(heap, length) for length in lengths for _ in range(10)]:
            give(heap, at)
    n_words = 10 * sum(length + 1 for length in lengths)
    assert n_words <= heap.end[0] <= 1.07 * n_words
