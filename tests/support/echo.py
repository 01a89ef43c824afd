"""A stage that says what it is told."""

from collections.abc import Sequence

from stream.stage import Out, Record


class Echo:
    """Each record's value comes back as a message."""

    def feed(self, records: Sequence[Record]) -> list[Out]:
        """See the class."""
        return [Out("echo", record.value) for record in records]

    def told(self) -> None:
        """Nothing."""
