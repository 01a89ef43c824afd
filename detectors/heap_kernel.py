"""Memory of many small things of many sizes, in one array: kernels take and free slots of it.

A slot is a number of 64-bit words, and before the first one how many. One that was freed is the next one's
that is about as long. Words are addressed by their place; 0 is none.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.copying import copy_bytes
from detectors.jit import kernel
from detectors.pages import zeros

_DIGITS: Final = 5
"""Of the binary digits of a slot's size so many are not 0: 3 % of it is empty."""
_CLASSES: Final = 64 << _DIGITS


class Heap(NamedTuple):
    """The array, and what is free of it."""

    words: NDArray[np.int64]
    octets: NDArray[np.uint8]
    """The same memory."""
    free: NDArray[np.int64]
    """(classes,): a free slot of each size, whose first word names another, or 0."""
    end: NDArray[np.int64]
    """(1,): words that were ever taken."""


def new_heap(n_words: int) -> Heap:
    """An empty one; only the pages that are written take memory."""
    words = zeros((n_words,), np.int64)
    return Heap(words, words.view(np.uint8), np.zeros(_CLASSES, np.int64), np.ones(1, np.int64))


def enlarged(heap: Heap) -> Heap:
    """The same with four times the room."""
    larger, end = new_heap(4 * len(heap.words)), int(heap.end[0])
    larger.words[:end] = heap.words[:end]
    return larger._replace(free=heap.free, end=heap.end)


@kernel
def _class_of(n_words: int) -> tuple[int, int]:
    """The class of a slot of so many words or a few more, and how many."""
    shift = 0
    while n_words >> shift >= 1 << _DIGITS:
        shift += 1
    steps = -(-n_words >> shift)
    if steps == 1 << _DIGITS:  # rounded up to what is the least of the next shift
        shift, steps = shift + 1, steps >> 1
    return (shift << _DIGITS) + steps, steps << shift


@kernel
def take(heap: Heap, n_words: int) -> int:
    """A slot of at least so many words, one or more; there is room for it."""
    size_class, size = _class_of(n_words + 1)
    at = heap.free[size_class]
    if at:
        heap.free[size_class] = heap.words[at]
        return int(at)
    at = heap.end[0] + 1
    heap.end[0] += size
    heap.words[at - 1] = size - 1
    return int(at)


@kernel
def give(heap: Heap, at: int) -> None:
    """Free a slot."""
    size_class, _ = _class_of(heap.words[at - 1] + 1)
    heap.words[at] = heap.free[size_class]
    heap.free[size_class] = at


@kernel
def with_room(heap: Heap, at: int, n: int, n_more: int) -> int:
    """The slot, or 0, that holds `n` words, with room for more: maybe another one that then holds them."""
    if at and n + n_more <= heap.words[at - 1]:
        return at
    larger = take(heap, n + max(n_more, n >> 1))
    if at:
        copy_bytes(heap.octets, at * 8, n * 8, heap.octets, larger * 8)
        give(heap, at)
    return larger


@kernel
def moved(old: Heap, new: Heap, at: int, n: int) -> int:
    """A slot, or 0, of one heap with `n` words, taken to another."""
    if not at:
        return at
    there = take(new, max(n, 1))
    copy_bytes(old.octets, at * 8, n * 8, new.octets, there * 8)
    return there
