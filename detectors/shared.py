"""Which accounts sit in several groups, and how many two groups share: counted as they come and go.

Cost: an account that enters a group costs a step for each group that it is in already; memory is that of
the accounts, and of the pairs of those groups alone that were asked for.
"""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from itertools import chain

_NONE: frozenset[int] = frozenset()


class Ties:
    """Other groups with some of one group's accounts."""

    __slots__ = ("once", "several")

    def __init__(self, groups: Iterable[Iterable[int]], itself: int) -> None:
        counts = Counter(chain.from_iterable(groups))
        del counts[itself]
        self.several = {number: n for number, n in counts.items() if n > 1}
        """How many accounts, where they are two or more."""
        self.once = {number for number, n in counts.items() if n == 1}
        """Groups with one of them: most."""

    def __len__(self) -> int:
        return len(self.several) + len(self.once)

    def add(self, number: int) -> None:
        """A group has one more."""
        if number in self.several:
            self.several[number] += 1
        elif number in self.once:
            self.once.remove(number)
            self.several[number] = 2
        else:
            self.once.add(number)

    def remove(self, number: int) -> None:
        """A group has one less."""
        n = self.several.pop(number, 1) - 1
        if n > 1:
            self.several[number] = n
        elif n:
            self.once.add(number)
        else:
            self.once.remove(number)


class SharedAccounts:
    """Accounts of groups, by the groups' numbers."""

    def __init__(self) -> None:
        self._groups_of: dict[int, set[int]] = {}
        self._accounts_of: dict[int, set[int]] = {}
        self._shared_of: dict[int, set[int]] = {}
        """Of these, the accounts that other groups have too."""
        self._ties: dict[int, Ties] = {}
        """Of the groups that were asked for."""

    def __contains__(self, number: int) -> bool:
        return number in self._accounts_of

    def n_accounts(self, number: int) -> int:
        """Accounts of a group."""
        return len(self._accounts_of.get(number, _NONE))

    def n_shared(self, number: int) -> int:
        """Of these, accounts that sit in other groups too."""
        return len(self._shared_of.get(number, _NONE))

    def n_shared_with(self, number: int, others: AbstractSet[int]) -> int:
        """Of these, accounts that sit in some of the other groups named."""
        if not others:
            return 0
        shared, groups_of = self._shared_of.get(number, _NONE), self._groups_of
        return sum(1 for account in shared if not groups_of[account].isdisjoint(others))

    def ties(self, number: int) -> Ties:
        """Whom a group shares accounts with; kept up to date from now on."""
        ties = self._ties.get(number)
        if ties is None:
            groups = (self._groups_of[account] for account in self._shared_of.get(number, _NONE))
            ties = self._ties[number] = Ties(groups, number)
        return ties

    def enter(self, number: int, accounts: Iterable[int]) -> None:
        """Accounts of a group; those that are known to be change nothing."""
        known = self._accounts_of.setdefault(number, set())
        for account in accounts:
            if account in known:
                continue
            known.add(account)
            groups = self._groups_of.get(account)
            if groups is None:
                self._groups_of[account] = {number}
                continue
            for sharing in (number, *groups) if len(groups) == 1 else (number,):
                self._shared_of.setdefault(sharing, set()).add(account)
            mine, ties = self._ties.get(number), self._ties
            for other in groups:
                if mine is not None:
                    mine.add(other)
                if other in ties:
                    ties[other].add(number)
            groups.add(number)

    def keep(self, number: int, accounts: AbstractSet[int]) -> None:
        """All other accounts of a group are its no more."""
        self._leave(number, self._accounts_of.get(number, _NONE) - accounts)

    def drop(self, number: int) -> None:
        """A group has gone."""
        self._ties.pop(number, None)
        self._leave(number, self._accounts_of.get(number, _NONE))
        self._accounts_of.pop(number, None)
        self._shared_of.pop(number, None)

    def _leave(self, number: int, accounts: AbstractSet[int]) -> None:
        for account in accounts:
            groups = self._groups_of[account]
            groups.remove(number)
            if not groups:
                del self._groups_of[account]
                continue
            for sharing in (number, *groups) if len(groups) == 1 else (number,):
                self._shared_of[sharing].remove(account)
            mine, ties = self._ties.get(number), self._ties
            for other in groups:
                if mine is not None:
                    mine.remove(other)
                if other in ties:
                    ties[other].remove(number)
        if accounts:
            self._accounts_of[number] = self._accounts_of[number] - accounts
