"""A stage for tests of `stream.host`: importable by name, as a process beside must find it."""

from collections.abc import Sequence

from stream.errors import PackError
from stream.stage import Out, Record


class Picky:
    """Refuses all it is fed; counts the living."""

    n_living = 0

    def __init__(self) -> None:
        Picky.n_living += 1

    def __del__(self) -> None:
        Picky.n_living -= 1

    def feed(self, records: Sequence[Record]) -> list[Out]:
        """Nothing for no record; else an error."""
        if records:
            raise PackError("a damaged pack: so it says")
        return []

    def told(self) -> int:
        """How many there are."""
        return Picky.n_living
