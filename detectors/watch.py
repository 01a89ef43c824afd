"""Which groups does the passing of time concern? Kept as they change, so that a clock looks at no others.

A day of a feed leaves tens of thousands of groups, and most of them wait for nothing but to be
forgotten. A snapshot costs a few steps in sets; a clock, what is due.
"""

from heapq import heappop, heappush

from detectors.group import Group

SPAM_POSTS = 10
"""One account that posts a content so often within ``recent_s`` is a spammer, no burst (design)."""


class Watch:
    """Groups by number.

    Args:
        large: Accounts from which a group counts as large.
    """

    def __init__(self, large: int) -> None:
        self._large = large
        self.large: set[int] = set()
        """Those of so many accounts."""
        self.repeated: set[int] = set()
        """Those that a single account has posted `SPAM_POSTS` times, whenever."""
        self.waiting: set[int] = set()
        """Those that are to be judged when the watermark has passed their posts."""
        self._due: dict[int, int] = {}
        self._queue: list[tuple[int, int]] = []
        """(when, number); what `_due` has otherwise is void."""

    def see(self, group: Group) -> None:
        """A group is new, or has changed."""
        number = group.number
        if group.n_accounts >= self._large:
            self.large.add(number)
        elif number in self.large:
            self.large.remove(number)
        if group.n_accounts == 1 and group.n_posts >= SPAM_POSTS:
            self.repeated.add(number)
        elif number in self.repeated:
            self.repeated.remove(number)

    def wait(self, group: Group) -> None:
        """A group is to be judged when the watermark has passed its posts."""
        group.waits = True
        self.waiting.add(group.number)

    def waited(self, group: Group) -> None:
        """It has."""
        group.waits = False
        self.waiting.discard(group.number)

    def expect(self, number: int, at_ms: int) -> None:
        """A group is to be looked at, and not before, once event time has passed `at_ms`."""
        self._due[number] = at_ms
        heappush(self._queue, (at_ms, number))

    def expects(self, number: int) -> bool:
        """Whether a group is to be looked at some time."""
        return number in self._due

    def due(self, now_ms: int) -> list[int]:
        """Groups that are to be looked at by now, in order; each must be expected anew or dropped."""
        numbers = []
        while self._queue and self._queue[0][0] < now_ms:
            at_ms, number = heappop(self._queue)
            if self._due.get(number) == at_ms:
                del self._due[number]
                numbers.append(number)
        return sorted(numbers)

    def drop(self, number: int) -> None:
        """A group has gone."""
        self.large.discard(number)
        self.repeated.discard(number)
        self.waiting.discard(number)
        self._due.pop(number, None)
