"""Chance that gives the same numbers under every Python.

Only `random.Random.random` is promised to keep its sequence across Python versions, so
everything here is made of it alone.
"""

import math
from collections.abc import Callable, MutableSequence, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A seeded source of choices.

    Args:
        seed: equal seeds give equal sequences.
    """

    def __init__(self, seed: int) -> None:
        self.unit: Callable[[], float] = Random(seed).random
        """A float in [0, 1)."""

    def below(self, n: int) -> int:
        """A whole number in [0, n)."""
        return int(self.unit() * n)

    def between(self, low: int, high: int) -> int:
        """A whole number in [low, high)."""
        return low + int(self.unit() * (high - low))

    def hit(self, probability: float) -> bool:
        """True with that probability."""
        return self.unit() < probability

    def pick(self, items: Sequence[T]) -> T:
        """Any item, all equally likely."""
        return items[int(self.unit() * len(items))]

    def exponential(self, mean: float) -> float:
        """A waiting time of that mean."""
        return -mean * math.log(1.0 - self.unit())

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Shuffle in place (Fisher-Yates)."""
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]

    def sample(self, items: Sequence[T], n: int) -> list[T]:
        """`n` different items in random order; all of them where there are fewer."""
        pool = list(items)
        self.shuffle(pool)
        return pool[:n]

    def letters(self, n: int) -> str:
        """`n` letters and digits, as in a shortened link."""
        return "".join(self.pick(_LETTERS) for _ in range(n))


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
