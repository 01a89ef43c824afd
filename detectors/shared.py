"""Which accounts sit in several groups, and how many two groups share: counted as they come and go.

Cost: an account that enters a group costs a step for each group that it is in already; memory is that of
the accounts, and of the pairs of those groups alone whose ties were asked for.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain

MIN_SHARED = 5
"""Accounts that two groups share at least if they are told as one campaign."""
MAX_UNITED = 4
"""Groups up to which what each shares with one is united; beyond, each account is looked at."""


class Ties:
    """Other groups with some of one group's accounts.

    Args:
        groups: Of each account that it shares, its groups.
        itself: Its number.
    """

    __slots__ = ("many", "once", "several")

    def __init__(self, groups: Iterable[Sequence[int]], itself: int) -> None:
        counts = Counter(chain.from_iterable(groups))
        del counts[itself]
        self.several = {number: n for number, n in counts.items() if n > 1}
        """How many accounts, where they are two or more."""
        self.once = {number for number, n in counts.items() if n == 1}
        """Groups with one of them: most."""
        self.many = {number for number, n in self.several.items() if n >= MIN_SHARED}
        """Groups with `MIN_SHARED` of them or more: few."""

    def __len__(self) -> int:
        return len(self.several) + len(self.once)

    def add(self, number: int) -> None:
        """A group has one more."""
        n = self.several.get(number)
        if n is not None:
            self.several[number] = n + 1
            if n + 1 == MIN_SHARED:
                self.many.add(number)
        elif number in self.once:
            self.once.remove(number)
            self.several[number] = 2
        else:
            self.once.add(number)

    def remove(self, number: int) -> None:
        """A group has one less."""
        n = self.several.pop(number, 1) - 1
        if n + 1 == MIN_SHARED:
            self.many.remove(number)
        if n > 1:
            self.several[number] = n
        elif n:
            self.once.add(number)
        else:
            self.once.remove(number)


class Crowd:
    """Accounts of one group."""

    __slots__ = ("accounts", "shared", "ties")

    def __init__(self) -> None:
        self.accounts: set[int] = set()
        self.shared: set[int] = set()
        """Of these, those that sit in other groups too."""
        self.ties: Ties | None = None
        """Kept up to date once they were asked for."""


class SharedAccounts:
    """Accounts of groups, by the groups' numbers."""

    def __init__(self) -> None:
        self._crowds: dict[int, Crowd] = {}
        self._groups_of: dict[int, tuple[int, ...]] = {}

    def __contains__(self, number: int) -> bool:
        return number in self._crowds

    def n_accounts(self, number: int) -> int:
        """Accounts of a group."""
        crowd = self._crowds.get(number)
        return 0 if crowd is None else len(crowd.accounts)

    def n_shared(self, number: int) -> int:
        """Of these, accounts that sit in other groups too."""
        crowd = self._crowds.get(number)
        return 0 if crowd is None else len(crowd.shared)

    def n_shared_with(self, number: int, others: AbstractSet[int]) -> int:
        """Of these, accounts that sit in some of the other groups named."""
        crowd, groups_of = self._crowds.get(number), self._groups_of
        if crowd is None or not others:
            return 0
        if len(others) > MAX_UNITED:
            return sum([not others.isdisjoint(groups_of[account]) for account in crowd.shared])
        theirs = [self._crowds[other].shared for other in others if other in self._crowds]
        return len(set[int]().union(*[crowd.shared & accounts for accounts in theirs]))

    def several(self, number: int) -> Mapping[int, int]:
        """Other groups that share two accounts or more with it, and how many."""
        crowd = self._crowds.get(number)
        return {} if crowd is None or len(crowd.shared) < 2 else self.ties(number).several

    def ties(self, number: int) -> Ties:
        """Whom a group shares accounts with."""
        crowd = self._crowds.get(number)
        if crowd is None:
            return Ties((), number)
        if crowd.ties is None:
            crowd.ties = Ties([self._groups_of[account] for account in crowd.shared], number)
        return crowd.ties

    def enter(self, number: int, accounts: Sequence[int] | set[int]) -> None:
        """Accounts of a group; those that are known to be change nothing."""
        crowds, groups_of = self._crowds, self._groups_of
        crowd = crowds.get(number)
        if crowd is None:
            crowd = crowds[number] = Crowd()
        known, ties = crowd.accounts, crowd.ties
        if isinstance(accounts, set):
            accounts = accounts - known
        for account in accounts:
            if account in known:
                continue
            known.add(account)
            groups = groups_of.get(account)
            if groups is None:
                groups_of[account] = (number,)
                continue
            groups_of[account] = (*groups, number)
            crowd.shared.add(account)
            if len(groups) == 1:
                crowds[groups[0]].shared.add(account)
            for other in groups:
                if ties is not None:
                    ties.add(other)
                theirs = crowds[other].ties
                if theirs is not None:
                    theirs.add(number)

    def keep(self, number: int, accounts: AbstractSet[int]) -> None:
        """All other accounts of a group are its no more."""
        crowd = self._crowds.get(number)
        if crowd is not None:
            self._leave(number, crowd, crowd.accounts - accounts)
            crowd.accounts &= accounts

    def drop(self, number: int) -> None:
        """A group has gone."""
        crowd = self._crowds.pop(number, None)
        if crowd is not None:
            self._leave(number, crowd, crowd.accounts)

    def _leave(self, number: int, crowd: Crowd, accounts: Iterable[int]) -> None:
        for account in accounts:
            groups = tuple([other for other in self._groups_of[account] if other != number])
            if not groups:
                del self._groups_of[account]
                continue
            self._groups_of[account] = groups
            crowd.shared.remove(account)
            if len(groups) == 1:
                self._crowds[groups[0]].shared.remove(account)
            for other in groups:
                if crowd.ties is not None:
                    crowd.ties.remove(other)
                theirs = self._crowds[other].ties
                if theirs is not None:
                    theirs.remove(number)
