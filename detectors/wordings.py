"""Which groups have wordings like these? BURST's index of exemplars, and who owns its clusters.

A fragment's texts are entered as posts are in CLUSTER, by the same index and threshold. Those of many
snapshots are looked up in one go: a call of the kernel costs more than the look-up.
"""

from collections import Counter
from collections.abc import Container, Sequence
from typing import NamedTuple

import msgspec

from detectors.activity import Snapshot
from detectors.index import ClusterIndex, IndexState, rows_of

BRIDGES = 2
"""Exemplars of a fragment that must be alike a group each, where they are nearer to another. Of D3lta's
rewordings 85 % are found (by the nearest alone 81); of the troll farm's bursts, within its days, 80 % are
seen ringing by themselves (85). One exemplar chains the farm's hoax into half as many bursts."""


Asked = tuple[Snapshot, int]
"""A snapshot whose texts are looked up, and how many of them have been entered before."""


class Likeness(NamedTuple):
    """What the texts of a snapshot are like; nothing, where none is new."""

    nearest: list[int]
    """Clusters of the index that the new ones joined or opened."""
    alike: list[list[int]]
    """Of each text, clusters that it might have joined; then -1."""
    base: int = 0
    """Clusters numbered below it had to go: see `Wordings.forget`."""


NOTHING = Likeness([], [])


class WordingsState(msgspec.Struct, kw_only=True):
    """All of `Wordings`."""

    index: IndexState
    owners: dict[int, int]
    """Group by cluster of the index."""
    forward: dict[int, int]
    """Group that absorbed a group."""


class Wordings:
    """The index and its owners.

    Args:
        max_exemplars: Hard cap of the index.
        living: Numbers of the groups that there are.
        state: A dump to go on from.
    """

    def __init__(
        self, max_exemplars: int, living: Container[int], state: WordingsState | None = None
    ) -> None:
        self._living = living
        self._index = ClusterIndex(max_exemplars)
        self._owners: dict[int, int] = {}
        self._forward: dict[int, int] = {}
        if state is not None:
            self._index = ClusterIndex.load(max_exemplars, state.index)
            self._owners, self._forward = state.owners, state.forward

    def dump(self) -> WordingsState:
        """The state, from which a new object goes on the same."""
        return WordingsState(index=self._index.dump(), owners=self._owners, forward=self._forward)

    def look_up(self, asked: Sequence[Asked]) -> list[Likeness]:
        """Enter the texts that are new, in order; what each snapshot's texts are like just before its own."""
        texts: list[str] = []
        exact: list[bool] = []
        is_known: list[bool] = []
        new: list[int] = []
        for i, (snapshot, n_known) in enumerate(asked):
            n = len(snapshot.exemplars)
            if n_known < n:
                new.append(i)
                texts += snapshot.exemplars
                exact += [snapshot.exact] * n
                is_known += [text < n_known for text in range(n)]
        found = [NOTHING] * len(asked)
        if not new:
            return found
        outcome, alike = self._index.match(rows_of(texts, exact=exact, passive=is_known))
        nearest, end, evictions = outcome.clusters.tolist(), 0, self._index.evictions
        # Most texts are like no other cluster, or like one: no list is as long as the kernel's may be.
        others = alike[:, : int((alike >= 0).sum(axis=1).max()) + 1].tolist()
        for i in new:
            snapshot, n_known = asked[i]
            first, end = end, end + len(snapshot.exemplars)
            base = 0
            if evictions:
                base = max((gone.base for gone in evictions if first <= gone.row < end), default=0)
            found[i] = Likeness(nearest[first + n_known : end], others[first:end], base)
        return found

    def like(self, likeness: Likeness) -> tuple[set[int], list[int]]:
        """Groups that a snapshot is of; and the clusters of its texts that nobody owns."""
        numbers, unowned, owners = set(), [], self._owners
        for cluster in likeness.nearest:
            number = self.owner(cluster) if cluster in owners else None
            if number is None:
                unowned.append(cluster)
            else:
                numbers.add(number)
        if len(likeness.alike) >= BRIDGES:
            votes: dict[int, int] = {}
            for clusters in likeness.alike:
                for number in self._owners_of(clusters):
                    votes[number] = votes.get(number, 0) + 1
            numbers.update([number for number, n in votes.items() if n >= BRIDGES])
        return numbers, unowned

    def _owners_of(self, clusters: Sequence[int]) -> set[int]:
        """Those of clusters of the index, up to the first -1."""
        numbers, owners = set(), self._owners
        for cluster in clusters:
            if cluster < 0:
                break
            if cluster in owners and (number := self.owner(cluster)) is not None:
                numbers.add(number)
        return numbers

    def owner(self, cluster: int) -> int | None:
        """Number of the living group that owns a cluster of the index."""
        number = self._owners.get(cluster)
        while number in self._forward:
            number = self._forward[number]
        return number if number in self._living else None

    def own(self, clusters: Sequence[int], number: int) -> None:
        """They are the group's from now on."""
        self._owners.update(dict.fromkeys(clusters, number))

    def absorb(self, number: int, into: int) -> None:
        """What one group owns is another's from now on."""
        self._forward[number] = into

    def forget(self, base: int) -> Counter[int]:
        """Forget clusters numbered below `base`; how many each living group owns still."""
        self._owners = {cluster: owner for cluster, owner in self._owners.items() if cluster >= base}
        return Counter(owner for owner in map(self.owner, self._owners) if owner is not None)

    def forget_ways(self, n_groups: int) -> None:
        """Forget ways to groups long gone, once they are most of all."""
        if len(self._forward) > 2 * n_groups + 1000:
            owners = {cluster: self.owner(cluster) for cluster in self._owners}
            self._owners = {cluster: owner for cluster, owner in owners.items() if owner is not None}
            self._forward = {}
